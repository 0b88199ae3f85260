/* SPDX-License-Identifier: BSD-2-Clause */
/* What splitio-guest is asked to do. */
#ifndef SPLITIO_GUEST_OPTIONS_H
#define SPLITIO_GUEST_OPTIONS_H

struct options {
    const char *socket, *guest, *tap, *netns;
    unsigned nic;
    unsigned memory_mib;
    unsigned grant_version;
    int ready_fd; /* -1: none */
};

/* 0; -1: an error was told; 1: help or version was printed, leave. */
int options_parse(struct options *o, int argc, char **argv);

#endif /* SPLITIO_GUEST_OPTIONS_H */
