/* SPDX-License-Identifier: BSD-2-Clause */
/* What there is of Xen without Xen's libraries: an answer. */
#include "guest.h"

#include <stdio.h>

static int xen_open(void **place, const struct guest_config *cfg,
                    uint32_t *nr_pages, char *text, size_t len_bytes)
{
    (void)place;
    (void)cfg;
    (void)nr_pages;
    snprintf(text, len_bytes,
             "built without Xen's libraries; install libxen-dev and build "
             "again");
    return SPLITIO_EOPNOTSUPP;
}

const struct guest_ops guest_xen_ops = {.open = xen_open};
