/* SPDX-License-Identifier: BSD-2-Clause */
/* Errors, scalar ids and the Xen page: what every other header stands on. */
#ifndef SPLITIO_BASE_H
#define SPLITIO_BASE_H

/**
 * @file
 * @brief Errors, scalar ids, page geometry (layer 0).
 *
 * **What it is.** The vocabulary shared by all modules. Freestanding.
 *
 * **Errors.** Functions return 0 or a documented count for success and one of
 * the negative `SPLITIO_E*` values below for failure. The values are fixed by
 * this file, not by the platform's errno. There are three kinds, and a
 * function's documentation names which it can return:
 *  - *flow*: not now. SPLITIO_EAGAIN. Nothing is wrong; come back after the
 *    next event.
 *  - *peer*: the other side broke the protocol. SPLITIO_EPROTO. The object is
 *    marked broken and stays so until it is closed and opened anew.
 *  - *caller*: all others; the call could not be carried out as asked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Error values. Fixed for ever; new ones are appended. */
enum splitio_error {
    SPLITIO_OK = 0,
    SPLITIO_EAGAIN = -1,      /**< flow: full, empty or not yet */
    SPLITIO_EPROTO = -2,      /**< peer: the other side broke the protocol */
    SPLITIO_EINVAL = -3,      /**< caller: argument or order of calls */
    SPLITIO_ENOMEM = -4,      /**< the memory handed over is used up */
    SPLITIO_ENOSPC = -5,      /**< a table or a quota is full */
    SPLITIO_ENOENT = -6,      /**< no such object */
    SPLITIO_EEXIST = -7,      /**< the object is there already */
    SPLITIO_EACCES = -8,      /**< not permitted */
    SPLITIO_EBUSY = -9,       /**< still in use */
    SPLITIO_EIO = -10,        /**< the device or transport failed */
    SPLITIO_EOPNOTSUPP = -11, /**< known, but not offered */
    SPLITIO_EROFS = -12,      /**< write to a read-only object */
    SPLITIO_ECLOSED = -13,    /**< the object is closed or closing */
    SPLITIO_E2BIG = -14,      /**< over a fixed bound */
};

/** Domain id. 0 is by custom the domain that owns the devices. */
typedef uint16_t splitio_domid_t;
/** Grant reference: index into the granting domain's table. */
typedef uint32_t splitio_gref_t;
/** Event channel port, meaningful inside one domain only. 0 is never valid. */
typedef uint32_t splitio_evtchn_t;
/** Number of a 4096-byte frame in a guest's own address space. */
typedef uint64_t splitio_gfn_t;

/** The domain that calls, whatever its id (Xen DOMID_SELF). */
#define SPLITIO_DOMID_SELF 0x7FF0u
/** Ids from here up are not real domains (Xen DOMID_FIRST_RESERVED). */
#define SPLITIO_DOMID_FIRST_RESERVED 0x7FF0u
/** No grant reference. */
#define SPLITIO_GREF_NONE UINT32_MAX

/** The unit of sharing is 4 KiB on every machine, whatever its page size. */
#define SPLITIO_PAGE_SHIFT 12u
#define SPLITIO_PAGE_SIZE  4096u
#define SPLITIO_PAGE_MASK  4095u

/** A cache line, for padding between words of different writers. */
#define SPLITIO_CACHE_LINE 64u

/** A piece of memory. */
struct splitio_iovec {
    void *base;
    size_t len_bytes;
};

/** Elements of an array. */
#define SPLITIO_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/** The structure of type @p type whose @p member @p ptr points to. */
#define SPLITIO_CONTAINER_OF(ptr, type, member)                                \
    ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/** On functions that files of the library share and nobody else may see. They
 *  too begin with splitio_, for a static library hides nothing. */
#define SPLITIO_INTERNAL __attribute__((visibility("hidden")))

/** For functions that a macro makes, and not every user calls. */
#define SPLITIO_INLINE static inline __attribute__((unused))

#ifdef __cplusplus
#define SPLITIO_STATIC_ASSERT(cond, text) static_assert(cond, text)
#else
#define SPLITIO_STATIC_ASSERT(cond, text) _Static_assert(cond, text)
#endif

/**
 * @brief The text of an error, in English, without a full stop.
 * @param[in] error a value of enum splitio_error.
 * @return a constant string; "unknown error" for any other value.
 *
 * Caller: any thread. Order: none. Peer: nothing.
 */
const char *splitio_strerror(int error);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BASE_H */
