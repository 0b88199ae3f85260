/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: marking one granted page as in use, and as free again. */
#ifndef SPLITIO_SRC_GRANT_PIN_H
#define SPLITIO_SRC_GRANT_PIN_H

#include <splitio/grant_engine.h>

/* What an entry grants. Only a page can be mapped. */
enum {
    GRANT_PAGE = SPLITIO_GNTST_OKAY,
    GRANT_PART,
    GRANT_THROUGH, /* what another domain granted to this one */
};

/* What was pinned. */
struct splitio_grant_got {
    unsigned what;
    void *ptr;               /* page and part: the page */
    uint32_t offset, length; /* part */
    splitio_domid_t domid;   /* passed on: whose page */
    splitio_gref_t gref;     /* passed on: granted as what */
};

/*
 * Pin what an entry of @p d grants to @p peer. An enum splitio_gntst; when OKAY,
 * splitio_grant_pin_drop() must follow. @p d must have been entered.
 */
SPLITIO_INTERNAL int splitio_grant_pin_take(struct splitio_grant_engine *e,
                                            struct splitio_grant_domain *d,
                                            splitio_domid_t peer,
                                            splitio_gref_t gref,
                                            enum splitio_grant_pin kind,
                                            struct splitio_grant_got *got);

/* Undo one splitio_grant_pin_take() of the same kind. */
SPLITIO_INTERNAL void splitio_grant_pin_drop(struct splitio_grant_domain *d,
                                             splitio_gref_t gref,
                                             enum splitio_grant_pin kind);

/* Where a page is that is pinned for a mapping. */
SPLITIO_INTERNAL void *splitio_grant_pin_ptr(struct splitio_grant_domain *d,
                                             splitio_gref_t gref);

/* Two halves of the above for an entry of version 2 that is owned. */
SPLITIO_INTERNAL int splitio_grant_pin_v2(struct splitio_grant_engine *e,
                                          struct splitio_grant_domain *d,
                                          splitio_domid_t peer,
                                          splitio_gref_t gref,
                                          enum splitio_grant_pin kind,
                                          struct splitio_grant_got *got);
SPLITIO_INTERNAL void splitio_grant_status_v2(struct splitio_grant_domain *d,
                                              splitio_gref_t gref);

#endif /* SPLITIO_SRC_GRANT_PIN_H */
