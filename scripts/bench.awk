# SPDX-License-Identifier: BSD-2-Clause
# Google Benchmark's CSV: medians and their spread; with -v ratios=1, for names
# that differ only in the second part, how many times longer the other takes.
BEGIN { FS = "," }

/^"/ && match($1, /_(median|stddev|cv)"$/) {
    name = substr($1, 2, RSTART - 2)
    kind = substr($1, RSTART + 1, RLENGTH - 2)
    sub(/\/real_time/, "", name)
    if (kind == "median") {
        order[++count] = name
        time[name] = $3
        unit[name] = $5
        bytes[name] = $6
    } else if (kind == "cv") {
        spread[name] = $3
    }
}

END {
    for (i = 1; i <= count && !ratios; i++) {
        name = order[i]
        printf "%-36s %10.1f %s  +-%4.1f%%", name, time[name], unit[name],
            spread[name] / 1e7
        if (bytes[name] > 0)
            printf "  %8.0f MB/s", bytes[name] / 1e6
        printf "  %7.2f M/s\n", 1e3 / time[name]
    }
    for (i = 1; i <= count && ratios; i++) {
        split(order[i], part, "/")
        ours = part[1] "/splitio/" part[3]
        if (part[2] != "splitio" && ours in time)
            printf "%-36s %5.2f x splitio's time\n", order[i],
                time[order[i]] / time[ours]
    }
}
