/* SPDX-License-Identifier: BSD-2-Clause */
/* The block front is saved in the middle of its work; another one, over another
 * connection, does what is left, once and in order. */
#include "cm.h"

#include "peer_blkback.h"

#include <stdlib.h>
#include <string.h>

#define NR_IOS 24u

static struct peer_back peer;
static struct splitio_blk_io ios[NR_IOS];
static struct splitio_iovec iovs[NR_IOS];
static uint8_t bufs[NR_IOS][256 * 1024];
static int statuses[NR_IOS];
static unsigned dones[NR_IOS];
static bool dying; /* of the old front's last words nobody takes notice */

static void on_done(struct splitio_blk_io *io, int status)
{
    if (dying)
        return;
    statuses[io - ios] = status;
    dones[io - ios]++;
}

static void fill(unsigned i, enum splitio_blk_op op, size_t len)
{
    iovs[i] = (struct splitio_iovec){bufs[i], len};
    ios[i] = (struct splitio_blk_io){.op = op,
                                     .sector = 8 * i,
                                     .iov = len ? &iovs[i] : NULL,
                                     .nr_iov = len ? 1 : 0,
                                     .done = on_done};
    if (op == SPLITIO_BLK_DISCARD)
        ios[i].nr_sectors = 8;
}

/* Of all kinds and lengths; how many were accepted. */
static unsigned submit_all(void)
{
    static const enum splitio_blk_op ops[] = {
        SPLITIO_BLK_WRITE, SPLITIO_BLK_READ, SPLITIO_BLK_FLUSH,
        SPLITIO_BLK_DISCARD, SPLITIO_BLK_BARRIER};
    unsigned n = 0;

    for (unsigned i = 0; i < NR_IOS; i++) {
        enum splitio_blk_op op = ops[i % 5];
        bool data = op != SPLITIO_BLK_FLUSH && op != SPLITIO_BLK_DISCARD;

        fill(i, op, data ? i % 7 == 0 ? sizeof(bufs[0]) : 4096 : 0);
        dones[i] = 0;
        if (splitio_blkfront_submit(&peer.front, &ios[i]))
            break;
        n++;
    }
    splitio_blkfront_kick(&peer.front);
    return n;
}

static uint64_t token_of(void *arg, const struct splitio_blk_io *io)
{
    assert_ptr_equal(arg, &peer);
    return 1000 + (uint64_t)(io - ios);
}

static uint64_t given_up = UINT64_MAX;

static struct splitio_blk_io *find(void *arg, uint64_t token)
{
    assert_ptr_equal(arg, &peer);
    assert_in_range(token, 1000, 1000 + NR_IOS - 1);
    return token == given_up ? NULL : &ios[token - 1000];
}

static void *save(size_t *bytes)
{
    size_t again;
    void *blob;

    assert_int_equal(
        splitio_blkfront_save(&peer.front, token_of, &peer, NULL, 0, bytes),
        SPLITIO_ENOMEM);
    blob = malloc(*bytes);
    assert_int_equal(splitio_blkfront_save(&peer.front, token_of, &peer, blob,
                                           *bytes, &again),
                     0);
    assert_int_equal(again, *bytes);
    return blob;
}

static void open_peer(uint32_t pool_pages)
{
    peer_back_defaults(&peer);
    peer.info.flags |= SPLITIO_BLKFRONT_BARRIERS;
    peer.cfg.pool_pages = (uint16_t)pool_pages;
    peer_back_open(&peer);
    peer_back_connect(&peer);
}

/* The old front goes; a new one is made, not yet connected. */
static void new_front(void)
{
    size_t bytes = splitio_blkfront_mem_bytes(&peer.cfg);

    peer_back_leave(&peer);
    dying = true;
    assert_int_equal(splitio_blkfront_fini(&peer.front), 0);
    dying = false;
    memset(peer.front_mem, 0x5A, bytes);
    assert_int_equal(
        splitio_blkfront_init(&peer.front, &peer.cfg, peer.front_mem, bytes),
        0);
}

static void serve_all(void)
{
    peer_back_run(&peer);
    while (peer_back_serve(&peer))
        peer_back_run(&peer);
}

static void finish(unsigned nr)
{
    serve_all();
    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(dones[i], given_up != 1000 + i);
        assert_int_equal(statuses[i], 0);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
}

