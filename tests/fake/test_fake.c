/* SPDX-License-Identifier: BSD-2-Clause */
/* The fake machine: store over the ring page, grants, events, death. */
#include "cm.h"

#include <splitio/binding/fake.h>

#include <string.h>

struct answer {
    struct splitio_store_call call;
    bool ended;
    int status;
    char body[64];
};

static void on_done(struct splitio_store_call *call, int status,
                    const char *body, size_t len)
{
    struct answer *a = SPLITIO_CONTAINER_OF(call, struct answer, call);

    a->ended = true;
    a->status = status;
    if (body && len < sizeof(a->body))
        memcpy(a->body, body, len + 1);
}

static void run(struct splitio_fake *fake)
{
    while (splitio_fake_step(fake))
        ;
}

static void count(void *arg)
{
    ++*(unsigned *)arg;
}

static struct splitio_fake *machine(unsigned guests)
{
    const struct splitio_fake_config cfg = {.nr_guests = guests};
    struct splitio_fake *fake = splitio_fake_new(&cfg);

    assert_non_null(fake);
    run(fake);
    return fake;
}

static void assert_idle(struct splitio_fake *fake)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;

    splitio_fake_usage(fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
}

static void fake_guest_reads_its_own_name_over_the_ring(void **state)
{
    struct splitio_fake *fake = machine(2);
    struct answer a = {.call.done = on_done};

    (void)state;
    assert_int_equal(splitio_store_read(splitio_fake_guest_store(fake, 2),
                                        &a.call, 0, "name"),
                     0);
    run(fake);
    assert_true(a.ended);
    assert_int_equal(a.status, 0);
    assert_string_equal(a.body, "guest-2");
    splitio_fake_delete(fake);
}

static void fake_guest_may_not_write_another_guests_home(void **state)
{
    struct splitio_fake *fake = machine(2);
    struct answer a = {.call.done = on_done};

    (void)state;
    assert_int_equal(splitio_store_write(splitio_fake_guest_store(fake, 2),
                                         &a.call, 0, "/local/domain/1/data/x",
                                         "1", 1),
                     0);
    run(fake);
    assert_true(a.ended);
    assert_int_equal(a.status, SPLITIO_EACCES);
    splitio_fake_delete(fake);
}

static void fake_host_copies_only_what_was_granted_to_it(void **state)
{
    struct splitio_fake *fake = machine(1);
    struct splitio_guest_port g =
        splitio_guest_port(splitio_fake_guest(fake, 1));
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    uint8_t *page = g.ops->pages_alloc(g.ctx, 1);
    char got[6] = "";
    struct splitio_grant_copy op = {
        .src = {.domid = 1}, .dst = {.local = got}, .len_bytes = 5};

    (void)state;
    assert_non_null(page);
    memcpy(page, "hello", 5);
    assert_int_equal(g.ops->grant(g.ctx, 0, page, true, &op.src.gref), 0);
    assert_int_equal(h.ops->copy(h.ctx, &op, 1), 0);
    assert_string_equal(got, "hello");
    assert_int_equal(g.ops->revoke(g.ctx, op.src.gref), 0);
    assert_int_equal(h.ops->copy(h.ctx, &op, 1), 1);
    assert_int_equal(op.status, SPLITIO_GNTST_BAD_GNTREF);
    g.ops->pages_free(g.ctx, page, 1);
    assert_idle(fake);
    splitio_fake_delete(fake);
}

static void fake_events_go_both_ways_and_wait_for_unmask(void **state)
{
    struct splitio_fake *fake = machine(1);
    struct splitio_guest_port g =
        splitio_guest_port(splitio_fake_guest(fake, 1));
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    unsigned at_guest = 0, at_host = 0;
    splitio_evtchn_t front, back;

    (void)state;
    assert_int_equal(
        g.ops->event_open(
            g.ctx, 0, (struct splitio_event_handler){count, &at_guest}, &front),
        0);
    assert_int_equal(
        h.ops->event_bind(h.ctx, 1, front,
                          (struct splitio_event_handler){count, &at_host},
                          &back),
        0);
    run(fake);
    assert_int_equal(at_host, 1); /* binding gives one event */
    g.ops->event_send(g.ctx, front);
    run(fake);
    assert_int_equal(at_host, 1); /* still masked */
    h.ops->event_unmask(h.ctx, back);
    run(fake);
    assert_int_equal(at_host, 2);
    h.ops->event_send(h.ctx, back);
    run(fake);
    assert_int_equal(at_guest, 1);
    h.ops->event_close(h.ctx, back);
    g.ops->event_close(g.ctx, front);
    assert_idle(fake);
    splitio_fake_delete(fake);
}

