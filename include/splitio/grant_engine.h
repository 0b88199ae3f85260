/* SPDX-License-Identifier: BSD-2-Clause */
/* The hypervisor side of grant tables: who may use which page. */
#ifndef SPLITIO_GRANT_ENGINE_H
#define SPLITIO_GRANT_ENGINE_H

/**
 * @file
 * @brief The grant engine (layer 2).
 *
 * **What it is.** It stands between domains: looks up what a granting domain
 * wrote into its table (grant.h), maps or copies the page for the domain that
 * asks, and marks the entry as in use meanwhile. Tables of both versions live
 * side by side; who uses a reference need not know its version. Sources:
 * xen/grant_table.h; for the statuses of operations that the header does not
 * describe, what Xen 4.19 answers.
 *
 * **Who calls what.** The hypervisor side owns one `splitio_grant_engine` a
 * machine with a `splitio_grant_domain` for each domain. Any number of threads.
 *
 * **Typical loop.** grant.h's. A guest's calls for its own table are forwarded
 * to splitio_grant_engine_set_version(), grow(), query_size() and swap().
 *
 * **Memory order.** grant.h's.
 *
 * **Trust.** The engine reads an entry's flags and domain as one word, and its
 * frame once. In version 1 it changes them by compare-and-swap with a bounded
 * number of tries; in version 2 it writes the status word, which it never reads,
 * and looks at the flags a second time. What it found at the first pin is kept
 * privately and later pins use that, whatever the guest writes into the entry. A
 * guest that never stops changing its entry only gets an error for its own
 * reference. SPLITIO_GNTST_EAGAIN means that another call was at work on the
 * same entry for too long; the domain's own calls can cause that, while they
 * change the version.
 *
 * A grant of a part of a page is copied within that part to the byte. A grant of
 * what another domain granted is followed once: what is found there must be a
 * page, or a part of one, of a third domain or of the one that asks.
 *
 * **Errors.** Operations on pages carry a status of their own (enum
 * splitio_gntst); calls for a table return SPLITIO_E*.
 */

#include <splitio/grant.h>
#include <splitio/port.h>

#ifdef __cplusplus
extern "C" {
#endif

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
    uint16_t what;     /* page, part, or passed on */
    splitio_gfn_t gfn; /* passed on: the other domain and its reference */
    union {
        void *ptr; /* page */
        struct {
            uint16_t offset, length;
        } part;
    } u;
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
    uint16_t version; /* changes while every entry has an owner */
    uint32_t nr_refs; /* of this version, in the frames that there are */
    uint32_t setting; /* 1 while a call changes the table's shape */
    uint32_t nr_frames;
    unsigned max_frames, nr_status;
    void *frames[SPLITIO_GRANT_FRAMES_MAX];
    splitio_grant_status_t
        *status[SPLITIO_GRANT_STATUS_FRAMES(SPLITIO_GRANT_FRAMES_MAX)];
    struct splitio_grant_active *active; /* one a reference */
    struct splitio_grant_track *track;
    uint32_t nr_track;
    splitio_atomic_u64 track_head; /* tag and first free */
    uint32_t nr_mapped;            /* mappings that this domain holds */
    uint32_t nr_pins; /* mappings that others hold of this domain's pages */
};

/** The engine. Fields are private, not ABI. */
struct splitio_grant_engine {
    const struct splitio_hypervisor_port *port;
    struct splitio_domain_slot *slots;
    unsigned nr_slots;
};

/** Bytes of memory for a domain whose table may grow to @p nr_frames. */
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

