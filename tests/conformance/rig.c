/* SPDX-License-Identifier: BSD-2-Clause */
#include "rig.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A handshake takes some tens of rounds, the traffic some hundreds. */
#define MOST_ROUNDS 20000u

bool rig_fail(struct rig *r, const char *format, ...)
{
    va_list args;

    if (r->why[0] != '\0')
        return false;
    va_start(args, format);
    (void)vsnprintf(r->why, sizeof(r->why), format, args);
    va_end(args);
    return false;
}

/* ---- masks ---- */

uint64_t all_features(const struct protocol *p)
{
    return BIT(p->nr_features) - 1;
}

uint64_t required_features(const struct protocol *p)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < p->nr_features; i++)
        if (p->features[i].required)
            mask |= BIT(i);
    return mask;
}

uint64_t switches(const struct protocol *p, enum side side)
{
    uint64_t mask = 0;

    for (unsigned i = 0; i < p->nr_features; i++)
        if (p->features[i].sides & side)
            mask |= BIT(i);
    return mask;
}

static uint64_t named_feature(const struct protocol *p, const char *name)
{
    for (unsigned i = 0; i < p->nr_features; i++)
        if (strcmp(p->features[i].name, name) == 0)
            return BIT(i);
    fprintf(stderr, "no feature of %s is called \"%s\"\n", p->name, name);
    abort();
}

uint64_t named_features(const struct protocol *p, const char *names)
{
    uint64_t mask = 0;
    char text[400], *next;

    if (!names)
        return all_features(p);
    snprintf(text, sizeof(text), "%s", names);
    for (char *name = text; name; name = next) {
        next = strstr(name, ", ");
        if (next) {
            *next = '\0';
            next += 2;
        }
        mask |= named_feature(p, name);
    }
    return mask;
}

bool feature_on(const struct rig *r, unsigned i, enum side decided)
{
    const struct feature *f = &r->protocol->features[i];
    unsigned asked = f->sides & decided;

    if ((asked & FRONT) && !(r->front_mask & BIT(i)))
        return false;
    if ((asked & BACK) && !(r->back_mask & BIT(i)))
        return false;
    for (unsigned j = 0; j < i; j++) {
        if ((f->needs & BIT(j)) && !feature_on(r, j, decided))
            return false;
        if ((f->excludes & BIT(j)) && feature_on(r, j, decided))
            return false;
    }
    return true;
}

const char *mask_words(const struct protocol *p, uint64_t mask, enum side side)
{
    static char texts[2][600];
    static unsigned next;
    char *text = texts[next++ % 2];
    uint64_t own = switches(p, side);
    size_t at = 0;

    if ((mask & own) == own)
        return "everything";
    text[0] = '\0';
    for (unsigned i = 0; i < p->nr_features; i++)
        if ((mask & own & BIT(i)) && at < sizeof(texts[0]))
            at += (size_t)snprintf(text + at, sizeof(texts[0]) - at, "%s%s",
                                   at ? ", " : "", p->features[i].name);
    return at ? text : "nothing";
}

/* ---- beginning ---- */

static void configure(struct rig *r)
{
    const struct protocol *p = r->protocol;

    p->configure(r);
    for (unsigned i = 0; i < p->nr_features; i++) {
        const struct feature *f = &p->features[i];

        if (f->front)
            f->front(r, (r->front_mask & BIT(i)) != 0);
        if (f->back)
            f->back(r, (r->back_mask & BIT(i)) != 0);
    }
}

struct rig *rig_new(struct world *w, const struct protocol *p, uint64_t front,
                    uint64_t back)
{
    struct rig *r = calloc(1, p->rig_bytes);
    int err;

    if (!r)
        abort();
    r->protocol = p;
    r->w = w;
    r->front_mask = front;
    r->back_mask = back;
    r->random = 1;
    r->device = (struct splitio_toolstack_device){
        .kind = p->kind, .devid = w->nr_devices++, .front = WORLD_GUEST};
    splitio_toolstack_front_path(&r->device, r->front_dir);
    splitio_toolstack_back_path(&r->device, r->back_dir);
    w->host = r->w->host;
    configure(r);
    err = splitio_toolstack_device_add(w->server, &r->device, r->front_keys,
                                       r->nr_front_keys, r->back_keys,
                                       r->nr_back_keys);
    if (err)
        rig_fail(r, "the device's nodes cannot be made: %d", err);
    return r;
}

void rig_back_new(struct rig *r)
{
    r->have_back = r->protocol->back_new(r);
    if (!r->have_back)
        rig_fail(r, "the back does not take its configuration");
}

void rig_front_new(struct rig *r)
{
    r->w->binding->guest_begin(r->w);
    r->have_front = r->protocol->front_new(r);
    r->w->binding->guest_end(r->w);
    if (!r->have_front)
        rig_fail(r, "the front does not take its configuration");
}

/* ---- running ---- */

