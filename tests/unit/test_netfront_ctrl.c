/* SPDX-License-Identifier: BSD-2-Clause */
/* netfront's control ring, against a back that answers whatever a test wants. */
#include "cm.h"
#include "net_rig.h"

#include <splitio/proto/netif_ctrl.h>

#include <string.h>

struct scene {
    struct net_rig *rig;
    struct splitio_sring *ring;
    uint32_t cons, prod;
};

static void open_at(struct scene *s, uint32_t index, bool stage)
{
    struct splitio_netif_offer offer = {.features = SPLITIO_NETIF_F_ALL,
                                        .max_queues = 2};
    struct net_rig *r = rig_new();

    memset(s, 0, sizeof(*s));
    s->rig = r;
    r->front_config.ring_index = index;
    r->front_config.max_queues = 2;
    r->front_config.nr_tx_pages = 20;
    r->front_config.nr_rx_pages = 8;
    r->front_config.ctrl_ring = true;
    r->front_config.stage_pages = stage;
    rig_init_front(r);
    assert_int_equal(splitio_netfront_connect(&r->front, 0, &offer, &r->link),
                     0);
    assert_int_not_equal(r->link.ctrl.evtchn, 0);
    s->ring = pair_granted(r->pair, r->link.ctrl.gref);
    s->cons = s->prod = index;
}

static void close_scene(struct scene *s)
{
    rig_init_back(s->rig);
    rig_delete(s->rig);
}

static int turn(struct scene *s)
{
    int n;

    s->ring->rsp_prod = splitio_le32(s->prod);
    do
        n = splitio_netfront_poll(&s->rig->front, 16);
    while (n > 0);
    assert_true(splitio_netfront_is_valid(&s->rig->front));
    return n;
}

static struct splitio_netif_ctrl_request *slot(struct scene *s, uint32_t index)
{
    return (struct splitio_netif_ctrl_request *)(s->ring + 1) + index % 128;
}

/* The next request; fails if there is none, or more than one. */
static struct splitio_netif_ctrl_request take(struct scene *s)
{
    struct splitio_netif_ctrl_request req = *slot(s, s->cons);

    assert_int_equal(splitio_le32(s->ring->req_prod), ++s->cons);
    splitio_netif_ctrl_request_swap(&req);
    return req;
}

static bool is_silent(struct scene *s)
{
    return splitio_le32(s->ring->req_prod) == s->cons;
}

static void put(struct scene *s, uint16_t id, uint16_t type, uint32_t status,
                uint32_t data)
{
    struct splitio_netif_ctrl_response rsp = {id, type, status, data};

    splitio_netif_ctrl_response_swap(&rsp);
    memcpy(slot(s, s->prod++), &rsp, sizeof(rsp));
}

/* Takes a request of this type and answers it. */
static struct splitio_netif_ctrl_request serve(struct scene *s, uint16_t type,
                                               uint32_t status, uint32_t data)
{
    struct splitio_netif_ctrl_request req = take(s);

    assert_int_equal(req.type, type);
    put(s, req.id, req.type, status, data);
    assert_int_equal(turn(s), 0);
    return req;
}

static struct splitio_netif_hash a_hash(void)
{
    struct splitio_netif_hash h = {
        .algorithm = SPLITIO_NETIF_HASH_TOEPLITZ,
        .kinds = SPLITIO_NETIF_HASH_IPV4 | SPLITIO_NETIF_HASH_IPV6_TCP,
        .key_bytes = 7,
        .key = "sesame!",
        .nr_mapping = 3,
        .mapping = {1, 0, 1},
    };

    return h;
}

static void *page_of(struct scene *s, uint32_t gref)
{
    return pair_granted(s->rig->pair, gref);
}

