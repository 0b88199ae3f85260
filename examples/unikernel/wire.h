/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of ARP, IPv4, ICMP and UDP as it takes to answer. */
#ifndef WIRE_H
#define WIRE_H

#include <stdint.h>

enum wire_kind {
    WIRE_NOTHING,
    WIRE_ARP,
    WIRE_PING,
    WIRE_UDP, /* echo, port 7 */
    WIRE_KINDS,
};

struct wire_host {
    uint8_t mac[6], ip[4];
};

/* Turn a frame into its answer, in place. WIRE_NOTHING: it gets none. */
enum wire_kind wire_answer(const struct wire_host *me, uint8_t *frame,
                           uint32_t *len);

#endif /* WIRE_H */
