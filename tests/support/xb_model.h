/* SPDX-License-Identifier: BSD-2-Clause */
/* One half of a handshake under the rules, as a model to explore. */
#ifndef SPLITIO_TESTS_XB_MODEL_H
#define SPLITIO_TESTS_XB_MODEL_H

#include <splitio/proto/xenbus.h>

enum { XB_START, XB_IDLE, XB_ACT }; /* then: XB_ACT + action */

/** What it knows, what it has published, what it is about to do. */
struct xb_half {
    uint8_t role;
    uint8_t wire; /**< the node; 9 stands for garbage */
    uint8_t local;
    uint8_t phase;
    uint8_t closing, attached, stale;
    uint8_t begun;   /**< the first action of the life is done */
    uint8_t adopt;   /**< back: takes rings over */
    uint8_t netlike; /**< front: writes Connected for Initialised */
    /**
     * Writes its state only if the peer's has not changed since the decision,
     * as the runner's transactions do. A back that has let go of its rings has
     * no choice, though.
     */
    uint8_t careful;
};

/** One step: look at the peer's node, or act on what was decided. */
void xb_half_step(struct xb_half *h, unsigned remote);
/** True if it is about to take the rings back. */
bool xb_half_releases(const struct xb_half *h);
/** Tell what it looks like. */
void xb_half_show(const struct xb_half *h);

#endif /* SPLITIO_TESTS_XB_MODEL_H */
