# SPDX-License-Identifier: BSD-2-Clause
# Public headers include downwards only, and layer 1 never includes layer 1.
BEGIN {
    split("base arch port ring_page", l0)
    split("ring stream event_page grant event event_fifo event_eoi", l1)
    split("store store_server proto/* xenbus toolstack guest hypervisor save " \
          "grant_engine", l2)
    split("blkfront blkback netfront netback disk disk_uring nic", l3)
    for (i in l0) layer[l0[i]] = 0
    for (i in l1) layer[l1[i]] = 1
    for (i in l2) layer[l2[i]] = 2
    for (i in l3) layer[l3[i]] = 3
    layer["splitio"] = 4
    layer["binding/*"] = 5
}

function layer_of(path)
{
    sub(/.*splitio\//, "", path)
    sub(/\.h$/, "", path)
    sub(/^proto\/.*/, "proto/*", path)
    sub(/^binding\/.*/, "binding/*", path)
    return path in layer ? layer[path] : -1
}

FNR == 1 {
    mine = layer_of(FILENAME)
    if (mine < 0) {
        print FILENAME ": has no layer in scripts/layers.awk"
        bad = 1
    }
}

/^#include <splitio\// {
    name = $2
    gsub(/[<>]/, "", name)
    theirs = layer_of(name)
    if (theirs < 0 || theirs > mine || (theirs == mine && mine == 1)) {
        print FILENAME ":" FNR ": layer " mine " includes " name ", layer " theirs
        bad = 1
    }
}

END { exit bad }
