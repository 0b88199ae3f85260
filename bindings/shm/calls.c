/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest may ask of the hypervisor side. */
#include "machine_int.h"

static int event_alloc(struct member *g, uint32_t remote, uint32_t *port)
{
    if (remote >= SPLITIO_DOMID_FIRST_RESERVED)
        return SPLITIO_EINVAL;
    return splitio_event_engine_alloc_unbound(
        &g->machine->hv.events, g->info.domid, (splitio_domid_t)remote, port);
}

/* The frames lie in the guest's memory, one behind the other. */
static int grant_grow(struct member *g, uint32_t nr_frames)
{
    struct splitio_grant_engine *e = &g->machine->hv.grants;
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    uint32_t had = g->info.nr_grant_frames;
    int err;

    if (nr_frames < had)
        return SPLITIO_EINVAL;
    if (nr_frames > g->max_grant_frames)
        return SPLITIO_ENOSPC;
    for (uint32_t i = had; i < nr_frames; i++)
        frames[i - had] = member_frame(g, SPLITIO_SHM_FRAME_GRANTS + i);
    err = splitio_grant_engine_grow(e, g->info.domid, frames, nr_frames - had);
    if (!err)
        g->info.nr_grant_frames = nr_frames;
    return err;
}

static int grant_swap(struct member *g, uint32_t both)
{
    switch (splitio_grant_engine_swap(&g->machine->hv.grants, g->info.domid,
                                      both >> 16, both & 0xFFFF)) {
    case SPLITIO_GNTST_OKAY:
        return 0;
    case SPLITIO_GNTST_EAGAIN:
        return SPLITIO_EAGAIN;
    default:
        return SPLITIO_EINVAL;
    }
}

/* Event channels; false if it is another call. */
static bool act_event(struct member *g, const struct splitio_shm_call *c,
                      struct splitio_shm_call *reply)
{
    struct splitio_event_engine *e = &g->machine->hv.events;

    switch (c->type) {
    case SPLITIO_SHM_EVENT_ALLOC:
        reply->status = event_alloc(g, c->value, &reply->value);
        return true;
    case SPLITIO_SHM_EVENT_CLOSE:
        reply->status = splitio_event_engine_close(e, g->info.domid, c->value);
        return true;
    case SPLITIO_SHM_EVENT_CONTROL:
        reply->status =
            splitio_event_engine_init_control(e, g->info.domid, c->value, 0, 0);
        return true;
    case SPLITIO_SHM_EVENT_EXPAND:
        reply->status =
            splitio_event_engine_expand_array(e, g->info.domid, c->value);
        return true;
    case SPLITIO_SHM_EVENT_PRIORITY:
        reply->status = splitio_event_engine_set_priority(
            e, g->info.domid, c->value & 0xFFFFFF, c->value >> 24);
        return true;
    default:
        return false;
    }
}

bool splitio_shm_call_act(struct member *g, const struct splitio_shm_call *c,
                          struct splitio_shm_call *reply)
{
    struct splitio_hypervisor *hv = &g->machine->hv;

    *reply =
        (struct splitio_shm_call){.type = SPLITIO_SHM_REPLY, .seq = c->seq};
    if (c->status != 0)
        return false;
    if (act_event(g, c, reply))
        return true;
    switch (c->type) {
    case SPLITIO_SHM_GRANT_VERSION:
        reply->status = splitio_grant_engine_set_version(
            &hv->grants, g->info.domid, c->value);
        return true;
    case SPLITIO_SHM_GRANT_GROW:
        reply->status = grant_grow(g, c->value);
        return true;
    case SPLITIO_SHM_GRANT_SWAP:
        reply->status = grant_swap(g, c->value);
        return true;
    default:
        return false;
    }
}
