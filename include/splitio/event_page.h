/* SPDX-License-Identifier: BSD-2-Clause */
/* Event pages: one-way rings of fixed entries, for displays, keyboards, sound. */
#ifndef SPLITIO_EVENT_PAGE_H
#define SPLITIO_EVENT_PAGE_H

/**
 * @file
 * @brief One direction of an event page (layer 1).
 *
 * **What it is.** Some of Xen's protocols have a page beside their ring of
 * requests, on which one side tells the other what happened: a key was pressed,
 * a frame is shown. Nothing is answered. The page begins with a consumer and a
 * producer index for each direction, free-running; entries of one size lie
 * somewhere behind. Sources: xen/io/displif.h, sndif.h, cameraif.h, kbdif.h,
 * fbif.h, whose layouts are SPLITIO_EVENT_PAGE_*.
 *
 * **Who calls what.** The producer calls splitio_event_page_put(), the consumer
 * splitio_event_page_take(); one thread each.
 *
 * **Typical loop.**
 *
 *     producer                              consumer
 *     while there are events: put(...)      on an event:
 *     if (splitio_event_page_publish(p))        while (take(...) > 0) act
 *         notify
 *
 * An event follows every publishing, so there is nothing to arm and no wakeup to
 * lose. A consumer that does not keep up fills the page; what does not fit then
 * is the producer's to drop or to keep, as its protocol says.
 *
 * **Memory order.** publish() releases `prod` after the entries, take() acquires
 * it; take() releases `cons` after its copy, put() acquires it.
 *
 * **Trust.** Each side keeps its own index privately and never reads it back.
 * The peer's is read once a call; a distance above the number of entries means
 * that the peer lies: SPLITIO_EPROTO, and the page stays broken. An entry is
 * copied once before anybody looks at it.
 */

#include <splitio/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Where one direction lies in its page. Counted in bytes from its beginning. */
struct splitio_event_page_layout {
    uint16_t cons;        /**< of the consumer's index */
    uint16_t prod;        /**< of the producer's index */
    uint16_t entries;     /**< of the first entry */
    uint16_t entry_bytes; /**< of one */
    uint16_t nr_entries;
};

/** Back to front, xen/io/displif.h, sndif.h and cameraif.h: 63 of 64 bytes. */
extern const struct splitio_event_page_layout splitio_event_page_64;
/** Back to front, xen/io/kbdif.h: 51 of 40 bytes. */
extern const struct splitio_event_page_layout splitio_event_page_kbd_in;
/** Front to back, xen/io/kbdif.h: 25 of 40 bytes. */
extern const struct splitio_event_page_layout splitio_event_page_kbd_out;
/** Back to front, xen/io/fbif.h: 25 of 40 bytes. */
extern const struct splitio_event_page_layout splitio_event_page_fb_in;
/** Front to back, xen/io/fbif.h: 51 of 40 bytes. */
extern const struct splitio_event_page_layout splitio_event_page_fb_out;

/** One side of one direction. Fields are private, not ABI. */
struct splitio_event_page {
    uint8_t *entries;      /* shared */
    uint32_t *own_shared;  /* the index that this side writes */
    uint32_t *peer_shared; /* the index that the peer writes */
    uint32_t own;          /* this side's index; the shared one is a copy */
    uint32_t published;    /* producer: what that copy says */
    uint16_t entry_bytes, nr_entries;
    bool broken; /* the peer's index was impossible */
};

/**
 * @brief Become the producer of one direction, from its shared index on.
 * @param[out] p      the producer.
 * @param[in]  page   4096 shared bytes, aligned to 4.
 * @param[in]  layout which direction; not kept.
 * @return 0; SPLITIO_EINVAL: the layout does not fit into a page.
 *
 * Caller: the producer, before its first put. Whoever makes the page clears it.
 * Order: none. Peer: may have set any index; the first put finds out.
 */
int splitio_event_page_init_producer(
    struct splitio_event_page *p, void *page,
    const struct splitio_event_page_layout *layout);

/** @brief Become the consumer; as splitio_event_page_init_producer(). */
int splitio_event_page_init_consumer(
    struct splitio_event_page *p, void *page,
    const struct splitio_event_page_layout *layout);

/** @brief True if the state makes sense. For tests. */
bool splitio_event_page_is_valid(const struct splitio_event_page *p);

/**
 * @brief Entries that can be put now.
 * @return 0 to nr_entries; SPLITIO_EPROTO: the consumer's index is impossible.
 *
 * Where the number of entries is no power of two, their order jumps when an
 * index wraps around; the page takes nothing beyond that until it is empty.
 *
 * Caller: the producer. Order: acquires `cons`. Peer: `cons`.
 */
int splitio_event_page_room(struct splitio_event_page *p);

/**
 * @brief Put an entry; the consumer sees it after splitio_event_page_publish().
 * @param[in] entry entry_bytes of the layout.
 * @return 0; SPLITIO_EAGAIN: no room; SPLITIO_EPROTO: the consumer's index is
 * impossible.
 *
 * Caller: the producer. Order: acquires `cons`. Peer: `cons`.
 */
int splitio_event_page_put(struct splitio_event_page *p, const void *entry);

/**
 * @brief Show the consumer what was put.
 * @return true if there was anything: notify.
 *
 * Caller: the producer. Order: releases the entries. Peer: nothing.
 */
bool splitio_event_page_publish(struct splitio_event_page *p);

/**
 * @brief Take the next entry.
 * @param[out] entry entry_bytes of the layout: a copy, made once.
 * @return 1; 0: there is none; SPLITIO_EPROTO: the producer's index is
 * impossible.
 *
 * Caller: the consumer. Order: acquires `prod`, releases `cons`. Peer: `prod`
 * and every byte of @p entry.
 */
int splitio_event_page_take(struct splitio_event_page *p, void *entry);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_EVENT_PAGE_H */
