/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this example share. */
#ifndef UNIKERNEL_H
#define UNIKERNEL_H

#include <splitio/binding/baremetal.h>
#include <splitio/blkfront.h>
#include <splitio/netfront.h>

#include "wire.h"

/* --- say.c: lines on the console --- */

struct line {
    uint32_t len;
    char text[160];
};

void add_text(struct line *l, const char *text);
void add_number(struct line *l, uint64_t n);
void add_bytes(struct line *l, const uint8_t *bytes, unsigned nr, char between);
/* Microseconds since the loader entered the image. */
void add_age(struct line *l, const struct splitio_baremetal *bm);
/* Write it with its end; waits for room. */
void say(struct splitio_baremetal *bm, struct line *l);
void say_text(struct splitio_baremetal *bm, const char *text);
void say_error(struct splitio_baremetal *bm, const char *what, int err);

/* --- ask.c: the store, in one go --- */

/* The value of a node, with a NUL; cut if need be. 0; SPLITIO_E*. */
int ask(struct splitio_baremetal *bm, const char *path, char *to, size_t bytes);
int ask_write(struct splitio_baremetal *bm, const char *path, const char *text);
/* The directory of the guest's first device of a kind. */
int ask_device(struct splitio_baremetal *bm, const char *kind,
               char dir[SPLITIO_XENBUS_DIR_MAX]);

/* --- disk.c --- */

#define DISK_BYTES   65536u
#define DISK_SECTORS (DISK_BYTES / 512)

enum disk_step {
    DISK_CONNECTS,
    DISK_SUMS,   /* reads the first 64 KiB */
    DISK_WRITES, /* the second */
    DISK_FLUSHES,
    DISK_READS_BACK,
    DISK_IS_DONE,
};

struct disk {
    struct splitio_baremetal *bm;
    struct splitio_blkfront front;
    struct splitio_blk_io io;
    struct splitio_iovec iov;
    enum disk_step step;
    bool exists, submitted, answered, failed;
    int status;
};

/* There may be none: done at once. */
int disk_open(struct disk *d, struct splitio_baremetal *bm);
int disk_poll(struct disk *d);

/* --- net.c --- */

struct net {
    struct splitio_baremetal *bm;
    struct splitio_netfront front;
    struct wire_host me;
    bool exists, was_up;
    uint32_t answered[WIRE_KINDS];
};

int net_open(struct net *n, struct splitio_baremetal *bm, const uint8_t ip[4]);
int net_poll(struct net *n);

#endif /* UNIKERNEL_H */
