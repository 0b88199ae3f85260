/* SPDX-License-Identifier: BSD-2-Clause */
/* The guest's heap of pages: a bit map, changed by compare-and-swap. */
#ifndef SPLITIO_SRC_GUEST_PAGES_H
#define SPLITIO_SRC_GUEST_PAGES_H

#include <splitio/guest.h>

/* Mark all pages free. */
SPLITIO_INTERNAL void splitio_guest_pages_init(struct splitio_guest *g);

/* 1 to 64 neighbouring pages, zeroed; NULL. Any thread. */
SPLITIO_INTERNAL void *splitio_guest_pages_alloc(void *guest, unsigned nr);

/* Any thread. */
SPLITIO_INTERNAL void splitio_guest_pages_free(void *guest, void *pages,
                                               unsigned nr);

#endif /* SPLITIO_SRC_GUEST_PAGES_H */
