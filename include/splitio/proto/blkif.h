/* SPDX-License-Identifier: BSD-2-Clause */
/* The block protocol: wire structures, keys, and the parser of requests. */
#ifndef SPLITIO_PROTO_BLKIF_H
#define SPLITIO_PROTO_BLKIF_H

/**
 * @file
 * @brief The block protocol, blkif (layer 2).
 *
 * **What it is.** The slots of the block ring in each CPU ABI, the names of the
 * store keys, and the functions that turn the copy of a slot into a checked
 * request. Source: xen/io/blkif.h. Two layouts exist: 32-bit x86, which aligns
 * 64-bit fields to 4 bytes, and all others, here called x86_64. All fields are
 * little-endian, whatever the machine is: the structures name places, and only
 * the functions below give and take values.
 *
 * **Who calls what.** A back copies a slot out of the ring and calls
 * splitio_blkif_parse(); if the request is indirect it copies the descriptor
 * pages too and calls splitio_blkif_check_segments(). A front lays its requests
 * out with splitio_blkif_put_request() and reads answers with
 * splitio_blkif_get_response(). All are pure: they touch nothing but their
 * arguments.
 *
 * **Typical loop.** See splitio/blkback.h and splitio/blkfront.h.
 *
 * **Memory order.** None; it works on private copies only.
 *
 * **Trust.** Every byte of a slot and of a descriptor page is the peer's. What
 * the parser lets through lies inside the disk, is aligned to its sectors, has
 * 1 to the negotiated number of segments, each inside its page, and only asks
 * for what was offered. Grant references are passed on: the host port checks.
 *
 * **Errors.** The parser returns 0 or the wire status to answer with, and fills
 * in id and operation in both cases, so that the answer can be written.
 */

#include <splitio/ring.h>

