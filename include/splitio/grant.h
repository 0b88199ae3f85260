/* SPDX-License-Identifier: BSD-2-Clause */
/* Grant tables: lending pages, and the engine that checks who may use them. */
#ifndef SPLITIO_GRANT_H
#define SPLITIO_GRANT_H

/**
 * @file
 * @brief Grant tables, version 1 (layer 1).
 *
 * **What it is.** A domain lends pages by filling entries of a table that it
 * shares with the hypervisor side: which domain, which frame, read-only or not.
 * The index of the entry, the grant reference, is what it tells its peer. The
 * hypervisor side maps or copies on the peer's behalf, and marks the entry as
 * in use while it does. Sources: xen/grant_table.h; XSA-224, -396, -500 for
 * what must not go wrong.
 *
 * **Who calls what.**
 *  - The guest owns a `splitio_grant_table` over the shared frames: grant,
 *    revoke, reap. Any number of threads.
 *  - The hypervisor side owns one `splitio_grant_engine` a machine with a
 *    `splitio_grant_domain` for each domain: map, unmap, copy. Any number of
 *    threads.
 *
 * **Typical loop.**
 *
 *     guest                                 hypervisor side, for the peer
 *     splitio_grant_table_grant(...)
 *     tell the peer the reference   --->    splitio_grant_engine_map(...)
 *                                           use the page
 *     told that the peer is done    <---    splitio_grant_engine_unmap(...)
 *     splitio_grant_table_revoke(...)
 *
 * **Memory order.** grant() writes domain and frame, then releases the flags;
 * map() and copy() acquire them. The peer's clearing of the in-use bits
 * releases its last access; revoke() acquires them.
 *
 * **Trust.** The engine reads an entry's flags and domain as one word, changes
 * them by compare-and-swap with a bounded number of tries, and reads the frame
 * once. What it found at the first pin is kept privately and later pins use
 * that, whatever the guest writes into the entry. A guest that never stops
 * changing its entry only gets SPLITIO_GNTST_GENERAL_ERROR for its own
 * reference. SPLITIO_GNTST_EAGAIN means that another call was at work on the
 * same entry for too long, never something the guest did.
 *
 * **Errors.** Guest calls return SPLITIO_E*; engine operations carry a status of
 * their own (enum splitio_gntst).
 */

#include <splitio/arch.h>
#include <splitio/port.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- wire format ---- */

/** One entry of a version 1 table. 8 bytes, 512 to a frame. */
struct splitio_grant_entry_v1 {
    uint16_t flags; /* writer: guest; the in-use bits: hypervisor side */
    uint16_t domid; /* writer: guest */
    uint32_t frame; /* writer: guest */
};

SPLITIO_STATIC_ASSERT(sizeof(struct splitio_grant_entry_v1) == 8,
                      "wire format");

/** Flags of an entry (GTF_*). */
#define SPLITIO_GTF_PERMIT_ACCESS 0x0001u
#define SPLITIO_GTF_TYPE_MASK     0x0003u
#define SPLITIO_GTF_READONLY      0x0004u
#define SPLITIO_GTF_READING       0x0008u
#define SPLITIO_GTF_WRITING       0x0010u
#define SPLITIO_GTF_SUB_PAGE      0x0100u /* version 2 only: refused */

/** Entries of version 1 in one frame. */
#define SPLITIO_GRANTS_PER_FRAME_V1 512u
/** Most frames of a table. */
#define SPLITIO_GRANT_FRAMES_MAX 64u
/** References 0 to 7 are never allocated: 0 is the console's, 1 the store's. */
#define SPLITIO_GRANT_RESERVED 8u

/* ---- guest side ---- */

/** A guest's table. Fields are private, not ABI. */
struct splitio_grant_table {
    struct splitio_grant_entry_v1
        *entries;   /* shared with the hypervisor side */
    uint32_t *next; /* caller's memory: one word a reference */
    uint32_t nr_refs;
    splitio_atomic_u64 free_head; /* tag and first free reference */
    splitio_atomic_u64 held_head; /* tag and first reference in quarantine */
    uint32_t held_walk;           /* rest of the quarantine that reap() walks */
    uint32_t nr_free;
    uint32_t nr_held;
};

/** Bytes of @p next_mem for splitio_grant_table_init(). */
#define SPLITIO_GRANT_TABLE_MEM(nr_frames)                                     \
    ((size_t)(nr_frames)*SPLITIO_GRANTS_PER_FRAME_V1 * sizeof(uint32_t))

/**
 * @brief Make the guest's side of a table; clears every entry but the reserved
 * ones: who built the domain has lent the console's and the store's page there,
 * and they may be in use.
 * @param[out] t         the table.
 * @param[in]  frames    the shared frames, contiguous and page-aligned.
 * @param[in]  nr_frames 1 to 64.
 * @param[in]  next_mem  SPLITIO_GRANT_TABLE_MEM(nr_frames) bytes, kept.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: guest, once, before any other. Order: none. Peer: nothing.
 */
