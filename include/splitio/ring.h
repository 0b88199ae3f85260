/* SPDX-License-Identifier: BSD-2-Clause */
/* Xen's shared request/response ring, front half and back half. */
#ifndef SPLITIO_RING_H
#define SPLITIO_RING_H

/**
 * @file
 * @brief The request/response ring (layer 1).
 *
 * **What it is.** 1 to 16 shared pages: a 64-byte header and a power-of-two
 * number of slots. A slot holds a request until the back has consumed it, and
 * then a response. Indices run freely over 32 bits; a slot is index modulo
 * size. Source: xen/io/ring.h.
 *
 * **Who calls what.** The front owns the pages and calls `splitio_ring_front_*`;
 * the back has mapped them and calls `splitio_ring_back_*`. One thread per half.
 * Drivers use typed wrappers, made by SPLITIO_RING_DEFINE() over these functions,
 * so that the slot size is a constant in the code.
 *
 * **Typical loop, both sides.**
 *
 *     front                                   back
 *     while work and (s = reserve(r))         do {
 *         fill *s                                 while budget and take(r, &req) == 1
 *     if publish(r)                                   work
 *         notify                                  for each result: put(r, &rsp)
 *     ...                                         if publish(r)
 *     do {                                            notify
 *         while take(r, &rsp) == 1            } while rearm(r, 1) > 0
 *             complete                        wait for an event
 *     } while rearm(r, 1) > 0
 *     wait for an event
 *
 * **Memory order.** publish() releases the producer index after the slots; the
 * peer's pending()/take() acquire it. publish() then makes a full fence and
 * reads the peer's event index; rearm() writes its event index, makes a full
 * fence and looks at the producer index again. One of the two therefore sees
 * the other, and no wakeup is lost.
 *
 * **Trust.** A half keeps every index of its own privately and never reads it
 * back from the page. The peer's producer index is read once, checked against
 * what is possible, and cached; a lie gives SPLITIO_EPROTO and the half stays
 * broken until it is attached anew. Slots are copied once. The peer's event
 * index only decides about notifying the peer.
 */

#include <splitio/ring_page.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Front half. Fields are private, not ABI. */
struct splitio_ring_front {
    struct splitio_sring *sring;
    uint8_t *slots;
    uint32_t nr_slots;
    uint32_t mask;
    uint32_t slot_bytes;
    uint32_t req_prod;      /* next slot to reserve */
    uint32_t req_published; /* what sring->req_prod says */
    uint32_t rsp_cons;      /* next response to take */
    uint32_t rsp_seen;      /* checked copy of sring->rsp_prod */
    bool broken;
};

/** Back half. Fields are private, not ABI. */
struct splitio_ring_back {
    struct splitio_sring *sring;
    uint8_t *slots;
    uint32_t nr_slots;
    uint32_t mask;
    uint32_t slot_bytes;
    uint32_t rsp_prod;      /* next response to put */
    uint32_t rsp_published; /* what sring->rsp_prod says */
    uint32_t req_cons;      /* next request to take */
    uint32_t req_seen;      /* checked copy of sring->req_prod */
    bool broken;
};

/* ---- front ---- */

/**
 * @brief Make a new ring in zeroed or dirty pages: every byte is initialised.
 * @param[out] r          the front half.
 * @param[out] pages      @p nr_pages contiguous pages, page-aligned.
 * @param[in]  nr_pages   1 to 16.
 * @param[in]  slot_bytes see splitio_ring_nr_slots().
 * @return 0; SPLITIO_EINVAL for arguments out of range.
 *
 * Caller: front, before the pages are granted. Order: none; granting them and
 * telling the back is what publishes. Peer: nothing yet.
 */
int splitio_ring_front_init(struct splitio_ring_front *r, void *pages,
                            uint32_t nr_pages, uint32_t slot_bytes);

/**
 * @brief Take over a ring that exists, with all requests before @p index
 * answered and taken. Does not write to the pages.
 * @return 0; SPLITIO_EINVAL for arguments out of range.
 *
 * Caller: front, after a resume. Order: none. Peer: whatever is in the pages;
 * checked by the first splitio_ring_front_pending().
 */
int splitio_ring_front_attach(struct splitio_ring_front *r, void *pages,
                              uint32_t nr_pages, uint32_t slot_bytes,
                              uint32_t index);

/** @brief True if the private indices agree with one another. For tests. */
bool splitio_ring_front_is_valid(const struct splitio_ring_front *r);

/** @brief Slots that splitio_ring_front_reserve() would give now. */
static inline uint32_t
splitio_ring_front_room(const struct splitio_ring_front *r)
{
    return r->nr_slots - (r->req_prod - r->rsp_cons);
}

