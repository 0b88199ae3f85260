/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event engine's half of the FIFO ABI: see splitio/event_fifo.h.
 *
 * All that is done to a domain's words and blocks is done under its own lock:
 * after a reset nothing is, and two senders do not append at once. The guest
 * writes the same words at any time; no loop here depends on what it writes.
 */
#include "engine_int.h"

#define PENDING (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_PENDING)
#define MASKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_MASKED)
#define LINKED  (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_LINKED)
#define BUSY    (UINT32_C(1) << SPLITIO_EVTCHN_FIFO_BUSY)
#define LINK    SPLITIO_EVTCHN_FIFO_LINK_MASK

/*
 * What a guest may do to the word of a tail while it is BUSY: set MASKED, clear
 * PENDING, clear LINKED; each once. One more than these is enough.
 */
#define LINK_TRIES 4

/* In last[]: vcpu and priority of the queue that a port was in last. */
#define LAST_PRIORITY 15u
#define LAST_VCPU     4 /* shift */
#define LAST_MASK     0x1FFu
#define KEPT          0x8000u /* an event came before the port had a word */

static uint32_t *word_of(const struct splitio_event_fifo *f, uint32_t port)
{
    if (port >= f->nr_words)
        return NULL;
    return &f->pages[port / SPLITIO_EVENT_FIFO_PAGE_WORDS]
                    [port % SPLITIO_EVENT_FIFO_PAGE_WORDS];
}

/*
 * Set or clear flags, and then look. Two steps: where the result of one were
 * used, some processors would need a loop, which the guest could prolong. All
 * flags are in one word, so that what is seen is not older than the change.
 */
static uint32_t set_flags(uint32_t *word, uint32_t flags)
{
    (void)splitio_fetch_or_le32(word, flags);
    return splitio_load_acquire_le32(word);
}

static uint32_t clear_flags(uint32_t *word, uint32_t flags)
{
    (void)splitio_fetch_and_le32(word, ~flags);
    return splitio_load_acquire_le32(word);
}

/* Replace LINK while the word is LINKED. False: it is not, or never holds still:
 * in which case the guest breaks the ABI and has only itself to blame. */
static bool set_link(uint32_t *word, uint32_t port)
{
    uint32_t w = splitio_read_once_le32(word);

    if ((w & LINKED) == 0)
        return false;
    if (splitio_cas_le32(word, &w, (w & ~(BUSY | LINK)) | port))
        return true;
    w = set_flags(word, BUSY);
    for (unsigned i = 0; i < LINK_TRIES && (w & LINKED) != 0; i++)
        if (splitio_cas_le32(word, &w, (w & ~(BUSY | LINK)) | port))
            return true;
    (void)clear_flags(word, BUSY);
    return false;
}

/* Take a port out of what is known of the queue it was in last. */
static void leave_last(struct splitio_event_fifo *f, uint32_t port)
{
    unsigned last = f->last[port] & LAST_MASK;
    uint32_t *tail = &f->vcpus[last >> LAST_VCPU].tail[last & LAST_PRIORITY];

    if (*tail == port)
        *tail = 0;
}

/* Append an unlinked port. True: the queue was empty and nobody was told. */
static bool append(struct splitio_event_fifo *f, uint32_t port, unsigned vcpu,
                   unsigned priority)
{
    struct splitio_event_queues *v = &f->vcpus[vcpu];
    uint32_t tail, bit;

    leave_last(f, port);
    f->last[port] =
        (uint16_t)((f->last[port] & KEPT) | vcpu << LAST_VCPU | priority);
    tail = v->tail[priority];
    v->tail[priority] = port;
    if (tail && set_link(word_of(f, tail), port))
        return false;
    splitio_store_release_le32(&v->block->head[priority], port);
    bit = UINT32_C(1) << priority;
    return (splitio_fetch_or_le32(&v->block->ready, bit) & bit) == 0;
}

/* Queue a pending port unless it is masked or queued. True: upcall. */
static bool deliver(struct splitio_event_domain *d, uint32_t port, uint32_t w,
                    uint64_t port_is)
{
    struct splitio_event_fifo *f = d->fifo;
    unsigned vcpu = port_vcpu(port_is);
    uint8_t *info;

    if ((w & (MASKED | LINKED)) != 0 || !f->vcpus[vcpu].block)
        return false;
    (void)set_flags(word_of(f, port), LINKED);
    if (!append(f, port, vcpu, port_priority(port_is)))
        return false;
    info = info_of(d, vcpu);
    return splitio_xchg_u8(info + d->abi->upcall_pending, 1) == 0;
}

