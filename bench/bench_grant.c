/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What does it cost to use another domain's page, and when does copying win
 * over mapping?
 *
 * grant_copy/<splitio|v2|part|through|memcpy>/<bytes>: one copy out of a granted
 * page, against the bare memcpy of the same bytes between the same places.
 * grant_copies/<splitio|two|memcpy>/<n>: n copies of 4 KiB in one call, a copy,
 * out of more pages than the caches hold; two: while a second thread does so too.
 * grant_map/<splitio|v2|big>/<n>: map and unmap n pages in one call each, a page.
 * grant_lend/<splitio|v2|big>/<n>: the guest's side: lend n pages, take them back.
 *
 * splitio: a table of version 1, as guests have by default; v2: of version 2;
 * big: of 32768 entries instead of 512; part: a part of a page; through: a page
 * that a second domain passes on.
 *
 * The engine is splitio's own; the "machine" is an array, so the host address
 * of a frame costs one addition.
 */
#include "gbench.h"

#include <splitio/grant_engine.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NR_PAGES   64u
#define NR_TRACK   64u
#define BIG_PAGES  8192u
#define BIG_FRAMES 64u
#define BATCH_MAX  64u

#define GUEST_V1  1
#define GUEST_V2  2
#define GUEST_BIG 3
#define NR_GUESTS 4

static _Alignas(4096) uint8_t memory[BIG_PAGES][4096];
static _Alignas(4096) uint8_t status_frame[4096];
static _Alignas(4096) uint8_t table_frames[NR_GUESTS][BIG_FRAMES][4096];
static _Alignas(4096) uint8_t local[2][BATCH_MAX][4096];
static uint32_t next_mem[NR_GUESTS][BIG_FRAMES * SPLITIO_GRANTS_PER_FRAME_V1];
static splitio_gref_t grefs[NR_GUESTS][BIG_PAGES], part, passed_on;
static struct splitio_grant_table table[NR_GUESTS];
static struct splitio_grant_engine engine;

/* All guests have the same memory. */
static void *frame_ptr(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write)
{
    (void)ctx;
    (void)write;
    return domid != 0 && gfn < BIG_PAGES ? memory[gfn] : NULL;
}

static const struct splitio_hypervisor_ops ops = {.frame_ptr = frame_ptr};
static const struct splitio_hypervisor_port port = {.ops = &ops};

/* A guest with so many frames of grants, which lends so many pages. */
static bool add_guest(splitio_domid_t domid, unsigned version,
                      unsigned nr_frames, unsigned nr_pages)
{
    static struct splitio_grant_domain domains[NR_GUESTS];
    void *frames[BIG_FRAMES], *status[] = {status_frame};
    const struct splitio_grant_domain_config config = {
        .domid = domid,
        .version = version,
        .frames = frames,
        .nr_frames = nr_frames,
        .status = status,
        .nr_status = version == 2,
        .mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(nr_frames, 0)),
    };
    int err = version == 2
                  ? splitio_grant_table_init_v2(
                        &table[domid], table_frames[domid], status_frame,
                        nr_frames, next_mem[domid])
                  : splitio_grant_table_init(&table[domid], table_frames[domid],
                                             nr_frames, next_mem[domid]);

    for (unsigned i = 0; i < nr_frames; i++)
        frames[i] = table_frames[domid][i];
    if (err || splitio_grant_engine_add(&engine, &domains[domid], &config))
        return false;
    for (unsigned i = 0; i < nr_pages; i++)
        if (splitio_grant_table_grant(&table[domid], 0, i, false,
                                      &grefs[domid][i]))
            return false;
    return true;
}

/* All lend their pages to domain 0. */
static void machine(void)
{
    static struct splitio_domain_slot slots[NR_GUESTS];
    static struct splitio_grant_domain host;
    const struct splitio_grant_domain_config config = {
        .nr_track = NR_TRACK,
        .mem = malloc(SPLITIO_GRANT_DOMAIN_MEM(0, NR_TRACK)),
    };
    splitio_gref_t page;

    splitio_grant_engine_init(&engine, &port, slots, NR_GUESTS);
    for (unsigned i = 0; i < BIG_PAGES; i++)
        memset(memory[i], (int)i, sizeof(memory[i]));
    if (splitio_grant_engine_add(&engine, &host, &config) ||
        !add_guest(GUEST_V1, 1, 1, NR_PAGES) ||
        !add_guest(GUEST_V2, 2, 1, NR_PAGES) ||
        !add_guest(GUEST_BIG, 1, BIG_FRAMES, BIG_PAGES) ||
        splitio_grant_table_grant_part(&table[GUEST_V2], 0, 0, 0, 4096, false,
                                       &part) ||
        splitio_grant_table_grant(&table[GUEST_V1], GUEST_V2, 0, false,
                                  &page) ||
        splitio_grant_table_grant_through(&table[GUEST_V2], 0, GUEST_V1, page,
                                          false, &passed_on))
        abort();
}

/* @p gref: this one always; 0: each page in turn. */
static void copy(struct gbench *b, splitio_domid_t domid, splitio_gref_t gref,
                 int64_t len)
{
    struct splitio_grant_copy op = {
        .src = {.domid = domid, .gref = gref},
        .dst = {.local = local[0][0]},
        .len_bytes = (uint32_t)len,
    };
    unsigned i = 0;

    while (gbench_more(b, 1)) {
        if (gref == 0)
            op.src.gref = grefs[domid][i++ % NR_PAGES];
        if (splitio_grant_engine_copy(&engine, 0, &op, 1))
            gbench_cannot(b, "the copy failed");
        gbench_use(local[0][0]);
    }
}

static void copy_splitio(struct gbench *b, int64_t len)
{
    copy(b, GUEST_V1, 0, len);
}

