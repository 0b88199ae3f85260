/* SPDX-License-Identifier: BSD-2-Clause */
/* xen_version: what the guest believes to run on. */
#include "kvm_int.h"

enum {
    OP_VERSION = 0,
    OP_EXTRAVERSION = 1,
    OP_CAPABILITIES = 3,
    OP_FEATURES = 6,
    OP_PAGESIZE = 7,
};

/* The interface of 4.17: what its kernels may rely on is here or refused. */
#define VERSION (4 << 16 | 17)

/* XENFEAT_*: memory is the guest's own; upcalls by vector; its clock is good. */
#define FEATURES                                                               \
    (1u << 0 /* writable page tables */ |                                      \
     1u << 1 /* and descriptor tables */ | 1u << 2 /* auto-translated */ |     \
     1u << 3 /* supervisor mode */ | 1u << 8 /* callback vector */ |           \
     1u << 9 /* safe pvclock */ | 1u << 16 /* not direct-mapped */)

struct features_arg {
    uint32_t index, features;
};

static int64_t features(struct call *c)
{
    struct features_arg a;

    if (!call_read(c, &a, c->arg[1], sizeof(a)))
        return -XEN_EFAULT;
    a.features = a.index == 0 ? FEATURES : 0;
    return call_write(c, c->arg[1], &a, sizeof(a)) ? 0 : -XEN_EFAULT;
}

static int64_t text(struct call *c, const char *what, size_t bytes)
{
    return call_write(c, c->arg[1], what, bytes) ? 0 : -XEN_EFAULT;
}

int64_t call_version(struct call *c)
{
    static const char extra[16] = ".0-splitio", caps[1024] = "hvm-3.0-x86_64";

    switch (c->arg[0]) {
    case OP_VERSION:
        return VERSION;
    case OP_EXTRAVERSION:
        return text(c, extra, sizeof(extra));
    case OP_CAPABILITIES:
        return text(c, caps, sizeof(caps));
    case OP_FEATURES:
        return features(c);
    case OP_PAGESIZE:
        return SPLITIO_PAGE_SIZE;
    default:
        return call_unknown(c);
    }
}
