/* SPDX-License-Identifier: BSD-2-Clause */
/* Grant tables: their format, and the guest's side of lending pages. */
#ifndef SPLITIO_GRANT_H
#define SPLITIO_GRANT_H

/**
 * @file
 * @brief Grant tables of version 1 and 2 (layer 1).
 *
 * **What it is.** A domain lends pages by filling entries of a table that it
 * shares with the hypervisor side: which domain, which frame, read-only or not.
 * The index of the entry, the grant reference, is what it tells its peer. The
 * hypervisor side (grant_engine.h) maps or copies on the peer's behalf, and
 * marks the entry as in use while it does.
 *
 * Version 1 has the marks in the entry itself. Version 2 has them in pages of
 * their own, frame numbers of 64 bits, and two more kinds of grant, which can be
 * copied and not be mapped: a part of a page, and what another domain granted
 * to this one. Sources: xen/grant_table.h; XSA-224, -226, -396, -500 for what
 * must not go wrong.
 *
 * **Who calls what.** The guest owns a `splitio_grant_table` over the shared
 * frames: grant, revoke, reap. Any number of threads.
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
 * map() and copy() acquire them. The end of the peer's use releases its last
 * access; revoke() acquires it. In version 1 both work on the same word, by
 * compare-and-swap. In version 2 each side writes its own word, then a full
 * fence, then reads the other's: one of them sees the other.
 *
 * **Trust.** The guest trusts the hypervisor side, which it cannot do without;
 * the peer decides how long a page stays in use.
 *
 * **Errors.** SPLITIO_E*.
 */

#include <splitio/arch.h>
#include <splitio/base.h>

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

/** What all entries begin with. */
struct splitio_grant_header {
    uint16_t flags; /* writer: guest */
    uint16_t domid; /* writer: guest */
};

/** One entry of a version 2 table. 16 bytes, 256 to a frame. Writer: guest. */
union splitio_grant_entry_v2 {
    struct splitio_grant_header hdr;
    /** SPLITIO_GTF_PERMIT_ACCESS. */
    struct {
        struct splitio_grant_header hdr;
        uint32_t pad0;
        uint64_t frame;
    } full_page;
    /** SPLITIO_GTF_PERMIT_ACCESS and SPLITIO_GTF_SUB_PAGE. */
    struct {
        struct splitio_grant_header hdr;
        uint16_t page_off;
        uint16_t length;
        uint64_t frame;
    } sub_page;
    /** SPLITIO_GTF_TRANSITIVE. */
    struct {
        struct splitio_grant_header hdr;
        uint16_t trans_domid; /* who granted it to this domain */
        uint16_t pad0;
        uint32_t gref; /* and as what */
    } transitive;
    uint32_t spacer[4];
};

SPLITIO_STATIC_ASSERT(sizeof(union splitio_grant_entry_v2) == 16,
                      "wire format");

/** In-use bits of one entry of version 2. Writer: hypervisor side. */
typedef uint16_t splitio_grant_status_t;

/** Flags of an entry (GTF_*). */
#define SPLITIO_GTF_PERMIT_ACCESS   0x0001u
#define SPLITIO_GTF_ACCEPT_TRANSFER 0x0002u /* refused */
#define SPLITIO_GTF_TRANSITIVE      0x0003u /* version 2 only */
#define SPLITIO_GTF_TYPE_MASK       0x0003u
#define SPLITIO_GTF_READONLY        0x0004u
#define SPLITIO_GTF_READING         0x0008u
#define SPLITIO_GTF_WRITING         0x0010u
#define SPLITIO_GTF_SUB_PAGE        0x0100u /* version 2 only */

/** Entries of version 1 in one frame. */
#define SPLITIO_GRANTS_PER_FRAME_V1 512u
/** Entries of version 2 in one frame. */
#define SPLITIO_GRANTS_PER_FRAME_V2 256u
/** Status words in one frame. */
#define SPLITIO_GRANT_STATUS_PER_FRAME 2048u
/** Most frames of a table. */
#define SPLITIO_GRANT_FRAMES_MAX 64u
/** Status frames of a version 2 table of so many frames. */
#define SPLITIO_GRANT_STATUS_FRAMES(nr_frames) (((nr_frames) + 7u) / 8u)
/** References 0 to 7 are never allocated: 0 is the console's, 1 the store's. */
#define SPLITIO_GRANT_RESERVED 8u

/* ---- the guest's side ---- */

/** A guest's table. Fields are private, not ABI. */
struct splitio_grant_table {
    /* Shared with the hypervisor side: one of these two, by version. */
    struct splitio_grant_entry_v1 *entries;
    union splitio_grant_entry_v2 *entries_v2;
    const splitio_grant_status_t *status; /* NULL: version 1 */
    uint32_t *next; /* caller's memory: one word a reference */
    uint32_t nr_refs;
    splitio_atomic_u64 free_head; /* tag and first free reference */
    splitio_atomic_u64 held_head; /* tag and first reference in quarantine */
    uint32_t held_walk;           /* rest of the quarantine that reap() walks */
    uint32_t nr_free;
    uint32_t nr_held;
};

/** Bytes of @p next_mem for a table that may grow to @p nr_frames frames. */
#define SPLITIO_GRANT_TABLE_MEM(nr_frames)                                     \
    ((size_t)(nr_frames)*SPLITIO_GRANTS_PER_FRAME_V1 * sizeof(uint32_t))