static void hashing_is_said_step_by_step(void **state)
{
    struct splitio_netif_ctrl_request req;
    struct splitio_netif_hash h = a_hash();
    struct splitio_netfront *f;
    struct scene s;
    uint32_t *table;

    (void)state;
    open_at(&s, 0xfffffffdu, false);
    f = &s.rig->front;
    assert_int_equal(splitio_netfront_hash_status(f), SPLITIO_ENOENT);
    assert_int_equal(splitio_netfront_set_hash(f, &h), 0);
    assert_int_equal(splitio_netfront_hash_status(f), SPLITIO_EAGAIN);
    assert_int_equal(turn(&s), 0);
    req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 0, 0);
    assert_int_equal(req.data[0], SPLITIO_NETIF_HASH_TOEPLITZ);
    serve(&s, SPLITIO_NETIF_CTRL_GET_HASH_FLAGS, 0, 0xf);
    serve(&s, SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE, 0, 3);
    req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_KEY, 0, 0);
    assert_int_equal(req.data[1], 7);
    req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE, 0, 0);
    assert_int_equal(req.data[0], 3);
    table = page_of(&s, splitio_le32(slot(&s, s.cons)->data[0]));
    assert_int_equal(splitio_le32(table[0]), 1);
    assert_int_equal(splitio_le32(table[1]), 0);
    assert_int_equal(splitio_le32(table[2]), 1);
    req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_MAPPING, 0, 0);
    assert_int_equal(req.data[1], 3);
    assert_int_equal(req.data[2], 0);
    assert_int_equal(splitio_netfront_hash_status(f), SPLITIO_EAGAIN);
    req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_FLAGS, 0, 0);
    assert_int_equal(req.data[0], h.kinds);
    assert_int_equal(splitio_netfront_hash_status(f), 0);
    assert_true(is_silent(&s));
    /* None of it any more. */
    h.algorithm = SPLITIO_NETIF_HASH_NONE;
    assert_int_equal(splitio_netfront_set_hash(f, &h), 0);
    serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 0, 0);
    assert_int_equal(splitio_netfront_hash_status(f), 0);
    assert_true(is_silent(&s));
    close_scene(&s);
}

static const uint16_t steps[] = {
    SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM,
    SPLITIO_NETIF_CTRL_GET_HASH_FLAGS,
    SPLITIO_NETIF_CTRL_GET_HASH_MAPPING_SIZE,
    SPLITIO_NETIF_CTRL_SET_HASH_KEY,
    SPLITIO_NETIF_CTRL_SET_HASH_MAPPING_SIZE,
    SPLITIO_NETIF_CTRL_SET_HASH_MAPPING,
    SPLITIO_NETIF_CTRL_SET_HASH_FLAGS,
};

/* Serves the first nr steps. */
static void serve_steps(struct scene *s, unsigned nr)
{
    unsigned i;

    for (i = 0; i < nr; i++)
        serve(s, steps[i], 0, 0x7f);
}

/* Whichever message is refused: the caller is told, the back is at rest. */
static void refusals_are_told_and_undone(void **state)
{
    static const struct {
        uint32_t status;
        int error;
    } refusals[] = {
        {1, SPLITIO_EOPNOTSUPP}, {2, SPLITIO_EINVAL},       {3, SPLITIO_E2BIG},
        {4, SPLITIO_EIO},        {UINT32_MAX, SPLITIO_EIO},
    };
    struct splitio_netif_hash h = a_hash();
    struct splitio_netif_ctrl_request req;
    unsigned i, j;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(steps); i++) {
        for (j = 0; j < SPLITIO_ARRAY_LEN(refusals); j++) {
            struct scene s;

            open_at(&s, 0, false);
            assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
            serve_steps(&s, i);
            serve(&s, steps[i], refusals[j].status, 0x7f);
            if (i != 0) {
                assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                                 SPLITIO_EAGAIN);
                req = serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, j, 0);
                assert_int_equal(req.data[0], SPLITIO_NETIF_HASH_NONE);
            }
            assert_true(is_silent(&s));
            assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                             refusals[j].error);
            close_scene(&s);
        }
    }
}

/* Kinds and mappings that the back says it has not. */
static void backs_that_can_do_less_are_not_asked_for_more(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct scene s;
    unsigned i;

    (void)state;
    for (i = 0; i < 2; i++) {
        open_at(&s, 0, false);
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
        serve_steps(&s, 1 + i);
        serve(&s, steps[1 + i], 0, i == 0 ? SPLITIO_NETIF_HASH_IPV4 : 2);
        serve(&s, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 0, 0);
        assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                         i == 0 ? SPLITIO_EOPNOTSUPP : SPLITIO_E2BIG);
        close_scene(&s);
    }
}

/* A new wish in the middle of an old one: begun anew, in whatever step. */
static void wishes_that_change_are_said_anew(void **state)
{
    struct splitio_netif_hash h = a_hash();
    unsigned i, j;

    (void)state;
    for (i = 0; i < SPLITIO_ARRAY_LEN(steps); i++) {
        struct scene s;

        open_at(&s, 0, false);
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
        serve_steps(&s, i);
        h.nr_mapping = 0;
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
        serve(&s, steps[i], 0, 0x7f);
        for (j = 0; j < SPLITIO_ARRAY_LEN(steps); j++)
            if (steps[j] != SPLITIO_NETIF_CTRL_SET_HASH_MAPPING)
                serve(&s, steps[j], 0, 0x7f);
        assert_int_equal(splitio_netfront_hash_status(&s.rig->front), 0);
        assert_true(is_silent(&s));
        h.nr_mapping = 3;
        close_scene(&s);
    }
}

