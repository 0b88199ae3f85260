/* SPDX-License-Identifier: BSD-2-Clause */
/* Block requests: the value of "protocol", and laying requests out. */
#include <splitio/proto/blkif.h>

static bool same_text(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

int splitio_blkif_abi_of(const char *protocol, enum splitio_blkif_abi native,
                         enum splitio_blkif_abi *abi)
{
    if (!protocol)
        *abi = native;
    else if (same_text(protocol, SPLITIO_BLKIF_PROTOCOL_X86_64) ||
             same_text(protocol, SPLITIO_BLKIF_PROTOCOL_ARM) ||
             same_text(protocol, SPLITIO_BLKIF_PROTOCOL_RISCV))
        *abi = SPLITIO_BLKIF_ABI_X86_64;
    else if (same_text(protocol, SPLITIO_BLKIF_PROTOCOL_X86_32))
        *abi = SPLITIO_BLKIF_ABI_X86_32;
    else
        return SPLITIO_EOPNOTSUPP;
    return 0;
}

static void to_words(uint32_t words[2], uint64_t v)
{
    v = splitio_le64(v);
    __builtin_memcpy(words, &v, sizeof(v));
}

void splitio_blkif_put_segments(struct splitio_blkif_shifts shifts,
                                const struct splitio_blkif_segment *segs,
                                unsigned nr, struct splitio_blkif_segment *to)
{
    for (unsigned i = 0; i < nr; i++)
        to[i] = (struct splitio_blkif_segment){
            .gref = splitio_le32(segs[i].gref),
            .first_sect = (uint8_t)(segs[i].first_sect >> shifts.segment),
            .last_sect = (uint8_t)(segs[i].last_sect >> shifts.segment),
        };
}

static void put_grefs(uint32_t *to, const struct splitio_blkif_message *msg)
{
    for (unsigned i = 0; i < msg->nr_indirect; i++)
        to[i] = splitio_le32(msg->indirect_grefs[i]);
}

static void put_x86_64(struct splitio_blkif_shifts shifts,
                       const struct splitio_blkif_message *msg,
                       union splitio_blkif_slot *slot)
{
    slot->x86_64.operation = msg->op;
    slot->x86_64.id = splitio_le64(msg->id);
    slot->x86_64.sector_number = splitio_le64(msg->sector >> shifts.request);
    if (msg->op == SPLITIO_BLKIF_OP_DISCARD) {
        slot->discard_x86_64.flag = msg->flag;
        slot->discard_x86_64.nr_sectors =
            splitio_le64(msg->nr_sectors >> shifts.request);
    } else if (msg->nr_indirect) {
        slot->indirect_x86_64.operation = SPLITIO_BLKIF_OP_INDIRECT;
        slot->indirect_x86_64.indirect_op = msg->op;
        slot->indirect_x86_64.nr_segments = splitio_le16(msg->nr_segs);
        put_grefs(slot->indirect_x86_64.indirect_grefs, msg);
    } else {
        slot->x86_64.nr_segments = (uint8_t)msg->nr_segs;
        splitio_blkif_put_segments(shifts, msg->segs, msg->nr_segs,
                                   slot->x86_64.seg);
    }
}

static void put_x86_32(struct splitio_blkif_shifts shifts,
                       const struct splitio_blkif_message *msg,
                       union splitio_blkif_slot *slot)
{
    slot->x86_32.operation = msg->op;
    to_words(slot->x86_32.id, msg->id);
    to_words(slot->x86_32.sector_number, msg->sector >> shifts.request);
    if (msg->op == SPLITIO_BLKIF_OP_DISCARD) {
        slot->discard_x86_32.flag = msg->flag;
        to_words(slot->discard_x86_32.nr_sectors,
                 msg->nr_sectors >> shifts.request);
    } else if (msg->nr_indirect) {
        slot->indirect_x86_32.operation = SPLITIO_BLKIF_OP_INDIRECT;
        slot->indirect_x86_32.indirect_op = msg->op;
        slot->indirect_x86_32.nr_segments = splitio_le16(msg->nr_segs);
        put_grefs(slot->indirect_x86_32.indirect_grefs, msg);
    } else {
        slot->x86_32.nr_segments = (uint8_t)msg->nr_segs;
        splitio_blkif_put_segments(shifts, msg->segs, msg->nr_segs,
                                   slot->x86_32.seg);
    }
}

void splitio_blkif_put_request(enum splitio_blkif_abi abi,
                               struct splitio_blkif_shifts shifts,
                               const struct splitio_blkif_message *msg,
                               union splitio_blkif_slot *slot)
{
    __builtin_memset(slot, 0, sizeof(*slot));
    if (abi == SPLITIO_BLKIF_ABI_X86_32)
        put_x86_32(shifts, msg, slot);
    else
        put_x86_64(shifts, msg, slot);
}