/**
 * @brief Claim the next request slot, to be filled wholly before publishing.
 * @return the slot, in shared memory: write it, do not read it back; NULL if
 * the ring is full.
 *
 * Caller: front. Order: none until splitio_ring_front_publish(). Peer: cannot
 * influence which slot.
 */
static inline void *splitio_ring_front_reserve(struct splitio_ring_front *r)
{
    if (splitio_ring_front_room(r) == 0)
        return NULL;
    return splitio_ring_slot(r->slots, r->mask, r->slot_bytes, r->req_prod++);
}

/** @brief Give back the last @p n slots reserved and not yet published. */
static inline void splitio_ring_front_unreserve(struct splitio_ring_front *r,
                                                uint32_t n)
{
    r->req_prod -= n;
}

/**
 * @brief Publish all reserved requests, in one step.
 * @return true if the back asked to be notified of one of them.
 *
 * Caller: front, once a batch. Order: releases the slots to
 * splitio_ring_back_pending(); the fence pairs with splitio_ring_back_rearm().
 * Peer: req_event; it can only cause or save a notification.
 */
static inline bool splitio_ring_front_publish(struct splitio_ring_front *r)
{
    uint32_t before = r->req_published, now = r->req_prod;

    if (now == before)
        return false;
    r->req_published = now;
    splitio_store_release_le32(&r->sring->req_prod, now);
    splitio_fence();
    return now - splitio_read_once_le32(&r->sring->req_event) < now - before;
}

/**
 * @brief Responses waiting, counted afresh: if pending() has none.
 * @return their number, 0 to the number of requests out; SPLITIO_EPROTO if the
 * back claims to have answered more than was asked (broken from then on).
 *
 * Caller: front. Order: acquires the slots of splitio_ring_back_publish(). Peer:
 * rsp_prod, bounded to the requests published.
 */
static inline int splitio_ring_front_look(struct splitio_ring_front *r)
{
    uint32_t seen;

    if (r->broken)
        return SPLITIO_EPROTO;
    seen = splitio_load_acquire_le32(&r->sring->rsp_prod);
    if (seen - r->rsp_cons > r->req_published - r->rsp_cons) {
        r->broken = true;
        return SPLITIO_EPROTO;
    }
    r->rsp_seen = seen;
    return (int)(seen - r->rsp_cons);
}

/**
 * @brief Responses waiting to be taken.
 * @return as splitio_ring_front_look().
 *
 * Caller: front. The shared index is read only when the cached one is used up.
 * Order: as splitio_ring_front_look(). Peer: the same.
 */
static inline int splitio_ring_front_pending(struct splitio_ring_front *r)
{
    if (r->rsp_seen != r->rsp_cons)
        return (int)(r->rsp_seen - r->rsp_cons);
    return splitio_ring_front_look(r);
}

/**
 * @brief Take a response: copy it out, each byte once, and free its slot.
 * @param[out] rsp       the copy.
 * @param[in]  rsp_bytes its size, at most the slot's.
 * @return 1; 0: none waiting; SPLITIO_EPROTO as for splitio_ring_front_look().
 *
 * Caller: front. Order: as splitio_ring_front_pending(). Peer: every byte of the
 * copy.
 */
static inline int splitio_ring_front_take(struct splitio_ring_front *r,
                                          void *rsp, size_t rsp_bytes)
{
    uint32_t slot_bytes = r->slot_bytes;

    if (r->rsp_seen == r->rsp_cons) {
        int n = splitio_ring_front_look(r);

        if (n <= 0)
            return n;
    }
    splitio_ring_read(rsp, rsp_bytes, r->slots, r->mask, slot_bytes,
                      r->rsp_cons++);
    return 1;
}

/**
 * @brief Ask for an event when @p distance more responses are there, and look
 * again.
 * @param[in] distance 1: the very next; more: hold off, at most the number of
 * requests out or the event never comes.
 * @return responses waiting now: above 0, go on taking; 0, wait for the event;
 * SPLITIO_EPROTO.
 *
 * Caller: front, when pending() is 0. Order: the fence pairs with
 * splitio_ring_back_publish(). Peer: rsp_prod, as for pending().
 */
static inline int splitio_ring_front_rearm(struct splitio_ring_front *r,
                                           uint32_t distance)
{
    splitio_write_once_le32(&r->sring->rsp_event, r->rsp_cons + distance);
    splitio_fence();
    return splitio_ring_front_pending(r);
}

/* ---- back ---- */

