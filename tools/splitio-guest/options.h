/* SPDX-License-Identifier: BSD-2-Clause */
/* What splitio-guest is asked to do. */
#ifndef SPLITIO_GUEST_OPTIONS_H
#define SPLITIO_GUEST_OPTIONS_H

#include <stdbool.h>

struct options {
    bool xen;
    const char *socket, *guest, *tap, *netns;
    unsigned nic;
    unsigned memory_mib;    /* 0: not given */
    unsigned grant_version; /* 0: not given */
    int ready_fd;           /* -1: none */
};

/* 0; -1: an error was told; 1: help or version was printed, leave. */
int options_parse(struct options *o, int argc, char **argv);

#endif /* SPLITIO_GUEST_OPTIONS_H */