const char *rig_dir(const struct rig *r, enum side side)
{
    return side == FRONT ? r->front_dir : r->back_dir;
}

/* What the half says of a feature that it shall not have is taken back before
 * the other one can look. */
static void veil(struct rig *r, enum side side)
{
    uint64_t mask = side == FRONT ? r->front_mask : r->back_mask;
    const char *dir = rig_dir(r, side);

    for (unsigned i = 0; i < r->protocol->nr_features; i++) {
        const struct feature *f = &r->protocol->features[i];
        const struct told_key *key =
            side == FRONT ? &f->front_key : &f->back_key;

        char value[16];

        if (!(f->veil & side) || (mask & BIT(i)) ||
            !world_read(r->w, dir, key->name, value, sizeof(value)) ||
            strcmp(value, key->on) != 0)
            continue;
        if (key->off)
            world_write(r->w, dir, key->name, key->off, strlen(key->off));
        else
            world_remove(r->w, dir, key->name);
    }
}

static void poke(struct rig *r)
{
    const struct poke *k = r->poke;
    const void *found = NULL;
    size_t len = 0;
    bool there;

    if (!k)
        return;
    there = world_read_raw(r->w, rig_dir(r, k->side), k->key, &found, &len);
    if (!k->value && there)
        world_remove(r->w, rig_dir(r, k->side), k->key);
    if (k->value &&
        (!there || len != k->len_bytes || memcmp(found, k->value, len) != 0))
        world_write(r->w, rig_dir(r, k->side), k->key, k->value, k->len_bytes);
}

static unsigned front_turn(struct rig *r)
{
    int n;

    veil(r, BACK);
    poke(r);
    r->w->binding->guest_begin(r->w);
    n = r->protocol->front_poll(r);
    r->w->binding->guest_end(r->w);
    if (n < 0)
        rig_fail(r, "the front's poll says %d", n);
    return n > 0 ? (unsigned)n : 0;
}

static unsigned back_turn(struct rig *r)
{
    int n;

    veil(r, FRONT);
    poke(r);
    r->protocol->look(r);
    n = r->protocol->back_poll(r);
    r->protocol->look(r);
    if (n < 0)
        rig_fail(r, "the back's poll says %d", n);
    return n > 0 ? (unsigned)n : 0;
}

bool rig_run(struct rig *r, enum side sides)
{
    unsigned idle = 0;

    for (unsigned i = 0; i < MOST_ROUNDS && r->why[0] == '\0'; i++) {
        unsigned n = r->w->binding->step(r->w);

        if (r->have_back && (sides & BACK))
            n += back_turn(r);
        if (r->have_front && (sides & FRONT))
            n += front_turn(r);
        idle = n ? 0 : idle + 1;
        if (idle == 3)
            return true;
    }
    return rig_fail(r, "it does not come to rest");
}

bool rig_stage(struct rig *r, unsigned stage)
{
    switch (stage) {
    case 0:
        return r->why[0] == '\0';
    case 1:
        rig_back_new(r);
        return rig_run(r, BACK);
    case 2:
        rig_front_new(r);
        return rig_run(r, FRONT);
    default:
        return rig_run(r, BACK);
    }
}

bool rig_connect(struct rig *r)
{
    return rig_run(r, BOTH);
}

/* ---- what the store says ---- */

static unsigned state_of(struct rig *r, const char *dir)
{
    char value[16];

    return world_read(r->w, dir, "state", value, sizeof(value))
               ? (unsigned)atoi(value)
               : 0;
}

/* "/local/domain/D/error/REST/error" of "/local/domain/D/REST". */
static bool has_error(struct rig *r, const char *dir)
{
    const char *rest = strchr(dir + strlen("/local/domain/"), '/');
    char where[160], value[200];

    snprintf(where, sizeof(where), "%.*s/error%s", (int)(rest - dir), dir,
             rest);
    return world_read(r->w, where, "error", value, sizeof(value)) &&
           atoi(value) > 0 && strchr(value, ' ');
}

static bool is_ended(unsigned state)
{
    return state == SPLITIO_XENBUS_CLOSING || state == SPLITIO_XENBUS_CLOSED;
}

bool rig_is_refused(struct rig *r)
{
    unsigned front = state_of(r, r->front_dir), back = state_of(r, r->back_dir);

    if (r->protocol->is_up(r))
        return rig_fail(r, "connected, and should have been refused");
    if (has_error(r, r->front_dir) && is_ended(front))
        return true;
    if (has_error(r, r->back_dir) && is_ended(back))
        return true;
    return rig_fail(r,
                    "neither connected nor refused: front's state %u with%s "
                    "error node, back's %u with%s",
                    front, has_error(r, r->front_dir) ? " an" : "out an", back,
                    has_error(r, r->back_dir) ? "" : "out");
}