/**
 * @brief Take over the front's ring, fresh or in use. Never writes to it.
 *
 * Begins at the shared rsp_prod: requests from there on have no answer yet,
 * also those that an earlier back had taken when it died.
 * @param[out] r          the back half.
 * @param[in]  pages      @p nr_pages mapped, contiguous pages.
 * @param[in]  nr_pages   1 to 16.
 * @param[in]  slot_bytes see splitio_ring_nr_slots().
 * @return 0; SPLITIO_EINVAL for arguments out of range; SPLITIO_EPROTO if the
 * shared indices are impossible.
 *
 * Caller: back, once mapped; then scan as if an event had come. Order: none.
 * Peer: both indices, checked.
 */
int splitio_ring_back_attach(struct splitio_ring_back *r, void *pages,
                             uint32_t nr_pages, uint32_t slot_bytes);

/** @brief True if the private indices agree with one another. For tests. */
bool splitio_ring_back_is_valid(const struct splitio_ring_back *r);

/**
 * @brief Requests waiting, counted afresh: if pending() has too few.
 * @return their number, 0 to nr_slots; SPLITIO_EPROTO if more requests are
 * claimed than the ring has slots free of answers, or fewer than before (broken
 * from then on).
 *
 * Caller: back. Order: acquires the slots of splitio_ring_front_publish().
 * Peer: req_prod, bounded to nr_slots beyond the last response.
 */
static inline int splitio_ring_back_look(struct splitio_ring_back *r)
{
    uint32_t seen;

    if (r->broken)
        return SPLITIO_EPROTO;
    seen = splitio_load_acquire_le32(&r->sring->req_prod);
    /* As a distance from what was seen before, one that ran backwards is huge. */
    if (seen - r->req_seen > r->nr_slots - (r->req_seen - r->rsp_prod)) {
        r->broken = true;
        return SPLITIO_EPROTO;
    }
    r->req_seen = seen;
    return (int)(seen - r->req_cons);
}

/**
 * @brief Requests waiting to be taken.
 * @return as splitio_ring_back_look().
 *
 * Caller: back. The shared index is read only when the cached one is used up.
 * Order: as splitio_ring_back_look(). Peer: the same.
 */
static inline int splitio_ring_back_pending(struct splitio_ring_back *r)
{
    if (r->req_seen != r->req_cons)
        return (int)(r->req_seen - r->req_cons);
    return splitio_ring_back_look(r);
}

/**
 * @brief Take a request: copy it out, each byte once.
 * @param[out] req       the copy.
 * @param[in]  req_bytes its size, at most the slot's.
 * @return 1; 0: none waiting; SPLITIO_EPROTO as for splitio_ring_back_look().
 *
 * Caller: back. Order: as splitio_ring_back_pending(). Peer: every byte of the
 * copy.
 */
static inline int splitio_ring_back_take(struct splitio_ring_back *r, void *req,
                                         size_t req_bytes)
{
    uint32_t slot_bytes = r->slot_bytes;

    if (r->req_seen == r->req_cons) {
        int n = splitio_ring_back_look(r);

        if (n <= 0)
            return n;
    }
    splitio_ring_read(req, req_bytes, r->slots, r->mask, slot_bytes,
                      r->req_cons++);
    return 1;
}

/**
 * @brief Put a response into the slot after the last one.
 * @param[in] rsp       in private memory.
 * @param[in] rsp_bytes its size, at most the slot's.
 * @return 0; SPLITIO_EINVAL: all requests that were taken have their answers.
 *
 * Caller: back; responses may come in any order of requests. Order: none until
 * splitio_ring_back_publish(). Peer: nothing.
 */
static inline int splitio_ring_back_put(struct splitio_ring_back *r,
                                        const void *rsp, size_t rsp_bytes)
{
    uint32_t slot_bytes = r->slot_bytes;

    if (r->req_cons == r->rsp_prod)
        return SPLITIO_EINVAL;
    __builtin_memcpy(
        splitio_ring_slot(r->slots, r->mask, slot_bytes, r->rsp_prod++), rsp,
        rsp_bytes);
    return 0;
}

/** @brief Responses put and not yet published. */
static inline uint32_t
splitio_ring_back_unpublished(const struct splitio_ring_back *r)
{
    return r->rsp_prod - r->rsp_published;
}

/** @brief Requests taken and not yet answered. */
static inline uint32_t
splitio_ring_back_in_flight(const struct splitio_ring_back *r)
{
    return r->req_cons - r->rsp_prod;
}

/**
 * @brief Publish all responses put, in one step.
 * @return true if the front asked to be notified of one of them.
 *
 * Caller: back, once a batch. Order: releases the slots to pending(); the fence
 * pairs with splitio_ring_front_rearm(). Peer: rsp_event; it can only cause or
 * save a notification.
 */
