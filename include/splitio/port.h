/* SPDX-License-Identifier: BSD-2-Clause */
/* What an embedder supplies: the guest, host and hypervisor port tables. */
#ifndef SPLITIO_PORT_H
#define SPLITIO_PORT_H

/**
 * @file
 * @brief The three port tables (layer 0).
 *
 * **What it is.** A port is a `const` table of functions and a context pointer.
 *  - The *guest* port is what a front stands on.
 *  - The *host* port is what a back stands on.
 *  - The *hypervisor* port is what splitio's own hypervisor side stands on,
 *    where the platform has none that knows grants and events.
 *
 * A back written against the host port runs unchanged on Xen's own grant
 * mapping and on splitio's grant engine; a front written against the guest port
 * runs unchanged in a process, a unikernel or a kernel.
 *
 * **Who calls what.** Fronts and backs call guest and host ports; the engines of
 * grant.h and event.h call the hypervisor port. Bindings implement them.
 *
 * **Threads.** Ports may be called by the owner threads of different devices at
 * the same time, unless the binding says otherwise.
 *
 * **Trust.** A port believes its caller. Frame numbers and references that come
 * from a peer are values of the peer: the hypervisor port checks every frame.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Called when an event arrives. It runs inside the binding's event scan and
 * does little: note that there is work, wake the owner. The channel is masked
 * from then on until the owner unmasks it, which it does when it has worked
 * (late end of interrupt); events that come meanwhile are delivered then.
 */
struct splitio_event_handler {
    void (*fn)(void *arg);
    void *arg;
};

/* ---- guest port ---- */

/** What a front needs of the place it runs in. */
struct splitio_guest_ops {
    /** Contiguous, zeroed, page-aligned memory that can be granted. NULL if
     *  there is none. */
    void *(*pages_alloc)(void *ctx, unsigned nr_pages);
    /** Give it back. Pages that a peer still holds must not come here. */
    void (*pages_free)(void *ctx, void *pages, unsigned nr_pages);
    /** Lend one page to a domain. 0 and the reference; SPLITIO_ENOSPC: the
     *  table is full; SPLITIO_EINVAL: not memory that can be granted. */
    int (*grant)(void *ctx, splitio_domid_t to, const void *page,
                 bool read_only, splitio_gref_t *gref);
    /** Take it back, in one step. 0; SPLITIO_EBUSY: the peer holds the page:
     *  reference and page are quarantined by the port, which frees the page
     *  with pages_free() should the peer ever let go. */
    int (*revoke)(void *ctx, splitio_gref_t gref);
    /** Open a channel for @p remote to bind to. The handler may run from then
     *  on. 0, SPLITIO_ENOSPC. */
    int (*event_open)(void *ctx, splitio_domid_t remote,
                      struct splitio_event_handler handler,
                      splitio_evtchn_t *evtchn);
    /** Close it. The handler does not run once this has returned. */
    void (*event_close)(void *ctx, splitio_evtchn_t evtchn);
    /** Notify the other end. */
    void (*event_send)(void *ctx, splitio_evtchn_t evtchn);
    /** End of interrupt: let the handler run again. If an event came since,
     *  it runs soon. */
    void (*event_unmask)(void *ctx, splitio_evtchn_t evtchn);
};

/** A guest port: table and context. */
struct splitio_guest_port {
    const struct splitio_guest_ops *ops;
    void *ctx;
};

/* ---- host port ---- */

/** Status of one grant operation. Xen's GNTST values (xen/grant_table.h). */
enum splitio_gntst {
    SPLITIO_GNTST_OKAY = 0,
    SPLITIO_GNTST_GENERAL_ERROR = -1,
    SPLITIO_GNTST_BAD_DOMAIN = -2,
    SPLITIO_GNTST_BAD_GNTREF = -3,
    SPLITIO_GNTST_BAD_HANDLE = -4,
    SPLITIO_GNTST_BAD_VIRT_ADDR = -5,
    SPLITIO_GNTST_BAD_DEV_ADDR = -6,
    SPLITIO_GNTST_NO_DEVICE_SPACE = -7,
    SPLITIO_GNTST_PERMISSION_DENIED = -8,
    SPLITIO_GNTST_BAD_PAGE = -9,
    SPLITIO_GNTST_BAD_COPY_ARG = -10,
    SPLITIO_GNTST_ADDRESS_TOO_BIG = -11,
    SPLITIO_GNTST_EAGAIN = -12,
    SPLITIO_GNTST_NO_SPACE = -13,
};

/** Names one mapping of one page, until it is unmapped. */
typedef uint32_t splitio_grant_handle_t;
#define SPLITIO_GRANT_HANDLE_NONE UINT32_MAX

/** Map one page of @p domid. */
struct splitio_grant_map {
    splitio_domid_t domid;         /**< in: who granted */
    bool read_only;                /**< in */
    splitio_gref_t gref;           /**< in */
    int status;                    /**< out: enum splitio_gntst */
    splitio_grant_handle_t handle; /**< out */
    void *va;                      /**< out: the page */
};

/** Undo one map. */
struct splitio_grant_unmap {
    splitio_grant_handle_t handle; /**< in */
    int status;                    /**< out: enum splitio_gntst */
};

/** One end of a copy: the caller's memory, or a range of a granted page. */
struct splitio_grant_end {
    void *local; /**< if not NULL, the rest is not looked at */
    splitio_domid_t domid;
    splitio_gref_t gref;
    uint32_t offset; /**< offset + length <= 4096 */
};