static bool check_key(struct rig *r, const char *dir, const struct told_key *k,
                      bool on)
{
    const char *want = on ? k->on : k->off;
    char value[64];
    bool there;

    if (!k->name || (want && strcmp(want, "?") == 0))
        return true;
    there = world_read(r->w, dir, k->name, value, sizeof(value));
    if (!want)
        return !there ||
               rig_fail(r, "node %s is \"%s\" and should not be there", k->name,
                        value);
    if (!there)
        return rig_fail(r, "node %s is not there", k->name);
    return strcmp(value, want) == 0 ||
           rig_fail(r, "node %s is \"%s\", not \"%s\"", k->name, value, want);
}

static bool check_keys(struct rig *r)
{
    for (unsigned i = 0; i < r->protocol->nr_features; i++) {
        const struct feature *f = &r->protocol->features[i];

        if (!check_key(r, r->front_dir, &f->front_key,
                       feature_on(r, i, f->front_key.decided)) ||
            !check_key(r, r->back_dir, &f->back_key,
                       feature_on(r, i, f->back_key.decided)))
            return false;
    }
    return true;
}

static bool check_uses(struct rig *r)
{
    for (unsigned i = 0; i < r->protocol->nr_features; i++) {
        const struct feature *f = &r->protocol->features[i];

        for (unsigned j = 0; j < 2; j++) {
            bool on = feature_on(r, i, f->uses[j].decided), used;

            if (!f->uses[j].count)
                continue;
            used = f->uses[j].count(r) != 0;
            if (used != on)
                return rig_fail(r, "%s was %s%s", f->name,
                                on ? "agreed on and not used"
                                   : "not agreed on and used all the same",
                                f->uses[j].decided == FRONT ? ", to the front"
                                                            : "");
        }
    }
    return true;
}

/* ---- ending ---- */

static int front_fini(struct rig *r)
{
    int err;

    r->w->binding->guest_begin(r->w);
    err = r->protocol->front_fini(r);
    r->w->binding->guest_end(r->w);
    return err;
}

/* Call fini until it is done. */
static void end_half(struct rig *r, int (*fini)(struct rig *r))
{
    int err = SPLITIO_EAGAIN;

    for (unsigned i = 0; i < MOST_ROUNDS && err == SPLITIO_EAGAIN; i++) {
        err = fini(r);
        (void)r->w->binding->step(r->w);
    }
    if (err)
        rig_fail(r, "a half cannot be ended: %d", err);
}

static void remove_errors(struct rig *r)
{
    world_remove(r->w, "/local/domain/0/error", "backend");
    world_remove(r->w, "/local/domain/1/error", "device");
}

static void close_front(struct rig *r)
{
    if (!r->have_front || r->front_by_hand)
        return;
    r->protocol->front_close(r);
    if (rig_run(r, BOTH) && !r->protocol->front_is_closed(r))
        rig_fail(r, "the front cannot be closed");
}

bool rig_delete(struct rig *r, char *why, size_t len_bytes)
{
    bool good;

    close_front(r);
    if (r->have_front)
        end_half(r, front_fini);
    if (r->have_back)
        end_half(r, r->protocol->back_fini);
    if (!r->protocol->is_clean(r))
        rig_fail(r, "counters are not zero after the end");
    splitio_toolstack_device_remove(r->w->server, &r->device);
    remove_errors(r);
    r->protocol->free_memory(r);
    if (r->spy.nr_live + r->spy.nr_rings + r->spy.nr_channels != 0)
        rig_fail(r, "the back left something mapped or bound");
    if (!world_is_idle(r->w))
        rig_fail(r, "something is left in use in the machine");
    good = r->why[0] == '\0';
    if (!good)
        snprintf(why, len_bytes, "%s", r->why);
    free(r);
    return good;
}

/* ---- all of it ---- */

static enum outcome check(struct rig *r)
{
    uint64_t required = required_features(r->protocol);

    if ((r->front_mask & r->back_mask & required) != required)
        return rig_is_refused(r) ? REFUSED : FAILED;
    if (!r->protocol->is_up(r)) {
        char front[300], back[300];

        (void)splitio_xenbus_describe(r->front_xb, front, sizeof(front));
        (void)splitio_xenbus_describe(r->back_xb, back, sizeof(back));
        rig_fail(r, "not connected: %.110s; %.110s", front, back);
        return FAILED;
    }
    if (!check_keys(r) || !r->protocol->traffic(r) || !check_uses(r))
        return FAILED;
    return CONNECTED;
}

enum outcome rig_try(struct world *w, const struct protocol *p, uint64_t front,
                     uint64_t back, char *why, size_t len_bytes)
{
    struct rig *r = rig_new(w, p, front, back);
    enum outcome outcome = FAILED;
    bool good = true;

    for (unsigned i = 0; i < RIG_STAGES && good; i++)
        good = rig_stage(r, i);
    if (good && rig_connect(r))
        outcome = check(r);
    return rig_delete(r, why, len_bytes) ? outcome : FAILED;
}
