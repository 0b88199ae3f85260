# SPDX-License-Identifier: BSD-2-Clause
# CTest's JUnit file to "ok - ", "not ok - ", "skip - " lines. The output of
# cmocka programs is opened up: one line a case.

/<testcase / {
    name = $0; sub(/.*<testcase name="/, "", name); sub(/".*/, "", name)
    status = $0; sub(/.* status="/, "", status); sub(/".*/, "", status)
    cases = bad = 0; reason = ""; last = ""; running = 0; open = ""
    delete text
    lines = 0
}

{ line = $0; sub(/^.*<system-out>/, "", line) }

line ~ /^\[==========\] Running/ { running = 1 }
line ~ /^\[==========\].* run\./ { running = 0 }
running && line ~ /^\[ RUN      \]/ { open = what(line) }
running && line ~ /^\[       OK \]/ { print "ok - " name "." what(line); end_case() }
running && line ~ /^\[  SKIPPED \]/ {
    print "skip - " name "." what(line) ": " (last == "" ? "see the log" : last)
    end_case()
}
running && line ~ /^\[  FAILED  \]/ {
    print "not ok - " name "." what(line); bad++; end_case()
}
name != "" && line !~ /^[ \t]*</ && line != "" {
    text[lines] = line; sub(/<\/system-out>.*/, "", text[lines])
    if (line !~ /^\[ RUN /)
        last = text[lines]
    lines++
}

/<\/testcase>/ {
    if (status == "notrun" || status == "disabled") {
        if (cases == 0)
            print "skip - " name ": " (last == "" ? "not run" : last)
    } else if (status == "run") {
        if (cases == 0)
            print "ok - " name
    } else if (bad == 0) {
        print "not ok - " name (open == "" ? "" : ": in " open)
        bad = 1
    }
    if (bad)
        for (i = 0; i < lines; i++)
            print "    " text[i]
    name = ""
}

function what(s)
{
    sub(/^\[[^]]*\] /, "", s)
    sub(/<.*/, "", s)
    return s
}

function end_case()
{
    cases++
    open = ""
    last = ""
}
