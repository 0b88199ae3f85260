/* SPDX-License-Identifier: BSD-2-Clause */
/* What the VMM is asked to run. */
#ifndef VMM_OPTIONS_H
#define VMM_OPTIONS_H

#include "../../tools/splitiod/options.h"
#include "vm.h"

#define MAX_VMS   8u
#define MAX_LATER 16u

enum console {
    CONSOLE_SERIAL,
    CONSOLE_PV,
};

struct vmm_options {
    struct vm_options vms[MAX_VMS];
    unsigned nr_vms;
    bool named;                   /* there was a --guest */
    enum console console;         /* what takes the terminal's input */
    const char *control;          /* NULL: none */
    const char *later[MAX_LATER]; /* devices that are not there at first */
    unsigned nr_later;
    struct options devices; /* in splitiod's words */
};

/* 0; -1: wrong, and the reason has been told; 1: help was asked for. */
int vmm_options_parse(struct vmm_options *o, int argc, char **argv);

#endif /* VMM_OPTIONS_H */