static void hashes_without_sense_are_refused(void **state)
{
    struct splitio_netif_hash h;
    struct scene s;
    unsigned i;

    (void)state;
    open_at(&s, 0, false);
    for (i = 0; i < 5; i++) {
        h = a_hash();
        if (i == 0)
            h.algorithm = 2;
        else if (i == 1)
            h.kinds = 16;
        else if (i == 2)
            h.key_bytes = 41;
        else if (i == 3)
            h.nr_mapping = 129;
        else
            h.mapping[2] = 2;
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h),
                         SPLITIO_EINVAL);
    }
    assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                     SPLITIO_ENOENT);
    assert_true(is_silent(&s));
    close_scene(&s);
}

/* Answers to nothing, twice, with another id or type, or too many. */
static void answers_that_are_none_break_the_device(void **state)
{
    struct splitio_netif_hash h = a_hash();
    unsigned i;

    (void)state;
    for (i = 0; i < 6; i++) {
        struct splitio_netif_ctrl_request req;
        struct scene s;

        open_at(&s, 0xffffffffu, false);
        if (i == 0) {
            put(&s, 0, SPLITIO_NETIF_CTRL_SET_HASH_ALGORITHM, 0, 0);
            assert_int_equal(turn(&s), SPLITIO_EPROTO);
        }
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
        if (i != 0) {
            req = take(&s);
            put(&s, (uint16_t)(req.id + (i == 1)),
                (uint16_t)(req.type + (i == 2)), 0, 0);
            if (i == 3)
                put(&s, req.id, req.type, 0, 0);
            if (i == 4)
                s.prod += 0x80000000u;
            if (i == 5)
                s.prod -= 2;
            assert_int_equal(turn(&s), SPLITIO_EPROTO);
        }
        assert_int_equal(turn(&s), SPLITIO_EPROTO);
        assert_false(splitio_netfront_is_up(&s.rig->front));
        close_scene(&s);
    }
}

/* A back that never answers keeps nobody waiting but who asks. */
static void back_that_never_answers_stops_nothing_else(void **state)
{
    struct splitio_netif_hash h = a_hash();
    struct scene s;
    unsigned i;

    (void)state;
    open_at(&s, 0, true);
    for (i = 0; i < 300; i++) {
        assert_int_equal(splitio_netfront_set_hash(&s.rig->front, &h), 0);
        assert_int_equal(splitio_netfront_set_staging(&s.rig->front, i & 1), 0);
        assert_int_equal(turn(&s), 0);
    }
    take(&s);
    assert_true(is_silent(&s));
    assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                     SPLITIO_EAGAIN);
    assert_int_equal(splitio_netfront_nr_staged(&s.rig->front), SPLITIO_EAGAIN);
    assert_true(splitio_netfront_is_up(&s.rig->front));
    splitio_netfront_disconnect(&s.rig->front);
    assert_int_equal(splitio_netfront_hash_status(&s.rig->front),
                     SPLITIO_EAGAIN);
    assert_int_equal(splitio_netfront_nr_staged(&s.rig->front), SPLITIO_EAGAIN);
    close_scene(&s);
}

/* ---- staging ---- */

/* The list that a message points at names so many pages of a queue. */
static void check_list(struct scene *s, uint32_t queue, uint32_t nr)
{
    const struct splitio_netif_ctrl_request *req = slot(s, s->cons);
    const struct splitio_netif_gref *list =
        page_of(s, splitio_le32(req->data[1]));
    uint32_t i;

    assert_int_equal(splitio_le32(req->data[0]), queue);
    assert_int_equal(splitio_le32(req->data[2]), nr);
    for (i = 0; i < nr; i++)
        assert_int_equal(splitio_le16(list[i].flags),
                         i < 20 ? SPLITIO_NETIF_GREF_READONLY : 0);
}

static void pages_are_staged_as_far_as_the_back_takes_them(void **state)
{
    struct splitio_netfront *f;
    struct scene s;

    (void)state;
    open_at(&s, 0, true);
    f = &s.rig->front;
    assert_int_equal(splitio_netfront_nr_staged(f), SPLITIO_EAGAIN);
    assert_int_equal(turn(&s), 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 22);
    check_list(&s, 0, 22);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, UINT32_MAX);
    check_list(&s, 1, 28);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 0);
    assert_true(is_silent(&s));
    assert_int_equal(splitio_netfront_nr_staged(f), 50);
    /* Once more says nothing; then not any more. */
    assert_int_equal(splitio_netfront_set_staging(f, true), 0);
    assert_true(is_silent(&s));
    assert_int_equal(splitio_netfront_nr_staged(f), 50);
    assert_int_equal(splitio_netfront_set_staging(f, false), 0);
    check_list(&s, 0, 22);
    serve(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, 22);
    check_list(&s, 1, 28);
    serve(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, 28);
    assert_true(is_silent(&s));
    assert_int_equal(splitio_netfront_nr_staged(f), 0);
    close_scene(&s);
}

