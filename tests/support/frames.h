/* SPDX-License-Identifier: BSD-2-Clause */
/* Frames to send, a NIC that keeps what it gets, and comparing the two. */
#ifndef SPLITIO_TESTS_FRAMES_H
#define SPLITIO_TESTS_FRAMES_H

#include <splitio/nic.h>
#include <splitio/proto/packet.h>

/* A frame with bytes of its own. */
struct kept {
    uint8_t *bytes;
    uint32_t len_bytes;
    uint32_t flags;
    uint16_t csum_start, csum_offset, gso_size, headroom_bytes;
    uint8_t gso_type;
    uint8_t hash_type;
    uint32_t hash;
};

#define KEPT_MAX 4096u

/* First in, first out. */
struct queue {
    struct kept frames[KEPT_MAX];
    unsigned head, tail;
};

/* Copies a frame to the end. */
void queue_put(struct queue *q, const struct splitio_frame *frame);
/* The first; the caller calls kept_free(). Fails the test if empty. */
struct kept queue_get(struct queue *q);
static inline unsigned queue_len(const struct queue *q)
{
    return q->tail - q->head;
}
void queue_clear(struct queue *q);
void kept_free(struct kept *k);

/* The frame of kept bytes, in up to nr pieces of random sizes. */
struct splitio_frame kept_frame(const struct kept *k, struct splitio_iovec *iov,
                                unsigned nr);

/* A NIC whose outside is two queues. */
struct test_nic {
    struct queue in;               /* poll() delivers these */
    struct queue out;              /* send() puts them here */
    uint32_t flags;                /* SPLITIO_NIC_* */
    int send_error;                /* what send() returns instead */
    void (*on_refused)(void *arg); /* the receiver had no room; may be NULL */
    void *on_refused_arg;
    unsigned send_room; /* frames until EAGAIN; UINT_MAX: no end */
    splitio_nic_receive_fn receive;
    void *receiver;
};
struct splitio_nic test_nic(struct test_nic *t);

/* Deterministic random numbers. */
uint32_t rnd(void);
void rnd_seed(uint32_t seed);

/* Random bytes that are no IP. */
struct kept make_noise(uint32_t len_bytes);

/* TCP or UDP over IPv4 or IPv6, with the checksum right or blank. */
struct kept make_ip(unsigned version, unsigned protocol, uint32_t len_bytes,
                    bool blank);
/* The same as one long TCP frame to be cut. */
struct kept make_gso(unsigned version, uint32_t len_bytes, uint16_t gso_size);

/* True if the TCP or UDP checksum in the bytes is right. */
bool csum_is_right(const struct kept *k);

void assert_same_bytes(const struct kept *a, const struct kept *b);
void assert_same(const struct kept *a, const struct kept *b);

#endif /* SPLITIO_TESTS_FRAMES_H */
