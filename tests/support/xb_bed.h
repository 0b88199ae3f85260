/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A front and a back that do nothing but connect, over the real store server.
 * Their links to it can refuse a request, break, or be slow; the drivers can
 * refuse or ask for time. They check that their callbacks come in order.
 */
#ifndef SPLITIO_TESTS_XB_BED_H
#define SPLITIO_TESTS_XB_BED_H

#include <splitio/store_server.h>
#include <splitio/xenbus.h>

#define BED_FRONT_DIR "/local/domain/1/device/vbd/768"
#define BED_BACK_DIR  "/local/domain/0/backend/vbd/1/768"

/** A link of a client to the server, with faults. */
struct bed_link {
    struct splitio_store_conn conn;
    struct splitio_store store;
    unsigned nr_requests; /**< seen since the start */
    unsigned fail_at;     /**< refuse this one (1 is the first); 0: none */
    const char *fail_as;  /**< errno name */
    unsigned cut_at;      /**< break at this one; 0: none */
    bool cut;
    /* framing of requests, and the error reply to slip in */
    uint8_t request[16 + SPLITIO_XS_PAYLOAD_MAX];
    uint32_t request_bytes;
    uint32_t reply_left; /* of the server's message under way */
    uint8_t refusal[48];
    uint32_t refusal_bytes;
    uint32_t swallow_id; /* the server's reply that the refusal replaces */
};

/** A driver, of either role. */
struct bed_driver {
    struct splitio_xenbus xb;
    struct splitio_xenbus_driver table;
    struct bed_link link;
    enum splitio_xenbus_role role;
    bool alive; /**< its process runs */
    bool attached, linked;
    unsigned nr_negotiated, nr_connected, nr_disconnected, nr_updated,
        nr_quiesced;
    unsigned again; /**< callbacks that say EAGAIN first */
    int fail_got, fail_negotiate, fail_connected; /**< once, then 0 */
    const char *fail_text;
    unsigned sectors;  /**< back: to tell; front: as read */
    unsigned ring_ref; /**< front: to tell; back: as read */
    unsigned level;    /**< the same, while connected; see bed_watch() */
    unsigned limit;    /**< own key, while connected */
    unsigned in_call;
};

struct bed {
    void *arena;
    struct splitio_store_server *server;
    struct bed_driver half[2];
    uint32_t seed; /**< of the order of polls; 0: in turn */
    uint64_t now_ns;
};

/** Server, directories as a toolstack makes them, both halves started. */
void bed_init(struct bed *bed);
/** Without the halves. */
void bed_init_empty(struct bed *bed);
/** Close all; asserts that nothing is left in the server. */
void bed_fini(struct bed *bed);

/** Make, or make anew, the directories of the device. */
void bed_make_dirs(struct bed *bed);
/** ... those of another device. */
void bed_make_dirs_at(struct bed *bed, const char *front_dir,
                      const char *back_dir);
/** Start one half; it must not be alive. */
void bed_start(struct bed *bed, enum splitio_xenbus_role role);
/** Kill it: nothing is told to anybody. */
void bed_kill(struct bed *bed, enum splitio_xenbus_role role);
/** End it in an orderly way: fini, close. */
void bed_stop(struct bed *bed, enum splitio_xenbus_role role);

/** One round of polls; false if nothing happened. */
bool bed_round(struct bed *bed);
/** Rounds until nothing happens; asserts that this comes. */
void bed_settle(struct bed *bed);
/** As bed_settle(), with time going by, for faults that need it. */
void bed_settle_slowly(struct bed *bed);

/** For bed_driver.table.watch, before the first poll: back and front notice
 *  changes of their own key "limit", and the back of the front's "level". */
enum splitio_xenbus_watched bed_watch(void *drv, unsigned i, char *key);

/** Write a node as the toolstack; NULL removes it. */
void bed_put(struct bed *bed, const char *dir, const char *key,
             const char *value);
/** Compare a node; NULL: must be absent. */
bool bed_is(struct bed *bed, const char *dir, const char *key,
            const char *value);
/** Both halves connected, and their nodes say so. */
void bed_assert_connected(struct bed *bed);
/** Both not attached, and Closed. */
void bed_assert_closed(struct bed *bed);

#endif /* SPLITIO_TESTS_XB_BED_H */
