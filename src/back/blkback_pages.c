/* SPDX-License-Identifier: BSD-2-Clause */
/* Getting at the pages of a request: kept, mapped, or copied. */
#include "blkback_impl.h"

void splitio_blkback_unmap_now(struct splitio_blkback_queue *q)
{
    const struct splitio_host_port *port = &q->dev->cfg.port;
    unsigned nr = q->nr_unmaps;

    if (nr == 0)
        return;
    q->nr_unmaps = 0;
    q->dev->stats.nr_unmap_errors += port->ops->unmap(port->ctx, q->unmaps, nr);
}

/* Carried out before the answers of the batch are published at the latest, for
 * the front takes its page back when it has the answer. */
void splitio_blkback_unmap_later(struct splitio_blkback_queue *q,
                                 splitio_grant_handle_t handle)
{
    if (q->nr_unmaps == BLKBACK_UNMAP_BATCH)
        splitio_blkback_unmap_now(q);
    q->unmaps[q->nr_unmaps++] = (struct splitio_grant_unmap){.handle = handle};
}

static uint32_t seg_offset(const struct splitio_blkif_segment *seg)
{
    return (uint32_t)seg->first_sect << SPLITIO_DISK_SECTOR_SHIFT;
}

static uint32_t seg_bytes(const struct splitio_blkif_segment *seg)
{
    return (uint32_t)(seg->last_sect - seg->first_sect + 1)
           << SPLITIO_DISK_SECTOR_SHIFT;
}

/* ---- copied ---- */

static int copy(struct splitio_blkback_queue *q, unsigned nr)
{
    const struct splitio_host_port *port = &q->dev->cfg.port;

    if (port->ops->copy(port->ctx, q->copies, nr) == 0)
        return 0;
    q->dev->stats.nr_map_errors++;
    return SPLITIO_BLKIF_RSP_ERROR;
}

/* Copy between the bounce buffer and the front's pages. */
static int copy_segs(struct blkback_io *io, bool to_front)
{
    struct splitio_blkback_queue *q = io->q;
    uint8_t *local = io->bounce;

    for (unsigned i = 0; i < io->nr_segs; i++) {
        const struct splitio_blkif_segment *seg = &io->segs[i];
        struct splitio_grant_copy *op = &q->copies[i];
        struct splitio_grant_end front = {.domid = q->dev->peer.domid,
                                          .gref = seg->gref,
                                          .offset = seg_offset(seg)};
        struct splitio_grant_end here = {.local = local};

        op->src = to_front ? here : front;
        op->dst = to_front ? front : here;
        op->len_bytes = seg_bytes(seg);
        local += op->len_bytes;
    }
    return copy(q, io->nr_segs);
}

static int get_copied(struct blkback_io *io,
                      const struct splitio_blk_request *req,
                      const struct splitio_blkif_segment *segs)
{
    if (segs != io->segs)
        __builtin_memcpy(io->segs, segs, req->nr_segs * sizeof(*segs));
    io->iov[0].base = io->bounce;
    io->iov[0].len_bytes = (size_t)req->nr_sectors << SPLITIO_DISK_SECTOR_SHIFT;
    io->disk.nr_iov = 1;
    io->q->dev->stats.nr_copied++;
    return req->op == SPLITIO_BLKIF_OP_READ ? 0 : copy_segs(io, false);
}

/* The disk has filled the bounce buffer: hand the data over. */
int splitio_blkback_copy_out(struct blkback_io *io)
{
    return copy_segs(io, true);
}

/* Copy the segments of an indirect request out of its descriptor pages. */
int splitio_blkback_read_indirect(struct blkback_io *io,
                                  const struct splitio_blk_request *req)
{
    struct splitio_blkback_queue *q = io->q;
    uint8_t *local = (uint8_t *)io->segs;
    uint32_t left = req->nr_segs * (uint32_t)sizeof(io->segs[0]);

    for (unsigned i = 0; i < req->nr_indirect_pages; i++) {
        uint32_t bytes = left < SPLITIO_PAGE_SIZE ? left : SPLITIO_PAGE_SIZE;

        q->copies[i] = (struct splitio_grant_copy){
            .src = {.domid = q->dev->peer.domid,
                    .gref = req->indirect_grefs[i]},
            .dst = {.local = local},
            .len_bytes = bytes,
        };
        local += bytes;
        left -= bytes;
    }
    return copy(q, req->nr_indirect_pages);
}

/* ---- mapped ---- */