/* Some are answered before the save, and not done again. */
static void what_is_left_is_done_by_another(void **state)
{
    (void)state;
    for (unsigned answered = 0; answered < 16; answered++) {
        struct splitio_blkif_request_x86_64 r;
        unsigned nr, before = 0;
        size_t bytes;
        void *blob;

        open_peer(96);
        nr = submit_all();
        assert_in_range(nr, 5, NR_IOS);
        for (unsigned i = 0; i < answered && peer_back_take(&peer, &r); i++)
            peer_back_put(&peer, r.id,
                          r.operation == SPLITIO_BLKIF_OP_INDIRECT
                              ? r.nr_segments
                              : r.operation,
                          0);
        peer_back_publish(&peer);
        (void)splitio_blkfront_poll(&peer.front, 64);
        for (unsigned i = 0; i < nr; i++)
            before += dones[i];
        blob = save(&bytes);
        new_front();
        assert_int_equal(
            splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes), 0);
        assert_int_equal(peer.front.stats.nr_ios, nr - before);
        peer_back_connect(&peer);
        free(blob);
        finish(nr);
    }
}

static void order_is_that_of_submission(void **state)
{
    struct splitio_blkif_request_x86_64 r;
    size_t bytes;
    void *blob;

    (void)state;
    open_peer(32);
    for (unsigned i = 0; i < 8; i++) {
        fill(i, SPLITIO_BLK_WRITE, 4096);
        dones[i] = 0;
        assert_int_equal(splitio_blkfront_submit(&peer.front, &ios[i]), 0);
    }
    splitio_blkfront_kick(&peer.front);
    blob = save(&bytes);
    new_front();
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes), 0);
    peer_back_connect(&peer);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(peer_back_take(&peer, &r), 1);
        assert_int_equal(r.sector_number, 8 * i);
        peer_back_put(&peer, r.id, r.operation, 0);
    }
    peer_back_publish(&peer);
    free(blob);
    finish(8);
}

static void what_is_given_up_is_left_out(void **state)
{
    unsigned nr;
    size_t bytes;
    void *blob;

    (void)state;
    open_peer(96);
    nr = submit_all();
    blob = save(&bytes);
    new_front();
    given_up = 1002;
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes), 0);
    assert_int_equal(peer.front.stats.nr_ios, nr - 1);
    peer_back_connect(&peer);
    free(blob);
    finish(nr);
    given_up = UINT64_MAX;
}

/* The next back's disk has no barriers, and is smaller. */
static void what_the_disk_cannot_do_ends_with_an_error(void **state)
{
    size_t bytes;
    unsigned nr;
    void *blob;

    (void)state;
    open_peer(96);
    nr = submit_all();
    blob = save(&bytes);
    new_front();
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes), 0);
    peer.info.flags &= ~SPLITIO_BLKFRONT_BARRIERS;
    peer.info.nr_sectors = 8;
    peer_back_connect(&peer);
    serve_all();
    for (unsigned i = 0; i < nr; i++) {
        assert_int_equal(dones[i], 1);
        if (ios[i].op == SPLITIO_BLK_BARRIER)
            assert_int_equal(statuses[i], SPLITIO_EOPNOTSUPP);
        else if (ios[i].op != SPLITIO_BLK_FLUSH)
            assert_int_equal(statuses[i], SPLITIO_EINVAL);
    }
    peer_back_leave(&peer);
    peer_back_close(&peer);
    free(blob);
}

static void damaged_or_other_blob_is_refused(void **state)
{
    size_t bytes;
    uint8_t *blob;
    unsigned nr;

    (void)state;
    open_peer(96);
    nr = submit_all();
    blob = save(&bytes);
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes),
        SPLITIO_EINVAL); /* connected */
    new_front();
    for (size_t n = 0; n < bytes; n++)
        assert_int_equal(
            splitio_blkfront_restore(&peer.front, find, &peer, blob, n),
            SPLITIO_EPROTO);
    for (size_t bit = 0; bit < 8 * bytes; bit++) {
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(
            splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes),
            SPLITIO_EPROTO);
        blob[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    ios[3].sector++; /* not what was saved */
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes),
        SPLITIO_EPROTO);
    ios[3].sector--;
    assert_int_equal(peer.front.stats.nr_ios, 0);
    assert_int_equal(
        splitio_blkfront_restore(&peer.front, find, &peer, blob, bytes), 0);
    peer_back_connect(&peer);
    free(blob);
    finish(nr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_left_is_done_by_another),
        cmocka_unit_test(order_is_that_of_submission),
        cmocka_unit_test(what_is_given_up_is_left_out),
        cmocka_unit_test(what_the_disk_cannot_do_ends_with_an_error),
        cmocka_unit_test(damaged_or_other_blob_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
