/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A grant engine and a few domains with memory of their own. Domain 0 has no
 * grant table: it maps only. The others have tables of version 1 or 2.
 */
#ifndef SPLITIO_TESTS_GRANT_RIG_H
#define SPLITIO_TESTS_GRANT_RIG_H

#include <splitio/grant_engine.h>

#define RIG_DOMAINS 4u  /* 0 to 3 are registered */
#define RIG_SLOTS   8u  /* ids that the engine knows */
#define RIG_FRAMES  2u  /* of each table */
#define RIG_PAGES   64u /* of each domain; the upper half is read-only */
#define RIG_TRACK   64u /* mappings that each may hold */
#define RIG_REFS    (RIG_FRAMES * SPLITIO_GRANTS_PER_FRAME_V1)
#define RIG_FREE    (RIG_REFS - SPLITIO_GRANT_RESERVED)
#define RIG_REFS_V2 (RIG_FRAMES * SPLITIO_GRANTS_PER_FRAME_V2)

/* Entries as they are in memory. */
static inline struct splitio_grant_entry_v1
rig_v1(uint32_t flags, splitio_domid_t domid, uint32_t frame)
{
    return (struct splitio_grant_entry_v1){splitio_le16((uint16_t)flags),
                                           splitio_le16(domid),
                                           splitio_le32(frame)};
}

static inline struct splitio_grant_header rig_hdr(uint32_t flags,
                                                  splitio_domid_t domid)
{
    return (struct splitio_grant_header){splitio_le16((uint16_t)flags),
                                         splitio_le16(domid)};
}

typedef uint8_t rig_page[SPLITIO_PAGE_SIZE];

struct rig_domain {
    struct splitio_grant_domain d;
    struct splitio_grant_table table;
    unsigned version;
    struct splitio_grant_entry_v1 *entries; /* shared */
    union splitio_grant_entry_v2 *v2;       /* the same memory */
    splitio_grant_status_t *status;         /* shared */
    rig_page *pages;
    void *mem;
    uint32_t *next_mem;
    void *frames[RIG_FRAMES], *status_frames[1];
    unsigned nr_frames;
};

struct rig {
    struct splitio_grant_engine e;
    struct splitio_hypervisor_port port;
    struct splitio_domain_slot slots[RIG_SLOTS];
    struct rig_domain dom[RIG_DOMAINS];
    bool no_memory; /* frame_ptr finds nothing */
    /* Called by frame_ptr before it answers, if not NULL. */
    void (*on_frame)(struct rig *r, splitio_domid_t domid, splitio_gfn_t gfn,
                     bool write);
    unsigned nr_frame_calls;
    splitio_gfn_t last_gfn;
    bool last_write;
    /* What the port does, if it can. */
    int (*replace)(struct rig *r, void *va, void *new_va);
    int (*flush)(struct rig *r, void *va, size_t len, uint32_t op);
};

struct rig *rig_new(void);
/* With version 2 for the domains whose bit is set. */
struct rig *rig_new_v2(unsigned domains);
/* A port that can replace mappings and flush caches, or one that cannot. */
void rig_set_abilities(struct rig *r, bool able);
/* Make the guest's side of a table anew, with a version. */
void rig_table(struct rig *r, splitio_domid_t domid, unsigned version);
void rig_delete(struct rig *r);
/* Register one domain again after it has been removed. */
int rig_add(struct rig *r, splitio_domid_t domid);

/* Single operations; the status. */
int rig_map(struct rig *r, splitio_domid_t self, splitio_domid_t from,
            splitio_gref_t gref, bool read_only,
            splitio_grant_handle_t *handle);
int rig_unmap(struct rig *r, splitio_domid_t self,
              splitio_grant_handle_t handle);
/* From a page of a domain to local memory, and the other way. */
int rig_fetch(struct rig *r, splitio_domid_t self, splitio_domid_t from,
              splitio_gref_t gref, uint32_t offset, void *to, uint32_t len);
int rig_put(struct rig *r, splitio_domid_t self, splitio_domid_t to,
            splitio_gref_t gref, uint32_t offset, const void *from,
            uint32_t len);

/* In-use bits of the entry, as the guest sees them. */
unsigned rig_in_use(const struct rig *r, splitio_domid_t domid,
                    splitio_gref_t gref);

#endif
