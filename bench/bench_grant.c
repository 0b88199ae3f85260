/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does it cost to use another domain's page, and when does copying win
 * over mapping?
 *
 * grant_copy/<splitio|memcpy>/<bytes>: one copy out of a granted page, against
 * the bare memcpy of the same bytes between the same places.
 * grant_map/splitio/<n>: map and unmap n pages in one call each, a page.
 * grant_lend/splitio/<n>: the guest's side: lend n pages and take them back.
 *
 * The engine is splitio's own; the "machine" is an array, so the host address
 * of a frame costs one addition.
 */
#include "gbench.h"

#include <splitio/grant_engine.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_PAGES 64u
#define NR_TRACK 64u

static _Alignas(4096) uint8_t memory[NR_PAGES][4096];
static _Alignas(4096) uint8_t table_frame[4096];
static _Alignas(4096) uint8_t local[4096];
static uint32_t next_mem[SPLITIO_GRANTS_PER_FRAME_V1];
static splitio_gref_t grefs[NR_PAGES];
static struct splitio_grant_table table;
static struct splitio_grant_engine engine;

static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    (void)ctx;
    (void)write;
    return domid == 1 && gfn < NR_PAGES ? memory[gfn] : NULL;
}

static const struct splitio_hypervisor_ops ops = {.frame_ptr = frame_ptr};
static const struct splitio_hypervisor_port port = {.ops = &ops};

/* Domain 1 lends all its pages to domain 0. */
static void machine(void)
{
    static struct splitio_domain_slot slots[2];
    static struct splitio_grant_domain host, guest;
    void *frames[] = {table_frame};
    const struct splitio_grant_domain_config host_config = {
        .nr_track = NR_TRACK,
        .mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(0, NR_TRACK)),
    };
    const struct splitio_grant_domain_config guest_config = {
        .domid = 1,
        .frames = frames,
        .nr_frames = 1,
        .mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(1, 0)),
    };

    splitio_grant_table_init(&table, table_frame, 1, next_mem);
    splitio_grant_engine_init(&engine, &port, slots, 2);
    if (splitio_grant_engine_add(&engine, &host, &host_config) ||
        splitio_grant_engine_add(&engine, &guest, &guest_config))
        abort();
    for (unsigned i = 0; i < NR_PAGES; i++) {
        memset(memory[i], (int)i, sizeof(memory[i]));
        if (splitio_grant_table_grant(&table, 0, i, false, &grefs[i]))
            abort();
    }
}

static void copy_splitio(struct gbench *b, int64_t len)
{
    struct splitio_grant_copy op = {
        .src = {.domid = 1},
        .dst = {.local = local},
        .len_bytes = (uint32_t)len,
    };
    unsigned i = 0;

    while (gbench_more(b, 1)) {
        op.src.gref = grefs[i++ % NR_PAGES];
        if (splitio_grant_engine_copy(&engine, 0, &op, 1))
            gbench_cannot(b, "the copy failed");
        gbench_use(local);
    }
}

static void copy_memcpy(struct gbench *b, int64_t len)
{
    unsigned i = 0;

    while (gbench_more(b, 1)) {
        memcpy(local, memory[i++ % NR_PAGES], (size_t)len);
        gbench_use(local);
    }
}

static void map_splitio(struct gbench *b, int64_t batch)
{
    struct splitio_grant_map map[NR_PAGES];
    struct splitio_grant_unmap unmap[NR_PAGES];
    unsigned n = (unsigned)batch;

    memset(map, 0, sizeof(map));
    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < n; i++) {
            map[i].domid = 1;
            map[i].gref = grefs[i];
        }
        if (splitio_grant_engine_map(&engine, 0, map, n))
            gbench_cannot(b, "the map failed");
        for (unsigned i = 0; i < n; i++)
            unmap[i].handle = map[i].handle;
        if (splitio_grant_engine_unmap(&engine, 0, unmap, n))
            gbench_cannot(b, "the unmap failed");
    }
}

static void lend_splitio(struct gbench *b, int64_t batch)
{
    splitio_gref_t lent[NR_PAGES];

    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < batch; i++)
            if (splitio_grant_table_grant(&table, 0, i, false, &lent[i]))
                gbench_cannot(b, "no reference is free");
        for (unsigned i = 0; i < batch; i++)
            if (splitio_grant_table_revoke(&table, lent[i]))
                gbench_cannot(b, "the page is in use");
    }
}

static void add(const char *what, gbench_fn fn, int64_t arg)
{
    char name[64];

    snprintf(name, sizeof(name), "%s/%d", what, (int)arg);
    gbench_register(name, fn, arg);
}

void gbench_setup(void)
{
    static const int64_t bytes[] = {64, 256, 512, 1024, 2048, 4096};
    static const int64_t batches[] = {1, 11, 32};

    machine();
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bytes); i++) {
        add("grant_copy/splitio", copy_splitio, bytes[i]);
        add("grant_copy/memcpy", copy_memcpy, bytes[i]);
    }
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(batches); i++) {
        add("grant_map/splitio", map_splitio, batches[i]);
        add("grant_lend/splitio", lend_splitio, batches[i]);
    }
}
