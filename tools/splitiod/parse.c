/* SPDX-License-Identifier: BSD-2-Clause */
/* Where options come from: the command line, and a file read with inih. */
#include "options.h"

#include "../common/values.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef SPLITIO_VERSION
#define SPLITIO_VERSION "unknown"
#endif

static const char help_text[] =
    "Usage: splitiod {--socket PATH | --ivshmem PATH,... | --xen} [OPTION...]\n"
    "Exports disks and NICs to guests that join on a unix socket, to virtual\n"
    "machines with an ivshmem device, or to guests of the Xen that it runs "
    "on.\n"
    "\n"
    "  -s, --socket PATH        where guests join\n"
    "      --xen                serve the devices that Xen's toolstack makes "
    "with\n"
    "                           script=block-splitio and script=vif-splitio\n"
    "  -i, --ivshmem PATH,KEY=VALUE,...  where a virtual machine connects:\n"
    "                           -chardev socket,path=PATH,id=s\n"
    "                           -device ivshmem-doorbell,chardev=s; keys:\n"
    "        guest=NAME         which guest it is\n"
    "        memory=SIZE        that it shares (16M); a power of two\n"
    "      --state DIR          keep there what a restart after a crash needs, "
    "as\n"
    "                           /run/splitiod: for --xen and --ivshmem\n"
    "      --store-socket PATH  where xenstore-ls and its like connect\n"
    "  -d, --disk KEY=VALUE,... a disk; keys:\n"
    "        guest=NAME         whose it is\n"
    "        file=PATH | memory=SIZE | null=SIZE\n"
    "        readonly=yes, cdrom=yes, removable=yes, discard=no, trusted=no\n"
    "        engine=threads|uring, threads=1..16, direct=yes\n"
    "        vdev=xvda, units=GUEST, name=NAME\n"
    "  -n, --nic KEY=VALUE,...  a NIC; keys:\n"
    "        guest=NAME, switch=NAME, mac=ADDRESS, isolated=yes, trusted=no\n"
    "        mtu=68..65521, queues=1..8, rate=SIZE (a second), name=NAME\n"
    "  -w, --switch KEY=VALUE,...  a switch; keys: name=NAME,\n"
    "                           uplink=TAP or none\n"
    "  -g, --guest KEY=VALUE,...   a guest; keys: name=NAME, uid=NUMBER\n"
    "  -c, --config FILE        the same from a file: sections [daemon],\n"
    "                           [disk NAME], [nic NAME], [switch NAME],\n"
    "                           [guest NAME], [ivshmem NAME]\n"
    "      --max-guests N       at the same time (16)\n"
    "      --max-guest-mib N    memory that one guest may bring (256)\n"
    "      --ready-fd N         write a line there when guests can join\n"
    "      --check              look at options and media, then leave\n"
    "  -v, --verbose            tell more\n"
    "      --help, --version\n";

enum {
    OPT_STORE_SOCKET = 256,
    OPT_STATE,
    OPT_MAX_GUESTS,
    OPT_MAX_GUEST_MIB,
    OPT_READY_FD,
    OPT_CHECK,
    OPT_XEN,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"store-socket", required_argument, NULL, OPT_STORE_SOCKET},
    {"state", required_argument, NULL, OPT_STATE},
    {"disk", required_argument, NULL, 'd'},
    {"nic", required_argument, NULL, 'n'},
    {"switch", required_argument, NULL, 'w'},
    {"guest", required_argument, NULL, 'g'},
    {"ivshmem", required_argument, NULL, 'i'},
    {"config", required_argument, NULL, 'c'},
    {"max-guests", required_argument, NULL, OPT_MAX_GUESTS},
    {"max-guest-mib", required_argument, NULL, OPT_MAX_GUEST_MIB},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"check", no_argument, NULL, OPT_CHECK},
    {"xen", no_argument, NULL, OPT_XEN},
    {"verbose", no_argument, NULL, 'v'},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

/* The value of name= in a list, or a name made of kind and number. */
static void object_name(char *to, size_t bytes, const char *list,
                        const char *kind, unsigned number)
{
    const char *at = list;

    while (at && strncmp(at, "name=", 5) != 0) {
        at = strchr(at, ',');
        at = at ? at + 1 : NULL;
    }
    if (at)
        snprintf(to, bytes, "%.*s", (int)strcspn(at + 5, ","), at + 5);
    else
        snprintf(to, bytes, "%s%u", kind, number);
}

