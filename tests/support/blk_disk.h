/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk for tests: answers late, in any order, and fails on request. */
#ifndef SPLITIO_TESTS_BLK_DISK_H
#define SPLITIO_TESTS_BLK_DISK_H

#include <splitio/disk.h>

#define BLK_DISK_DEPTH_MAX 64u

struct blk_disk {
    struct splitio_disk_info info;
    uint8_t *bytes; /* what is on it */
    unsigned depth; /* requests it holds before it says EAGAIN */
    bool stuck;     /* nothing gets done */
    int refusal;    /* what submit says, if not 0 */
    int info_error; /* what info says, if not 0 */
    bool shuffled;  /* out of order, and not all at once */
    int fail_ops;   /* bit for each enum splitio_disk_op: fail with it */
    int fail_status;
    uint32_t random;
    /* Called before a request is carried out. */
    void (*on_io)(void *arg, const struct splitio_disk_io *io);
    void *arg;
    /* Called around all that it does: its back may die right there. */
    void (*moment)(void);
    /* Counters. */
    unsigned nr_held, nr_done, nr_eagain, nr_kicks, nr_flushes, nr_discards;
    unsigned nr_secure, nr_iov_max;
    struct splitio_disk_io *held[BLK_DISK_DEPTH_MAX];
};

/* nr_sectors in units of 512 bytes. */
void blk_disk_init(struct blk_disk *d, uint64_t nr_sectors,
                   uint32_t sector_size);
void blk_disk_fini(struct blk_disk *d);
struct splitio_disk blk_disk_disk(struct blk_disk *d);

/* The requests held die with the back that submitted them. */
void blk_disk_forget(struct blk_disk *d);

/* A small random number, the same in each run. */
uint32_t blk_random(uint32_t *state);

#endif
