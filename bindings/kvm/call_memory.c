/* SPDX-License-Identifier: BSD-2-Clause */
/* memory_op: showing shared info and grant table; the balloon. */
#include "kvm_int.h"

/* Operations, and their arguments as in xen/memory.h, 64-bit. */
enum {
    OP_DECREASE_RESERVATION = 1,
    OP_POPULATE_PHYSMAP = 6,
    OP_ADD_TO_PHYSMAP = 7,
    OP_REMOVE_FROM_PHYSMAP = 15,
    OP_MASK = 63, /* above: where a call goes on that was interrupted */
};

enum {
    SPACE_SHARED_INFO = 0,
    SPACE_GRANT_TABLE = 1,
};

#define GRANT_STATUS (UINT64_C(1) << 31) /* of an index: of the status frames */
#define MAX_EXTENTS  65536u

struct add_arg {
    uint16_t domid, size;
    uint32_t space;
    uint64_t index, gfn;
};

struct remove_arg {
    uint16_t domid;
    uint64_t gfn;
};

struct reservation_arg {
    uint64_t extents, nr;
    uint32_t order, flags;
    uint16_t domid;
};

SPLITIO_STATIC_ASSERT(sizeof(struct add_arg) == 24, "wire format");
SPLITIO_STATIC_ASSERT(sizeof(struct remove_arg) == 16, "wire format");
SPLITIO_STATIC_ASSERT(sizeof(struct reservation_arg) == 32, "wire format");

static bool is_self(const struct splitio_kvm_guest *g, uint16_t domid)
{
    return domid == DOMID_SELF || domid == g->domid;
}

static int64_t add(struct call *c)
{
    struct splitio_kvm_guest *g = c->guest;
    struct add_arg a;
    unsigned frame;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    if (!is_self(g, a.domid))
        return -XEN_EPERM;
    if (a.space == SPACE_SHARED_INFO && a.index == 0)
        frame = FRAME_SHARED_INFO;
    else if (a.space == SPACE_GRANT_TABLE && a.index < g->cfg.max_grant_frames)
        frame = FRAME_GRANTS + (unsigned)a.index;
    else if (a.space == SPACE_GRANT_TABLE && (a.index & GRANT_STATUS) != 0 &&
             (a.index ^ GRANT_STATUS) < MAX_STATUS)
        frame = FRAME_STATUS + (unsigned)(a.index ^ GRANT_STATUS);
    else
        return -XEN_EINVAL;
    return call_error(memory_show(g, a.gfn, frame));
}

static int64_t take_away(struct call *c)
{
    struct remove_arg a;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    if (!is_self(c->guest, a.domid))
        return -XEN_EPERM;
    return call_error(memory_hide(c->guest, a.gfn));
}

/* A guest may call its memory given back; it finds it again when it asks. */
static int64_t reserve(struct call *c)
{
    struct reservation_arg a;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    if (!is_self(c->guest, a.domid))
        return -XEN_EPERM;
    return a.order == 0 && a.nr <= MAX_EXTENTS ? (int64_t)a.nr : 0;
}

int64_t call_memory(struct call *c)
{
    switch (c->arg[0] & OP_MASK) {
    case OP_ADD_TO_PHYSMAP:
        return add(c);
    case OP_REMOVE_FROM_PHYSMAP:
        return take_away(c);
    case OP_DECREASE_RESERVATION:
    case OP_POPULATE_PHYSMAP:
        return reserve(c);
    default:
        return call_unknown(c);
    }
}
