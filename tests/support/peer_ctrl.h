/* SPDX-License-Identifier: BSD-2-Clause */
/* A front that writes to a control ring whatever a test wants. */
#ifndef SPLITIO_TESTS_PEER_CTRL_H
#define SPLITIO_TESTS_PEER_CTRL_H

#include <splitio/proto/netif_ctrl.h>

#include "pair.h"

#define PEER_CTRL_SLOTS 128u

struct peer_ctrl {
    struct pair *pair;
    struct splitio_sring *ring;
    splitio_gref_t gref;
    splitio_evtchn_t evtchn;
    uint32_t prod, cons;
    uint16_t id; /* of the next request */
};

void peer_ctrl_open(struct peer_ctrl *c, struct pair *pair, uint32_t index);
void peer_ctrl_close(struct peer_ctrl *c);
struct splitio_netif_ctrl_link peer_ctrl_link(const struct peer_ctrl *c);

/* The next request, published by peer_ctrl_push(); its id. */
uint16_t peer_ctrl_put(struct peer_ctrl *c, uint16_t type, uint32_t data0,
                       uint32_t data1, uint32_t data2);
void peer_ctrl_push(struct peer_ctrl *c);
/* The next response; false if there is none. */
bool peer_ctrl_rsp(struct peer_ctrl *c,
                   struct splitio_netif_ctrl_response *rsp);

#endif /* SPLITIO_TESTS_PEER_CTRL_H */
