/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest port between a front and the real one: lets the n-th operation that
 * may fail, fail. */
#ifndef SPLITIO_TESTS_GUEST_SPY_H
#define SPLITIO_TESTS_GUEST_SPY_H

#include <splitio/port.h>

struct guest_spy {
    struct splitio_guest_port under;
    uint64_t nr_ops;   /* pages, grants and channels asked for */
    uint64_t fail_at;  /* this one fails, counted from 1; 0: none */
    uint64_t fail_for; /* and as many after it */
};

struct splitio_guest_port guest_spy_port(struct guest_spy *spy,
                                         struct splitio_guest_port under);

#endif