/* Many ports of one guest, so that its array of words grows. */
static void
fake_guests_with_fifo_events_and_with_bits_live_together(void **state)
{
    const struct splitio_fake_config cfg = {.nr_guests = 2, .fifo_guests = 1};
    struct splitio_fake *fake = splitio_fake_new(&cfg);
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    unsigned at_guest[2] = {0}, at_host = 0;
    splitio_evtchn_t front[2][40], back[2][40];

    (void)state;
    assert_non_null(fake);
    for (unsigned i = 0; i < 80; i++) {
        struct splitio_guest_port g =
            splitio_guest_port(splitio_fake_guest(fake, 1 + i % 2));

        assert_int_equal(g.ops->event_open(g.ctx, 0,
                                           (struct splitio_event_handler){
                                               count, &at_guest[i % 2]},
                                           &front[i % 2][i / 2]),
                         0);
        assert_int_equal(
            h.ops->event_bind(h.ctx, 1 + i % 2, front[i % 2][i / 2],
                              (struct splitio_event_handler){count, &at_host},
                              &back[i % 2][i / 2]),
            0);
    }
    run(fake);
    for (unsigned round = 1; round <= 3; round++)
        for (unsigned i = 0; i < 80; i++) {
            struct splitio_guest_port g =
                splitio_guest_port(splitio_fake_guest(fake, 1 + i % 2));

            h.ops->event_send(h.ctx, back[i % 2][i / 2]);
            run(fake);
            g.ops->event_unmask(g.ctx, front[i % 2][i / 2]);
            run(fake);
            assert_int_equal(at_guest[i % 2], (round - 1) * 40 + i / 2 + 1);
        }
    assert_int_equal(splitio_guest_nr_fifo_pages(splitio_fake_guest(fake, 1)),
                     2);
    assert_int_equal(splitio_guest_nr_fifo_pages(splitio_fake_guest(fake, 2)),
                     0);
    assert_int_equal(splitio_guest_use_fifo(splitio_fake_guest(fake, 1)),
                     SPLITIO_EBUSY);
    assert_int_equal(splitio_guest_event_priority(splitio_fake_guest(fake, 1),
                                                  front[0][0], 3),
                     0);
    assert_int_equal(splitio_guest_event_priority(splitio_fake_guest(fake, 2),
                                                  front[1][0], 3),
                     SPLITIO_EOPNOTSUPP);
    for (unsigned i = 0; i < 80; i++) {
        struct splitio_guest_port g =
            splitio_guest_port(splitio_fake_guest(fake, 1 + i % 2));

        h.ops->event_close(h.ctx, back[i % 2][i / 2]);
        g.ops->event_close(g.ctx, front[i % 2][i / 2]);
    }
    assert_idle(fake);
    splitio_fake_delete(fake);
}

static void fake_killed_guest_is_buried_when_its_pages_are_let_go(void **state)
{
    struct splitio_fake *fake = machine(2);
    struct splitio_guest_port g =
        splitio_guest_port(splitio_fake_guest(fake, 1));
    struct splitio_host_port h = splitio_host_port(splitio_fake_host(fake));
    void *page = g.ops->pages_alloc(g.ctx, 1);
    struct splitio_grant_map map = {.domid = 1};
    struct splitio_grant_unmap unmap;

    (void)state;
    assert_int_equal(g.ops->grant(g.ctx, 0, page, false, &map.gref), 0);
    assert_int_equal(h.ops->map(h.ctx, &map, 1), 0);
    splitio_fake_guest_kill(fake, 1);
    assert_null(splitio_fake_guest(fake, 1));
    assert_int_equal(splitio_fake_guest_bury(fake, 1), SPLITIO_EBUSY);
    memset(map.va, 1, SPLITIO_PAGE_SIZE); /* still there */
    unmap.handle = map.handle;
    assert_int_equal(h.ops->unmap(h.ctx, &unmap, 1), 0);
    assert_int_equal(splitio_fake_guest_bury(fake, 1), 0);
    assert_int_equal(splitio_fake_guest_start(fake, 1), 0);
    run(fake);
    assert_non_null(splitio_fake_guest(fake, 1));
    assert_idle(fake);
    splitio_fake_delete(fake);
}

static void fake_device_nodes_come_and_go(void **state)
{
    const struct splitio_toolstack_device dev = {"vbd", 51712, 1, 0};
    const struct splitio_toolstack_key mode = {"mode", "w"};
    struct splitio_fake *fake = machine(1);
    struct splitio_store_server *server = splitio_fake_server(fake);
    struct splitio_store_stats before, after;
    const void *value;
    size_t len;

    (void)state;
    splitio_store_server_stats(server, &before);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(
            splitio_toolstack_device_add(server, &dev, NULL, 0, &mode, 1), 0);
        assert_int_equal(
            splitio_toolstack_device_add(server, &dev, NULL, 0, &mode, 1),
            SPLITIO_EEXIST);
        assert_int_equal(splitio_store_server_read(
                             server,
                             "/local/domain/0/backend/vbd/1/51712/frontend",
                             &value, &len),
                         0);
        assert_int_equal(len, strlen("/local/domain/1/device/vbd/51712"));
        assert_memory_equal(value, "/local/domain/1/device/vbd/51712", len);
        splitio_toolstack_device_remove(server, &dev);
    }
    /* Only backend and backend/vbd stay. */
    splitio_store_server_stats(server, &after);
    assert_in_range(after.nodes, before.nodes, before.nodes + 2);
    assert_true(splitio_store_server_is_valid(server));
    splitio_fake_delete(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fake_guest_reads_its_own_name_over_the_ring),
        cmocka_unit_test(fake_guest_may_not_write_another_guests_home),
        cmocka_unit_test(fake_host_copies_only_what_was_granted_to_it),
        cmocka_unit_test(fake_events_go_both_ways_and_wait_for_unmask),
        cmocka_unit_test(
            fake_guests_with_fifo_events_and_with_bits_live_together),
        cmocka_unit_test(fake_killed_guest_is_buried_when_its_pages_are_let_go),
        cmocka_unit_test(fake_device_nodes_come_and_go),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
