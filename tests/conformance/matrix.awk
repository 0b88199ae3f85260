# SPDX-License-Identifier: BSD-2-Clause
# A picture of the pairs: for each matrix a row for each feature of the front,
# off and on, a column for each of the back's, and in each cell the pairs that
# had the one and the other so. Green: all connected; blue: some were refused,
# as they should; red: some failed.

/^matrix / { m++; sub(/^matrix /, ""); title[m] = $0; next }
/^feature / {
    sides[m, nr[m]] = $2
    sub(/^feature [0-9]+ /, "")
    name[m, nr[m]++] = $0
    next
}
/^pair / {
    pairs[m]++
    for (i = 0; i < nr[m]; i++) {
        row = 2 * i + substr($2, i + 1, 1)
        for (j = 0; j < nr[m]; j++) {
            at = m SUBSEP row SUBSEP (2 * j + substr($3, j + 1, 1))
            count[at]++
            if ($4 == "failed") failed[at]++
            if ($4 == "refused") refused[at]++
        }
    }
}

function put(s) { print s >out }

function text(x, y, s, anchor, more)
{
    put("<text x=\"" x "\" y=\"" y "\" text-anchor=\"" anchor "\" " more ">" s "</text>")
}

function colour(at)
{
    if (!(at in count)) return "#f4f4f4"
    if (at in failed) return "#d62728"
    if (at in refused) return refused[at] == count[at] ? "#9ecae1" : "#c9e3c4"
    return "#74c476"
}

function draw(k, y0,    i, j, s, x, y, at)
{
    text(10, y0 + 24, title[k] ": " pairs[k] " pairs; rows: front, columns: back, each off and on", "start", "font-size=\"15\"")
    for (i = 0; i < nr[k]; i++) {
        y = y0 + head + 2 * i * cell
        x = left + 2 * i * cell
        text(left - 6, y + cell + 4, name[k, i] (sides[k, i] % 2 ? "" : " *"), "end", "")
        text(0, 0, name[k, i] (sides[k, i] >= 2 ? "" : " *"), "start", "transform=\"translate(" x + cell + 4 "," y0 + head - 6 ") rotate(-60)\"")
    }
    for (i = 0; i < 2 * nr[k]; i++)
        for (j = 0; j < 2 * nr[k]; j++) {
            at = k SUBSEP i SUBSEP j
            put("<rect x=\"" left + j * cell "\" y=\"" y0 + head + i * cell "\" width=\"" cell - (j % 2 ? 2 : 1) "\" height=\"" cell - (i % 2 ? 2 : 1) "\" fill=\"" colour(at) "\"><title>front " name[k, int(i / 2)] (i % 2 ? " on" : " off") ", back " name[k, int(j / 2)] (j % 2 ? " on" : " off") ": " count[at] + 0 " pairs, " refused[at] + 0 " refused, " failed[at] + 0 " failed</title></rect>")
        }
    return y0 + head + 2 * nr[k] * cell + 30
}

END {
    if (m == 0 || pairs[m] == 0) {
        print "no pairs"
        exit 1
    }
    cell = 13; left = 190; head = 170
    for (k = 1; k <= m; k++) {
        height += head + 2 * nr[k] * cell + 30
        if (nr[k] > most) most = nr[k]
    }
    put("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" left + 2 * most * cell + 120 "\" height=\"" height + 30 "\" font-family=\"sans-serif\" font-size=\"11\">")
    put("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>")
    y = 0
    for (k = 1; k <= m; k++)
        y = draw(k, y)
    text(10, height + 18, "Green: all connected. Pale: some refused, as they should be. Red: some failed. Grey: no such pair. * has no switch on this side.", "start", "")
    put("</svg>")
}