/* Note what is not kept yet in q->maps; where the others are, in io->iov. */
static unsigned find_kept(struct blkback_io *io, bool read_only,
                          const struct splitio_blkif_segment *segs)
{
    struct splitio_blkback_queue *q = io->q;
    bool persistent = q->dev->peer.persistent;
    unsigned nr_maps = 0;

    for (unsigned i = 0; i < io->nr_segs; i++) {
        uint32_t kept = persistent
                            ? splitio_blkback_keep_find(&q->keep, segs[i].gref)
                            : NONE;

        if (kept != NONE) {
            io->holds[q->dev->nr_segs_max - ++io->nr_kept] = kept;
            io->iov[i].base = q->keep.pages[kept].va;
            continue;
        }
        q->map_segs[nr_maps] = (uint16_t)i;
        q->maps[nr_maps++] = (struct splitio_grant_map){
            .domid = q->dev->peer.domid,
            .read_only = read_only && !persistent,
            .gref = segs[i].gref,
        };
    }
    return nr_maps;
}

/* Take over what got mapped. False if something did not. */
static bool hold_mapped(struct blkback_io *io, unsigned nr_maps)
{
    struct splitio_blkback_queue *q = io->q;
    bool persistent = q->dev->peer.persistent, all = true;

    for (unsigned j = 0; j < nr_maps; j++) {
        const struct splitio_grant_map *map = &q->maps[j];
        uint32_t kept;

        if (map->status != SPLITIO_GNTST_OKAY) {
            all = false;
            continue;
        }
        io->iov[q->map_segs[j]].base = map->va;
        kept = persistent ? splitio_blkback_keep_insert(q, map) : NONE;
        if (kept != NONE) {
            io->holds[q->dev->nr_segs_max - ++io->nr_kept] = kept;
        } else {
            io->holds[io->nr_mapped++] = map->handle;
            q->dev->stats.nr_mapped++;
        }
    }
    return all;
}

/* From pages to pieces of memory; neighbours become one. */
static void build_iov(struct blkback_io *io,
                      const struct splitio_blkif_segment *segs)
{
    struct splitio_iovec *last = io->iov;

    last->base = (uint8_t *)last->base + seg_offset(&segs[0]);
    last->len_bytes = seg_bytes(&segs[0]);
    for (unsigned i = 1; i < io->nr_segs; i++) {
        uint8_t *base = (uint8_t *)io->iov[i].base + seg_offset(&segs[i]);

        if (base == (uint8_t *)last->base + last->len_bytes) {
            last->len_bytes += seg_bytes(&segs[i]);
            continue;
        }
        last++;
        last->base = base;
        last->len_bytes = seg_bytes(&segs[i]);
    }
    io->disk.nr_iov = (uint32_t)(last - io->iov) + 1;
}

static int get_mapped(struct blkback_io *io,
                      const struct splitio_blk_request *req,
                      const struct splitio_blkif_segment *segs)
{
    struct splitio_blkback_queue *q = io->q;
    const struct splitio_host_port *port = &q->dev->cfg.port;
    unsigned nr_maps = find_kept(io, req->op != SPLITIO_BLKIF_OP_READ, segs);

    if (nr_maps) {
        (void)port->ops->map(port->ctx, q->maps, nr_maps);
        if (!hold_mapped(io, nr_maps)) {
            q->dev->stats.nr_map_errors++;
            return SPLITIO_BLKIF_RSP_ERROR;
        }
    }
    build_iov(io, segs);
    return 0;
}

/* Make the request's data reachable through io->iov. 0 or the wire status; the
 * caller calls splitio_blkback_put_pages() in both cases. */
int splitio_blkback_get_pages(struct blkback_io *io,
                              const struct splitio_blk_request *req,
                              const struct splitio_blkif_segment *segs)
{
    const struct splitio_blkback *dev = io->q->dev;

    io->nr_segs = req->nr_segs;
    io->copied = !dev->peer.persistent &&
                 req->nr_sectors <= (uint64_t)dev->cfg.copy_pages * 8;
    return io->copied ? get_copied(io, req, segs) : get_mapped(io, req, segs);
}

/* Let go of them. */
void splitio_blkback_put_pages(struct blkback_io *io)
{
    struct splitio_blkback_queue *q = io->q;
    uint32_t end = q->dev->nr_segs_max;

    for (unsigned i = 0; i < io->nr_mapped; i++)
        splitio_blkback_unmap_later(q, io->holds[i]);
    for (unsigned i = 1; i <= io->nr_kept; i++)
        splitio_blkback_keep_release(&q->keep, io->holds[end - i]);
    q->dev->stats.nr_mapped -= io->nr_mapped;
    io->nr_mapped = io->nr_kept = 0;
}
