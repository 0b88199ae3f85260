/* SPDX-License-Identifier: BSD-2-Clause */
/* A program outside the project that links an installed splitio. */
#include <splitio/ring.h>

#include <string.h>

int main(void)
{
    return splitio_ring_nr_slots(1, 112) == 32 &&
                   strcmp(splitio_strerror(SPLITIO_EAGAIN), "unknown error") !=
                       0
               ? 0
               : 1;
}