static void refused_staging_is_told(void **state)
{
    struct splitio_netfront *f;
    struct scene s;

    (void)state;
    open_at(&s, 0, true);
    f = &s.rig->front;
    assert_int_equal(turn(&s), 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 1, 0);
    assert_int_equal(splitio_netfront_nr_staged(f), SPLITIO_EOPNOTSUPP);
    assert_int_equal(splitio_netfront_set_staging(f, true), 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 100);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 2, 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 100);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 0);
    assert_int_equal(splitio_netfront_nr_staged(f), SPLITIO_EINVAL);
    assert_int_equal(splitio_netfront_set_staging(f, false), 0);
    serve(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, 27);
    assert_int_equal(splitio_netfront_nr_staged(f), SPLITIO_EBUSY);
    assert_true(is_silent(&s));
    close_scene(&s);
}

/* What is wanted changes while the back is asked: it is asked anew. */
static void staging_that_changes_is_said_anew(void **state)
{
    struct splitio_netfront *f;
    struct scene s;

    (void)state;
    open_at(&s, 0, true);
    f = &s.rig->front;
    assert_int_equal(turn(&s), 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 100);
    assert_int_equal(splitio_netfront_set_staging(f, false), 0);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 0);
    assert_int_equal(splitio_netfront_set_staging(f, true), 0);
    serve(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, 28);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 100);
    assert_int_equal(splitio_netfront_set_staging(f, false), 0);
    serve(&s, SPLITIO_NETIF_CTRL_ADD_GREF_MAPPING, 0, 0);
    serve(&s, SPLITIO_NETIF_CTRL_DEL_GREF_MAPPING, 0, 28);
    assert_int_equal(splitio_netfront_set_staging(f, true), 0);
    assert_int_equal(splitio_netfront_set_staging(f, false), 0);
    serve(&s, SPLITIO_NETIF_CTRL_GET_GREF_MAPPING_SIZE, 0, 100);
    assert_true(is_silent(&s));
    assert_int_equal(splitio_netfront_nr_staged(f), 0);
    close_scene(&s);
}

/* Without a ring of the back's, or without one of ours. */
static void without_a_ring_there_is_neither(void **state)
{
    struct splitio_netif_offer offer = {.max_queues = 1};
    struct splitio_netif_hash h = a_hash();
    struct net_rig *r = rig_new();
    unsigned ours;

    (void)state;
    rig_init_back(r);
    r->front_config.max_queues = 2;
    for (ours = 0; ours < 2; ours++) {
        r->front_config.stage_pages = ours;
        offer.features = ours ? 0 : SPLITIO_NETIF_F_CTRL;
        rig_init_front(r);
        assert_int_equal(
            splitio_netfront_connect(&r->front, 0, &offer, &r->link), 0);
        assert_int_equal(r->link.ctrl.evtchn, 0);
        assert_int_equal(splitio_netfront_set_hash(&r->front, &h),
                         ours ? 0 : SPLITIO_EOPNOTSUPP);
        assert_int_equal(splitio_netfront_hash_status(&r->front),
                         ours ? SPLITIO_EOPNOTSUPP : SPLITIO_ENOENT);
        assert_int_equal(splitio_netfront_nr_staged(&r->front),
                         ours ? SPLITIO_EOPNOTSUPP : 0);
        assert_int_equal(splitio_netfront_set_staging(&r->front, true),
                         ours ? 0 : SPLITIO_EOPNOTSUPP);
        splitio_netfront_disconnect(&r->front);
    }
    rig_delete(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashing_is_said_step_by_step),
        cmocka_unit_test(refusals_are_told_and_undone),
        cmocka_unit_test(backs_that_can_do_less_are_not_asked_for_more),
        cmocka_unit_test(wishes_that_change_are_said_anew),
        cmocka_unit_test(hashes_without_sense_are_refused),
        cmocka_unit_test(answers_that_are_none_break_the_device),
        cmocka_unit_test(back_that_never_answers_stops_nothing_else),
        cmocka_unit_test(pages_are_staged_as_far_as_the_back_takes_them),
        cmocka_unit_test(refused_staging_is_told),
        cmocka_unit_test(staging_that_changes_is_said_anew),
        cmocka_unit_test(without_a_ring_there_is_neither),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
