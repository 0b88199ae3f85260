/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line. Disks and NICs have splitiod's keys. */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../tools/common/values.h"

static const char help_text[] =
    "Usage: splitio-vmm --kernel FILE [OPTION...]\n"
    "Runs virtual machines whose disks and NICs are splitio's.\n"
    "\n"
    "  -k, --kernel FILE      an ELF file with a PVH entry, as Linux' vmlinux\n"
    "  -i, --initrd FILE\n"
    "  -a, --append TEXT      the kernel's command line\n"
    "  -m, --memory SIZE      256M\n"
    "  -c, --cpus N           1\n"
    "  -g, --guest NAME       what follows is about this one\n"
    "  -d, --disk KEY=VALUE,...\n"
    "  -n, --nic KEY=VALUE,...\n"
    "  -w, --switch KEY=VALUE,...  see splitiod --help; guest= is optional\n"
    "      --console serial|pv     which one gets the terminal's input\n"
    "      --control FIFO     takes lines: attach NAME, detach NAME,\n"
    "                         renew NAME\n"
    "      --later NAME       a device that is not attached at first\n";

enum {
    OPT_CONSOLE = 256,
    OPT_CONTROL,
    OPT_LATER,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"kernel", required_argument, NULL, 'k'},
    {"initrd", required_argument, NULL, 'i'},
    {"append", required_argument, NULL, 'a'},
    {"memory", required_argument, NULL, 'm'},
    {"cpus", required_argument, NULL, 'c'},
    {"guest", required_argument, NULL, 'g'},
    {"disk", required_argument, NULL, 'd'},
    {"nic", required_argument, NULL, 'n'},
    {"switch", required_argument, NULL, 'w'},
    {"console", required_argument, NULL, OPT_CONSOLE},
    {"control", required_argument, NULL, OPT_CONTROL},
    {"later", required_argument, NULL, OPT_LATER},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static int wrong(const char *what, const char *value)
{
    fprintf(stderr, "splitio-vmm: %s: %s\n", what, value);
    return -1;
}

/* The value of name= in a list; else a name made of kind and number. */
static void object_name(char *to, size_t bytes, const char *list,
                        const char *kind, unsigned number)
{
    const char *at = strstr(list, "name=");

    if (at && (at == list || at[-1] == ','))
        snprintf(to, bytes, "%.*s", (int)strcspn(at + 5, ","), at + 5);
    else
        snprintf(to, bytes, "%s%u", kind, number);
}

/* "key=value,key=value" of one object. */
static int set_list(struct vmm_options *o, const char *kind, unsigned number,
                    char *list)
{
    const char *guest = o->vms[o->nr_vms - 1].name;
    struct options *d = &o->devices;
    char name[2 * NAME_MAX_LEN], *item;
    int err;

    object_name(name, sizeof(name), list, kind, number);
    err = options_set(d, kind, name, NULL, NULL);
    if (!err && kind[0] != 's')
        err = options_set(d, kind, name, "guest", guest);
    while (!err && (item = strsep(&list, ",")) != NULL) {
        char *value = strchr(item, '=');

        if (!value)
            return wrong("is not KEY=VALUE", item);
        *value++ = '\0';
        if (strcmp(item, "name") != 0)
            err = options_set(d, kind, name, item, value);
    }
    return err ? wrong("wrong", d->error) : 0;
}

static int set_cpus(struct vm_options *vm, const char *text)
{
    uint64_t n;

    if (value_number(text, 1, MAX_CPUS, &n))
        return wrong("--cpus", text);
    vm->cpus = (unsigned)n;
    return 0;
}

static int add_guest(struct vmm_options *o, const char *name)
{
    struct vm_options *vm = &o->vms[o->nr_vms - 1];

    /* What comes before the first --guest is for all. */
    if (!o->named) {
        o->named = true;
        vm->name = name;
        return 0;
    }
    if (o->nr_vms == MAX_VMS)
        return wrong("too many guests", name);
    o->vms[o->nr_vms] = *vm; /* as the one before, until told otherwise */
    o->vms[o->nr_vms++].name = name;
    return 0;
}

static int set_device(struct vmm_options *o, int c, char *list)
{
    switch (c) {
    case 'd':
        return set_list(o, "disk", o->devices.nr_disks, list);
    case 'n':
        return set_list(o, "nic", o->devices.nr_nics, list);
    default:
        return set_list(o, "switch", o->devices.nr_switches, list);
    }
}

static int set(struct vmm_options *o, int c, char *value)
{
    struct vm_options *vm = &o->vms[o->nr_vms - 1];

    switch (c) {
    case 'k':
        vm->kernel = value;
        return 0;
    case 'i':
        vm->initrd = value;
        return 0;
    case 'a':
        vm->cmdline = value;
        return 0;
    case 'm':
        return value_size(value, &vm->memory) ? wrong("--memory", value) : 0;
    case 'c':
        return set_cpus(vm, value);
    case 'g':
        return add_guest(o, value);
    case OPT_CONTROL:
        o->control = value;
        return 0;
    case OPT_LATER:
        if (o->nr_later == MAX_LATER)
            return wrong("too many for later", value);
        o->later[o->nr_later++] = value;
        return 0;
    case OPT_CONSOLE:
        o->console = strcmp(value, "pv") == 0 ? CONSOLE_PV : CONSOLE_SERIAL;
        return 0;
    default:
        return set_device(o, c, value);
    }
}

int vmm_options_parse(struct vmm_options *o, int argc, char **argv)
{
    int c, err = 0;

    options_init(&o->devices);
    o->nr_vms = 1;
    o->vms[0] = (struct vm_options){
        .name = "guest", .cmdline = "", .memory = 256u << 20, .cpus = 1};
    while (!err && (c = getopt_long(argc, argv, "k:i:a:m:c:g:d:n:w:",
                                    long_options, NULL)) != -1) {
        if (c == OPT_HELP || c == '?') {
            fputs(help_text, c == '?' ? stderr : stdout);
            return c == '?' ? -1 : 1;
        }
        err = set(o, c, optarg);
    }
    if (!err && !o->vms[0].kernel)
        err = wrong("nothing to run", "give --kernel FILE, see --help");
    if (!err && options_check_devices(&o->devices))
        err = wrong("wrong", o->devices.error);
    return err;
}
