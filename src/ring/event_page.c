/* SPDX-License-Identifier: BSD-2-Clause */
/* Event pages: see splitio/event_page.h for the protocol. */
#include <splitio/event_page.h>

const struct splitio_event_page_layout splitio_event_page_64 = {
    .cons = 0, .prod = 4, .entries = 64, .entry_bytes = 64, .nr_entries = 63};

const struct splitio_event_page_layout splitio_event_page_kbd_in = {
    .cons = 0, .prod = 4, .entries = 1024, .entry_bytes = 40, .nr_entries = 51};

const struct splitio_event_page_layout splitio_event_page_kbd_out = {
    .cons = 8,
    .prod = 12,
    .entries = 3072,
    .entry_bytes = 40,
    .nr_entries = 25};

const struct splitio_event_page_layout splitio_event_page_fb_in = {
    .cons = 0, .prod = 4, .entries = 1024, .entry_bytes = 40, .nr_entries = 25};

const struct splitio_event_page_layout splitio_event_page_fb_out = {
    .cons = 8,
    .prod = 12,
    .entries = 2048,
    .entry_bytes = 40,
    .nr_entries = 51};

static int init(struct splitio_event_page *p, void *page,
                const struct splitio_event_page_layout *layout, uint16_t own,
                uint16_t peer)
{
    uint32_t bytes = (uint32_t)layout->entry_bytes * layout->nr_entries;

    if (!page || bytes == 0 || layout->entries + bytes > SPLITIO_PAGE_SIZE ||
        own % 4 || peer % 4 || own == peer || layout->entries < own + 4u ||
        layout->entries < peer + 4u)
        return SPLITIO_EINVAL;
    p->entries = (uint8_t *)page + layout->entries;
    p->own_shared = (uint32_t *)(void *)((uint8_t *)page + own);
    p->peer_shared = (uint32_t *)(void *)((uint8_t *)page + peer);
    p->own = p->published = splitio_read_once_u32(p->own_shared);
    p->entry_bytes = layout->entry_bytes;
    p->nr_entries = layout->nr_entries;
    p->broken = false;
    return 0;
}

int splitio_event_page_init_producer(
    struct splitio_event_page *p, void *page,
    const struct splitio_event_page_layout *layout)
{
    return init(p, page, layout, layout->prod, layout->cons);
}

int splitio_event_page_init_consumer(
    struct splitio_event_page *p, void *page,
    const struct splitio_event_page_layout *layout)
{
    return init(p, page, layout, layout->cons, layout->prod);
}

bool splitio_event_page_is_valid(const struct splitio_event_page *p)
{
    return p->entries && p->own_shared && p->peer_shared &&
           p->own_shared != p->peer_shared && p->entry_bytes && p->nr_entries;
}

/* How far @ahead is; more than there are entries is a lie. */
static int distance(struct splitio_event_page *p, uint32_t ahead)
{
    if (p->broken || ahead > p->nr_entries) {
        p->broken = true;
        return SPLITIO_EPROTO;
    }
    return (int)ahead;
}

static uint8_t *entry_at(const struct splitio_event_page *p, uint32_t index)
{
    return p->entries + (size_t)(index % p->nr_entries) * p->entry_bytes;
}

int splitio_event_page_room(struct splitio_event_page *p)
{
    int used = distance(p, p->own - splitio_load_acquire_u32(p->peer_shared));
    uint32_t room, to_wrap = 0u - p->own;

    if (used < 0)
        return used;
    room = p->nr_entries - (uint32_t)used;
    if (p->nr_entries & (p->nr_entries - 1u)) {
        if (p->own < (uint32_t)used)
            return 0; /* what is there lies before the wrap */
        if (to_wrap && to_wrap < room)
            room = to_wrap;
    }
    return (int)room;
}

int splitio_event_page_put(struct splitio_event_page *p, const void *entry)
{
    int room = splitio_event_page_room(p);

    if (room <= 0)
        return room ? room : SPLITIO_EAGAIN;
    __builtin_memcpy(entry_at(p, p->own), entry, p->entry_bytes);
    p->own++;
    return 0;
}

bool splitio_event_page_publish(struct splitio_event_page *p)
{
    if (p->own == p->published)
        return false;
    p->published = p->own;
    splitio_store_release_u32(p->own_shared, p->own);
    return true;
}

int splitio_event_page_take(struct splitio_event_page *p, void *entry)
{
    int ready = distance(p, splitio_load_acquire_u32(p->peer_shared) - p->own);

    if (ready <= 0)
        return ready;
    splitio_copy_once(entry, entry_at(p, p->own), p->entry_bytes);
    p->own++;
    splitio_store_release_u32(p->own_shared, p->own);
    return 1;
}
