/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Halves that deal with the store as those of other systems do: the nodes that
 * they write, in their order and under their names, and what they do in each
 * state. Rings and data are done by our own halves, which know of no store.
 */
#ifndef SPLITIO_TESTS_CONFORM_FOREIGN_H
#define SPLITIO_TESTS_CONFORM_FOREIGN_H

#include "rig.h"

struct foreign_key {
    const char *key, *value;
};

#define FOREIGN_KEYS 16

/* What it is like; all false for Linux. */
enum foreign_way {
    EARLY = 1,        /* front: offers before the back has said anything */
    SAYS_PAGES = 2,   /* front: "num-ring-pages" beside the order */
    SAYS_ONE = 4,     /* front: "multi-queue-num-queues" is there for one */
    NO_CLOSING = 8,   /* back: does not answer Closing */
    ONCE = 16,        /* back: when it is closed, that is it */
    READS_PAGES = 32, /* back: looks for "num-ring-pages", not for an order */
};

struct foreign {
    const char *name;
    const struct protocol *protocol;
    enum side side;
    const char *features; /* names of rows, with commas between */
    const char *others;   /* the features of our half; NULL: all */
    unsigned ways;
    unsigned state;                         /* front: when it has offered */
    struct foreign_key offer[FOREIGN_KEYS]; /* with the offer */
    struct foreign_key data[FOREIGN_KEYS];  /* back: with Connected */
};

extern const struct foreign foreigns[];
extern const unsigned nr_foreigns;

/* How a protocol's halves are run by hand. */
struct foreign_ops {
    bool (*front_offer)(struct rig *r, const struct foreign *f);
    bool (*front_start)(struct rig *r, const struct foreign *f);
    void (*front_stop)(struct rig *r);
    bool (*back_attach)(struct rig *r, const struct foreign *f);
    bool (*back_detach)(struct rig *r);
    /* Take the store away from a half. */
    void (*cut)(struct rig *r, enum side side);
    bool (*front_is_up)(const struct rig *r);
};

extern const struct foreign_ops blk_foreign, net_foreign;

/* A number in a half's directory; otherwise if there is none. */
uint32_t foreign_number(struct rig *r, enum side side, const char *prefix,
                        const char *key, uint32_t otherwise);
void foreign_write(struct rig *r, enum side side, const char *prefix,
                   const char *key, uint32_t value);
/* "queue-2/", or nothing if there is but one. */
const char *foreign_prefix(unsigned queue, unsigned nr_queues);

#endif
