/* SPDX-License-Identifier: BSD-2-Clause */
/* A block front and a block back in a fake machine, and I/O that is checked. */
#ifndef SPLITIO_TESTS_BLK_PAIR_H
#define SPLITIO_TESTS_BLK_PAIR_H

#include "blk_disk.h"
#include "host_spy.h"

#include <splitio/binding/fake.h>
#include <splitio/blkback.h>
#include <splitio/blkfront.h>

#define PAIR_SECTORS 4096u
#define PAIR_IOS     48u

/* One checked request: its buffers, and what it should find. */
struct pair_io {
    struct splitio_blk_io io;
    struct blk_pair *pair;
    struct splitio_iovec iov[8];
    uint8_t *buf; /* pages of the guest */
    size_t len_bytes;
    bool busy;
    int status;
    unsigned nr_done;
};

struct blk_pair {
    struct splitio_fake *fake;
    struct splitio_toolstack_device device;
    char front_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    char back_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    struct splitio_blkfront_config front_cfg;
    struct splitio_blkback_config back_cfg;
    struct splitio_blkfront front;
    struct splitio_blkback back;
    void *front_mem, *back_mem;
    struct host_spy spy;            /* between the back and its host port */
    struct splitio_store_conn conn; /* the back's own, for it may die */
    struct splitio_store store;
    struct blk_disk disk;
    uint8_t *model;  /* what the disk should hold */
    uint8_t *locked; /* sectors with a request in flight */
    uint32_t random;
    bool front_up, back_up; /* which halves exist */
    unsigned nr_wakes, nr_changes, nr_steps;
    bool lazy;     /* the back is polled only when it must be */
    bool back_due; /* it was woken, or has more to do */
    uint64_t nr_ok, nr_bad;
    /* Sees what the back writes to the store. */
    void (*on_send)(void *arg, const void *bytes, size_t len);
    void *arg;
    struct pair_io ios[PAIR_IOS];
};

/* Defaults that a test then changes. */
void pair_defaults(struct blk_pair *p);
/* Machine and device nodes, with the disk as it is then. */
void pair_machine(struct blk_pair *p);
void pair_front_new(struct blk_pair *p);
void pair_back_new(struct blk_pair *p);
/* All of it, until both are connected. */
void pair_connect(struct blk_pair *p);
/* Write a key of one of the directories, as the toolstack. */
int pair_store_set(struct blk_pair *p, const char *dir, const char *key,
                   const char *value);
/* The value of a key; "" if there is none. Good until the next call. */
const char *pair_store_get(struct blk_pair *p, const char *dir,
                           const char *key);
/* Move a value from one key to another. */
void pair_store_rename(struct blk_pair *p, const char *dir, const char *from,
                       const char *to);
/* Step and poll until nothing moves, at most @rounds times. */
void pair_run(struct blk_pair *p, unsigned rounds);
/* One round; what moved. */
unsigned pair_step(struct blk_pair *p);
/* Take the device's nodes away and make new ones, as a toolstack does that has
 * restored the guest elsewhere. */
void pair_nodes_anew(struct blk_pair *p);
/* The back is gone from one instruction to the next: with it go its store
 * connection, its mappings and its channels. */
void pair_back_crash(struct blk_pair *p);
/* Submit @nr random requests that do not overlap, and verify what they do. */
void pair_traffic(struct blk_pair *p, unsigned nr, size_t max_bytes);
/* Begin one if a free pair_io and sectors are found; 0 or submit's error. */
int pair_begin(struct blk_pair *p, size_t max_bytes);
unsigned pair_nr_busy(const struct blk_pair *p);
/* Close in order, and check that nothing is left in use anywhere. */
void pair_close(struct blk_pair *p);
/* End without the front, or without its guest. */
void pair_drop(struct blk_pair *p);

#endif
