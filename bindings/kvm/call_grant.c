/* SPDX-License-Identifier: BSD-2-Clause */
/* grant_table_op: what a guest asks about its own table. */
#include "kvm_int.h"

/* Operations, and their arguments as in xen/grant_table.h, 64-bit. */
enum {
    OP_SETUP_TABLE = 2,
    OP_QUERY_SIZE = 6,
    OP_SET_VERSION = 8,
    OP_GET_VERSION = 10,
    OP_SWAP = 11,
};

#define MAX_COUNT 64u

union grant_arg {
    struct {
        uint16_t domid, pad;
        uint32_t nr_frames;
        int16_t status;
        uint64_t frames;
    } setup;
    struct {
        uint16_t domid;
        uint32_t nr_frames, max_frames;
        int16_t status;
    } size;
    uint32_t set_version;
    struct {
        uint16_t domid, pad;
        uint32_t version;
    } version;
    struct {
        uint32_t a, b;
        int16_t status;
    } swap;
};

static const uint8_t arg_bytes[] = {
    [OP_SETUP_TABLE] = 24, [OP_QUERY_SIZE] = 16, [OP_SET_VERSION] = 4,
    [OP_GET_VERSION] = 8,  [OP_SWAP] = 12,
};

static bool is_self(const struct splitio_kvm_guest *g, uint16_t domid)
{
    return domid == DOMID_SELF || domid == g->domid;
}

static int query_size(struct splitio_grant_engine *e,
                      const struct splitio_kvm_guest *g, union grant_arg *a)
{
    unsigned nr = 0, max = 0;

    if (!is_self(g, a->size.domid)) {
        a->size.status = SPLITIO_GNTST_PERMISSION_DENIED;
        return 0;
    }
    (void)splitio_grant_engine_query_size(e, g->domid, &nr, &max);
    a->size.nr_frames = nr;
    a->size.max_frames = max;
    a->size.status = SPLITIO_GNTST_OKAY;
    return 0;
}

/* All frames are there from the start; they are shown by add_to_physmap, and
 * have no numbers before. */
static void setup_table(const struct splitio_kvm_guest *g, union grant_arg *a)
{
    if (!is_self(g, a->setup.domid))
        a->setup.status = SPLITIO_GNTST_PERMISSION_DENIED;
    else if (a->setup.nr_frames > g->cfg.max_grant_frames)
        a->setup.status = SPLITIO_GNTST_GENERAL_ERROR;
    else
        a->setup.status = SPLITIO_GNTST_OKAY;
}

static int set_version(struct splitio_grant_engine *e,
                       const struct splitio_kvm_guest *g, union grant_arg *a)
{
    int err = splitio_grant_engine_set_version(e, g->domid, a->set_version);

    if (!err)
        a->set_version = (uint32_t)splitio_grant_engine_version(e, g->domid);
    return err;
}

static int act(struct splitio_grant_engine *e, struct call *c,
               union grant_arg *a)
{
    struct splitio_kvm_guest *g = c->guest;

    switch (c->arg[0]) {
    case OP_SETUP_TABLE:
        setup_table(g, a);
        return 0;
    case OP_QUERY_SIZE:
        return query_size(e, g, a);
    case OP_SET_VERSION:
        return set_version(e, g, a);
    case OP_SWAP:
        a->swap.status = (int16_t)splitio_grant_engine_swap(
            e, g->domid, a->swap.a, a->swap.b);
        return 0;
    default: /* OP_GET_VERSION */
        if (!is_self(g, a->version.domid))
            return SPLITIO_EACCES;
        a->version.version =
            (uint32_t)splitio_grant_engine_version(e, g->domid);
        return 0;
    }
}

int64_t call_grant(struct call *c)
{
    struct splitio_grant_engine *e = &c->guest->machine->hv.grants;
    uint64_t op = c->arg[0], at = c->arg[1];

    if (op >= sizeof(arg_bytes) || arg_bytes[op] == 0)
        return call_unknown(c);
    if (c->arg[2] > MAX_COUNT)
        return -XEN_EINVAL;
    for (uint64_t i = 0; i < c->arg[2]; i++, at += arg_bytes[op]) {
        union grant_arg a = {.set_version = 0};
        int err;

        if (!call_read(c, &a, at, arg_bytes[op]))
            return -XEN_EFAULT;
        err = act(e, c, &a);
        if (err)
            return call_error(err);
        if (!call_write(c, at, &a, arg_bytes[op]))
            return -XEN_EFAULT;
    }
    return 0;
}
