/* SPDX-License-Identifier: BSD-2-Clause */
/* Pins: marking one granted page as in use, and as free again. */
#ifndef SPLITIO_SRC_GRANT_PIN_H
#define SPLITIO_SRC_GRANT_PIN_H

#include <splitio/grant.h>

/*
 * Pin a page of @p d for @p peer. An enum splitio_gntst; when OKAY, *ptr is the
 * page and splitio_grant_pin_drop() must follow. @p d must have been entered.
 */
SPLITIO_INTERNAL int splitio_grant_pin_take(struct splitio_grant_engine *e,
                                            struct splitio_grant_domain *d,
                                            splitio_domid_t peer,
                                            splitio_gref_t gref,
                                            enum splitio_grant_pin kind,
                                            void **ptr);

/* Undo one splitio_grant_pin_take() of the same kind. */
SPLITIO_INTERNAL void splitio_grant_pin_drop(struct splitio_grant_domain *d,
                                             splitio_gref_t gref,
                                             enum splitio_grant_pin kind);

#endif /* SPLITIO_SRC_GRANT_PIN_H */
