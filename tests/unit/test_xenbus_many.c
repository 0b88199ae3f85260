/* SPDX-License-Identifier: BSD-2-Clause */
/* Many devices of one guest, over one connection on each side. */
#include "cm.h"

#include <stdlib.h>
#include <string.h>

#include "xb_bed.h"
#include "xb_drv.h"

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

/* With two watches each, as many as xenstored's quota of 128 allows. */
#define NR_DEVICES 60u

struct many {
    struct bed bed; /* server, and the two links */
    struct bed_driver drv[NR_DEVICES][2];
};

static void dirs_of(unsigned nr, char *front, char *back)
{
    splitio_xenbus_print(front, SPLITIO_XENBUS_DIR_MAX,
                         "/local/domain/1/device/vbd/%u", nr);
    splitio_xenbus_print(back, SPLITIO_XENBUS_DIR_MAX,
                         "/local/domain/0/backend/vbd/1/%u", nr);
}

static void start(struct many *m, unsigned nr, enum splitio_xenbus_role role,
                  const char *dir)
{
    struct bed_driver *d = &m->drv[nr][role];

    bed_drv_init(d, role);
    assert_int_equal(splitio_xenbus_init(&d->xb, role,
                                         &m->bed.half[role].link.store, dir,
                                         &d->table, d),
                     0);
}

static void make(struct many *m, unsigned nr)
{
    char front[SPLITIO_XENBUS_DIR_MAX], back[SPLITIO_XENBUS_DIR_MAX];

    dirs_of(nr, front, back);
    bed_make_dirs_at(&m->bed, front, back);
    start(m, nr, FRONT, front);
    start(m, nr, BACK, back);
}

/* As an event loop does: a store that had something to do, then its devices. */
static bool round_of(struct many *m)
{
    bool did = false;
    unsigned i, role;

    for (role = 0; role < 2; role++) {
        did |= bed_link_poll(&m->bed.half[role].link);
        for (i = 0; i < NR_DEVICES; i++)
            did |= splitio_xenbus_poll(&m->drv[i][role].xb);
    }
    while (splitio_store_server_next_ready(m->bed.server) != NULL)
        ;
    return did;
}

static unsigned settle(struct many *m)
{
    unsigned rounds = 0, quiet = 0;

    while (quiet < 2) {
        quiet = round_of(m) ? 0 : quiet + 1;
        assert_true(++rounds < 100000);
    }
    return rounds;
}

static void fini(struct many *m)
{
    unsigned i, role, tries = 0;

    for (role = 0; role < 2; role++)
        for (i = 0; i < NR_DEVICES; i++)
            while (splitio_xenbus_fini(&m->drv[i][role].xb) < 0) {
                assert_true(++tries < 10000);
                bed_link_poll(&m->bed.half[role].link);
            }
    for (role = 0; role < 2; role++)
        for (i = 0; i < 2 * NR_DEVICES; i++)
            bed_link_poll(&m->bed.half[role].link);
}

static void devices_many_at_once_connect_without_a_clock(void **state)
{
    struct many *m = calloc(1, sizeof(*m));
    struct splitio_store_stats stats;
    unsigned i, role;

    (void)state;
    bed_init_empty(&m->bed);
    bed_link_open(&m->bed.half[FRONT].link, m->bed.server, 1);
    bed_link_open(&m->bed.half[BACK].link, m->bed.server, 0);
    for (i = 0; i < NR_DEVICES; i++)
        make(m, i);
    print_message("%u rounds\n", settle(m));
    for (i = 0; i < NR_DEVICES; i++)
        for (role = 0; role < 2; role++)
            assert_true(m->drv[i][role].linked);
    for (i = 0; i < NR_DEVICES; i++)
        splitio_xenbus_close(&m->drv[i][i & 1].xb);
    settle(m);
    for (i = 0; i < NR_DEVICES; i++)
        for (role = 0; role < 2; role++)
            assert_false(m->drv[i][role].attached);
    fini(m);
    splitio_store_server_domain_stats(m->bed.server, 1, &stats);
    assert_int_equal(stats.watches, 0);
    assert_int_equal(stats.transactions, 0);
    splitio_store_conn_fini(&m->bed.half[FRONT].link.conn);
    splitio_store_conn_fini(&m->bed.half[BACK].link.conn);
    bed_fini(&m->bed);
    free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_many_at_once_connect_without_a_clock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