/* Lock held. True: upcall. */
static bool set_pending(struct splitio_event_domain *d, uint32_t port,
                        uint64_t port_is)
{
    uint32_t *word = word_of(d->fifo, port);

    if (!word) {
        d->fifo->last[port] |= KEPT;
        return false;
    }
    return deliver(d, port, set_flags(word, PENDING), port_is);
}

static void upcall(struct splitio_event_engine *e,
                   const struct splitio_event_domain *d, unsigned vcpu)
{
    e->port->ops->upcall(e->port->ctx, d->domid, vcpu);
}

void splitio_event_fifo_set_pending(struct splitio_event_engine *e,
                                    struct splitio_event_domain *d,
                                    splitio_evtchn_t port, uint64_t word)
{
    bool tell = false;

    spin_lock(&d->fifo->lock);
    if (is_fifo(d)) /* else a reset has closed it */
        tell = set_pending(d, port, word);
    spin_unlock(&d->fifo->lock);
    if (tell)
        upcall(e, d, port_vcpu(word));
}

void splitio_event_fifo_unmask(struct splitio_event_engine *e,
                               struct splitio_event_domain *d,
                               splitio_evtchn_t port, uint64_t word)
{
    struct splitio_event_fifo *f = d->fifo;
    bool tell = false;
    uint32_t *at;

    spin_lock(&f->lock);
    at = is_fifo(d) ? word_of(f, port) : NULL;
    if (at) {
        uint32_t w = clear_flags(at, MASKED);

        if (w & PENDING)
            tell = deliver(d, port, w, word);
    }
    spin_unlock(&f->lock);
    if (tell)
        upcall(e, d, port_vcpu(word));
}

/*
 * A port that is in a queue still has an event of its last life coming, in a
 * queue of that life: it is not used again until the guest has unlinked it.
 */
bool splitio_event_fifo_prepare_port(struct splitio_event_domain *d,
                                     splitio_evtchn_t port)
{
    struct splitio_event_fifo *f = d->fifo;
    uint32_t *word;
    bool is_free;

    spin_lock(&f->lock);
    word = word_of(f, port);
    f->last[port] &= (uint16_t)~KEPT;
    is_free = !word || (splitio_read_once_le32(word) & LINKED) == 0;
    if (word && is_free) {
        (void)set_flags(word, MASKED);
        (void)clear_flags(word, PENDING);
    }
    spin_unlock(&f->lock);
    return is_free;
}

/* ---- changing over ---- */

/* Both locks held. Say it, then look for what was pending: set_pending() in
 * hypervisor.c does the opposite. */
static void start(struct splitio_event_domain *d)
{
    uint32_t limit = d->limit;

    d->limit = d->nr_ports;
    __atomic_store_n(&d->is_fifo, 1, __ATOMIC_SEQ_CST);
    for (uint32_t p = 1; p < limit; p++)
        if (read_port(d, p) != 0 &&
            bit_test(d->abi, d->shared_info + d->abi->pending, p))
            d->fifo->last[p] |= KEPT;
}

void splitio_event_fifo_stop(struct splitio_event_domain *d)
{
    uint32_t nr_bits = splitio_event_abi_nr_ports(d->abi);
    struct splitio_event_fifo *f = d->fifo;

    spin_lock(&f->lock);
    __atomic_store_n(&d->is_fifo, 0, __ATOMIC_SEQ_CST);
    d->limit = d->nr_ports < nr_bits ? d->nr_ports : nr_bits;
    f->nr_words = 0;
    __builtin_memset(f->pages, 0, sizeof(f->pages));
    __builtin_memset(f->vcpus, 0, sizeof(f->vcpus));
    __builtin_memset(f->last, 0, SPLITIO_EVENT_FIFO_MEM(d->nr_ports));
    spin_unlock(&f->lock);
}

/* Entered. */
static int set_block(struct splitio_event_engine *e,
                     struct splitio_event_domain *d, unsigned vcpu,
                     struct splitio_event_fifo_block *block)
{
    struct splitio_event_fifo *f = d->fifo;
    int err = 0;

    spin_lock(&e->lock);
    spin_lock(&f->lock);
    if (f->vcpus[vcpu].block) {
        err = SPLITIO_EINVAL;
    } else {
        f->vcpus[vcpu].block = block;
        if (!is_fifo(d))
            start(d);
    }
    spin_unlock(&f->lock);
    spin_unlock(&e->lock);
    return err;
}

