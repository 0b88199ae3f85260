/* SPDX-License-Identifier: BSD-2-Clause */
/* splitiod: exports disks and NICs to guests. */
#include "../common/log.h"
#include "daemon.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static struct options options;
static struct daemon self;

/* Whoever started us may go on. */
static void tell_ready(const struct options *o)
{
    if (o->socket)
        log_line(LOG_INFO, "ready: %u disk%s, %u NIC%s, guests join on %s",
                 o->nr_disks, o->nr_disks == 1 ? "" : "s", o->nr_nics,
                 o->nr_nics == 1 ? "" : "s", o->socket);
    for (unsigned i = 0; i < o->nr_slots; i++)
        log_line(LOG_INFO, "ready: virtual machine %s connects to %s",
                 o->slots[i].guest, o->slots[i].socket);
    if (o->xen)
        log_line(LOG_INFO, "ready: serving guests of Xen");
    log_notify("READY=1");
    if (o->ready_fd < 0)
        return;
    if (write(o->ready_fd, "ready\n", 6) != 6)
        log_line(LOG_WARNING, "nobody reads --ready-fd %d", o->ready_fd);
    close(o->ready_fd);
}

/* Each guest takes some descriptors. */
static void allow_descriptors(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files))
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files);
}

static int serve(char *reason, unsigned bytes)
{
    int err;

    if (options.check_only) {
        puts("splitiod: options and media are good");
        return 0;
    }
    tell_ready(&options);
    err = daemon_run(&self, reason, bytes);
    log_notify("STOPPING=1");
    return err;
}

int main(int argc, char **argv)
{
    char reason[512] = "";
    int err;

    log_init("splitiod", false);
    options_init(&options);
    err = options_parse(&options, argc, argv);
    if (err) {
        if (err < 0)
            log_line(LOG_ERROR, "%s", options.error);
        options_fini(&options);
        return err < 0 ? 2 : 0;
    }
    log_init("splitiod", options.verbose);
    allow_descriptors();
    err = daemon_open(&self, &options, reason, sizeof(reason));
    if (!err) {
        err = serve(reason, sizeof(reason));
        daemon_close(&self);
    }
    if (err)
        log_line(LOG_ERROR, "%s", reason);
    options_fini(&options);
    return err ? 1 : 0;
}
