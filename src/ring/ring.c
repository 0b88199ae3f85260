/* SPDX-License-Identifier: BSD-2-Clause */
/* The cold half of the ring: init, attach, self-check. */
#include "resume.h"

uint32_t splitio_ring_nr_slots(uint32_t nr_pages, uint32_t slot_bytes)
{
    uint32_t room;

    if (nr_pages == 0 || nr_pages > SPLITIO_RING_PAGES_MAX || slot_bytes == 0)
        return 0;
    room =
        nr_pages * SPLITIO_PAGE_SIZE - (uint32_t)sizeof(struct splitio_sring);
    if (slot_bytes > room)
        return 0;
    return splitio_round_down_pow2(room / slot_bytes);
}

static bool args_ok(const void *pages, uint32_t nr_pages, uint32_t slot_bytes)
{
    return pages && ((uintptr_t)pages & SPLITIO_PAGE_MASK) == 0 &&
           splitio_ring_nr_slots(nr_pages, slot_bytes) != 0;
}

int splitio_ring_front_attach(struct splitio_ring_front *r, void *pages,
                              uint32_t nr_pages, uint32_t slot_bytes,
                              uint32_t index)
{
    if (!args_ok(pages, nr_pages, slot_bytes))
        return SPLITIO_EINVAL;
    r->sring = pages;
    r->slots = (uint8_t *)(r->sring + 1);
    r->nr_slots = splitio_ring_nr_slots(nr_pages, slot_bytes);
    r->mask = r->nr_slots - 1;
    r->slot_bytes = slot_bytes;
    r->req_prod = r->req_published = index;
    r->rsp_cons = r->rsp_seen = index;
    r->broken = false;
    return 0;
}

int splitio_ring_front_init(struct splitio_ring_front *r, void *pages,
                            uint32_t nr_pages, uint32_t slot_bytes)
{
    int err = splitio_ring_front_attach(r, pages, nr_pages, slot_bytes, 0);

    if (err)
        return err;
    __builtin_memset(pages, 0, (size_t)nr_pages * SPLITIO_PAGE_SIZE);
    r->sring->req_event = splitio_le32(1);
    r->sring->rsp_event = splitio_le32(1);
    return 0;
}

bool splitio_ring_front_is_valid(const struct splitio_ring_front *r)
{
    return r && r->sring && r->nr_slots != 0 &&
           (r->nr_slots & (r->nr_slots - 1)) == 0 &&
           r->req_prod - r->rsp_cons <= r->nr_slots &&
           r->req_published - r->rsp_cons <= r->req_prod - r->rsp_cons &&
           r->rsp_seen - r->rsp_cons <= r->req_published - r->rsp_cons;
}

int splitio_ring_back_attach(struct splitio_ring_back *r, void *pages,
                             uint32_t nr_pages, uint32_t slot_bytes)
{
    uint32_t rsp_prod, req_prod;

    if (!args_ok(pages, nr_pages, slot_bytes))
        return SPLITIO_EINVAL;
    r->sring = pages;
    r->slots = (uint8_t *)(r->sring + 1);
    r->nr_slots = splitio_ring_nr_slots(nr_pages, slot_bytes);
    r->mask = r->nr_slots - 1;
    r->slot_bytes = slot_bytes;
    rsp_prod = splitio_read_once_le32(&r->sring->rsp_prod);
    req_prod = splitio_load_acquire_le32(&r->sring->req_prod);
    r->rsp_prod = r->rsp_published = rsp_prod;
    r->req_cons = r->req_seen = rsp_prod;
    r->broken = req_prod - rsp_prod > r->nr_slots;
    return r->broken ? SPLITIO_EPROTO : 0;
}

int splitio_ring_back_resume(struct splitio_ring_back *r, uint32_t rsp_prod,
                             uint32_t req_cons)
{
    uint32_t req_prod = splitio_load_acquire_le32(&r->sring->req_prod);
    uint32_t all = req_prod - r->rsp_prod;

    if (r->broken || all > r->nr_slots || req_cons - r->rsp_prod > all ||
        rsp_prod - r->rsp_prod > req_cons - r->rsp_prod) {
        r->broken = true;
        return SPLITIO_EPROTO;
    }
    r->rsp_prod = rsp_prod;
    r->req_cons = r->req_seen = req_cons;
    return 0;
}

bool splitio_ring_back_is_valid(const struct splitio_ring_back *r)
{
    return r && r->sring && r->nr_slots != 0 &&
           (r->nr_slots & (r->nr_slots - 1)) == 0 &&
           r->req_cons - r->rsp_prod <= r->nr_slots &&
           r->rsp_prod - r->rsp_published <= r->nr_slots &&
           r->req_seen - r->req_cons <=
               r->nr_slots - (r->req_cons - r->rsp_prod);
}
