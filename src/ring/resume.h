/* SPDX-License-Identifier: BSD-2-Clause */
/* A back that was saved takes up its ring again. */
#ifndef SPLITIO_SRC_RESUME_H
#define SPLITIO_SRC_RESUME_H

#include <splitio/ring.h>

/* After splitio_ring_back_attach(): requests before @p req_cons have been taken,
 * and the caller has them, but for those whose answers lie before @p rsp_prod;
 * answers that are not published yet are with the next ones. 0; SPLITIO_EPROTO
 * if that cannot be. */
SPLITIO_INTERNAL int splitio_ring_back_resume(struct splitio_ring_back *r,
                                              uint32_t rsp_prod,
                                              uint32_t req_cons);

#endif /* SPLITIO_SRC_RESUME_H */