int splitio_grant_table_init(struct splitio_grant_table *t, void *frames,
                             unsigned nr_frames, uint32_t *next_mem);

/** @brief True if counts and lists agree; the table must be idle. For tests. */
bool splitio_grant_table_is_valid(const struct splitio_grant_table *t);

/**
 * @brief Lend a frame.
 * @param[in,out] t         the table.
 * @param[in]     to        the domain that may use it.
 * @param[in]     gfn       the frame; version 1 carries 32 bits of it.
 * @param[in]     read_only the peer may only read.
 * @param[out]    gref      the reference to tell the peer.
 * @return 0; SPLITIO_ENOSPC: no reference is free; SPLITIO_EINVAL: the frame
 * number does not fit.
 *
 * Caller: guest, any thread, lock-free. Order: releases the page's content to
 * the engine. Peer: nothing.
 */
int splitio_grant_table_grant(struct splitio_grant_table *t, splitio_domid_t to,
                              splitio_gfn_t gfn, bool read_only,
                              splitio_gref_t *gref);

/**
 * @brief Take a frame back, in one atomic step, unless the peer has it in use.
 * @return 0: the page is the caller's alone and the reference free again;
 * SPLITIO_EBUSY: still in use: the reference is in quarantine, and the page must
 * not be used for anything until splitio_grant_table_reap() hands it out;
 * SPLITIO_EINVAL: the reference is not lent: never, or revoked already.
 *
 * Caller: guest, any thread, lock-free. Order: acquires the peer's last access.
 * Peer: whether it is in use.
 */
int splitio_grant_table_revoke(struct splitio_grant_table *t,
                               splitio_gref_t gref);

/** Hands a frame back that was in quarantine. */
typedef void (*splitio_grant_reaped_fn)(void *arg, splitio_gfn_t gfn);

/**
 * @brief Look through the quarantine; free what the peer has let go of. Calls
 * take turns: each goes on where the last one stopped.
 * @param[in] budget most references to look at.
 * @return references freed; each has been told to @p reaped.
 *
 * Caller: guest, one thread at a time. Order: acquires the peer's last access.
 * Peer: which ones are ready.
 */
unsigned splitio_grant_table_reap(struct splitio_grant_table *t,
                                  unsigned budget,
                                  splitio_grant_reaped_fn reaped, void *arg);

/** @brief References lent now, quarantine included. */
uint32_t splitio_grant_table_nr_lent(const struct splitio_grant_table *t);

/** @brief References in quarantine. */
static inline uint32_t
splitio_grant_table_nr_held(const struct splitio_grant_table *t)
{
    return splitio_read_once_u32(&t->nr_held);
}

/* ---- hypervisor side ---- */

/** Kinds of pin on a granted page. */
enum splitio_grant_pin {
    SPLITIO_PIN_MAP_READ,
    SPLITIO_PIN_MAP_WRITE,
    SPLITIO_PIN_COPY_READ,
    SPLITIO_PIN_COPY_WRITE,
    SPLITIO_PIN_KINDS,
};

/** What the engine knows of an entry in use. Fields are private, not ABI. */
struct splitio_grant_active {
    uint32_t owner; /* 1 while a call works on this entry, some instructions */
    splitio_domid_t domid;
    uint16_t pins[SPLITIO_PIN_KINDS];
    splitio_gfn_t gfn;
    void *ptr;
};

/** One mapping, in the domain that mapped. Fields are private, not ABI. */
struct splitio_grant_track {
    splitio_atomic_u64 word; /* generation, state, granting domain, reference */
    uint32_t next;
    uint32_t unused; /* 16 bytes everywhere: no word crosses a cache line */
};

/** A domain as the engine sees it. Fields are private, not ABI. */
struct splitio_grant_domain {
    splitio_domid_t domid;
    unsigned nr_frames;
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    struct splitio_grant_active *active; /* one a reference */
    struct splitio_grant_track *track;
    uint32_t nr_track;
    splitio_atomic_u64 track_head; /* tag and first free */
    uint32_t nr_mapped;            /* mappings that this domain holds */
    uint32_t nr_pins; /* pins that others hold on this domain's pages */
};

/** The engine. Fields are private, not ABI. */
struct splitio_grant_engine {
    const struct splitio_hypervisor_port *port;
    struct splitio_domain_slot *slots;
    unsigned nr_slots;
};