static inline bool splitio_ring_back_publish(struct splitio_ring_back *r)
{
    uint32_t before = r->rsp_published, now = r->rsp_prod;

    if (now == before)
        return false;
    r->rsp_published = now;
    splitio_store_release_le32(&r->sring->rsp_prod, now);
    splitio_fence();
    return now - splitio_read_once_le32(&r->sring->rsp_event) < now - before;
}

/**
 * @brief Ask for an event when @p distance requests are there beyond those
 * taken, and look again. As splitio_ring_front_rearm(), for requests.
 * @return requests waiting now; below @p distance, wait for the event;
 * SPLITIO_EPROTO.
 *
 * Caller: back, when pending() is below @p distance: 1 for the very next, more
 * for who needs several at once. Order: the fence pairs with
 * splitio_ring_front_publish(). Peer: req_prod, as for look().
 */
static inline int splitio_ring_back_rearm(struct splitio_ring_back *r,
                                          uint32_t distance)
{
    splitio_write_once_le32(&r->sring->req_event, r->req_cons + distance);
    splitio_fence();
    return splitio_ring_back_look(r);
}

/**
 * @brief Make typed wrappers for one protocol.
 *
 * Defines `struct NAME_front`, `struct NAME_back` and, over the functions of
 * this file with the slot size as a constant, `NAME_front_init`, `_attach`,
 * `_reserve`, `_take`; `NAME_back_attach`, `_take`, `_put`; and the constant
 * `NAME_slot_bytes`. The other functions need no type: call them on `.ring`.
 */
#define SPLITIO_RING_DEFINE(name, req_type, rsp_type)                          \
    enum {                                                                     \
        name##_slot_bytes = sizeof(req_type) > sizeof(rsp_type)                \
                                ? sizeof(req_type)                             \
                                : sizeof(rsp_type)                             \
    };                                                                         \
    struct name##_front {                                                      \
        struct splitio_ring_front ring;                                        \
    };                                                                         \
    struct name##_back {                                                       \
        struct splitio_ring_back ring;                                         \
    };                                                                         \
    SPLITIO_INLINE int name##_front_init(struct name##_front *r, void *pages,  \
                                         uint32_t nr_pages)                    \
    {                                                                          \
        return splitio_ring_front_init(&r->ring, pages, nr_pages,              \
                                       name##_slot_bytes);                     \
    }                                                                          \
    SPLITIO_INLINE int name##_front_attach(struct name##_front *r,             \
                                           void *pages, uint32_t nr_pages,     \
                                           uint32_t index)                     \
    {                                                                          \
        return splitio_ring_front_attach(&r->ring, pages, nr_pages,            \
                                         name##_slot_bytes, index);            \
    }                                                                          \
    SPLITIO_INLINE req_type *name##_front_reserve(struct name##_front *r)      \
    {                                                                          \
        SPLITIO_ASSUME(r->ring.slot_bytes == name##_slot_bytes);               \
        return (req_type *)splitio_ring_front_reserve(&r->ring);               \
    }                                                                          \
    SPLITIO_INLINE int name##_front_take(struct name##_front *r,               \
                                         rsp_type *rsp)                        \
    {                                                                          \
        SPLITIO_ASSUME(r->ring.slot_bytes == name##_slot_bytes);               \
        return splitio_ring_front_take(&r->ring, rsp, sizeof(*rsp));           \
    }                                                                          \
    SPLITIO_INLINE int name##_back_attach(struct name##_back *r, void *pages,  \
                                          uint32_t nr_pages)                   \
    {                                                                          \
        return splitio_ring_back_attach(&r->ring, pages, nr_pages,             \
                                        name##_slot_bytes);                    \
    }                                                                          \
    SPLITIO_INLINE int name##_back_take(struct name##_back *r, req_type *req)  \
    {                                                                          \
        SPLITIO_ASSUME(r->ring.slot_bytes == name##_slot_bytes);               \
        return splitio_ring_back_take(&r->ring, req, sizeof(*req));            \
    }                                                                          \
    SPLITIO_INLINE int name##_back_put(struct name##_back *r,                  \
                                       const rsp_type *rsp)                    \
    {                                                                          \
        SPLITIO_ASSUME(r->ring.slot_bytes == name##_slot_bytes);               \
        return splitio_ring_back_put(&r->ring, rsp, sizeof(*rsp));             \
    }                                                                          \
    SPLITIO_STATIC_ASSERT(sizeof(req_type) <= SPLITIO_PAGE_SIZE - 64,          \
                          "a slot fits one page")

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_RING_H */