#ifdef __cplusplus
extern "C" {
#endif

/** BLKIF_OP_* */
enum splitio_blkif_op {
    SPLITIO_BLKIF_OP_READ = 0,
    SPLITIO_BLKIF_OP_WRITE = 1,
    SPLITIO_BLKIF_OP_WRITE_BARRIER = 2,
    SPLITIO_BLKIF_OP_FLUSH_DISKCACHE = 3,
    SPLITIO_BLKIF_OP_RESERVED_1 = 4,
    SPLITIO_BLKIF_OP_DISCARD = 5,
    SPLITIO_BLKIF_OP_INDIRECT = 6,
};

/** BLKIF_RSP_* */
enum splitio_blkif_rsp {
    SPLITIO_BLKIF_RSP_OKAY = 0,
    SPLITIO_BLKIF_RSP_ERROR = -1,
    SPLITIO_BLKIF_RSP_EOPNOTSUPP = -2,
};

/** Segments that fit into the slot itself. */
#define SPLITIO_BLKIF_MAX_SEGMENTS 11u
/** Descriptor pages of one indirect request, and segments of each page. */
#define SPLITIO_BLKIF_MAX_INDIRECT_PAGES 8u
#define SPLITIO_BLKIF_SEGS_PER_PAGE      512u
/** Most segments that an indirect request can have. */
#define SPLITIO_BLKIF_MAX_INDIRECT_SEGMENTS 4096u
/** Flag of a discard: so that it is gone. */
#define SPLITIO_BLKIF_DISCARD_SECURE 0x1u
/** Bits of the key "info" (VDISK_*). */
#define SPLITIO_BLKIF_VDISK_CDROM     0x1u
#define SPLITIO_BLKIF_VDISK_REMOVABLE 0x2u
#define SPLITIO_BLKIF_VDISK_READONLY  0x4u

/* ---- wire format ---- */

/** One segment, in a slot or in a descriptor page: the same in all ABIs. */
struct splitio_blkif_segment {
    uint32_t gref;      /* writer: front, as all fields of a request */
    uint8_t first_sect; /* 0 to 7, inclusive */
    uint8_t last_sect;  /* 0 to 7, inclusive */
    uint16_t pad;       /* 0 */
};

/** Read, write, barrier, flush; and the head that all requests share. */
struct splitio_blkif_request_x86_64 {
    uint8_t operation;
    uint8_t nr_segments;
    uint16_t handle;
    uint32_t pad;
    uint64_t id; /* the front's; echoed in the response */
    uint64_t sector_number;
    struct splitio_blkif_segment seg[SPLITIO_BLKIF_MAX_SEGMENTS];
};

/** A slot whose operation is SPLITIO_BLKIF_OP_DISCARD. */
struct splitio_blkif_discard_x86_64 {
    uint8_t operation;
    uint8_t flag;
    uint16_t handle;
    uint32_t pad;
    uint64_t id;
    uint64_t sector_number;
    uint64_t nr_sectors;
};

/** A slot whose operation is SPLITIO_BLKIF_OP_INDIRECT. */
struct splitio_blkif_indirect_x86_64 {
    uint8_t operation;
    uint8_t indirect_op; /* read or write */
    uint16_t nr_segments;
    uint32_t pad;
    uint64_t id;
    uint64_t sector_number;
    uint16_t handle;
    uint16_t pad2;
    uint32_t indirect_grefs[SPLITIO_BLKIF_MAX_INDIRECT_PAGES];
    uint32_t pad3;
};

/** A response. */
struct splitio_blkif_response_x86_64 {
    uint64_t id;       /* writer: back, as all fields of a response */
    uint8_t operation; /* of the request; of an indirect one, its indirect_op */
    uint8_t pad;       /* 0 */
    int16_t status;
    uint32_t pad2; /* 0 */
};

/* The same for 32-bit x86: 64-bit fields lie at multiples of 4 and are spelled
 * as pairs of words, so that every compiler lays them out alike. */

/** See struct splitio_blkif_request_x86_64. */
struct splitio_blkif_request_x86_32 {
    uint8_t operation;
    uint8_t nr_segments;
    uint16_t handle;
    uint32_t id[2];
    uint32_t sector_number[2];
    struct splitio_blkif_segment seg[SPLITIO_BLKIF_MAX_SEGMENTS];
};

/** See struct splitio_blkif_discard_x86_64. */
struct splitio_blkif_discard_x86_32 {
    uint8_t operation;
    uint8_t flag;
    uint16_t handle;
    uint32_t id[2];
    uint32_t sector_number[2];
    uint32_t nr_sectors[2];
};

/** See struct splitio_blkif_indirect_x86_64. */
struct splitio_blkif_indirect_x86_32 {
    uint8_t operation;
    uint8_t indirect_op;
    uint16_t nr_segments;
    uint32_t id[2];
    uint32_t sector_number[2];
    uint16_t handle;
    uint16_t pad;
    uint32_t indirect_grefs[SPLITIO_BLKIF_MAX_INDIRECT_PAGES];
    uint32_t pad2[2];
};

/** See struct splitio_blkif_response_x86_64. */
struct splitio_blkif_response_x86_32 {
    uint32_t id[2];
    uint8_t operation;
    uint8_t pad;
    int16_t status;
};

#define SPLITIO_BLKIF_ASSERT_SIZE(type, bytes)                                 \
    SPLITIO_STATIC_ASSERT(sizeof(struct splitio_blkif_##type) == (bytes),      \
                          "wire format")
#define SPLITIO_BLKIF_ASSERT_OFFSET(type, field, bytes)                        \
    SPLITIO_STATIC_ASSERT(offsetof(struct splitio_blkif_##type, field) ==      \
                              (bytes),                                         \
                          "wire format")

SPLITIO_BLKIF_ASSERT_SIZE(segment, 8);
SPLITIO_BLKIF_ASSERT_SIZE(request_x86_64, 112);
SPLITIO_BLKIF_ASSERT_OFFSET(request_x86_64, id, 8);
SPLITIO_BLKIF_ASSERT_OFFSET(request_x86_64, seg, 24);
SPLITIO_BLKIF_ASSERT_SIZE(discard_x86_64, 32);
SPLITIO_BLKIF_ASSERT_OFFSET(discard_x86_64, nr_sectors, 24);
SPLITIO_BLKIF_ASSERT_SIZE(indirect_x86_64, 64);
SPLITIO_BLKIF_ASSERT_OFFSET(indirect_x86_64, sector_number, 16);
SPLITIO_BLKIF_ASSERT_OFFSET(indirect_x86_64, handle, 24);
SPLITIO_BLKIF_ASSERT_OFFSET(indirect_x86_64, indirect_grefs, 28);
SPLITIO_BLKIF_ASSERT_SIZE(response_x86_64, 16);
SPLITIO_BLKIF_ASSERT_OFFSET(response_x86_64, status, 10);
SPLITIO_BLKIF_ASSERT_SIZE(request_x86_32, 108);
SPLITIO_BLKIF_ASSERT_OFFSET(request_x86_32, id, 4);
SPLITIO_BLKIF_ASSERT_OFFSET(request_x86_32, seg, 20);
SPLITIO_BLKIF_ASSERT_SIZE(discard_x86_32, 28);
SPLITIO_BLKIF_ASSERT_OFFSET(discard_x86_32, nr_sectors, 20);
SPLITIO_BLKIF_ASSERT_SIZE(indirect_x86_32, 64);
SPLITIO_BLKIF_ASSERT_OFFSET(indirect_x86_32, handle, 20);
SPLITIO_BLKIF_ASSERT_OFFSET(indirect_x86_32, indirect_grefs, 24);
SPLITIO_BLKIF_ASSERT_SIZE(response_x86_32, 12);
SPLITIO_BLKIF_ASSERT_OFFSET(response_x86_32, status, 10);

/** Rings of either layout: 32 slots in one page, 512 in sixteen. */
SPLITIO_RING_DEFINE(splitio_blkif_ring_x86_64,
                    struct splitio_blkif_request_x86_64,
                    struct splitio_blkif_response_x86_64);
SPLITIO_RING_DEFINE(splitio_blkif_ring_x86_32,
                    struct splitio_blkif_request_x86_32,
                    struct splitio_blkif_response_x86_32);

/** The layouts. */
enum splitio_blkif_abi {
    SPLITIO_BLKIF_ABI_X86_64 = 0, /**< and Arm, and all others */
    SPLITIO_BLKIF_ABI_X86_32 = 1,
};

/**
 * What a peer counts in, where the sectors of a disk are not of 512 bytes. The
 * header says 512 bytes for everything since 2024-09 (Xen 221f2748e8, which has
 * this table); before, each implementation did as it understood. Lengths in the
 * keys "discard-granularity" and "discard-alignment" are bytes for all, and the
 * length of a discard goes with the sector number. docs/block.md says whom to
 * choose what for.
 */
enum splitio_blkif_units {
    SPLITIO_BLKIF_UNITS_SPEC = 0, /**< the header's text; Linux */
    /** "sectors" and sector numbers count sectors; segments, 512 bytes. */
    SPLITIO_BLKIF_UNITS_FREEBSD,
    /** All count sectors. QEMU before 9.2, Windows. */
    SPLITIO_BLKIF_UNITS_QEMU,
    /** "sectors" counts sectors; requests, 512 bytes. */
    SPLITIO_BLKIF_UNITS_MINIOS,
};

/** Binary logarithms of (unit / 512). */
struct splitio_blkif_shifts {
    uint8_t key;     /**< of the key "sectors" */
    uint8_t request; /**< of sector numbers, and of the length of a discard */
    uint8_t segment; /**< of first_sect and last_sect */
};

/** @brief True for a sector size that the protocol can have here: a power of
 *  two, at least 512, and not above a page, which is the most that a segment
 *  holds. */
static inline bool splitio_blkif_sector_size_ok(uint32_t bytes)
{
    return bytes >= 512 && bytes <= SPLITIO_PAGE_SIZE &&
           (bytes & (bytes - 1)) == 0;
}

/**
 * @brief What a peer of the given kind counts in.
 * @param[in] units       the kind; any other value is the header's.
 * @param[in] sector_size splitio_blkif_sector_size_ok().
 *
 * Caller: any. Order: none. Peer: nothing.
 */
struct splitio_blkif_shifts
splitio_blkif_shifts_of(enum splitio_blkif_units units, uint32_t sector_size);

/** A slot's copy, whichever the layout; the copy is what gets parsed. */
union splitio_blkif_slot {
    struct splitio_blkif_request_x86_64 x86_64;
    struct splitio_blkif_request_x86_32 x86_32;
    struct splitio_blkif_discard_x86_64 discard_x86_64;
    struct splitio_blkif_discard_x86_32 discard_x86_32;
    struct splitio_blkif_indirect_x86_64 indirect_x86_64;
    struct splitio_blkif_indirect_x86_32 indirect_x86_32;
};

/* ---- store keys ---- */

/* Written by the toolstack, in the back's directory. */
#define SPLITIO_BLKIF_KEY_MODE           "mode"
#define SPLITIO_BLKIF_KEY_DISCARD_ENABLE "discard-enable"
#define SPLITIO_BLKIF_KEY_REMOVABLE      "removable"
/* Written by the toolstack, in both. */
#define SPLITIO_BLKIF_KEY_DEVICE_TYPE "device-type"
/* Written by the toolstack, in the front's: "0" means, show the back no more
 * than must be. */
#define SPLITIO_BLKIF_KEY_TRUSTED "trusted"
/* Written by the back. */
#define SPLITIO_BLKIF_KEY_BARRIER        "feature-barrier"
#define SPLITIO_BLKIF_KEY_FLUSH          "feature-flush-cache"
#define SPLITIO_BLKIF_KEY_DISCARD        "feature-discard"
#define SPLITIO_BLKIF_KEY_DISCARD_ALIGN  "discard-alignment"
#define SPLITIO_BLKIF_KEY_DISCARD_GRAN   "discard-granularity"
#define SPLITIO_BLKIF_KEY_DISCARD_SECURE "discard-secure"
#define SPLITIO_BLKIF_KEY_MAX_INDIRECT   "feature-max-indirect-segments"
#define SPLITIO_BLKIF_KEY_MAX_RING_ORDER "max-ring-page-order"
#define SPLITIO_BLKIF_KEY_MAX_RING_PAGES "max-ring-pages"
#define SPLITIO_BLKIF_KEY_MAX_QUEUES     "multi-queue-max-queues"
#define SPLITIO_BLKIF_KEY_SECTORS        "sectors"
#define SPLITIO_BLKIF_KEY_SECTOR_SIZE    "sector-size"
#define SPLITIO_BLKIF_KEY_PHYS_SECTOR    "physical-sector-size"
#define SPLITIO_BLKIF_KEY_INFO           "info"
/* Written by both. */
#define SPLITIO_BLKIF_KEY_PERSISTENT "feature-persistent"
/* Written by the front. */
#define SPLITIO_BLKIF_KEY_RING_REF      "ring-ref"
#define SPLITIO_BLKIF_KEY_EVENT_CHANNEL "event-channel"
#define SPLITIO_BLKIF_KEY_PROTOCOL      "protocol"
#define SPLITIO_BLKIF_KEY_RING_ORDER    "ring-page-order"
#define SPLITIO_BLKIF_KEY_RING_PAGES    "num-ring-pages"
#define SPLITIO_BLKIF_KEY_NUM_QUEUES    "multi-queue-num-queues"
#define SPLITIO_BLKIF_KEY_RESIZE        "feature-online-resize"
/* Values of "protocol". Xen's header defines none for RISC-V: "riscv-abi" is
 * what ports of Xen to it use. */
#define SPLITIO_BLKIF_PROTOCOL_X86_64 "x86_64-abi"
#define SPLITIO_BLKIF_PROTOCOL_X86_32 "x86_32-abi"
#define SPLITIO_BLKIF_PROTOCOL_ARM    "arm-abi"
#define SPLITIO_BLKIF_PROTOCOL_RISCV  "riscv-abi"

/**
 * @brief The layout that a value of "protocol" stands for.
 * @param[in]  protocol the value, ending in NUL; NULL if there is no such key.
 * @param[in]  native   the layout if there is no such key.
 * @param[out] abi      the layout.
 * @return 0; SPLITIO_EOPNOTSUPP for any other text.
 *
 * Caller: any. Order: none. Peer: the text.
 */
int splitio_blkif_abi_of(const char *protocol, enum splitio_blkif_abi native,
                         enum splitio_blkif_abi *abi);

/* ---- parser ---- */

/** struct splitio_blkif_params.flags: what was offered, what the disk is. */
#define SPLITIO_BLKIF_READ_ONLY      (1u << 0)
#define SPLITIO_BLKIF_OFFERS_FLUSH   (1u << 1)
#define SPLITIO_BLKIF_OFFERS_BARRIER (1u << 2)
#define SPLITIO_BLKIF_OFFERS_DISCARD (1u << 3)
#define SPLITIO_BLKIF_OFFERS_SECURE  (1u << 4) /**< secure discard */

/** What requests are checked against: sampled once for a connection; only the
 *  size of the disk may change in its course. */
struct splitio_blkif_params {
    uint64_t nr_sectors;   /**< size of the disk, in units of 512 bytes */
    uint32_t sector_mask;  /**< sector size / 512 - 1: 0, 1, 3 or 7 */
    uint32_t flags;        /**< SPLITIO_BLKIF_* */
    uint32_t max_indirect; /**< segments; 0: indirect is not offered */
    enum splitio_blkif_abi abi;
    struct splitio_blkif_shifts shifts; /**< what the front counts in */
};

/** A request as parsed. All quantities are checked. */
struct splitio_blk_request {
    uint64_t id;         /**< to echo */
    uint64_t sector;     /**< first, in units of 512 bytes */
    uint64_t nr_sectors; /**< sum of the segments, or a discard's length */
    uint8_t op;          /**< to echo; never SPLITIO_BLKIF_OP_INDIRECT */
    bool secure;         /**< discard so that it is gone */
    uint16_t nr_segs;    /**< 0 for a discard; may be 0 for a flush */
    /** 0: the segments are in segs[]; else 1 to 8 pages hold them, and
     *  nr_sectors is set by splitio_blkif_check_segments(). */
    uint16_t nr_indirect_pages;
    splitio_gref_t indirect_grefs[SPLITIO_BLKIF_MAX_INDIRECT_PAGES];
    struct splitio_blkif_segment segs[SPLITIO_BLKIF_MAX_SEGMENTS];
};

/**
 * @brief Parse the private copy of a slot.
 * @param[in]  p    what to check against.
 * @param[in]  slot the copy, in layout p->abi.
 * @param[out] req  the request; id and op are always valid.
 * @return 0; SPLITIO_BLKIF_RSP_ERROR for a request that makes no sense;
 * SPLITIO_BLKIF_RSP_EOPNOTSUPP for an operation that is unknown or was not
 * offered: the status to answer with.
 *
 * Caller: back, any thread. Order: none. Peer: every byte of @p slot.
 */
int splitio_blkif_parse(const struct splitio_blkif_params *p,
                        const union splitio_blkif_slot *slot,
                        struct splitio_blk_request *req);

/**
 * @brief Check segments and range, and compute the length.
 * @param[in]     p    what to check against.
 * @param[in,out] req  an indirect request, parsed.
 * @param[in,out] segs req->nr_segs segments, copied from the descriptor pages;
 *                     then in the machine's byte order and units of 512 bytes.
 * @return 0 or SPLITIO_BLKIF_RSP_ERROR, to answer with.
 *
 * Caller: back, any thread; splitio_blkif_parse() has done it for a request
 * that is not indirect. Order: none. Peer: every byte of @p segs.
 */
int splitio_blkif_check_segments(const struct splitio_blkif_params *p,
                                 struct splitio_blk_request *req,
                                 struct splitio_blkif_segment *segs);

/* ---- the other way ---- */

/** A request to lay out, in units of 512 bytes. */
struct splitio_blkif_message {
    uint64_t id;
    uint64_t sector;
    uint64_t nr_sectors;  /**< of a discard */
    uint8_t op;           /**< never SPLITIO_BLKIF_OP_INDIRECT */
    uint8_t flag;         /**< of a discard */
    uint16_t nr_segs;     /**< with a list, up to 512 for each page of it */
    uint16_t nr_indirect; /**< 0: segs[] go into the slot; else pages, to 8 */
    const splitio_gref_t *indirect_grefs;
    const struct splitio_blkif_segment *segs; /**< NULL if there is a list */
};

/**
 * @brief Lay a request out; every byte of its slot is written.
 * @param[in]  abi    the layout.
 * @param[in]  shifts what the back counts in.
 * @param[in]  msg    at most SPLITIO_BLKIF_MAX_SEGMENTS segments in the slot.
 * @param[out] slot   private; the ring has a smaller one for x86_32.
 *
 * Caller: front. Order: none. Peer: nothing.
 */
void splitio_blkif_put_request(enum splitio_blkif_abi abi,
                               struct splitio_blkif_shifts shifts,
                               const struct splitio_blkif_message *msg,
                               union splitio_blkif_slot *slot);

/**
 * @brief Lay out segments, in a slot or in a page of a list.
 * @param[out] to     @p nr of them; written once.
 *
 * Caller: front. Order: none. Peer: nothing.
 */
void splitio_blkif_put_segments(struct splitio_blkif_shifts shifts,
                                const struct splitio_blkif_segment *segs,
                                unsigned nr, struct splitio_blkif_segment *to);

/** A response's copy, whichever the layout. */
union splitio_blkif_answer {
    struct splitio_blkif_response_x86_64 x86_64;
    struct splitio_blkif_response_x86_32 x86_32;
};

/** What a response says. */
struct splitio_blk_response {
    uint64_t id;
    uint8_t op;
    int16_t status;
};

/** @brief Lay a response out; every byte of it is written. Caller: back. */
static inline void
splitio_blkif_put_response(enum splitio_blkif_abi abi,
                           const struct splitio_blk_response *rsp,
                           union splitio_blkif_answer *answer)
{
    uint64_t id = splitio_le64(rsp->id);
    int16_t status = (int16_t)splitio_le16((uint16_t)rsp->status);

    __builtin_memset(answer, 0, sizeof(*answer));
    if (abi == SPLITIO_BLKIF_ABI_X86_32) {
        __builtin_memcpy(answer->x86_32.id, &id, sizeof(id));
        answer->x86_32.operation = rsp->op;
        answer->x86_32.status = status;
        return;
    }
    answer->x86_64.id = id;
    answer->x86_64.operation = rsp->op;
    answer->x86_64.status = status;
}

/** @brief Read the private copy of a response. Caller: front. Peer: all. */
static inline struct splitio_blk_response
splitio_blkif_get_response(enum splitio_blkif_abi abi,
                           const union splitio_blkif_answer *answer)
{
    bool small = abi == SPLITIO_BLKIF_ABI_X86_32;
    struct splitio_blk_response rsp = {
        0, small ? answer->x86_32.operation : answer->x86_64.operation,
        small ? answer->x86_32.status : answer->x86_64.status};

    __builtin_memcpy(&rsp.id, answer, sizeof(rsp.id));
    rsp.id = splitio_le64(rsp.id);
    rsp.status = (int16_t)splitio_le16((uint16_t)rsp.status);
    return rsp;
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_BLKIF_H */
