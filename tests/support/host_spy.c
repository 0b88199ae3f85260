/* SPDX-License-Identifier: BSD-2-Clause */
#include "host_spy.h"

#include "cm.h"

#include <string.h>

static bool fails(struct host_spy *spy)
{
    if (++spy->nr_ops != spy->fail_at)
        return false;
    spy->nr_failed++;
    return true;
}

static int failure(const struct host_spy *spy)
{
    return spy->fail_status ? spy->fail_status : SPLITIO_GNTST_GENERAL_ERROR;
}

static void moment(const struct host_spy *spy)
{
    if (spy->moment)
        spy->moment();
}

static unsigned spy_map(void *ctx, struct splitio_grant_map *ops, unsigned nr)
{
    struct host_spy *spy = ctx;
    unsigned failed = 0;

    moment(spy);
    spy->nr_map_calls++;
    spy->nr_maps += nr;
    for (unsigned i = 0; i < nr; i++) {
        if (fails(spy)) {
            ops[i].status = failure(spy);
            ops[i].handle = SPLITIO_GRANT_HANDLE_NONE;
            ops[i].va = NULL;
        } else {
            (void)spy->under.ops->map(spy->under.ctx, &ops[i], 1);
        }
        if (ops[i].status != SPLITIO_GNTST_OKAY) {
            failed++;
            continue;
        }
        assert_true(spy->nr_live < SPY_MAPS);
        spy->live[spy->nr_live++] = ops[i].handle;
    }
    moment(spy);
    return failed;
}

static void forget(struct host_spy *spy, splitio_grant_handle_t handle)
{
    for (unsigned i = 0; i < spy->nr_live; i++) {
        if (spy->live[i] == handle) {
            spy->live[i] = spy->live[--spy->nr_live];
            return;
        }
    }
    fail_msg("unmapped what was not mapped");
}

static unsigned spy_unmap(void *ctx, struct splitio_grant_unmap *ops,
                          unsigned nr)
{
    struct host_spy *spy = ctx;

    moment(spy);
    spy->nr_unmap_calls++;
    spy->nr_unmaps += nr;
    for (unsigned i = 0; i < nr; i++)
        forget(spy, ops[i].handle);
    return spy->under.ops->unmap(spy->under.ctx, ops, nr);
}

static unsigned spy_copy(void *ctx, struct splitio_grant_copy *ops, unsigned nr)
{
    struct host_spy *spy = ctx;
    unsigned failed = 0;

    moment(spy);
    spy->nr_copies += nr;
    for (unsigned i = 0; i < nr; i++) {
        if (fails(spy))
            ops[i].status = failure(spy);
        else
            (void)spy->under.ops->copy(spy->under.ctx, &ops[i], 1);
        if (ops[i].status != SPLITIO_GNTST_OKAY)
            failed++;
        else if (spy->after_copy)
            spy->after_copy(spy->arg, &ops[i]);
    }
    return failed;
}

static int spy_map_ring(void *ctx, splitio_domid_t domid,
                        const splitio_gref_t *grefs, unsigned nr,
                        struct splitio_ring_map *map)
{
    struct host_spy *spy = ctx;
    int err = fails(spy) ? SPLITIO_ENOSPC
                         : spy->under.ops->map_ring(spy->under.ctx, domid,
                                                    grefs, nr, map);

    if (!err) {
        assert_true(spy->nr_rings < SPY_RINGS);
        spy->ring_grefs[spy->nr_rings] = grefs[0];
        spy->ring_numbers[spy->nr_rings] = ++spy->nr_ring_maps;
        spy->rings[spy->nr_rings++] = map;
    }
    return err;
}

static void spy_unmap_ring(void *ctx, struct splitio_ring_map *map)
{
    struct host_spy *spy = ctx;
    unsigned i = 0;

    while (i < spy->nr_rings && spy->rings[i] != map)
        i++;
    assert_true(i < spy->nr_rings);
    spy->rings[i] = spy->rings[--spy->nr_rings];
    spy->ring_grefs[i] = spy->ring_grefs[spy->nr_rings];
    spy->ring_numbers[i] = spy->ring_numbers[spy->nr_rings];
    spy->under.ops->unmap_ring(spy->under.ctx, map);
}

static int spy_event_bind(void *ctx, splitio_domid_t remote,
                          splitio_evtchn_t remote_evtchn,
                          struct splitio_event_handler handler,
                          splitio_evtchn_t *evtchn)
{
    struct host_spy *spy = ctx;
    int err = fails(spy)
                  ? SPLITIO_ENOSPC
                  : spy->under.ops->event_bind(spy->under.ctx, remote,
                                               remote_evtchn, handler, evtchn);

    if (!err) {
        assert_true(spy->nr_channels < SPY_CHANNELS);
        spy->channels[spy->nr_channels++] = *evtchn;
    }
    return err;
}

static void spy_event_close(void *ctx, splitio_evtchn_t evtchn)
{
    struct host_spy *spy = ctx;
    unsigned i = 0;

    while (i < spy->nr_channels && spy->channels[i] != evtchn)
        i++;
    assert_true(i < spy->nr_channels);
    spy->channels[i] = spy->channels[--spy->nr_channels];
    spy->under.ops->event_close(spy->under.ctx, evtchn);
}

static void spy_event_send(void *ctx, splitio_evtchn_t evtchn)
{
    struct host_spy *spy = ctx;

    moment(spy);
    spy->under.ops->event_send(spy->under.ctx, evtchn);
    moment(spy);
}

static void spy_event_unmask(void *ctx, splitio_evtchn_t evtchn)
{
    struct host_spy *spy = ctx;

    spy->under.ops->event_unmask(spy->under.ctx, evtchn);
}

static void spy_event_unmask_idle(void *ctx, splitio_evtchn_t evtchn)
{
    struct host_spy *spy = ctx;

    splitio_host_port_unmask(&spy->under, evtchn, true);
}

static const struct splitio_host_ops spy_ops = {
    .map = spy_map,
    .unmap = spy_unmap,
    .copy = spy_copy,
    .map_ring = spy_map_ring,
    .unmap_ring = spy_unmap_ring,
    .event_bind = spy_event_bind,
    .event_close = spy_event_close,
    .event_send = spy_event_send,
    .event_unmask = spy_event_unmask,
    .event_unmask_idle = spy_event_unmask_idle,
};

struct splitio_host_port host_spy_port(struct host_spy *spy,
                                       struct splitio_host_port under)
{
    memset(spy, 0, sizeof(*spy));
    spy->under = under;
    return (struct splitio_host_port){.ops = &spy_ops, .ctx = spy};
}

void host_spy_release_all(struct host_spy *spy)
{
    while (spy->nr_channels)
        spy_event_close(spy, spy->channels[0]);
    while (spy->nr_rings)
        spy_unmap_ring(spy, spy->rings[0]);
    while (spy->nr_live) {
        struct splitio_grant_unmap op = {.handle = spy->live[0]};

        assert_int_equal(spy_unmap(spy, &op, 1), 0);
    }
}
