# SPDX-License-Identifier: BSD-2-Clause
# JSON objects as scripts/pairs.awk writes them, one a line: to lines for people;
# with -v form=table, to rows of Markdown; with -v form=svg, to a plot of the
# ratios of one group.
function value(key,    v)
{
    if (!match($0, "\"" key "\": (\"[^\"]*\"|[^,}]*)"))
        return ""
    v = substr($0, RSTART + length(key) + 4, RLENGTH - length(key) - 4)
    gsub(/"/, "", v)
    return v
}

{
    n++
    name[n] = value("name")
    peer[n] = value("peer")
    ratio[n] = value("ratio")
    spread[n] = value("spread")
    if (form == "table")
        printf "| %s | %s | %s | %s | %s %s | %.2f | %.2f |\n", value("group"),
            name[n], peer[n], value("ours"), value("theirs"), value("unit"),
            ratio[n], spread[n]
    else if (form != "svg")
        printf "%-40s %12s : %-12s %-9s %5.2f +-%.2f  %s\n", name[n],
            value("ours"), value("theirs"), value("unit"), ratio[n], spread[n],
            peer[n]
}

# Bars up to twice as good; the line is where both are equal.
END {
    if (form != "svg")
        exit
    printf "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"900\" " \
        "height=\"%d\" font-family=\"sans-serif\" font-size=\"12\">\n",
        n * 22 + 30
    for (i = 1; i <= n; i++) {
        long = ratio[i] > 2 ? 400 : ratio[i] * 200
        printf "<text x=\"5\" y=\"%d\">%s / %s</text>" \
            "<rect x=\"450\" y=\"%d\" width=\"%.0f\" height=\"14\" " \
            "fill=\"%s\"/><text x=\"%.0f\" y=\"%d\">%.2f</text>\n",
            i * 22, name[i], peer[i], i * 22 - 11, long,
            ratio[i] >= 1 ? "#4a8" : "#c84", 455 + long, i * 22, ratio[i]
    }
    printf "<line x1=\"650\" y1=\"5\" x2=\"650\" y2=\"%d\" stroke=\"#000\"/>" \
        "\n</svg>\n", n * 22 + 10
}
