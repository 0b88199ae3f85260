/* SPDX-License-Identifier: BSD-2-Clause */
#include "net_world.h"

#include "cm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct splitio_toolstack_device world_vif = {
    .kind = "vif", .devid = 0, .front = 1, .back = 0};

static void on_receive(void *arg, const struct splitio_frame *frame)
{
    struct world *w = arg;

    queue_put(&w->received, frame);
}

/* Nothing here ever fills the ring, so this tells of a connection. */
static void on_room(void *arg)
{
    struct world *w = arg;

    w->connects++;
}

static void on_link(void *arg)
{
    struct world *w = arg;

    w->links++;
}

struct world *world_new(const char *mac)
{
    const struct splitio_fake_config cfg = {
        .nr_guests = 1,
        .heap_pages = 4096,
        .nr_grant_frames = 16,
        .grant_v2_guests = getenv("SPLITIO_TEST_GRANT_V2") != NULL};
    const struct splitio_toolstack_key keys[] = {{"mac", mac}, {"mtu", "9000"}};
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    w->fake = splitio_fake_new(&cfg);
    assert_non_null(w->fake);
    splitio_toolstack_front_path(&world_vif, w->front_dir);
    splitio_toolstack_back_path(&world_vif, w->back_dir);
    assert_int_equal(splitio_toolstack_device_add(splitio_fake_server(w->fake),
                                                  &world_vif, keys, 2, NULL, 0),
                     0);
    w->nic.send_room = UINT_MAX;
    w->nic.flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
    w->back_config = (struct splitio_netback_config){
        .port = splitio_host_port(splitio_fake_host(w->fake)),
        .nic = test_nic(&w->nic),
        .store = splitio_fake_host_store(w->fake),
        .dir = w->back_dir,
        .features = SPLITIO_NETIF_F_ALL,
        .max_queues = 4,
    };
    w->front_config = (struct splitio_netfront_config){
        .port = splitio_guest_port(splitio_fake_guest(w->fake, 1)),
        .store = splitio_fake_guest_store(w->fake, 1),
        .dir = w->front_dir,
        .features = SPLITIO_NETIF_F_ALL,
        .receive = on_receive,
        .tx_room = on_room,
        .link_changed = on_link,
        .arg = w,
    };
    return w;
}

void world_start_back(struct world *w)
{
    size_t bytes = splitio_netback_mem_bytes(&w->back_config);

    w->back_mem = aligned_alloc(64, bytes);
    assert_non_null(w->back_mem);
    assert_int_equal(
        splitio_netback_init(&w->back, &w->back_config, w->back_mem, bytes), 0);
    w->have_back = true;
}

void world_start_front(struct world *w)
{
    size_t bytes = splitio_netfront_mem_bytes(&w->front_config);

    w->front_mem = aligned_alloc(64, (bytes + 63) & ~(size_t)63);
    assert_non_null(w->front_mem);
    assert_int_equal(
        splitio_netfront_init(&w->front, &w->front_config, w->front_mem, bytes),
        0);
    w->have_front = true;
}

void world_run(struct world *w)
{
    unsigned turns, n = 1;

    if (w->have_front)
        splitio_netfront_kick(&w->front);
    for (turns = 0; n != 0 && turns < 20000; turns++) {
        n = splitio_fake_step(w->fake);
        if (w->have_back)
            n += (unsigned)splitio_netback_poll(&w->back, 16);
        if (w->have_front)
            n += (unsigned)splitio_netfront_poll(&w->front, 16);
    }
    assert_int_equal(n, 0);
}

void world_end_back(struct world *w)
{
    while (splitio_netback_fini(&w->back) == SPLITIO_EAGAIN)
        splitio_fake_step(w->fake);
    w->have_back = false;
    free(w->back_mem);
}

void world_end_front(struct world *w)
{
    while (splitio_netfront_fini(&w->front) == SPLITIO_EAGAIN)
        splitio_fake_step(w->fake);
    w->have_front = false;
    free(w->front_mem);
}

void world_delete(struct world *w)
{
    const struct splitio_fake_usage none = {0};
    struct splitio_fake_usage usage;
    unsigned i;

    if (w->have_front)
        world_end_front(w);
    if (w->have_back)
        world_end_back(w);
    for (i = 0; i < 100; i++)
        splitio_fake_step(w->fake);
    splitio_fake_usage(w->fake, &usage);
    assert_memory_equal(&usage, &none, sizeof(usage));
    queue_clear(&w->received);
    queue_clear(&w->nic.in);
    queue_clear(&w->nic.out);
    splitio_fake_delete(w->fake);
    free(w);
}

void world_check_traffic(struct world *w)
{
    struct kept k = make_gso(4, 20000, 1448), got;
    struct splitio_iovec iov;
    struct splitio_frame f = kept_frame(&k, &iov, 1);

    assert_int_equal(splitio_netfront_send(&w->front, &f), 0);
    queue_put(&w->nic.in, &f);
    world_run(w);
    assert_int_equal(queue_len(&w->nic.out), 1);
    assert_int_equal(queue_len(&w->received), 1);
    got = queue_get(&w->nic.out);
    assert_same(&k, &got);
    kept_free(&got);
    got = queue_get(&w->received);
    assert_same(&k, &got);
    kept_free(&got);
    kept_free(&k);
}

void world_put(struct world *w, const char *dir, const char *key,
               const char *value)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    assert_int_equal(splitio_store_server_write(splitio_fake_server(w->fake),
                                                path, value, strlen(value)),
                     0);
}

bool world_has(struct world *w, const char *dir, const char *key,
               const char *value)
{
    const void *is;
    char path[200];
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    if (splitio_store_server_read(splitio_fake_server(w->fake), path, &is,
                                  &len))
        return value == NULL;
    return value && len == strlen(value) && memcmp(is, value, len) == 0;
}