/** Bytes of memory for splitio_grant_engine_add(). */
#define SPLITIO_GRANT_DOMAIN_MEM(nr_frames, nr_track)                          \
    ((size_t)(nr_frames)*SPLITIO_GRANTS_PER_FRAME_V1 *                         \
         sizeof(struct splitio_grant_active) +                                 \
     (size_t)(nr_track) * sizeof(struct splitio_grant_track))

/** One domain holds fewer mappings than this. */
#define SPLITIO_GRANT_TRACK_MAX (1u << 20)

/**
 * @brief Make an engine for domain ids 0 to @p nr_slots - 1.
 * @param[in] port     kept by pointer.
 * @param[in] slots    @p nr_slots of them, kept.
 *
 * Caller: hypervisor side, once. Order: none. Peer: nothing.
 */
void splitio_grant_engine_init(struct splitio_grant_engine *e,
                               const struct splitio_hypervisor_port *port,
                               struct splitio_domain_slot *slots,
                               unsigned nr_slots);

/**
 * @brief Register a domain.
 * @param[out] d         caller's memory, kept until removed.
 * @param[in]  frames    @p nr_frames pages of the domain's shared table, in
 *                       host addresses, page-aligned; may be 0 frames for a
 *                       domain that only maps.
 * @param[in]  nr_track  most mappings that the domain may hold; below
 *                       SPLITIO_GRANT_TRACK_MAX.
 * @param[in]  mem       SPLITIO_GRANT_DOMAIN_MEM(nr_frames, nr_track) bytes,
 *                       aligned to 8, kept.
 * @return 0; SPLITIO_EINVAL; SPLITIO_EEXIST: the id is taken.
 *
 * Caller: hypervisor side, any thread. Order: releases @p d to all calls.
 * Peer: nothing.
 */
int splitio_grant_engine_add(struct splitio_grant_engine *e,
                             struct splitio_grant_domain *d,
                             splitio_domid_t domid, void *const *frames,
                             unsigned nr_frames, uint32_t nr_track, void *mem);

/**
 * @brief Forget a domain: none of its references can be used from now on.
 * @return 0: the memory is the caller's again; SPLITIO_EBUSY: other domains
 * still hold its pages, or it holds mappings: unmap them and call again;
 * SPLITIO_EAGAIN: a call of another thread is about to leave, call again;
 * SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, one thread a domain. Order: acquires all calls that
 * went before. Peer: cannot delay it; only this machine's own backs can.
 */
int splitio_grant_engine_remove(struct splitio_grant_engine *e,
                                splitio_domid_t domid);

/**
 * @brief Map pages of other domains for domain @p self.
 * @return how many operations failed; each has its status.
 *
 * Caller: hypervisor side, any thread. Order: acquires the granting guest's
 * splitio_grant_table_grant(). Peer: references and table content; each
 * operation ends after a bounded number of steps.
 */
unsigned splitio_grant_engine_map(struct splitio_grant_engine *e,
                                  splitio_domid_t self,
                                  struct splitio_grant_map *ops, unsigned nr);

/**
 * @brief Unmap. A handle works once: a stale, foreign or made-up one gives
 * SPLITIO_GNTST_BAD_HANDLE and changes nothing.
 * @return how many operations failed.
 *
 * Caller: hypervisor side, any thread. Order: releases the mapper's last access
 * to splitio_grant_table_revoke(). Peer: nothing.
 */
unsigned splitio_grant_engine_unmap(struct splitio_grant_engine *e,
                                    splitio_domid_t self,
                                    struct splitio_grant_unmap *ops,
                                    unsigned nr);

/**
 * @brief Copy on behalf of domain @p self, which must be registered. Length 0
 * checks nothing and does nothing; more than a page is a bad argument.
 * @return how many operations failed.
 *
 * Caller: hypervisor side, any thread. Order: as map and unmap around each
 * copy. Peer: references, table content and every byte.
 */
unsigned splitio_grant_engine_copy(struct splitio_grant_engine *e,
                                   splitio_domid_t self,
                                   struct splitio_grant_copy *ops, unsigned nr);

/**
 * @brief The frame behind a reference that is pinned; for building windows.
 * @return 0; SPLITIO_ENOENT if the handle is not a live mapping of @p self.
 */
int splitio_grant_engine_mapped_gfn(struct splitio_grant_engine *e,
                                    splitio_domid_t self,
                                    splitio_grant_handle_t handle,
                                    splitio_gfn_t *gfn);

/** @brief Mappings that @p domid holds; 0 if it is not registered. */
uint32_t splitio_grant_engine_nr_mapped(struct splitio_grant_engine *e,
                                        splitio_domid_t domid);

/** @brief Pins on pages of @p domid; 0 if it is not registered. */
uint32_t splitio_grant_engine_nr_pins(struct splitio_grant_engine *e,
                                      splitio_domid_t domid);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_GRANT_H */