/* "key=value,key=value" for one object. */
static int set_list(struct options *o, const char *kind, unsigned number,
                    const char *list)
{
    char name[2 * NAME_MAX_LEN];
    char *copy = strdup(list), *rest = copy, *item;
    int err;

    object_name(name, sizeof(name), list, kind, number);
    err = copy ? options_set(o, kind, name, NULL, NULL) : -1;
    while (!err && (item = strsep(&rest, ",")) != NULL) {
        char *value = strchr(item, '=');

        if (!value) {
            snprintf(o->error, sizeof(o->error),
                     "%s %s: \"%s\" is not KEY=VALUE", kind, name, item);
            err = -1;
            break;
        }
        *value++ = '\0';
        if (strcmp(item, "name") != 0)
            err = options_set(o, kind, name, item, value);
    }
    free(copy);
    return err;
}

/* As a list, but the path comes first and by itself. */
static int set_slot(struct options *o, const char *list)
{
    char *with_key;
    int err;

    if (strcspn(list, "=") < strcspn(list, ","))
        return set_list(o, "ivshmem", o->nr_slots, list);
    if (asprintf(&with_key, "socket=%s", list) < 0)
        return -1;
    err = set_list(o, "ivshmem", o->nr_slots, with_key);
    free(with_key);
    return err;
}

/* The option's own error, in the words of the command line. */
static int bad_option(struct options *o, char **argv)
{
    snprintf(o->error, sizeof(o->error),
             "%s: unknown option or missing value; see --help",
             argv[optind - 1]);
    return -1;
}

static int set_ready_fd(struct options *o, const char *text)
{
    uint64_t fd;

    if (value_number(text, 0, 65535, &fd) || fcntl((int)fd, F_GETFD) < 0) {
        snprintf(o->error, sizeof(o->error),
                 "--ready-fd %s: no open file descriptor", text);
        return -1;
    }
    o->ready_fd = (int)fd;
    return 0;
}

static int take_option(struct options *o, int c, char **argv)
{
    switch (c) {
    case 's':
        return options_set(o, "daemon", "", "socket", optarg);
    case OPT_STORE_SOCKET:
        return options_set(o, "daemon", "", "store-socket", optarg);
    case OPT_STATE:
        return options_set(o, "daemon", "", "state", optarg);
    case OPT_MAX_GUESTS:
        return options_set(o, "daemon", "", "max-guests", optarg);
    case OPT_MAX_GUEST_MIB:
        return options_set(o, "daemon", "", "max-guest-mib", optarg);
    case 'd':
        return set_list(o, "disk", o->nr_disks, optarg);
    case 'n':
        return set_list(o, "nic", o->nr_nics, optarg);
    case 'w':
        return set_list(o, "switch", o->nr_switches, optarg);
    case 'g':
        return set_list(o, "guest", o->nr_guests, optarg);
    case 'i':
        return set_slot(o, optarg);
    case 'c':
        return options_read_file(o, optarg);
    case 'v':
        o->verbose = true;
        return 0;
    case OPT_READY_FD:
        return set_ready_fd(o, optarg);
    case OPT_XEN:
        o->xen = true;
        return 0;
    case OPT_CHECK:
        o->check_only = true;
        return 0;
    case OPT_HELP:
        fputs(help_text, stdout);
        return 1;
    case OPT_VERSION:
        puts("splitiod " SPLITIO_VERSION);
        return 1;
    default:
        return bad_option(o, argv);
    }
}

int options_parse(struct options *o, int argc, char **argv)
{
    int c, err;

    opterr = 0;
    while ((c = getopt_long(argc, argv, ":s:d:n:w:g:i:c:v", long_options,
                            NULL)) != -1) {
        err = take_option(o, c, argv);
        if (err)
            return err;
    }
    if (optind < argc) {
        snprintf(o->error, sizeof(o->error),
                 "\"%s\": no such argument; see --help", argv[optind]);
        return -1;
    }
    return options_check(o);
}

/* A line of the file: section "disk root" is kind and name. */
static int on_line(void *user, const char *section, const char *key,
                   const char *value)
{
    struct options *o = user;
    char kind[NAME_MAX_LEN + 1];
    const char *name = strchr(section, ' ');

    snprintf(kind, sizeof(kind), "%.*s", (int)strcspn(section, " "), section);
    name = name ? name + strspn(name, " ") : "";
    return options_set(o, kind, name, key, value) == 0;
}

int options_read_file(struct options *o, const char *path)
{
    char reason[sizeof(o->error)];
    FILE *file = fopen(path, "re");
    int line;

    if (!file) {
        snprintf(o->error, sizeof(o->error),
                 "configuration file %s: %s; check --config", path,
                 strerror(errno));
        return -1;
    }
    o->error[0] = '\0';
    line = ini_parse_file(file, on_line, o);
    fclose(file);
    if (line == 0)
        return 0;
    memcpy(reason, o->error, sizeof(reason));
    snprintf(o->error, sizeof(o->error), "%s, line %d: %.400s", path, line,
             reason[0] ? reason : "neither [section] nor key = value");
    return -1;
}
