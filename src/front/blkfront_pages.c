/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of the block front: the pool, and the segments of a request. */
#include "blkfront_impl.h"

int splitio_blkfront_grant(struct splitio_blkfront *dev, const void *page,
                           bool read_only, splitio_gref_t *gref)
{
    const struct splitio_guest_port *port = &dev->cfg.port;
    int err =
        port->ops->grant(port->ctx, dev->back_domid, page, read_only, gref);

    if (!err)
        dev->stats.nr_grants++;
    return err;
}

/* 0, or SPLITIO_EBUSY: the port keeps page and reference. */
int splitio_blkfront_revoke(struct splitio_blkfront *dev, splitio_gref_t gref)
{
    const struct splitio_guest_port *port = &dev->cfg.port;
    int err = port->ops->revoke(port->ctx, gref);

    dev->stats.nr_grants--;
    if (err)
        dev->stats.nr_lost_pages++;
    return err;
}

/* ---- the pool ---- */

/* Get pages for the entries that have none. */
int splitio_blkfront_pool_fill(struct splitio_blkfront_queue *q)
{
    const struct splitio_guest_port *port = &q->dev->cfg.port;
    uint32_t have = 0;

    for (uint32_t i = 0; i < q->dev->cfg.pool_pages; i++) {
        struct pool_page *p = &q->pool[i];

        if (!p->page) {
            p->page = port->ops->pages_alloc(port->ctx, 1);
            p->gref = SPLITIO_GREF_NONE;
            if (!p->page)
                continue;
            q->dev->stats.nr_pages++;
            splitio_blkfront_pool_put(q, i);
        }
        have++;
    }
    return have < 2 ? SPLITIO_ENOMEM : 0;
}

/* Take back one page that nobody uses. */
static void page_revoke(struct splitio_blkfront_queue *q, struct pool_page *p,
                        bool wipe)
{
    if (p->gref != SPLITIO_GREF_NONE &&
        splitio_blkfront_revoke(q->dev, p->gref) != 0) {
        p->page = NULL;
        q->dev->stats.nr_pages--;
    } else if (wipe) {
        __builtin_memset(p->page, 0, SPLITIO_PAGE_SIZE);
    }
    p->gref = SPLITIO_GREF_NONE;
}

/* Take all back; none is in use. What one back has seen must not reach
 * another: @wipe. */
void splitio_blkfront_pool_revoke(struct splitio_blkfront_queue *q, bool wipe)
{
    q->nr_free_pages = 0;
    for (uint32_t i = q->dev->cfg.pool_pages; i-- > 0;) {
        if (q->pool[i].page)
            page_revoke(q, &q->pool[i], wipe);
        if (q->pool[i].page)
            q->free_pages[q->nr_free_pages++] = i;
    }
}

void splitio_blkfront_pool_empty(struct splitio_blkfront_queue *q)
{
    const struct splitio_guest_port *port = &q->dev->cfg.port;

    splitio_blkfront_pool_revoke(q, false);
    while (q->nr_free_pages) {
        struct pool_page *p = &q->pool[q->free_pages[--q->nr_free_pages]];

        port->ops->pages_free(port->ctx, p->page, 1);
        p->page = NULL;
        q->dev->stats.nr_pages--;
    }
}

/* A page that is lent to the back; NONE if there is none, or no grant. */
uint32_t splitio_blkfront_pool_get(struct splitio_blkfront_queue *q)
{
    uint32_t i;

    if (q->nr_free_pages == 0)
        return NONE;
    i = q->free_pages[q->nr_free_pages - 1];
    if (q->pool[i].gref == SPLITIO_GREF_NONE &&
        splitio_blkfront_grant(q->dev, q->pool[i].page, false,
                               &q->pool[i].gref) != 0) {
        q->pool[i].gref = SPLITIO_GREF_NONE;
        return NONE;
    }
    q->nr_free_pages--;
    return i;
}

void splitio_blkfront_pool_put(struct splitio_blkfront_queue *q, uint32_t page)
{
    q->free_pages[q->nr_free_pages++] = page;
}

/* The back went with this page in its hands: it may only be used again if it
 * is not mapped any more. */
static void pool_put_abandoned(struct splitio_blkfront_queue *q, uint32_t page)
{
    page_revoke(q, &q->pool[page], false);
    if (q->pool[page].page)
        splitio_blkfront_pool_put(q, page);
}

/* ---- places in the caller's buffers ---- */

static uint8_t *here(const struct splitio_blk_io *io,
                     struct splitio_blk_cursor *c, size_t *len_bytes)
{
    while (c->offset == io->iov[c->iov].len_bytes) {
        c->iov++;
        c->offset = 0;
    }
    *len_bytes = io->iov[c->iov].len_bytes - c->offset;
    return (uint8_t *)io->iov[c->iov].base + c->offset;
}

static void advance(struct splitio_blk_cursor *c, size_t len_bytes)
{
    c->offset += len_bytes;
    c->pos += len_bytes;
}

/* Copy between the buffers and a page, and go on. */
static void copy(const struct splitio_blk_io *io, struct splitio_blk_cursor *c,
                 uint8_t *page, size_t len_bytes, bool to_page)
{
    while (len_bytes) {
        size_t len;
        uint8_t *p = here(io, c, &len);

        if (len > len_bytes)
            len = len_bytes;
        if (to_page)
            __builtin_memcpy(page, p, len);
        else
            __builtin_memcpy(p, page, len);
        page += len;
        len_bytes -= len;
        advance(c, len);
    }
}

