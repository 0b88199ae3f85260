# SPDX-License-Identifier: BSD-2-Clause
# RATE what unit whose value -> of each what the medians, and those of the ratios of
# splitio to the others, which are named: -v others="kernel qdisk".
function median(list,    v, n, i, j, x)
{
    n = split(list, v, " ")
    for (i = 2; i <= n; i++) {
        x = v[i] + 0
        for (j = i - 1; j > 0 && v[j] + 0 > x; j--)
            v[j + 1] = v[j]
        v[j + 1] = x
    }
    return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
}
$1 == "RATE" {
    if (!($2 in unit))
        order[++nr] = $2
    unit[$2] = $3
    values[$2, $4] = values[$2, $4] " " $5
}
# Of the rounds' ratios: in a round the backs have the machine as it is then.
function ratio(what, back,    mine, theirs, n, i, list)
{
    if (!((what, back) in values))
        return "-"
    n = split(values[what, "splitio"], mine, " ")
    split(values[what, back], theirs, " ")
    for (i = 1; i <= n; i++)
        list = list " " mine[i] / (theirs[i] + 0.001)
    return sprintf("%.2f", median(list))
}
function rate(what, back)
{
    return (what, back) in values ? median(values[what, back]) : "-"
}
END {
    nr_others = split(others, other, " ")
    line = sprintf("    %-15s %-7s %9s", "what", "unit", "splitio")
    for (k = 1; k <= nr_others; k++)
        line = line sprintf(" %9s %9s", other[k], "ratio")
    print line
    for (i = 1; i <= nr; i++) {
        line = sprintf("    %-15s %-7s %9s", order[i], unit[order[i]],
            rate(order[i], "splitio"))
        for (k = 1; k <= nr_others; k++)
            line = line sprintf(" %9s %9s", rate(order[i], other[k]),
                ratio(order[i], other[k]))
        print line
    }
}
