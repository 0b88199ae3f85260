/* SPDX-License-Identifier: BSD-2-Clause */
/* Our halves against those of other systems, as far as the store goes. */
#include "cm.h"

#include "foreign.h"
#include "world_fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what a foreign half needs ---- */

const char *foreign_prefix(unsigned queue, unsigned nr_queues)
{
    static char text[16];

    snprintf(text, sizeof(text), "queue-%u/", queue);
    return nr_queues > 1 ? text : "";
}

static void join(char *to, size_t len_bytes, const char *prefix,
                 const char *key)
{
    snprintf(to, len_bytes, "%s%s", prefix, key);
}

uint32_t foreign_number(struct rig *r, enum side side, const char *prefix,
                        const char *key, uint32_t otherwise)
{
    char path[64], value[32];

    join(path, sizeof(path), prefix, key);
    return world_read(r->w, rig_dir(r, side), path, value, sizeof(value))
               ? (uint32_t)strtoul(value, NULL, 10)
               : otherwise;
}

void foreign_write(struct rig *r, enum side side, const char *prefix,
                   const char *key, uint32_t value)
{
    char path[64], text[16];

    join(path, sizeof(path), prefix, key);
    snprintf(text, sizeof(text), "%u", value);
    world_write(r->w, rig_dir(r, side), path, text, strlen(text));
}

static void write_all(struct rig *r, enum side side,
                      const struct foreign_key *keys)
{
    for (unsigned i = 0; i < FOREIGN_KEYS && keys[i].key; i++)
        world_write(r->w, rig_dir(r, side), keys[i].key, keys[i].value,
                    strlen(keys[i].value));
}

static uint32_t state_of(struct rig *r, enum side side)
{
    return foreign_number(r, side, "", "state", 0);
}

static void set_state(struct rig *r, enum side side, uint32_t state)
{
    foreign_write(r, side, "", "state", state);
}

/* ---- a foreign front ---- */

/* Run until our half is in this state. */
static bool reach(struct rig *r, enum side side, uint32_t state)
{
    if (!rig_run(r, BOTH))
        return false;
    return state_of(r, side) == state ||
           rig_fail(r, "our half is in state %u, not %u", state_of(r, side),
                    state);
}

static bool offer(struct rig *r, const struct foreign *f,
                  const struct foreign_ops *ops)
{
    if (!ops->front_offer(r, f))
        return false;
    write_all(r, FRONT, f->offer);
    set_state(r, FRONT, f->state);
    return true;
}

static bool front_life(struct rig *r, const struct foreign *f,
                       const struct foreign_ops *ops, bool offered)
{
    if (!offered &&
        (!reach(r, BACK, SPLITIO_XENBUS_INIT_WAIT) || !offer(r, f, ops)))
        return false;
    if (!reach(r, BACK, SPLITIO_XENBUS_CONNECTED) || !ops->front_start(r, f))
        return false;
    set_state(r, FRONT, SPLITIO_XENBUS_CONNECTED);
    if (!reach(r, BACK, SPLITIO_XENBUS_CONNECTED) || !r->protocol->traffic(r))
        return false;
    set_state(r, FRONT, SPLITIO_XENBUS_CLOSING);
    if (!rig_run(r, BOTH))
        return false;
    set_state(r, FRONT, SPLITIO_XENBUS_CLOSED);
    if (!reach(r, BACK, SPLITIO_XENBUS_CLOSED))
        return false;
    ops->front_stop(r);
    return true;
}

/* It is there twice: a guest reboots. */
static bool foreign_front(struct rig *r, const struct foreign *f,
                          const struct foreign_ops *ops)
{
    bool early = f->ways & EARLY;

    ops->cut(r, FRONT);
    r->front_by_hand = true;
    rig_front_new(r);
    if (early && !offer(r, f, ops))
        return false;
    rig_back_new(r);
    if (!front_life(r, f, ops, early))
        return false;
    set_state(r, FRONT, SPLITIO_XENBUS_INITIALISING);
    return front_life(r, f, ops, false);
}

/* ---- a foreign back ---- */