/** What a domain is made of. Frames are host addresses, page-aligned. */
struct splitio_grant_domain_config {
    splitio_domid_t domid;
    unsigned version;    /**< 1 or 2; 0: 1 */
    void *const *frames; /**< pages of its shared table */
    unsigned nr_frames;  /**< 0 for a domain that only maps */
    unsigned max_frames; /**< may grow to so many; 0: nr_frames */
    void *const *status; /**< pages of status words, cleared by the engine */
    unsigned nr_status;  /**< SPLITIO_GRANT_STATUS_FRAMES(max_frames), or 0:
                               version 1 only */
    uint32_t nr_track;   /**< most mappings that the domain may hold; below
                               SPLITIO_GRANT_TRACK_MAX */
    void *mem;           /**< SPLITIO_GRANT_DOMAIN_MEM(max_frames, nr_track)
                               bytes, aligned to 8, kept */
};

/**
 * @brief Register a domain.
 * @param[out] d         caller's memory, kept until removed.
 * @return 0; SPLITIO_EINVAL; SPLITIO_EEXIST: the id is taken.
 *
 * Caller: hypervisor side, any thread. Order: releases @p d to all calls.
 * Peer: nothing.
 */
int splitio_grant_engine_add(struct splitio_grant_engine *e,
                             struct splitio_grant_domain *d,
                             const struct splitio_grant_domain_config *cfg);

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

/* ---- a domain's calls for its own table ---- */

/**
 * @brief The version of a table (GNTTABOP_get_version).
 * @return 1 or 2; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: nothing.
 */
int splitio_grant_engine_version(struct splitio_grant_engine *e,
                                 splitio_domid_t domid);

/**
 * @brief Change the version (GNTTABOP_set_version): in one step for all calls of
 * other threads. The reserved entries are kept, in use or not; all others are
 * cleared.
 * @return 0, also if it is that version already; SPLITIO_EBUSY: an entry that is
 * not reserved is in use; SPLITIO_EAGAIN: another call is at work on an entry,
 * or a copy on a reserved one; SPLITIO_E2BIG: a reserved entry cannot be
 * expressed in version 1; SPLITIO_EOPNOTSUPP: no status frames;
 * SPLITIO_EINVAL: no such version; SPLITIO_ENOENT: no such domain.
 *
 * Caller: hypervisor side, any thread. Order: acquires and releases all calls
 * on this table. Peer: whether it is in use; content of the reserved entries.
 */
int splitio_grant_engine_set_version(struct splitio_grant_engine *e,
                                     splitio_domid_t domid, unsigned version);

/**
 * @brief How large a table is, and may become (GNTTABOP_query_size).
 * @return 0; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: nothing.
 */
int splitio_grant_engine_query_size(struct splitio_grant_engine *e,
                                    splitio_domid_t domid, unsigned *nr_frames,
                                    unsigned *max_frames);

/**
 * @brief Add frames to a table that is in use (GNTTABOP_setup_table).
 * @param[in] frames host addresses, page-aligned; they follow those there are.
 * @return 0; SPLITIO_EINVAL: a bad address; SPLITIO_ENOSPC: more than
 * max_frames; SPLITIO_EAGAIN: another call changes the table; SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: releases the frames to all calls.
 * Peer: nothing.
 */
int splitio_grant_engine_grow(struct splitio_grant_engine *e,
                              splitio_domid_t domid, void *const *frames,
                              unsigned nr);

/**
 * @brief The status frames of a table (GNTTABOP_get_status_frames).
 * @param[out] frames @p nr host addresses.
 * @return 0; SPLITIO_EINVAL: there are not so many; none in version 1;
 * SPLITIO_ENOENT.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: nothing.
 */
int splitio_grant_engine_status_frames(struct splitio_grant_engine *e,
                                       splitio_domid_t domid, void **frames,
                                       unsigned nr);

/**
 * @brief Swap two entries of a table (GNTTABOP_swap_grant_ref).
 * @return SPLITIO_GNTST_OKAY; BAD_DOMAIN; BAD_GNTREF; EAGAIN: one of them is in
 * use.
 *
 * Caller: hypervisor side, any thread. Order: as map() and unmap(). Peer: both
 * entries' content, which is not looked at.
 */
