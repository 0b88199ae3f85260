/* SPDX-License-Identifier: BSD-2-Clause */
/* A front that writes to its rings whatever a test wants. */
#ifndef SPLITIO_TESTS_PEER_NETFRONT_H
#define SPLITIO_TESTS_PEER_NETFRONT_H

#include <splitio/proto/netif.h>

#include "pair.h"

#define PEER_PAGES 64u

struct peer_front {
    struct pair *pair;
    struct splitio_sring *tx, *rx;
    splitio_gref_t tx_gref, rx_gref;
    splitio_evtchn_t evtchn;
    uint8_t *pages[PEER_PAGES];
    splitio_gref_t grefs[PEER_PAGES];
    uint32_t tx_prod, tx_cons, rx_prod, rx_cons;
    uint16_t id; /* of the next tx request */
};

/* Rings that begin at index, pages lent writable, one channel. */
void peer_front_open(struct peer_front *f, struct pair *pair, uint32_t index);
void peer_front_close(struct peer_front *f);
struct splitio_netif_link peer_front_link(const struct peer_front *f,
                                          uint32_t features);

/* Writes the next tx slot; published by peer_front_push(). */
union splitio_netif_tx_slot *peer_front_tx(struct peer_front *f);
/* A data slot with the next id. */
void peer_front_data(struct peer_front *f, splitio_gref_t gref, uint16_t offset,
                     uint16_t size, uint16_t flags);
/* Lends page n of the pool on rx. */
void peer_front_lend(struct peer_front *f, splitio_gref_t gref);
void peer_front_push(struct peer_front *f);
/* The next response, in the processor's byte order; false if there is none. */
bool peer_front_tx_rsp(struct peer_front *f,
                       struct splitio_netif_tx_response *rsp);
bool peer_front_rx_rsp(struct peer_front *f, union splitio_netif_rx_slot *rsp);
/* The same for an extra, as it is on the wire. */
bool peer_front_rx_extra(struct peer_front *f, struct splitio_netif_extra *e);

#endif /* SPLITIO_TESTS_PEER_NETFRONT_H */
