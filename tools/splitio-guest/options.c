/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of splitio-guest. */
#include "options.h"

#include "../common/log.h"
#include "../common/values.h"

#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>

static const char help_text[] =
    "Usage: splitio-guest --socket PATH --guest NAME --tap INTERFACE\n"
    "       splitio-guest --xen --tap INTERFACE\n"
    "Joins splitiod as a guest, or is a part of this domain of Xen, and makes "
    "a "
    "NIC\nan interface of this kernel.\n"
    "\n"
    "  -s, --socket PATH   the daemon's --socket\n"
    "  -g, --guest NAME    as in the daemon's --nic guest=NAME\n"
    "  -x, --xen           the domain's NIC, which its kernel has not taken\n"
    "  -t, --tap NAME      the interface to make\n"
    "  -n, --nic N         which of the guest's NICs, from 0 on (0)\n"
    "      --netns PATH    make it in this network namespace, for example\n"
    "                      /run/netns/NAME\n"
    "  -m, --memory MIB    to join with (16), or of the domain (4)\n"
    "      --grants N      version of the grant table: 1, or 2 (1)\n"
    "      --ready-fd N    write a line there when frames can flow\n"
    "      --help, --version\n";

enum {
    OPT_NETNS = 256,
    OPT_GRANTS,
    OPT_READY_FD,
    OPT_HELP,
    OPT_VERSION,
};

static const struct option long_options[] = {
    {"socket", required_argument, NULL, 's'},
    {"guest", required_argument, NULL, 'g'},
    {"xen", no_argument, NULL, 'x'},
    {"tap", required_argument, NULL, 't'},
    {"nic", required_argument, NULL, 'n'},
    {"netns", required_argument, NULL, OPT_NETNS},
    {"memory", required_argument, NULL, 'm'},
    {"grants", required_argument, NULL, OPT_GRANTS},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
    {"help", no_argument, NULL, OPT_HELP},
    {"version", no_argument, NULL, OPT_VERSION},
    {NULL, 0, NULL, 0},
};

static int number(const char *option, const char *text, uint64_t min,
                  uint64_t max, unsigned *to)
{
    uint64_t v;

    if (value_number(text, min, max, &v)) {
        log_line(LOG_ERROR, "%s %s: give a number from %llu to %llu", option,
                 text, (unsigned long long)min, (unsigned long long)max);
        return -1;
    }
    *to = (unsigned)v;
    return 0;
}

static int set_ready_fd(struct options *o, const char *text)
{
    unsigned fd;

    if (number("--ready-fd", text, 0, 65535, &fd))
        return -1;
    if (fcntl((int)fd, F_GETFD) < 0) {
        log_line(LOG_ERROR, "--ready-fd %s: no open file descriptor", text);
        return -1;
    }
    o->ready_fd = (int)fd;
    return 0;
}

static int take(struct options *o, int c, char **argv)
{
    switch (c) {
    case 's':
        o->socket = optarg;
        return 0;
    case 'g':
        o->guest = optarg;
        return 0;
    case 'x':
        o->xen = true;
        return 0;
    case 't':
        o->tap = optarg;
        return 0;
    case OPT_NETNS:
        o->netns = optarg;
        return 0;
    case 'n':
        return number("--nic", optarg, 0, 255, &o->nic);
    case 'm':
        return number("--memory", optarg, 4, 1024, &o->memory_mib);
    case OPT_GRANTS:
        return number("--grants", optarg, 1, 2, &o->grant_version);
    case OPT_READY_FD:
        return set_ready_fd(o, optarg);
    case OPT_HELP:
        fputs(help_text, stdout);
        return 1;
    case OPT_VERSION:
        puts("splitio-guest " SPLITIO_VERSION);
        return 1;
    default:
        log_line(LOG_ERROR, "%s: unknown option or missing value; see --help",
                 argv[optind - 1]);
        return -1;
    }
}

static int check(const struct options *o)
{
    if (!o->xen && (!o->socket || !o->guest || !o->tap)) {
        log_line(LOG_ERROR, "give --socket, --guest and --tap, or --xen and "
                            "--tap; see --help");
        return -1;
    }
    if (o->xen && (o->socket || o->guest || o->grant_version || !o->tap)) {
        log_line(LOG_ERROR, "--xen: give --tap, and neither --socket, --guest "
                            "nor --grants; see --help");
        return -1;
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
    int c, err;

    *o = (struct options){.ready_fd = -1};
    opterr = 0;
    while ((c = getopt_long(argc, argv, ":s:g:xt:n:m:", long_options, NULL)) !=
           -1) {
        err = take(o, c, argv);
        if (err)
            return err;
    }
    if (optind < argc) {
        log_line(LOG_ERROR, "\"%s\": no such argument; see --help",
                 argv[optind]);
        return -1;
    }
    return check(o);
}
