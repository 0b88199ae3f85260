/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain of Xen that this runs in. */
#include "guest.h"

#include <splitio/binding/xen_guest.h>

/* What xen-gntalloc lends as it comes. */
#define USUAL_MIB     4u
#define PAGES_PER_MIB 256u

static int xen_open(void **place, const struct guest_config *cfg,
                    uint32_t *nr_pages, char *text, size_t len_bytes)
{
    const struct splitio_xen_guest_config xen = {
        .nr_pages =
            (cfg->memory_mib ? cfg->memory_mib : USUAL_MIB) * PAGES_PER_MIB,
    };
    struct splitio_xen_guest *guest;
    int err = splitio_xen_guest_open(&guest, &xen, text, len_bytes);

    if (err)
        return err;
    *place = guest;
    *nr_pages = xen.nr_pages;
    return 0;
}

static void xen_close(void *place)
{
    splitio_xen_guest_close(place);
}

static int xen_fd(void *place)
{
    return splitio_xen_guest_fd(place);
}

static int xen_poll(void *place, unsigned budget)
{
    return splitio_xen_guest_poll(place, budget);
}

static bool xen_has_work(void *place)
{
    return splitio_xen_guest_has_work(place);
}

static struct splitio_guest_port xen_port(void *place)
{
    return splitio_xen_guest_port(place);
}

static struct splitio_store *xen_store(void *place)
{
    return splitio_xen_guest_store(place);
}

static splitio_domid_t xen_domid(void *place)
{
    return splitio_xen_guest_domid(place);
}

const struct guest_ops guest_xen_ops = {
    .open = xen_open,
    .close = xen_close,
    .fd = xen_fd,
    .poll = xen_poll,
    .has_work = xen_has_work,
    .port = xen_port,
    .store = xen_store,
    .domid = xen_domid,
    .wait = splitio_xen_guest_wait,
};
