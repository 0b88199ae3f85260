/* SPDX-License-Identifier: BSD-2-Clause */
/* Ring headers, grant entries and event words as splitio writes them, beside
 * the same made from Xen's headers. */
#include "cm.h"

#include "golden.h"

#include <splitio/event.h>
#include <splitio/grant.h>
#include <splitio/ring.h>

#include <stdlib.h>
#include <string.h>

static struct cpu {
    const char *name, *program;
    const struct splitio_event_abi *events;
} cpus[] = {
    {"x86_64", GOLDEN_X86_64, &splitio_event_abi_x86_64},
    {"x86_32", GOLDEN_X86_32, &splitio_event_abi_x86_32},
};

static struct golden golden;

static void ring_headers_are_as_xens(void **state)
{
    const struct cpu *cpu = *state;
    static _Alignas(4096) uint8_t page[4096];
    struct splitio_ring_front front;
    struct splitio_ring_back back;
    uint32_t entry = 0;

    golden_open(&golden, cpu->name, cpu->program);
    memset(page, 0xA5, sizeof(page));
    assert_int_equal(splitio_ring_front_init(&front, page, 1, 4), 0);
    golden_make(&golden, "sring 0 1 0 1");
    golden_same(&golden, page, golden.len, "a new ring");
    for (unsigned i = 0; i < 3; i++)
        memcpy(splitio_ring_front_reserve(&front), &entry, 4);
    splitio_ring_front_publish(&front);
    golden_make(&golden, "sring 3 1 0 1");
    golden_same(&golden, page, golden.len, "three requests");
    assert_int_equal(splitio_ring_back_attach(&back, page, 1, 4), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(splitio_ring_back_take(&back, &entry, 4), 1);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(splitio_ring_back_put(&back, &entry, 4), 0);
    splitio_ring_back_publish(&back);
    assert_int_equal(splitio_ring_back_rearm(&back, 1), 0);
    golden_make(&golden, "sring 3 4 2 1");
    golden_same(&golden, page, golden.len, "two answers, waiting for the next");
    golden_close(&golden);
}

static void grants_are_as_xens(void **state)
{
    const struct cpu *cpu = *state;
    static _Alignas(4096) struct splitio_grant_entry_v1 entries[512];
    static uint32_t mem[SPLITIO_GRANT_TABLE_MEM(1) / sizeof(uint32_t)];
    struct splitio_grant_table table;
    splitio_gref_t gref;

    golden_open(&golden, cpu->name, cpu->program);
    memset(entries, 0, sizeof(entries));
    assert_int_equal(splitio_grant_table_init(&table, entries, 1, mem), 0);
    for (unsigned read_only = 0; read_only < 2; read_only++) {
        assert_int_equal(splitio_grant_table_grant(&table, 0x1234, 0x89abcdef,
                                                   read_only, &gref),
                         0);
        golden_make(&golden, "grant_v1 %u 0x1234 0x89abcdef",
                    read_only ? 1 | 4 : 1);
        golden_same(&golden, &entries[gref], sizeof(entries[gref]), "v1 entry");
        assert_int_equal(splitio_grant_table_revoke(&table, gref), 0);
        assert_int_equal(entries[gref].flags, 0);
    }
    golden_close(&golden);
}

/* One reference, lent as each kind that version 2 has, to one who may read. */
static void grants_of_version_2_are_as_xens(void **state)
{
    const struct cpu *cpu = *state;
    static _Alignas(4096) union splitio_grant_entry_v2 entries[256];
    static _Alignas(4096) splitio_grant_status_t status[2048];
    static uint32_t mem[SPLITIO_GRANT_TABLE_MEM(1) / sizeof(uint32_t)];
    struct splitio_grant_table table;
    splitio_gref_t gref;

    golden_open(&golden, cpu->name, cpu->program);
    assert_int_equal(
        splitio_grant_table_init_v2(&table, entries, status, 1, mem), 0);
    assert_int_equal(splitio_grant_table_grant(&table, 0x1234,
                                               UINT64_C(0x123456789abcdef),
                                               true, &gref),
                     0);
    golden_make(&golden, "grant_full 5 0x1234 0x123456789abcdef");
    golden_same(&golden, &entries[gref], sizeof(entries[gref]), "page");
    assert_int_equal(splitio_grant_table_grant_part(&table, 0x1234,
                                                    UINT64_C(0x123456789abcdef),
                                                    0x123, 0x456, true, &gref),
                     0);
    golden_make(&golden, "grant_sub 0x105 0x1234 0x123 0x456 "
                         "0x123456789abcdef");
    golden_same(&golden, &entries[gref], sizeof(entries[gref]), "part");
    assert_int_equal(splitio_grant_table_grant_through(&table, 0x1234, 0x5678,
                                                       0x89abcdef, true, &gref),
                     0);
    golden_make(&golden, "grant_transitive 7 0x1234 0x5678 0x89abcdef");
    golden_same(&golden, &entries[gref], sizeof(entries[gref]), "passed on");
    golden_close(&golden);
}

/* ---- events ---- */

#define NR_PORTS 900u

static void *info[2];

static void no_upcall(void *ctx, splitio_domid_t domid, unsigned vcpu)
{
    (void)ctx;
    (void)domid;
    (void)vcpu;
}

static void on_event(void *arg)
{
    (void)arg;
}

/* Two domains with a channel between them for each of some ports. */
static void open_channels(struct splitio_event_engine *e,
                          const struct splitio_event_abi *abi)
{
    static const struct splitio_hypervisor_ops ops = {.upcall = no_upcall};
    static const struct splitio_hypervisor_port port = {.ops = &ops};
    static struct splitio_domain_slot slots[4];
    static struct splitio_event_domain domains[2];
    static uint64_t mem[2][NR_PORTS];
    splitio_evtchn_t remote, local;

    memset(slots, 0, sizeof(slots));
    splitio_event_engine_init(e, &port, slots, 2);
    for (unsigned i = 0; i < 2; i++) {
        info[i] = aligned_alloc(4096, 4096);
        memset(info[i], 0, 4096);
        assert_int_equal(splitio_event_engine_add(e, &domains[i],
                                                  (splitio_domid_t)i, abi,
                                                  info[i], NR_PORTS, mem[i]),
                         0);
    }
    for (unsigned i = 1; i < NR_PORTS; i++) {
        assert_int_equal(splitio_event_engine_alloc_unbound(e, 1, 0, &remote),
                         0);
        assert_int_equal(
            splitio_event_engine_bind_interdomain(e, 0, 1, remote, &local), 0);
        assert_int_equal(remote, i);
        assert_int_equal(local, i);
    }
}

static void events_are_as_xens(void **state)
{
    const struct cpu *cpu = *state;
    static struct splitio_event_handler handlers[NR_PORTS];
    static const splitio_evtchn_t ports[] = {5, 33, 777};
    struct splitio_event_handler handler = {on_event, NULL};
    struct splitio_event_engine e;
    struct splitio_event_guest g;

    golden_open(&golden, cpu->name, cpu->program);
    open_channels(&e, cpu->events);
    splitio_event_guest_init(&g, cpu->events, info[1], handlers, NR_PORTS);
    for (unsigned i = 1; i < NR_PORTS; i++)
        splitio_event_guest_bind(&g, i, handler);
    /* The rest is masked too: not of interest here. */
    splitio_event_guest_unmask(&g, 0, 0);
    for (unsigned i = NR_PORTS; i < splitio_event_abi_nr_ports(cpu->events);
         i++)
        splitio_event_guest_unmask(&g, 0, i);
    splitio_event_guest_mask(&g, 64);
    splitio_event_guest_mask(&g, 899);
    golden_make(&golden, "event_2l 0 64 899");
    golden_same(&golden, info[1], golden.len, "masked ports");
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(ports); i++)
        assert_int_equal(splitio_event_engine_send(&e, 0, ports[i]), 0);
    golden_make(&golden, "event_2l 3 5 33 777 64 899");
    golden_same(&golden, info[1], golden.len, "pending ports");
    for (unsigned i = 0; i < 2; i++) {
        while (splitio_event_engine_remove(&e, (splitio_domid_t)i) != 0)
            ;
        free(info[i]);
    }
    golden_close(&golden);
}

/* A case for each processor. */
#define CASES(name)                                                            \
    {#name "_x86_64", name, NULL, NULL, &cpus[0]},                             \
    {                                                                          \
#name "_x86_32", name, NULL, NULL, &cpus[1]                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(ring_headers_are_as_xens),
        CASES(grants_are_as_xens),
        CASES(grants_of_version_2_are_as_xens),
        CASES(events_are_as_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
