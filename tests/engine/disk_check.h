/* SPDX-License-Identifier: BSD-2-Clause */
/* Random requests on a disk, compared with a copy in memory. */
#ifndef SPLITIO_TESTS_DISK_CHECK_H
#define SPLITIO_TESTS_DISK_CHECK_H

#include "cm.h"

#include <splitio/disk.h>

#include <stdlib.h>
#include <string.h>

#define CHECK_SECTORS 4096u
#define CHECK_DEPTH   16u
#define CHECK_PIECES  5u

/* One request in flight, on sectors that no other one touches. */
struct check_slot {
    struct splitio_disk_io io;
    struct splitio_iovec iov[CHECK_PIECES];
    uint8_t *bytes;
    bool busy;
    int status;
};

struct check {
    struct splitio_disk disk;
    void (*wait)(void *arg); /* until the engine woke its owner */
    void *arg;
    uint8_t *shadow;
    struct check_slot slots[CHECK_DEPTH];
    unsigned nr_done;
    uint32_t random;
};

static inline uint32_t check_random(struct check *c)
{
    c->random = c->random * 1664525u + 1013904223u;
    return c->random >> 8;
}

static inline void check_done(struct splitio_disk_io *io, int status)
{
    struct check_slot *s = SPLITIO_CONTAINER_OF(io, struct check_slot, io);

    assert_true(s->busy);
    s->busy = false;
    s->status = status;
}

/* Cut the slot's bytes into pieces of whole sectors, some empty. */
static inline void check_cut(struct check *c, struct check_slot *s)
{
    uint64_t left = s->io.nr_sectors;
    uint8_t *at = s->bytes;

    for (unsigned i = 0; i < CHECK_PIECES; i++) {
        uint64_t n =
            i == CHECK_PIECES - 1 ? left : check_random(c) % (left + 1);

        s->iov[i] = (struct splitio_iovec){at, (size_t)n * 512};
        at += n * 512;
        left -= n;
    }
}

/* Each slot has a stripe of its own: what it reads it has written itself. */
static inline void check_start(struct check *c, unsigned i)
{
    static const enum splitio_disk_op ops[] = {
        SPLITIO_DISK_READ,  SPLITIO_DISK_WRITE, SPLITIO_DISK_READ,
        SPLITIO_DISK_WRITE, SPLITIO_DISK_FLUSH, SPLITIO_DISK_DISCARD,
    };
    struct check_slot *s = &c->slots[i];
    uint32_t stripe = CHECK_SECTORS / CHECK_DEPTH;
    uint32_t first = check_random(c) % stripe;
    uint8_t *shadow;

    s->io = (struct splitio_disk_io){
        .op = ops[check_random(c) % SPLITIO_ARRAY_LEN(ops)],
        .sector = i * stripe + first,
        .nr_sectors = 1 + check_random(c) % (stripe - first),
        .iov = s->iov,
        .nr_iov = CHECK_PIECES,
        .done = check_done,
    };
    shadow = c->shadow + s->io.sector * 512;
    if (s->io.op == SPLITIO_DISK_WRITE) {
        memset(s->bytes, (int)check_random(c), s->io.nr_sectors * 512);
        memcpy(shadow, s->bytes, s->io.nr_sectors * 512);
    } else if (s->io.op == SPLITIO_DISK_DISCARD) {
        memset(shadow, 0, s->io.nr_sectors * 512);
    }
    check_cut(c, s);
    s->busy = true;
    assert_int_equal(c->disk.ops->submit(c->disk.ctx, &s->io), 0);
}

static inline void check_finish(struct check *c, struct check_slot *s)
{
    assert_int_equal(s->status, 0);
    if (s->io.op == SPLITIO_DISK_READ)
        assert_memory_equal(s->bytes, c->shadow + s->io.sector * 512,
                            s->io.nr_sectors * 512);
    c->nr_done++;
}

static inline unsigned check_collect(struct check *c)
{
    unsigned busy = 0;

    while (c->disk.ops->poll(c->disk.ctx, 7) > 0)
        ;
    for (unsigned i = 0; i < CHECK_DEPTH; i++) {
        struct check_slot *s = &c->slots[i];

        if (s->busy)
            busy++;
        else if (s->io.done) {
            s->io.done = NULL;
            check_finish(c, s);
        }
    }
    return busy;
}

/* @p nr requests, up to CHECK_DEPTH at once, all checked. */
static inline void check_run(struct check *c, unsigned nr)
{
    unsigned started = 0;

    c->shadow = calloc(CHECK_SECTORS, 512);
    for (unsigned i = 0; i < CHECK_DEPTH; i++)
        c->slots[i].bytes = malloc(CHECK_SECTORS / CHECK_DEPTH * 512);
    while (c->nr_done < nr) {
        for (unsigned i = 0; i < CHECK_DEPTH && started < nr; i++)
            if (!c->slots[i].busy) {
                check_start(c, i);
                started++;
            }
        c->disk.ops->kick(c->disk.ctx);
        if (check_collect(c) && c->wait)
            c->wait(c->arg);
    }
    for (unsigned i = 0; i < CHECK_DEPTH; i++)
        free(c->slots[i].bytes);
    free(c->shadow);
}

#endif /* SPLITIO_TESTS_DISK_CHECK_H */