static void skip(const struct splitio_blk_io *io, struct splitio_blk_cursor *c,
                 size_t len_bytes)
{
    while (len_bytes) {
        size_t len;

        (void)here(io, c, &len);
        if (len > len_bytes)
            len = len_bytes;
        len_bytes -= len;
        advance(c, len);
    }
}

/* ---- segments ---- */

static void set_range(struct front_seg *seg, size_t offset, size_t len_bytes)
{
    seg->first_sect = (uint8_t)(offset / 512);
    seg->last_sect = (uint8_t)((offset + len_bytes) / 512 - 1);
}

static size_t seg_bytes(const struct front_seg *seg)
{
    return (size_t)(seg->last_sect - seg->first_sect + 1) * 512;
}

/* Lend the caller's own page. Returns bytes, 0 if that cannot be. */
static size_t add_direct(struct splitio_blkfront *dev, struct shadow *s,
                         struct splitio_blk_cursor *c, uint64_t left)
{
    struct front_seg *seg = &s->segs[s->nr_segs];
    size_t len, unit = dev->info.sector_size;
    uint8_t *p = here(s->io, c, &len);
    size_t offset = (uintptr_t)p & SPLITIO_PAGE_MASK;

    if (len > SPLITIO_PAGE_SIZE - offset)
        len = SPLITIO_PAGE_SIZE - offset;
    if (len > left)
        len = (size_t)left;
    len -= len % unit;
    if (len == 0 || offset % unit != 0 ||
        (dev->untrusted && len != SPLITIO_PAGE_SIZE))
        return 0;
    if (splitio_blkfront_grant(dev, p - offset, is_write(s->io), &seg->gref))
        return 0;
    seg->page = NONE;
    set_range(seg, offset, len);
    s->nr_segs++;
    advance(c, len);
    return len;
}

static size_t add_bounced(struct splitio_blkfront_queue *q, struct shadow *s,
                          struct splitio_blk_cursor *c, uint64_t left)
{
    struct front_seg *seg = &s->segs[s->nr_segs];
    size_t len = left < SPLITIO_PAGE_SIZE ? (size_t)left : SPLITIO_PAGE_SIZE;

    seg->page = splitio_blkfront_pool_get(q);
    if (seg->page == NONE)
        return 0;
    seg->gref = q->pool[seg->page].gref;
    set_range(seg, 0, len);
    s->nr_segs++;
    if (is_write(s->io))
        copy(s->io, c, q->pool[seg->page].page, len, true);
    else
        skip(s->io, c, len);
    return len;
}

/* A barrier cannot be indirect. */
static unsigned max_segs(const struct splitio_blkfront *dev,
                         const struct splitio_blk_io *io)
{
    uint32_t indirect =
        io->op == SPLITIO_BLK_BARRIER ? 0 : dev->info.max_indirect;

    if (indirect > dev->cfg.max_segs)
        indirect = dev->cfg.max_segs;
    return indirect > SPLITIO_BLKIF_MAX_SEGMENTS ? indirect
                                                 : SPLITIO_BLKIF_MAX_SEGMENTS;
}

/* Give as much of the next @left bytes to the request as there are segments,
 * pages and grants. What it got is in s->len_bytes, and may be 0. */
void splitio_blkfront_shadow_build(struct splitio_blkfront_queue *q,
                                   struct shadow *s,
                                   struct splitio_blk_cursor *cursor,
                                   uint64_t left)
{
    unsigned limit = max_segs(q->dev, s->io);

    s->nr_segs = 0;
    s->list_page = NONE;
    s->len_bytes = 0;
    while (left && s->nr_segs < limit) {
        size_t got = 0;

        if (s->nr_segs == SPLITIO_BLKIF_MAX_SEGMENTS && s->list_page == NONE) {
            s->list_page = splitio_blkfront_pool_get(q);
            if (s->list_page == NONE)
                return;
        }
        if (q->dev->cfg.direct)
            got = add_direct(q->dev, s, cursor, left);
        if (!got)
            got = add_bounced(q, s, cursor, left);
        if (!got)
            break;
        left -= got;
        s->len_bytes += got;
    }
    if (s->list_page != NONE && s->nr_segs <= SPLITIO_BLKIF_MAX_SEGMENTS) {
        splitio_blkfront_pool_put(q, s->list_page);
        s->list_page = NONE;
    }
}

/* Let go of all segments. @copy_in: a read that worked, its data goes to the
 * caller. @abandoned: the back is gone. 0, or SPLITIO_EBUSY if the back keeps
 * a page of the caller's. */
int splitio_blkfront_shadow_put_segs(struct splitio_blkfront_queue *q,
                                     struct shadow *s, bool copy_in,
                                     bool abandoned)
{
    struct splitio_blk_cursor c = s->at;
    int err = 0;

    for (unsigned i = 0; i < s->nr_segs; i++) {
        const struct front_seg *seg = &s->segs[i];

        if (seg->page == NONE) {
            if (splitio_blkfront_revoke(q->dev, seg->gref))
                err = SPLITIO_EBUSY;
            if (copy_in)
                skip(s->io, &c, seg_bytes(seg));
            continue;
        }
        if (copy_in)
            copy(s->io, &c, q->pool[seg->page].page, seg_bytes(seg), false);
        if (abandoned)
            pool_put_abandoned(q, seg->page);
        else
            splitio_blkfront_pool_put(q, seg->page);
    }
    if (s->list_page != NONE) {
        if (abandoned)
            pool_put_abandoned(q, s->list_page);
        else
            splitio_blkfront_pool_put(q, s->list_page);
    }
    s->nr_segs = 0;
    s->list_page = NONE;
    return err;
}
