/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of guests share. */
#ifndef SPLITIO_XEN_GUEST_INT_H
#define SPLITIO_XEN_GUEST_INT_H

#include <splitio/binding/xen_guest.h>

#include "xen_int.h"

/* A page of the heap. */
struct xen_page {
    splitio_gref_t gref; /* SPLITIO_GREF_NONE: not lent */
    bool taken;
};

struct splitio_xen_guest {
    struct xen_link link; /* first */
    struct splitio_xen_guest_stats stats;
    xengntshr_handle *gntshr;
    uint8_t *heap; /* NULL: none yet */
    struct xen_page *pages;
    uint32_t nr_pages;
    uint32_t next;     /* where the next search begins */
    uint32_t *page_of; /* by reference */
    uint32_t nr_page_of;
};

/* guest_pages.c */
int splitio_xen_pages_init(struct splitio_xen_guest *g, uint32_t nr_pages);
void splitio_xen_pages_fini(struct splitio_xen_guest *g);
void *splitio_xen_pages_alloc(void *ctx, unsigned nr_pages);
void splitio_xen_pages_free(void *ctx, void *pages, unsigned nr_pages);
int splitio_xen_grant(void *ctx, splitio_domid_t to, const void *page,
                      bool read_only, splitio_gref_t *gref);
int splitio_xen_revoke(void *ctx, splitio_gref_t gref);

#endif /* SPLITIO_XEN_GUEST_INT_H */