/**
 * @brief Make the guest's side of a table of version 1; clears every entry but
 * the reserved ones: who built the domain has lent the console's and the store's
 * page there, and they may be in use.
 * @param[out] t         the table.
 * @param[in]  frames    the shared frames, contiguous and page-aligned.
 * @param[in]  nr_frames 1 to 64.
 * @param[in]  next_mem  SPLITIO_GRANT_TABLE_MEM() bytes, kept.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: guest, once, before any other. Order: none. Peer: nothing.
 */
int splitio_grant_table_init(struct splitio_grant_table *t, void *frames,
                             unsigned nr_frames, uint32_t *next_mem);

/**
 * @brief Make the guest's side of a table of version 2.
 * @param[in] status SPLITIO_GRANT_STATUS_FRAMES() frames, contiguous and
 *                   page-aligned; only read.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: guest, once, before any other; or when nothing is lent and the
 * hypervisor side has changed the version. Order: none. Peer: nothing.
 */
int splitio_grant_table_init_v2(struct splitio_grant_table *t, void *frames,
                                const void *status, unsigned nr_frames,
                                uint32_t *next_mem);

/**
 * @brief Use more frames, which follow the others in memory; for version 2 with
 * their status frames. They were zero before the hypervisor side was told of
 * them, and it has been told.
 * @param[in] nr_frames how many there are now.
 * @return 0; SPLITIO_EINVAL: more than 64, or fewer than before.
 *
 * Caller: guest, one thread; others may grant and revoke. Order: none. Peer:
 * nothing.
 */
int splitio_grant_table_grow(struct splitio_grant_table *t, unsigned nr_frames);

/** @brief True if counts and lists agree; the table must be idle. For tests. */
bool splitio_grant_table_is_valid(const struct splitio_grant_table *t);

/** @brief 1 or 2. */
static inline unsigned
splitio_grant_table_version(const struct splitio_grant_table *t)
{
    return t->status ? 2 : 1;
}

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
 * @brief Lend a part of a frame, for copies only.
 * @param[in] offset,len_bytes the part; at least a byte, all within the frame.
 * @return 0; SPLITIO_ENOSPC; SPLITIO_EINVAL: not a part of a frame;
 * SPLITIO_EOPNOTSUPP: not in version 1.
 *
 * Caller, Order and Peer as splitio_grant_table_grant().
 */
int splitio_grant_table_grant_part(struct splitio_grant_table *t,
                                   splitio_domid_t to, splitio_gfn_t gfn,
                                   uint32_t offset, uint32_t len_bytes,
                                   bool read_only, splitio_gref_t *gref);

/**
 * @brief Pass on what another domain granted to this one, for copies only. It
 * reaches no further: what was passed on is not passed on again.
 * @param[in] from,from_gref whose page, and the reference that it told us.
 * @return 0; SPLITIO_ENOSPC; SPLITIO_EOPNOTSUPP: not in version 1.
 *
 * Caller: guest, any thread, lock-free. Order: none. Peer: nothing.
 */
int splitio_grant_table_grant_through(struct splitio_grant_table *t,
                                      splitio_domid_t to, splitio_domid_t from,
                                      splitio_gref_t from_gref, bool read_only,
                                      splitio_gref_t *gref);

/**
 * @brief Allow writing, or allow it no longer.
 * @return 0; SPLITIO_EBUSY: the peer has it for writing: nothing changes;
 * SPLITIO_EINVAL: the reference is not lent.
 *
 * Caller: guest, one thread a reference. Order: acquires the peer's last write.
 * Peer: whether it is in use.
 */
int splitio_grant_table_protect(struct splitio_grant_table *t,
                                splitio_gref_t gref, bool read_only);

/**
 * @brief Take a frame back, in one atomic step, unless the peer has it in use.
 * @return 0: the page is the caller's alone and the reference free again;
 * SPLITIO_EBUSY: still in use: the reference is in quarantine, and the page must
 * not be used for anything until splitio_grant_table_reap() hands it out;
 * SPLITIO_EAGAIN: of what can only be copied: a copy is under way, and no other
 * can begin: call again; SPLITIO_EINVAL: the reference is not lent: never, or
 * revoked already.
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

/**
 * @brief The hypervisor side has swapped two entries: what was lent as one
 * reference is lent as the other now.
 * @return 0; SPLITIO_EINVAL: not both are lent.
 *
 * Caller: guest, who lent both. Order: none. Peer: nothing.
 */
int splitio_grant_table_swapped(struct splitio_grant_table *t, splitio_gref_t a,
                                splitio_gref_t b);

/** @brief References lent now, quarantine included. */
uint32_t splitio_grant_table_nr_lent(const struct splitio_grant_table *t);

/** @brief References that can be lent without growing. */
static inline uint32_t
splitio_grant_table_nr_free(const struct splitio_grant_table *t)
{
    return splitio_read_once_u32(&t->nr_free);
}

/** @brief References in quarantine. */
static inline uint32_t
splitio_grant_table_nr_held(const struct splitio_grant_table *t)
{
    return splitio_read_once_u32(&t->nr_held);
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_GRANT_H */
