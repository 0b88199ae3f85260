# SPDX-License-Identifier: BSD-2-Clause
# Lines of "ours theirs" to one JSON object: medians, the median of the pairs'
# ratios, above 1 if ours is better; and the spread, half the distance between
# the quartiles of the ratios.
function sort(v, n,    i, j, x)
{
    for (i = 2; i <= n; i++) {
        x = v[i]
        for (j = i - 1; j > 0 && v[j] > x; j--)
            v[j + 1] = v[j]
        v[j + 1] = x
    }
}

function at(v, n, share,    place, low)
{
    place = 1 + (n - 1) * share
    low = int(place)
    return low == n ? v[n] : v[low] + (place - low) * (v[low + 1] - v[low])
}

NF == 2 && $1 > 0 && $2 > 0 {
    n++
    ours[n] = $1 + 0
    theirs[n] = $2 + 0
    ratio[n] = better == "lower" ? $2 / $1 : $1 / $2
}

END {
    if (!n)
        exit 1
    sort(ours, n)
    sort(theirs, n)
    sort(ratio, n)
    printf "{\"group\": \"%s\", \"name\": \"%s\", \"peer\": \"%s\", " \
        "\"ours\": %.6g, \"theirs\": %.6g, \"unit\": \"%s\", " \
        "\"ratio\": %.3f, \"spread\": %.3f, \"pairs\": %d}\n",
        group, name, peer, at(ours, n, 0.5), at(theirs, n, 0.5), unit,
        at(ratio, n, 0.5), (at(ratio, n, 0.75) - at(ratio, n, 0.25)) / 2, n
}
