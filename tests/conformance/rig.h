/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One device in a world, made of two feature sets: one of the front, one of the
 * back. The tables of features are in blk.c and net.c, a row for each.
 */
#ifndef SPLITIO_TESTS_CONFORM_RIG_H
#define SPLITIO_TESTS_CONFORM_RIG_H

#include "host_spy.h"
#include "world.h"

#include <splitio/toolstack.h>
#include <splitio/xenbus.h>

/* Who has a switch for a feature, or decides on it. */
enum side {
    FRONT = 1,
    BACK = 2,
    BOTH = FRONT | BACK,
};

struct rig;

/* A node in a half's directory, once both are connected. */
struct told_key {
    const char *name;
    const char *on, *off; /* values; NULL: there is no node; "?": any or none */
    enum side decided;    /* by whom it is on */
};

/* How one sees that a feature is in use: 0 if it is not. */
struct use {
    enum side decided;
    uint64_t (*count)(const struct rig *r);
};

/* A feature; its bit in a mask is its place in the table. */
struct feature {
    const char *name;
    enum side sides;
    uint64_t needs;    /* bits of earlier rows without which it is off */
    uint64_t excludes; /* bits of earlier rows with which it is off */
    bool required;     /* on both sides, or they do not connect */
    /* Set the configuration up; NULL: always on. */
    void (*front)(struct rig *r, bool on);
    void (*back)(struct rig *r, bool on);
    struct told_key front_key, back_key;
    /* The half always says "on": what it said is replaced by "off", as if it
     * had no such feature. */
    enum side veil;
    struct use uses[2]; /* block: the first; net: to the back, to the front */
};

#define BIT(i) (UINT64_C(1) << (i))

/* A kind of device: a front, a back, and how to use them. */
struct protocol {
    const char *name, *kind;
    const struct feature *features;
    unsigned nr_features;
    size_t rig_bytes;
    /* Defaults, before the features' own functions are called. */
    void (*configure)(struct rig *r);
    bool (*front_new)(struct rig *r);
    bool (*back_new)(struct rig *r);
    int (*front_poll)(struct rig *r);
    int (*back_poll)(struct rig *r);
    /* Look at what is on the rings: before and after the back's poll. */
    void (*look)(struct rig *r);
    bool (*is_up)(const struct rig *r);
    /* Use all that was agreed on, and check every byte. */
    bool (*traffic)(struct rig *r);
    void (*front_close)(struct rig *r);
    void (*front_reopen)(struct rig *r);
    bool (*front_is_closed)(const struct rig *r);
    int (*front_fini)(struct rig *r);
    int (*back_fini)(struct rig *r);
    /* Of what was held, nothing is. */
    bool (*is_clean)(const struct rig *r);
    /* The half's memory. */
    void (*free_memory)(struct rig *r);
};

/* A node that is kept at a value, or away, whatever its owner writes. */
struct poke {
    enum side side; /* in whose directory */
    const char *key;
    const void *value; /* NULL: there is no node */
    size_t len_bytes;
};

struct rig {
    const struct protocol *protocol;
    struct world *w;
    uint64_t front_mask, back_mask;
    struct splitio_toolstack_device device;
    char front_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    char back_dir[SPLITIO_TOOLSTACK_PATH_MAX];
    /* Nodes that the toolstack writes. */
    struct splitio_toolstack_key front_keys[8], back_keys[8];
    unsigned nr_front_keys, nr_back_keys;
    struct splitio_xenbus *front_xb, *back_xb;
    struct host_spy spy;
    const struct poke *poke; /* NULL: none */
    bool have_front, have_back;
    bool front_by_hand; /* it knows of no store: nothing to close */
    uint32_t random;
    char why[240]; /* it failed; empty: it did not */
};

/* What became of a pair. */
enum outcome {
    CONNECTED,
    REFUSED,
    FAILED,
};

/* ---- masks ---- */

uint64_t all_features(const struct protocol *p);
uint64_t required_features(const struct protocol *p);
/* The bits that a side has a switch for. */
uint64_t switches(const struct protocol *p, enum side side);
/* The bits of names with ", " between them; NULL: all. A name that there is not
 * ends the program. */
uint64_t named_features(const struct protocol *p, const char *names);
/* True if a feature is on where these sides decide. */
bool feature_on(const struct rig *r, unsigned i, enum side decided);
/* "flush, discard"; "nothing", "everything"; the text is static. */
const char *mask_words(const struct protocol *p, uint64_t mask, enum side side);

/* ---- the life of a rig, step by step ---- */

struct rig *rig_new(struct world *w, const struct protocol *p, uint64_t front,
                    uint64_t back);
void rig_back_new(struct rig *r);
void rig_front_new(struct rig *r);
/* Run these halves until nothing moves. False, with a reason, if that never
 * comes. */
bool rig_run(struct rig *r, enum side sides);
/* Each half's nodes are on the others' side before it looks: for tests that
 * change nodes. Stages 0 to 3: nothing; the back has made its offer; the front
 * has made its own; the back is connected. */
#define RIG_STAGES 4u
bool rig_stage(struct rig *r, unsigned stage);
/* After stage 3. */
bool rig_connect(struct rig *r);
const char *rig_dir(const struct rig *r, enum side side);
/* Not connected, and both the state and an error node say so. */
bool rig_is_refused(struct rig *r);
/* Close in order, and check that nothing is left; frees the rig. The reason is
 * copied to why, if there is one. */
bool rig_delete(struct rig *r, char *why, size_t len_bytes);

/* All of it for one pair of sets. */
enum outcome rig_try(struct world *w, const struct protocol *p, uint64_t front,
                     uint64_t back, char *why, size_t len_bytes);

/* ---- saying what is wrong ---- */

/* Keeps the first reason; returns false. */
bool rig_fail(struct rig *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

extern const struct protocol blk_protocol, net_protocol;

#endif