/** Copy between the caller's memory and a granted page, or two of them. */
struct splitio_grant_copy {
    struct splitio_grant_end src; /**< in */
    struct splitio_grant_end dst; /**< in */
    uint32_t len_bytes;           /**< in: 0 to 4096 */
    int status;                   /**< out: enum splitio_gntst */
};

/** A ring's pages, mapped at consecutive addresses. */
struct splitio_ring_map {
    void *va;
    unsigned nr_pages;
    splitio_grant_handle_t handles[16];
    void *window; /* the binding's, if it had to make the range */
};

/** What a back needs of the place it runs in. */
struct splitio_host_ops {
    /** Map @p nr pages. Returns how many failed; each has its status, and any
     *  status but OKAY is a failure. */
    unsigned (*map)(void *ctx, struct splitio_grant_map *ops, unsigned nr);
    /** Unmap; as map(). */
    unsigned (*unmap)(void *ctx, struct splitio_grant_unmap *ops, unsigned nr);
    /** Copy; as map(). */
    unsigned (*copy)(void *ctx, struct splitio_grant_copy *ops, unsigned nr);
    /** Map 1 to 16 pages of one domain, writable, at consecutive addresses.
     *  0; SPLITIO_EACCES: a reference is not granted; SPLITIO_ENOSPC. */
    int (*map_ring)(void *ctx, splitio_domid_t domid,
                    const splitio_gref_t *grefs, unsigned nr,
                    struct splitio_ring_map *map);
    /** Undo it. */
    void (*unmap_ring)(void *ctx, struct splitio_ring_map *map);
    /** Connect to a channel that @p remote opened for this domain. The handler
     *  runs at least once. 0; SPLITIO_ENOENT: not open, or not for this domain;
     *  SPLITIO_ENOSPC. */
    int (*event_bind)(void *ctx, splitio_domid_t remote,
                      splitio_evtchn_t remote_evtchn,
                      struct splitio_event_handler handler,
                      splitio_evtchn_t *evtchn);
    /** As in the guest port. */
    void (*event_close)(void *ctx, splitio_evtchn_t evtchn);
    /** As in the guest port. */
    void (*event_send)(void *ctx, splitio_evtchn_t evtchn);
    /** As in the guest port. */
    void (*event_unmask)(void *ctx, splitio_evtchn_t evtchn);
    /** Optional (NULL: event_unmask()): as event_unmask(), for an event that brought no
     *  work since the last end of interrupt. After several of those in a row
     *  the handler may have to wait, if events come, for up to a second. */
    void (*event_unmask_idle)(void *ctx, splitio_evtchn_t evtchn);
};

/** A host port: table and context. */
struct splitio_host_port {
    const struct splitio_host_ops *ops;
    void *ctx;
};

/** End of interrupt, by whichever operation is right. */
static inline void
splitio_host_port_unmask(const struct splitio_host_port *port,
                         splitio_evtchn_t evtchn, bool idle)
{
    if (idle && port->ops->event_unmask_idle)
        port->ops->event_unmask_idle(port->ctx, evtchn);
    else
        port->ops->event_unmask(port->ctx, evtchn);
}

/* ---- hypervisor port ---- */

/** What splitio's hypervisor side needs of the machine it arbitrates. */
struct splitio_hypervisor_ops {
    /** Host address of a guest frame; NULL if the guest has no such memory, or
     *  may not write it and @p write is set. Called with frame numbers that the
     *  guest made up. The address stays good while the domain is registered. */
    void *(*frame_ptr)(void *ctx, splitio_domid_t domid, splitio_gfn_t gfn,
                       bool write);
    /** Optional (NULL: only frames that are neighbours already): make @p nr
     *  frames appear at consecutive addresses. NULL on failure. */
    void *(*window_open)(void *ctx, splitio_domid_t domid,
                         const splitio_gfn_t *gfns, unsigned nr);
    /** Undo window_open(). */
    void (*window_close)(void *ctx, void *window, unsigned nr);
    /** Optional: atomically show at @p va, where @p self has a page mapped,
     *  what is at its @p new_va, and nothing there any more. 0; SPLITIO_E*: it
     *  is as it was. */
    int (*replace)(void *ctx, splitio_domid_t self, void *va, void *new_va);
    /** Optional: clean or invalidate data caches, @p op being SPLITIO_CACHE_*
     *  (grant_engine.h). 0, SPLITIO_E*. */
    int (*cache_flush)(void *ctx, void *va, size_t len_bytes, uint32_t op);
    /** Interrupt a virtual CPU: its domain has events pending. Called from any
     *  thread, possibly when there is nothing any more. */
    void (*upcall)(void *ctx, splitio_domid_t domid, unsigned vcpu);
    /** Optional (NULL: SPLITIO_EACCES): may a domain have a physical interrupt?
     *  0: the embedder will raise it on @p port, once the call that binds it has
     *  returned. The number is the guest's. Any thread. */
    int (*pirq_bind)(void *ctx, splitio_domid_t domid, uint32_t pirq,
                     uint32_t flags, splitio_evtchn_t port);
    /** Optional: undo pirq_bind(): the port is closed. */
    void (*pirq_unbind)(void *ctx, splitio_domid_t domid, uint32_t pirq);
    /** Optional: the guest has handled it and wants the next. */
    void (*pirq_eoi)(void *ctx, splitio_domid_t domid, uint32_t pirq);
};

/** A hypervisor port: table and context. */
struct splitio_hypervisor_port {
    const struct splitio_hypervisor_ops *ops;
    void *ctx;
};

/**
 * A registered domain, and how many calls are inside its data at this moment.
 * Fields are private, not ABI.
 */
struct splitio_domain_slot {
    uintptr_t domain;
    uint32_t users;
};

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PORT_H */
