/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of the bed: its drivers and their links. */
#ifndef SPLITIO_TESTS_XB_DRV_H
#define SPLITIO_TESTS_XB_DRV_H

#include "xb_bed.h"

void bed_drv_init(struct bed_driver *d, enum splitio_xenbus_role role);

void bed_link_open(struct bed_link *l, struct splitio_store_server *s,
                   splitio_domid_t domid);
/** Reconnect a link that was cut. */
void bed_link_mend(struct bed_link *l, struct splitio_store_server *s,
                   splitio_domid_t domid);
bool bed_link_poll(struct bed_link *l);

#endif /* SPLITIO_TESTS_XB_DRV_H */