static bool back_life(struct rig *r, const struct foreign *f,
                      const struct foreign_ops *ops)
{
    uint32_t front;

    write_all(r, BACK, f->offer);
    set_state(r, BACK, SPLITIO_XENBUS_INIT_WAIT);
    if (!rig_run(r, BOTH))
        return false;
    front = state_of(r, FRONT);
    if (front != SPLITIO_XENBUS_INITIALISED &&
        front != SPLITIO_XENBUS_CONNECTED)
        return rig_fail(r, "the front is in state %u", front);
    if (!ops->back_attach(r, f))
        return false;
    write_all(r, BACK, f->data);
    set_state(r, BACK, SPLITIO_XENBUS_CONNECTED);
    if (!reach(r, FRONT, SPLITIO_XENBUS_CONNECTED))
        return false;
    if (!ops->front_is_up(r))
        return rig_fail(r, "the front is not up");
    return r->protocol->traffic(r);
}

/* The front goes; the back sees it at Closing, or at Closed only. */
static bool back_end(struct rig *r, const struct foreign *f,
                     const struct foreign_ops *ops)
{
    r->protocol->front_close(r);
    if (!reach(r, FRONT, SPLITIO_XENBUS_CLOSED))
        return false;
    if (!(f->ways & NO_CLOSING)) {
        set_state(r, BACK, SPLITIO_XENBUS_CLOSING);
        if (!reach(r, FRONT, SPLITIO_XENBUS_CLOSED))
            return false;
    }
    if (!ops->back_detach(r))
        return false;
    set_state(r, BACK, SPLITIO_XENBUS_CLOSED);
    if (!rig_run(r, BOTH))
        return false;
    return r->protocol->front_is_closed(r) ||
           rig_fail(r, "the front is not closed");
}

/* Twice, if the back is there for another front. */
static bool foreign_back(struct rig *r, const struct foreign *f,
                         const struct foreign_ops *ops)
{
    ops->cut(r, BACK);
    rig_back_new(r);
    rig_front_new(r);
    if (!back_life(r, f, ops) || !back_end(r, f, ops))
        return false;
    if (f->ways & ONCE)
        return true;
    r->protocol->front_reopen(r);
    if (!reach(r, FRONT, SPLITIO_XENBUS_INITIALISING))
        return false;
    return back_life(r, f, ops) && back_end(r, f, ops);
}

/* ---- all of them ---- */

/* Our half's disk is as the foreign one says it is. */
static uint64_t others_of(const struct foreign *f)
{
    uint64_t mask = named_features(f->protocol, f->others);

    if (f->protocol == &blk_protocol && f->side == FRONT && !f->others)
        mask &= ~named_features(f->protocol, "read-only, sectors of 4096");
    return mask;
}

static bool run_one(struct world *w, const struct foreign *f)
{
    const struct foreign_ops *ops =
        f->protocol == &blk_protocol ? &blk_foreign : &net_foreign;
    uint64_t own = named_features(f->protocol, f->features),
             other = others_of(f);
    struct rig *r = rig_new(w, f->protocol, f->side == FRONT ? own : other,
                            f->side == FRONT ? other : own);
    char why[240] = "";

    if (f->side == FRONT)
        (void)foreign_front(r, f, ops);
    else
        (void)foreign_back(r, f, ops);
    if (rig_delete(r, why, sizeof(why)))
        return true;
    printf("# FAILED against %s: %s\n", f->name, why);
    return false;
}

static void run_side(const struct protocol *p, enum side side)
{
    struct world w;
    unsigned nr = 0, nr_failed = 0;

    assert_true(world_open(&w, &bindings_fake[0]));
    for (unsigned i = 0; i < nr_foreigns; i++) {
        if (foreigns[i].protocol != p || foreigns[i].side != side)
            continue;
        nr++;
        if (run_one(&w, &foreigns[i])) {
            printf("# connected, with data: %s\n", foreigns[i].name);
            continue;
        }
        nr_failed++;
        world_close(&w);
        assert_true(world_open(&w, &bindings_fake[0]));
    }
    world_close(&w);
    assert_true(nr > 0);
    assert_int_equal(nr_failed, 0);
}

static void block_fronts_of_other_systems_are_served(void **state)
{
    (void)state;
    run_side(&blk_protocol, FRONT);
}

static void block_backs_of_other_systems_serve(void **state)
{
    (void)state;
    run_side(&blk_protocol, BACK);
}

static void net_fronts_of_other_systems_are_served(void **state)
{
    (void)state;
    run_side(&net_protocol, FRONT);
}

static void net_backs_of_other_systems_serve(void **state)
{
    (void)state;
    run_side(&net_protocol, BACK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(block_fronts_of_other_systems_are_served),
        cmocka_unit_test(block_backs_of_other_systems_serve),
        cmocka_unit_test(net_fronts_of_other_systems_are_served),
        cmocka_unit_test(net_backs_of_other_systems_serve),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
