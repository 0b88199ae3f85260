/* SPDX-License-Identifier: BSD-2-Clause */
/* A block front made by hand: writes any bytes it likes into the ring. */
#ifndef SPLITIO_TESTS_PEER_BLKFRONT_H
#define SPLITIO_TESTS_PEER_BLKFRONT_H

#include "blk_disk.h"
#include "host_spy.h"

#include <splitio/binding/fake.h>
#include <splitio/blkback.h>

#define PEER_PAGES   600u /* lent, for data and for lists of segments */
#define PEER_SECTORS 8192u

struct peer_answer {
    uint64_t id;
    uint8_t op;
    int16_t status;
};

/* The front, the back it torments, and all around them. */
struct peer_front {
    struct splitio_fake *fake;
    struct splitio_guest_port port;
    struct host_spy spy;
    struct blk_disk disk;
    struct splitio_blkback_config cfg;
    struct splitio_blkback back;
    void *back_mem;
    struct splitio_blkback_peer peer;
    /* The ring, written without any of the library's checks. */
    struct splitio_sring *sring;
    uint32_t nr_slots, slot_bytes;
    uint32_t req_prod, rsp_cons;
    unsigned nr_events;
    uint8_t *pages[PEER_PAGES];
    splitio_gref_t grefs[PEER_PAGES];
};

void peer_front_defaults(struct peer_front *f);
/* Machine, back, ring; the indices begin at @start. */
void peer_front_open(struct peer_front *f, uint32_t order,
                     enum splitio_blkif_abi abi, uint32_t start);
int peer_front_connect(struct peer_front *f);
/* The next slot to write, and how to show it to the back. */
void *peer_front_slot(struct peer_front *f);
void peer_front_publish(struct peer_front *f);
/* Run the back until nothing moves. */
void peer_front_run(struct peer_front *f);
/* 1 and the next answer; 0 if there is none. */
int peer_front_take(struct peer_front *f, struct peer_answer *a);
/* Lay out a request of @nr whole pages from pages[@page] on. */
void peer_front_rw(struct peer_front *f, uint8_t op, uint64_t id,
                   uint64_t sector, unsigned page, unsigned nr);
/* As one indirect request; the lists are in pages[@list] and following. */
void peer_front_indirect(struct peer_front *f, uint8_t op, uint64_t id,
                         uint64_t sector, unsigned page, unsigned nr,
                         unsigned list);
/* One request that must work: the device goes on. */
void peer_front_prove_alive(struct peer_front *f);
/* The one answer there is. */
struct peer_answer peer_front_only_answer(struct peer_front *f);
/* Disconnect, and check that the back holds nothing. */
void peer_front_close(struct peer_front *f);

#endif