static int check_vcpu(const struct splitio_event_domain *d, unsigned vcpu)
{
    if (!d->fifo)
        return SPLITIO_EOPNOTSUPP;
    return vcpu < d->abi->nr_vcpus ? 0 : SPLITIO_ENOENT;
}

int splitio_event_engine_set_block(struct splitio_event_engine *e,
                                   splitio_domid_t domid, unsigned vcpu,
                                   struct splitio_event_fifo_block *block)
{
    struct splitio_event_domain *d = enter(e, domid);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = check_vcpu(d, vcpu);
    if (!err)
        err = set_block(e, d, vcpu, block);
    leave(e, domid);
    return err;
}

static void *frame_of(struct splitio_event_engine *e, splitio_domid_t domid,
                      splitio_gfn_t gfn)
{
    return e->port->ops->frame_ptr(e->port->ctx, domid, gfn, true);
}

int splitio_event_engine_init_control(struct splitio_event_engine *e,
                                      splitio_domid_t domid, splitio_gfn_t gfn,
                                      uint32_t offset, unsigned vcpu)
{
    struct splitio_event_domain *d = enter(e, domid);
    const uint32_t size = sizeof(struct splitio_event_fifo_block);
    uint8_t *page;
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = check_vcpu(d, vcpu);
    if (!err && (offset > SPLITIO_PAGE_SIZE - size || offset % 8 != 0))
        err = SPLITIO_EINVAL;
    page = err ? NULL : frame_of(e, domid, gfn);
    if (page)
        err = set_block(e, d, vcpu, (void *)(page + offset));
    else if (!err)
        err = SPLITIO_EINVAL;
    leave(e, domid);
    return err;
}

/* ---- growing ---- */

/* Lock held. Deliver what was kept for the ports of the last page; the vcpus
 * that must be interrupted, a bit each. */
static uint32_t deliver_kept(struct splitio_event_domain *d, uint32_t from)
{
    struct splitio_event_fifo *f = d->fifo;
    uint32_t vcpus = 0;

    for (uint32_t p = from; p < f->nr_words && p < d->nr_ports; p++) {
        uint64_t w = read_port(d, p);

        if ((f->last[p] & KEPT) == 0)
            continue;
        f->last[p] &= (uint16_t)~KEPT;
        if (w != 0 && set_pending(d, p, w))
            vcpus |= UINT32_C(1) << port_vcpu(w);
    }
    return vcpus;
}

/* Entered; with FIFO memory. */
static int add_words(struct splitio_event_engine *e,
                     struct splitio_event_domain *d, uint32_t *page)
{
    struct splitio_event_fifo *f = d->fifo;
    uint32_t nr, vcpus = 0;
    int err = 0;

    spin_lock(&f->lock);
    nr = f->nr_words;
    if (!is_fifo(d)) {
        err = SPLITIO_EOPNOTSUPP;
    } else if (nr >= d->nr_ports) {
        err = SPLITIO_ENOSPC;
    } else {
        f->pages[nr / SPLITIO_EVENT_FIFO_PAGE_WORDS] = page;
        f->nr_words = nr + SPLITIO_EVENT_FIFO_PAGE_WORDS;
        vcpus = deliver_kept(d, nr);
    }
    spin_unlock(&f->lock);
    for (; vcpus; vcpus &= vcpus - 1)
        upcall(e, d, splitio_lowest_bit_u64(vcpus));
    return err;
}

int splitio_event_engine_add_words(struct splitio_event_engine *e,
                                   splitio_domid_t domid, uint32_t *page)
{
    struct splitio_event_domain *d = enter(e, domid);
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    err = d->fifo ? add_words(e, d, page) : SPLITIO_EOPNOTSUPP;
    leave(e, domid);
    return err;
}

int splitio_event_engine_expand_array(struct splitio_event_engine *e,
                                      splitio_domid_t domid, splitio_gfn_t gfn)
{
    struct splitio_event_domain *d = enter(e, domid);
    uint32_t *page;
    int err;

    if (!d)
        return SPLITIO_ENOENT;
    page = frame_of(e, domid, gfn);
    if (!d->fifo)
        err = SPLITIO_EOPNOTSUPP;
    else
        err = page ? add_words(e, d, page) : SPLITIO_EINVAL;
    leave(e, domid);
    return err;
}
