/* SPDX-License-Identifier: BSD-2-Clause */
/* A block back's journal: what the next back has to know if this one dies
 * between two instructions. */
#ifndef BLKBACK_JOURNAL_H
#define BLKBACK_JOURNAL_H

#include "blkback_saved.h"

/* A device that has no journal: none of these does anything. */

/* The journal of a back that died is there, and of this device's shape. */
SPLITIO_INTERNAL bool
splitio_blkback_journal_is_left(const struct splitio_blkback *dev);
/* What it says. 0; SPLITIO_EPROTO: it contradicts itself. */
SPLITIO_INTERNAL int
splitio_blkback_journal_read(const struct splitio_blkback *dev,
                             struct saved *s);

/* A new connection: the journal says nothing until it is confirmed. */
SPLITIO_INTERNAL void
splitio_blkback_journal_begin(struct splitio_blkback *dev);
SPLITIO_INTERNAL void
splitio_blkback_journal_confirm(struct splitio_blkback *dev);
SPLITIO_INTERNAL void splitio_blkback_journal_end(struct splitio_blkback *dev);

/* In this order, for each request: it was taken, its answer is about to be put
 * into the ring, all answers put are about to be published, they have been. */
SPLITIO_INTERNAL void
splitio_blkback_journal_take(struct blkback_io *io, uint32_t seq,
                             const struct splitio_blk_request *req, int status);
SPLITIO_INTERNAL void splitio_blkback_journal_answer(struct blkback_io *io);
SPLITIO_INTERNAL void
splitio_blkback_journal_publish(struct splitio_blkback_queue *q);
SPLITIO_INTERNAL void splitio_blkback_journal_forget(struct blkback_io *io);

/* What counts is open again, as if it had no answer; all else is forgotten. */
SPLITIO_INTERNAL void
splitio_blkback_journal_clean(struct splitio_blkback_queue *q);
/* The oldest that is not in *seq's past: the number of the io that had it; *seq is
 * the request's then. NONE: there is none. */
SPLITIO_INTERNAL uint32_t splitio_blkback_journal_next(
    const struct splitio_blkback_queue *q, uint32_t *seq);
/* Its fields, and its segments in io->segs. What was found wrong, or 0. */
SPLITIO_INTERNAL int
splitio_blkback_journal_request(struct blkback_io *io,
                                struct splitio_blk_request *req);

#endif /* BLKBACK_JOURNAL_H */