int splitio_grant_engine_swap(struct splitio_grant_engine *e,
                              splitio_domid_t domid, splitio_gref_t a,
                              splitio_gref_t b);

/* ---- using the pages of others ---- */

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

/** Undo one map, and have something else at its address. */
struct splitio_grant_replace {
    splitio_grant_handle_t handle; /**< in */
    void *new_va; /**< in: the caller's own page; moves to the address */
    int status;   /**< out: enum splitio_gntst */
};

/**
 * @brief Unmap and replace (GNTTABOP_unmap_and_replace), by the port's
 * `replace`. No access to the address ever finds nothing there.
 * @return how many operations failed: SPLITIO_GNTST_BAD_HANDLE as unmap();
 * BAD_VIRT_ADDR: new_va is NULL; GENERAL_ERROR: the port has no such operation,
 * or it failed: the mapping stays.
 *
 * Caller: hypervisor side, any thread. Order: as unmap(). Peer: nothing.
 */
unsigned splitio_grant_engine_unmap_and_replace(
    struct splitio_grant_engine *e, splitio_domid_t self,
    struct splitio_grant_replace *ops, unsigned nr);

/**
 * @brief Copy on behalf of domain @p self, which must be registered. Length 0
 * checks nothing and does nothing; more than a page is a bad argument. Outside
 * of the part that was granted: SPLITIO_GNTST_GENERAL_ERROR; so is a grant that
 * was passed on twice, or leads back to its own domain, or nowhere.
 * @return how many operations failed.
 *
 * Caller: hypervisor side, any thread. Order: as map and unmap around each
 * copy. Peer: references, table content and every byte.
 */
unsigned splitio_grant_engine_copy(struct splitio_grant_engine *e,
                                   splitio_domid_t self,
                                   struct splitio_grant_copy *ops, unsigned nr);

/** Give a page away. */
struct splitio_grant_transfer {
    splitio_gfn_t gfn;
    splitio_domid_t domid;
    splitio_gref_t gref;
    int status; /**< out: enum splitio_gntst */
};

/**
 * @brief Transfer pages (GNTTABOP_transfer): refused. The memory of a domain
 * here is what it came with. SPLITIO_GNTST_BAD_PAGE is the one status after
 * which a page is still its owner's.
 * @return @p nr.
 *
 * Caller: hypervisor side, any thread. Order: none. Peer: nothing.
 */
unsigned splitio_grant_engine_transfer(struct splitio_grant_engine *e,
                                       splitio_domid_t self,
                                       struct splitio_grant_transfer *ops,
                                       unsigned nr);

/** What to do with a range of a cache (GNTTAB_CACHE_*). */
#define SPLITIO_CACHE_CLEAN 0x1u
#define SPLITIO_CACHE_INVAL 0x2u

/**
 * @brief Clean or invalidate caches over a part of a page that @p self has
 * mapped (GNTTABOP_cache_flush), by the port's `cache_flush`.
 * @param[in] op SPLITIO_CACHE_CLEAN, SPLITIO_CACHE_INVAL or both; 0: nothing.
 * @return 0; SPLITIO_EINVAL: not within a page, an unknown operation, or no
 * mapping of @p self; SPLITIO_EOPNOTSUPP: the port has no such operation;
 * what the port says.
 *
 * Caller: hypervisor side, any thread. Order: the port's. Peer: nothing.
 */
int splitio_grant_engine_cache_flush(struct splitio_grant_engine *e,
                                     splitio_domid_t self,
                                     splitio_grant_handle_t handle,
                                     uint32_t offset, uint32_t len_bytes,
                                     uint32_t op);

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

/** @brief Mappings of pages of @p domid; 0 if it is not registered. */
uint32_t splitio_grant_engine_nr_pins(struct splitio_grant_engine *e,
                                      splitio_domid_t domid);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_GRANT_ENGINE_H */
