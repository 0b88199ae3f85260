/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does connecting a device cost, next to nothing or so much that a host
 * with hundreds of guests feels it at start?
 *
 * xenbus_cycle/keys/<n>: a front and a back in one process over the store
 * server go from Closed to Connected and back, each writing and reading n keys.
 * Time is for one full cycle; the counter says how many requests it took.
 */
#include "gbench.h"

#include <splitio/store_server.h>
#include <splitio/xenbus.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES (4u << 20)

struct half {
    struct splitio_store_conn conn;
    struct splitio_store store;
    struct splitio_xenbus xb;
    unsigned nr_keys;
    uint64_t nr_requests;
};

static struct half halves[2];

/* ---- a driver that only has keys ---- */

static bool want(void *drv, enum splitio_xenbus_phase phase, unsigned i,
                 char *key)
{
    struct half *h = drv;
    bool front = h == &halves[0];

    if (i >= h->nr_keys ||
        phase != (front ? SPLITIO_XENBUS_OFFER : SPLITIO_XENBUS_CONNECT))
        return false;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "key-%u", i);
    return true;
}

static int got(void *drv, enum splitio_xenbus_phase phase, unsigned i,
               const char *value, size_t len_bytes)
{
    uint32_t n;

    (void)drv;
    (void)phase;
    return splitio_xenbus_parse_u32(value, len_bytes, i, i, &n);
}

static enum splitio_xenbus_tell tell(void *drv, enum splitio_xenbus_phase phase,
                                     unsigned i, char *key, char *value)
{
    struct half *h = drv;

    if (phase != SPLITIO_XENBUS_OFFER || i >= h->nr_keys)
        return SPLITIO_XENBUS_TELL_END;
    splitio_xenbus_print(key, SPLITIO_XENBUS_KEY_MAX, "key-%u", i);
    splitio_xenbus_print(value, SPLITIO_XENBUS_VALUE_MAX, "%u", i);
    return SPLITIO_XENBUS_TELL_WRITE;
}

static int nothing(void *drv)
{
    (void)drv;
    return 0;
}

static const struct splitio_xenbus_driver driver = {
    .want = want,
    .got = got,
    .tell = tell,
    .negotiate = nothing,
    .connected = nothing,
    .disconnect = nothing,
};

/* ---- links ---- */

static int link_recv(void *ctx, void *buf, size_t len)
{
    struct half *h = ctx;
    int n = splitio_store_conn_output(&h->conn, buf, len);

    return n == 0 ? SPLITIO_EAGAIN : n;
}

static int link_send(void *ctx, const void *buf, size_t len)
{
    struct half *h = ctx;
    int n = splitio_store_conn_input(&h->conn, buf, len);

    h->nr_requests += n > 0;
    return n == 0 ? SPLITIO_EAGAIN : n;
}

static const struct splitio_store_transport_ops link_ops = {.recv = link_recv,
                                                            .send = link_send};

/* ---- the bench ---- */

#define FRONT_DIR "/local/domain/1/device/vbd/768"
#define BACK_DIR  "/local/domain/0/backend/vbd/1/768"

static void put(struct splitio_store_server *s, const char *path,
                const char *value, splitio_domid_t owner)
{
    const struct splitio_xs_perm perms[2] = {{owner, SPLITIO_XS_PERM_NONE},
                                             {!owner, SPLITIO_XS_PERM_READ}};

    if (splitio_store_server_write_text(s, path, value) < 0 ||
        splitio_store_server_set_perms(s, path, perms, 2) < 0)
        abort();
}

static struct splitio_store_server *start(void *arena, unsigned nr_keys)
{
    struct splitio_store_server *s;
    unsigned i;

    if (splitio_store_server_init(&s, arena, ARENA_BYTES, NULL) < 0)
        abort();
    put(s, FRONT_DIR, "", 1);
    put(s, FRONT_DIR "/backend", BACK_DIR, 1);
    put(s, FRONT_DIR "/backend-id", "0", 1);
    put(s, FRONT_DIR "/state", "1", 1);
    put(s, BACK_DIR, "", 0);
    put(s, BACK_DIR "/frontend", FRONT_DIR, 0);
    put(s, BACK_DIR "/frontend-id", "1", 0);
    put(s, BACK_DIR "/state", "1", 0);
    for (i = 0; i < 2; i++) {
        struct half *h = &halves[i];
        const struct splitio_store_transport t = {&link_ops, h};

        h->nr_keys = nr_keys;
        h->nr_requests = 0;
        if (splitio_store_conn_init(&h->conn, s, i ? 0 : 1) < 0 ||
            splitio_store_init(&h->store, t) < 0 ||
            splitio_xenbus_init(
                &h->xb, i ? SPLITIO_XENBUS_BACK : SPLITIO_XENBUS_FRONT,
                &h->store, i ? BACK_DIR : FRONT_DIR, &driver, h) < 0)
            abort();
    }
    return s;
}

static void run_until(struct splitio_store_server *s, bool linked)
{
    const struct splitio_xenbus *front = &halves[0].xb, *back = &halves[1].xb;
    unsigned i;

    while (linked ? !splitio_xenbus_is_linked(front) ||
                        !splitio_xenbus_is_linked(back)
                  : !splitio_xenbus_is_closed(front)) {
        for (i = 0; i < 2; i++) {
            splitio_store_poll(&halves[i].store, 32);
            splitio_xenbus_poll(&halves[i].xb);
        }
        while (splitio_store_server_next_ready(s) != NULL)
            ;
    }
}

static void cycle(struct gbench *b, int64_t nr_keys)
{
    void *arena = malloc(ARENA_BYTES);
    struct splitio_store_server *s = start(arena, (unsigned)nr_keys);
    int64_t cycles = 0;
    uint64_t requests;

    run_until(s, true);
    requests = halves[0].nr_requests + halves[1].nr_requests;
    while (gbench_more(b, 1)) {
        splitio_xenbus_close(&halves[0].xb);
        run_until(s, false);
        splitio_xenbus_reopen(&halves[0].xb);
        run_until(s, true);
        cycles++;
    }
    requests = halves[0].nr_requests + halves[1].nr_requests - requests;
    gbench_counter(b, "requests",
                   cycles ? (double)requests / (double)cycles : 0);
    splitio_store_server_fini(s);
    free(arena);
}

void gbench_setup(void)
{
    static const int64_t keys[] = {2, 12, 64};
    char name[64];
    unsigned i;

    for (i = 0; i < SPLITIO_ARRAY_LEN(keys); i++) {
        snprintf(name, sizeof(name), "xenbus_cycle/keys/%d", (int)keys[i]);
        gbench_register(name, cycle, keys[i]);
    }
}
