/* SPDX-License-Identifier: BSD-2-Clause */
/* Writing and reading the records of splitio/save.h. */
#ifndef SPLITIO_SRC_BLOB_H
#define SPLITIO_SRC_BLOB_H

#include <splitio/save.h>

/* Writes, or only counts if there is no buffer. What does not fit is counted
 * all the same: the end tells. */
struct blob_writer {
    uint8_t *bytes;
    size_t size, used;
    size_t record; /* where the record that is open begins */
};

SPLITIO_INTERNAL void splitio_blob_begin(struct blob_writer *w, void *buf,
                                         size_t size, uint32_t kind);
/* Begins a record; the one before ends. */
SPLITIO_INTERNAL void splitio_blob_record(struct blob_writer *w, uint16_t tag);
SPLITIO_INTERNAL void splitio_blob_put(struct blob_writer *w, uint64_t value,
                                       unsigned bytes);
/* Bytes of the blob; SPLITIO_ENOMEM if they did not fit. */
SPLITIO_INTERNAL int splitio_blob_end(struct blob_writer *w, size_t *bytes);

static inline void blob_u8(struct blob_writer *w, uint8_t v)
{
    splitio_blob_put(w, v, 1);
}

static inline void blob_u16(struct blob_writer *w, uint16_t v)
{
    splitio_blob_put(w, v, 2);
}

static inline void blob_u32(struct blob_writer *w, uint32_t v)
{
    splitio_blob_put(w, v, 4);
}

static inline void blob_u64(struct blob_writer *w, uint64_t v)
{
    splitio_blob_put(w, v, 8);
}

/* Reads one record after the other. Fields beyond the end of a record are 0 and
 * make it short. */
struct blob_reader {
    const uint8_t *at, *end;   /* of the records that are left */
    const uint8_t *field, *to; /* in the record that is open */
    uint16_t tag;
    bool is_short;
};

/* Checks the whole; 0, SPLITIO_EPROTO, SPLITIO_EOPNOTSUPP. */
SPLITIO_INTERNAL int splitio_blob_open(struct blob_reader *r, const void *blob,
                                       size_t bytes, uint32_t kind);
/* Opens the next record whose tag is 1 to @p max_tag, passing over those that may
 * be. 1; 0: there are no more; SPLITIO_EPROTO: the one before was short;
 * SPLITIO_EOPNOTSUPP: one that must be understood is not. */
SPLITIO_INTERNAL int splitio_blob_next(struct blob_reader *r, uint16_t max_tag);
SPLITIO_INTERNAL uint64_t splitio_blob_get(struct blob_reader *r,
                                           unsigned bytes);

static inline uint8_t blob_get_u8(struct blob_reader *r)
{
    return (uint8_t)splitio_blob_get(r, 1);
}

static inline uint16_t blob_get_u16(struct blob_reader *r)
{
    return (uint16_t)splitio_blob_get(r, 2);
}

static inline uint32_t blob_get_u32(struct blob_reader *r)
{
    return (uint32_t)splitio_blob_get(r, 4);
}

static inline uint64_t blob_get_u64(struct blob_reader *r)
{
    return splitio_blob_get(r, 8);
}

#endif /* SPLITIO_SRC_BLOB_H */
