/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Two guests that write what they like into their grant tables and status words,
 * and change the version, while three domains map and copy whatever they name.
 * Domain 3 grants nothing: its memory must stay as it is. In the end everything
 * that could be mapped can be unmapped, and nothing is left.
 *
 * The input is a row of steps of 24 bytes.
 */
#include "grant_rig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VICTIM    3u
#define NR_REFS   16u
#define NR_MAPS   32u
#define MAX_STEPS 400u

struct step {
    uint8_t what, domid, peer, gref;
    uint16_t offset, len;
    uint8_t bytes[16];
};

struct live {
    splitio_domid_t self;
    splitio_grant_handle_t handle;
};

struct bed {
    struct rig *r;
    struct live maps[NR_MAPS];
    unsigned nr_maps;
};

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Of the two that write their tables. */
static splitio_domid_t writer(uint8_t byte)
{
    return 1 + byte % 2;
}

static void write_entry(struct bed *b, const struct step *s)
{
    struct rig_domain *d = &b->r->dom[writer(s->domid)];

    memcpy(&d->v2[s->gref % NR_REFS], s->bytes, sizeof(s->bytes));
}

static void write_status(struct bed *b, const struct step *s)
{
    b->r->dom[writer(s->domid)].status[s->gref % NR_REFS] = s->offset;
}

static void map(struct bed *b, const struct step *s)
{
    struct splitio_grant_map op = {.domid = s->peer % RIG_SLOTS,
                                   .gref = s->gref,
                                   .read_only = s->bytes[0] & 1};
    splitio_domid_t self = s->domid % RIG_DOMAINS;
    rig_page *pages;
    splitio_gfn_t gfn;

    if (b->nr_maps == NR_MAPS ||
        splitio_grant_engine_map(&b->r->e, self, &op, 1))
        return;
    require(op.domid != VICTIM && op.domid != 0);
    pages = b->r->dom[op.domid].pages;
    require(splitio_grant_engine_mapped_gfn(&b->r->e, self, op.handle, &gfn) ==
            0);
    require(gfn < (op.read_only ? RIG_PAGES : RIG_PAGES / 2));
    require(op.va == pages[gfn]);
    b->maps[b->nr_maps++] = (struct live){self, op.handle};
}

static void unmap(struct bed *b, unsigned i)
{
    if (b->nr_maps == 0)
        return;
    i %= b->nr_maps;
    require(rig_unmap(b->r, b->maps[i].self, b->maps[i].handle) == 0);
    require(rig_unmap(b->r, b->maps[i].self, b->maps[i].handle) != 0);
    b->maps[i] = b->maps[--b->nr_maps];
}

static void copy(struct bed *b, const struct step *s)
{
    static uint8_t local[SPLITIO_PAGE_SIZE];
    struct splitio_grant_copy op = {.src = {.domid = s->peer % RIG_SLOTS,
                                            .gref = s->gref,
                                            .offset = s->offset},
                                    .dst = {.domid = s->bytes[0] % RIG_SLOTS,
                                            .gref = s->bytes[1],
                                            .offset = s->bytes[2] * 17u},
                                    .len_bytes = s->len};

    if (s->bytes[3] & 1)
        op.src.local = local;
    if (s->bytes[3] & 2)
        op.dst.local = local;
    (void)splitio_grant_engine_copy(&b->r->e, s->domid % RIG_DOMAINS, &op, 1);
}

static void change_table(struct bed *b, const struct step *s)
{
    splitio_domid_t domid = writer(s->domid);
    unsigned version = 1 + s->gref % 2;

    if (s->bytes[0] & 1)
        (void)splitio_grant_engine_swap(&b->r->e, domid, s->gref, s->bytes[1]);
    else if (splitio_grant_engine_set_version(&b->r->e, domid, version) == 0)
        b->r->dom[domid].version = version;
}

static void step(struct bed *b, const struct step *s)
{
    switch (s->what % 8) {
    case 0:
        write_status(b, s);
        break;
    case 1:
    case 2:
        write_entry(b, s);
        break;
    case 3:
        map(b, s);
        break;
    case 4:
        unmap(b, s->gref);
        break;
    case 5:
        change_table(b, s);
        break;
    default:
        copy(b, s);
    }
    for (unsigned i = 0; i < RIG_DOMAINS; i++)
        require(b->r->slots[i].users == 0);
}

static void check_end(struct bed *b)
{
    struct rig *r = b->r;

    while (b->nr_maps > 0)
        unmap(b, 0);
    for (unsigned i = 0; i < RIG_PAGES; i++)
        for (unsigned k = 0; k < SPLITIO_PAGE_SIZE; k++)
            require(r->dom[VICTIM].pages[i][k] == 0xA5);
    for (splitio_domid_t d = 0; d < RIG_DOMAINS; d++) {
        require(splitio_grant_engine_nr_mapped(&r->e, d) == 0);
        require(splitio_grant_engine_nr_pins(&r->e, d) == 0);
        for (unsigned gref = 0; d > 0 && gref < RIG_REFS; gref++) {
            const struct splitio_grant_active *a = &r->dom[d].d.active[gref];

            require(a->owner == 0);
            for (unsigned kind = 0; kind < SPLITIO_PIN_KINDS; kind++)
                require(a->pins[kind] == 0);
        }
        require(splitio_grant_engine_remove(&r->e, d) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed b = {.r = rig_new_v2(1u << 2)};
    struct step s;

    memset(b.r->dom[VICTIM].pages, 0xA5, RIG_PAGES * SPLITIO_PAGE_SIZE);
    for (unsigned i = 0; i < MAX_STEPS && size >= sizeof(s); i++) {
        memcpy(&s, data, sizeof(s));
        data += sizeof(s);
        size -= sizeof(s);
        step(&b, &s);
    }
    check_end(&b);
    rig_delete(b.r);
    return 0;
}
