/* SPDX-License-Identifier: BSD-2-Clause */
/* The form of splitio/save.h: heads, records, numbers. */
#include "blob.h"

#define MAGIC        0x534c5053u /* "SPLS", the first byte lowest */
#define AT_BYTES     12u
#define AT_CRC       16u
#define RECORD_BYTES 8u
#define MAY_PASS     1u

static void store(uint8_t *to, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint64_t load(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value |= (uint64_t)from[i] << 8 * i;
    return value;
}

/* CRC-32 of IEEE 802.3, with the four bytes of the sum itself taken as 0. */
static uint32_t crc_of(const uint8_t *bytes, size_t len)
{
    uint32_t crc = UINT32_MAX;

    for (size_t i = 0; i < len; i++) {
        crc ^= i >= AT_CRC && i < AT_CRC + 4 ? 0 : bytes[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* ---- writing ---- */

void splitio_blob_put(struct blob_writer *w, uint64_t value, unsigned bytes)
{
    if (w->bytes && w->size - w->used >= bytes && w->used <= w->size)
        store(w->bytes + w->used, value, bytes);
    else
        w->bytes = NULL;
    w->used += bytes;
}

void splitio_blob_begin(struct blob_writer *w, void *buf, size_t size,
                        uint32_t kind)
{
    *w = (struct blob_writer){.bytes = buf, .size = size};
    blob_u32(w, MAGIC);
    blob_u16(w, SPLITIO_SAVE_MAJOR);
    blob_u16(w, SPLITIO_SAVE_MINOR);
    blob_u32(w, kind);
    blob_u32(w, 0);
    blob_u32(w, 0);
    blob_u32(w, 0);
}

static void close_record(struct blob_writer *w)
{
    if (w->bytes && w->record)
        store(w->bytes + w->record + 4, w->used - w->record - RECORD_BYTES, 4);
}

void splitio_blob_record(struct blob_writer *w, uint16_t tag)
{
    close_record(w);
    w->record = w->used;
    blob_u16(w, tag);
    blob_u16(w, 0);
    blob_u32(w, 0);
}

int splitio_blob_end(struct blob_writer *w, size_t *bytes)
{
    close_record(w);
    *bytes = w->used;
    if (!w->bytes)
        return SPLITIO_ENOMEM;
    store(w->bytes + AT_BYTES, w->used, 4);
    store(w->bytes + AT_CRC, crc_of(w->bytes, w->used), 4);
    return 0;
}

/* ---- reading ---- */

static int check_records(const uint8_t *at, const uint8_t *end)
{
    while (at != end) {
        uint32_t len;

        if ((size_t)(end - at) < RECORD_BYTES)
            return SPLITIO_EPROTO;
        len = (uint32_t)load(at + 4, 4);
        at += RECORD_BYTES;
        if (len > (size_t)(end - at))
            return SPLITIO_EPROTO;
        at += len;
    }
    return 0;
}

int splitio_save_inspect(const void *blob, size_t bytes,
                         struct splitio_save_info *info)
{
    const uint8_t *b = blob;

    *info = (struct splitio_save_info){0};
    if (!b || bytes < SPLITIO_SAVE_HEAD_BYTES || load(b, 4) != MAGIC)
        return SPLITIO_EPROTO;
    info->major = (uint16_t)load(b + 4, 2);
    info->minor = (uint16_t)load(b + 6, 2);
    info->kind = (uint32_t)load(b + 8, 4);
    info->bytes = (uint32_t)load(b + AT_BYTES, 4);
    if (info->bytes < SPLITIO_SAVE_HEAD_BYTES || info->bytes > bytes ||
        load(b + AT_CRC, 4) != crc_of(b, info->bytes))
        return SPLITIO_EPROTO;
    if (info->major != SPLITIO_SAVE_MAJOR)
        return SPLITIO_EOPNOTSUPP;
    return check_records(b + SPLITIO_SAVE_HEAD_BYTES, b + info->bytes);
}

int splitio_blob_open(struct blob_reader *r, const void *blob, size_t bytes,
                      uint32_t kind)
{
    const uint8_t *b = blob;
    struct splitio_save_info info;
    int err = splitio_save_inspect(blob, bytes, &info);

    if (err)
        return err;
    if (info.kind != kind)
        return SPLITIO_EOPNOTSUPP;
    *r = (struct blob_reader){.at = b + SPLITIO_SAVE_HEAD_BYTES,
                              .end = b + info.bytes};
    return 0;
}

int splitio_blob_next(struct blob_reader *r, uint16_t max_tag)
{
    while (!r->is_short && r->at != r->end) {
        bool may_pass = load(r->at + 2, 2) & MAY_PASS;

        r->tag = (uint16_t)load(r->at, 2);
        r->field = r->at + RECORD_BYTES;
        r->to = r->field + load(r->at + 4, 4);
        r->at = r->to;
        if (r->tag != 0 && r->tag <= max_tag)
            return 1;
        if (!may_pass)
            return SPLITIO_EOPNOTSUPP;
    }
    return r->is_short ? SPLITIO_EPROTO : 0;
}

uint64_t splitio_blob_get(struct blob_reader *r, unsigned bytes)
{
    uint64_t value;

    if ((size_t)(r->to - r->field) < bytes) {
        r->is_short = true;
        r->field = r->to;
        return 0;
    }
    value = load(r->field, bytes);
    r->field += bytes;
    return value;
}