static void copy_v2(struct gbench *b, int64_t len)
{
    copy(b, GUEST_V2, 0, len);
}

static void copy_part(struct gbench *b, int64_t len)
{
    copy(b, GUEST_V2, part, len);
}

static void copy_through(struct gbench *b, int64_t len)
{
    copy(b, GUEST_V2, passed_on, len);
}

static void copy_memcpy(struct gbench *b, int64_t len)
{
    unsigned i = 0;

    while (gbench_more(b, 1)) {
        memcpy(local[0][0], memory[i++ % NR_PAGES], (size_t)len);
        gbench_use(local[0][0]);
    }
}

/* Each thread has half of the pages: they would wait for one another else. */
static unsigned page_of(unsigned who, unsigned *next)
{
    return who * (BIG_PAGES / 2) + (*next)++ % (BIG_PAGES / 2);
}

/* The next @p n copies of thread @p who, in one call. */
static bool copy_many(unsigned who, unsigned n, unsigned *page)
{
    struct splitio_grant_copy copies[BATCH_MAX];

    for (unsigned i = 0; i < n; i++)
        copies[i] = (struct splitio_grant_copy){
            .src = {.domid = GUEST_BIG,
                    .gref = grefs[GUEST_BIG][page_of(who, page)]},
            .dst = {.local = local[who][i]},
            .len_bytes = 4096,
        };
    return splitio_grant_engine_copy(&engine, 0, copies, n) == 0;
}

static void copies_splitio(struct gbench *b, int64_t batch)
{
    unsigned page = 0;

    while (gbench_more(b, batch))
        if (!copy_many(0, (unsigned)batch, &page))
            gbench_cannot(b, "a copy failed");
}

static uint32_t stop;

static void *copy_on(void *arg)
{
    unsigned page = 0;

    gbench_pin(1);
    while (!splitio_load_acquire_u32(&stop) &&
           copy_many(1, (unsigned)*(int64_t *)arg, &page))
        ;
    return arg;
}

static void copies_two(struct gbench *b, int64_t batch)
{
    pthread_t second;

    if (!gbench_pin(1) || !gbench_pin(0)) {
        gbench_cannot(b, "needs two processors");
        return;
    }
    splitio_store_release_u32(&stop, 0);
    pthread_create(&second, NULL, copy_on, &batch);
    copies_splitio(b, batch);
    splitio_store_release_u32(&stop, 1);
    pthread_join(second, NULL);
}

static void copies_memcpy(struct gbench *b, int64_t batch)
{
    unsigned page = 0;

    while (gbench_more(b, batch))
        for (unsigned i = 0; i < batch; i++) {
            memcpy(local[0][i], memory[page_of(0, &page)], 4096);
            gbench_use(local[0][i]);
        }
}

static void map(struct gbench *b, splitio_domid_t domid, int64_t batch)
{
    struct splitio_grant_map maps[BATCH_MAX];
    struct splitio_grant_unmap unmaps[BATCH_MAX];
    unsigned n = (unsigned)batch;

    memset(maps, 0, sizeof(maps));
    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < n; i++) {
            maps[i].domid = domid;
            maps[i].gref = grefs[domid][i];
        }
        if (splitio_grant_engine_map(&engine, 0, maps, n))
            gbench_cannot(b, "the map failed");
        for (unsigned i = 0; i < n; i++)
            unmaps[i].handle = maps[i].handle;
        if (splitio_grant_engine_unmap(&engine, 0, unmaps, n))
            gbench_cannot(b, "the unmap failed");
    }
}

static void map_splitio(struct gbench *b, int64_t batch)
{
    map(b, GUEST_V1, batch);
}

static void map_v2(struct gbench *b, int64_t batch)
{
    map(b, GUEST_V2, batch);
}

static void map_big(struct gbench *b, int64_t batch)
{
    map(b, GUEST_BIG, batch);
}

static void lend(struct gbench *b, splitio_domid_t domid, int64_t batch)
{
    splitio_gref_t lent[BATCH_MAX];

    while (gbench_more(b, batch)) {
        for (unsigned i = 0; i < batch; i++)
            if (splitio_grant_table_grant(&table[domid], 0, i, false, &lent[i]))
                gbench_cannot(b, "no reference is free");
        for (unsigned i = 0; i < batch; i++)
            if (splitio_grant_table_revoke(&table[domid], lent[i]))
                gbench_cannot(b, "the page is in use");
    }
}

static void lend_splitio(struct gbench *b, int64_t batch)
{
    lend(b, GUEST_V1, batch);
}

static void lend_v2(struct gbench *b, int64_t batch)
{
    lend(b, GUEST_V2, batch);
}

static void lend_big(struct gbench *b, int64_t batch)
{
    lend(b, GUEST_BIG, batch);
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
    static const int64_t batches[] = {1, 8, 64};

    machine();
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bytes); i++) {
        add("grant_copy/splitio", copy_splitio, bytes[i]);
        add("grant_copy/v2", copy_v2, bytes[i]);
        add("grant_copy/memcpy", copy_memcpy, bytes[i]);
    }
    add("grant_copy/part", copy_part, 256);
    add("grant_copy/through", copy_through, 256);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(batches); i++) {
        add("grant_copies/splitio", copies_splitio, batches[i]);
        add("grant_copies/two", copies_two, batches[i]);
        add("grant_copies/memcpy", copies_memcpy, batches[i]);
        add("grant_map/splitio", map_splitio, batches[i]);
        add("grant_map/big", map_big, batches[i]);
        add("grant_map/v2", map_v2, batches[i]);
        add("grant_lend/splitio", lend_splitio, batches[i]);
        add("grant_lend/big", lend_big, batches[i]);
        add("grant_lend/v2", lend_v2, batches[i]);
    }
}
