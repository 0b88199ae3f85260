# SPDX-License-Identifier: BSD-2-Clause
# No function above 60 lines, nine in ten at most 30. A function's brace stands
# alone in the first column.
FNR == 1 { start = 0 }
/^\{$/ { start = FNR }
/^\}/ && start {
    lines = FNR - start + 1
    all++
    if (lines > 30) {
        long++
        if (verbose)
            print FILENAME ":" start ": " lines
    }
    if (lines > 60) {
        print FILENAME ":" start ": a function of " lines " lines"
        bad = 1
    }
    start = 0
}
END {
    if (long * 10 > all) {
        print long " of " all " functions have more than 30 lines"
        bad = 1
    }
    exit bad
}
