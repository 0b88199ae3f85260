/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files share that ask the back for something on the control ring. */
#ifndef SPLITIO_NETFRONT_CTRL_H
#define SPLITIO_NETFRONT_CTRL_H

#include "netfront_impl.h"

/* Sends the one message that is out at a time. */
SPLITIO_INTERNAL void splitio_netfront_ctrl_send(struct splitio_netfront *dev,
                                                 uint16_t type, uint32_t data0,
                                                 uint32_t data1,
                                                 uint32_t data2);

/* Begins what is to be done, if nothing is under way. */
SPLITIO_INTERNAL void splitio_netfront_ctrl_start(struct splitio_netfront *dev);

/* SPLITIO_E* for a status. */
SPLITIO_INTERNAL int splitio_netfront_ctrl_error(uint32_t status);

/* The first message of each job, and what follows an answer. */
SPLITIO_INTERNAL void splitio_netfront_hash_begin(struct splitio_netfront *dev);
SPLITIO_INTERNAL void splitio_netfront_hash_answer(struct splitio_netfront *dev,
                                                   uint32_t status,
                                                   uint32_t data);
SPLITIO_INTERNAL void
splitio_netfront_stage_begin(struct splitio_netfront *dev);
SPLITIO_INTERNAL void
splitio_netfront_stage_answer(struct splitio_netfront *dev, uint32_t status,
                              uint32_t data);

#endif /* SPLITIO_NETFRONT_CTRL_H */
