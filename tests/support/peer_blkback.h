/* SPDX-License-Identifier: BSD-2-Clause */
/* A block back made by hand: answers whatever it likes. */
#ifndef SPLITIO_TESTS_PEER_BLKBACK_H
#define SPLITIO_TESTS_PEER_BLKBACK_H

#include <splitio/binding/fake.h>
#include <splitio/blkfront.h>

#define PEER_BACK_SECTORS 8192u

/* The back, the front it torments, and all around them. */
struct peer_back {
    struct splitio_fake *fake;
    struct splitio_host_port port;
    struct splitio_guest_port guest;
    struct splitio_blkfront_config cfg;
    struct splitio_blkfront front;
    void *front_mem;
    struct splitio_blkfront_rings rings;
    struct splitio_blkfront_info info;
    /* The ring, without any of the library's checks. */
    struct splitio_ring_map map;
    struct splitio_sring *sring;
    splitio_evtchn_t evtchn;
    uint32_t nr_slots;
    uint32_t req_cons, rsp_prod;
    unsigned nr_events;
};

void peer_back_defaults(struct peer_back *b);
void peer_back_open(struct peer_back *b);
/* Offer, map and start, anew after peer_back_leave(). */
void peer_back_connect(struct peer_back *b);
/* Let go of the ring; the front stops. */
void peer_back_leave(struct peer_back *b);
/* The next request as it lies in the ring, of either layout; NULL: none. */
const void *peer_back_slot(struct peer_back *b);
/* 1 and the next request, of the 64-bit layout; 0 if there is none. */
int peer_back_take(struct peer_back *b, struct splitio_blkif_request_x86_64 *r);
void peer_back_put(struct peer_back *b, uint64_t id, uint8_t op,
                   int16_t status);
void peer_back_publish(struct peer_back *b);
/* Run the front until nothing moves. */
void peer_back_run(struct peer_back *b);
/* Answer all that is asked, as a good back would, without touching data. */
unsigned peer_back_serve(struct peer_back *b);
/* End the front; nothing may be left in use. */
void peer_back_close(struct peer_back *b);

#endif
