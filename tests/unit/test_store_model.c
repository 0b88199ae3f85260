/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store server against a model that is too simple to be wrong.
 *
 * The model is an array of all paths over three names, four deep. A request
 * outside of a transaction must return what the model returns. A transaction is
 * a log of requests and what they returned; if it commits, then the same
 * requests at that moment must return the same from the model, and the model
 * has their effects. If it ends in EAGAIN, something else must have changed
 * since it began.
 *
 * Two peers watch. After each step, every change that one may know of must have
 * fired, and nothing that it may not know of.
 */
#include "cm.h"
#include "xs_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA (4u << 20)
#define NAMES 3
#define DEPTH 4
#define NODES 121 /* 1 + 3 + 9 + 27 + 81 */
#define STEPS 100000
#define PEERS 4
#define TXS   3
#define LOG   40
#define PERMS 3

/* --- the model --------------------------------------------------------- */

struct mnode {
    bool is;
    unsigned value; /* 0: empty */
    unsigned nr_perms;
    struct splitio_xs_perm perms[PERMS];
};

static struct mnode model[NODES];
static struct mnode was[NODES]; /* the model before the step */
static uint64_t changes;        /* of the model */

static int up(int i)
{
    return i == 0 ? -1 : (i - 1) / NAMES;
}

static void path_of(int i, char *buf)
{
    char names[DEPTH];
    int n = 0;

    for (; i > 0; i = up(i))
        names[n++] = (char)('a' + (i - 1) % NAMES);
    if (n == 0)
        *buf++ = '/';
    while (n > 0) {
        *buf++ = '/';
        *buf++ = names[--n];
    }
    *buf = '\0';
}

static int nearest(int i)
{
    while (!model[i].is)
        i = up(i);
    return i;
}

static bool may(int who, int i, unsigned access)
{
    const struct mnode *m = &model[i];

    if (who == 0 || m->perms[0].domid == who)
        return true;
    for (unsigned k = 1; k < m->nr_perms; k++) {
        if (m->perms[k].domid == who)
            return (m->perms[k].access & access) == access;
    }
    return (m->perms[0].access & access) == access;
}

/* What a request for node i returns before it is looked at more closely. */
static int mget(int who, int i, unsigned access)
{
    if (!may(who, nearest(i), access))
        return SPLITIO_EACCES;
    return model[i].is ? 0 : SPLITIO_ENOENT;
}

static void mcreate(int who, int i)
{
    if (model[i].is)
        return;
    mcreate(who, up(i));
    model[i] = model[up(i)];
    model[i].value = 0;
    if (who != 0)
        model[i].perms[0].domid = (uint16_t)who;
}

static void mremove(int i)
{
    model[i].is = false;
    for (int k = 1; k <= NAMES; k++) {
        if (i * NAMES + k < NODES && model[i * NAMES + k].is)
            mremove(i * NAMES + k);
    }
}

enum op { READ, WRITE, MKDIR, RM, LIST, GETP, SETP, OPS };

struct request {
    enum op op;
    int who, node;
    unsigned value;
    unsigned nr_perms;
    struct splitio_xs_perm perms[PERMS];
};

/* A request's outcome, as text to compare. */
struct outcome {
    int err;
    char body[64];
};

static void mlist(int i, char *body)
{
    for (int k = 1; k <= NAMES; k++) {
        if (i * NAMES + k < NODES && model[i * NAMES + k].is)
            *body++ = (char)('a' + k - 1);
    }
    *body = '\0';
}

static void mperms(int i, char *body)
{
    for (unsigned k = 0; k < model[i].nr_perms; k++)
        body += splitio_xs_format_perm(body, &model[i].perms[k]);
}

static int mset(const struct request *r)
{
    struct mnode *m = &model[r->node];

    if (r->who != 0 && m->perms[0].domid != r->who)
        return SPLITIO_EACCES;
    if (r->who != 0 && r->perms[0].domid != r->who)
        return SPLITIO_EACCES;
    m->nr_perms = r->nr_perms;
    memcpy(m->perms, r->perms, sizeof(m->perms));
    return 0;
}

static void mread(const struct request *r, struct outcome *o)
{
    o->err = mget(r->who, r->node, SPLITIO_XS_PERM_READ);
    if (o->err < 0)
        return;
    if (r->op == READ && model[r->node].value)
        snprintf(o->body, sizeof(o->body), "%u", model[r->node].value);
    if (r->op == LIST)
        mlist(r->node, o->body);
    if (r->op == GETP)
        mperms(r->node, o->body);
}

static void mwrite(const struct request *r, struct outcome *o)
{
    int found = mget(r->who, r->node, SPLITIO_XS_PERM_WRITE);

    o->err = found;
    if (r->op == RM && r->node == 0)
        o->err = SPLITIO_EINVAL;
    else if (r->op == RM && found == SPLITIO_ENOENT && model[up(r->node)].is)
        o->err = 0;
    else if (r->op == RM && found == 0)
        mremove(r->node);
    else if (r->op == SETP && found == 0)
        o->err = mset(r);
    else if ((r->op == WRITE || r->op == MKDIR) && found != SPLITIO_EACCES) {
        mcreate(r->who, r->node);
        o->err = 0;
        if (r->op == WRITE)
            model[r->node].value = r->value;
    }
}

static void mrun(const struct request *r, struct outcome *o)
{
    memset(o, 0, sizeof(*o));
    if (r->op == READ || r->op == LIST || r->op == GETP)
        mread(r, o);
    else
        mwrite(r, o);
}

/* --- the server -------------------------------------------------------- */

static void *arena;
static struct splitio_store_server *server;

struct mtx {
    uint32_t id; /* 0: none */
    bool urgent; /* guests wait for its end */
    uint64_t changes;
    unsigned nr;
    struct request log[LOG];
    struct outcome seen[LOG];
};

static struct peer {
    struct xs_peer p;
    int who;
    unsigned conflicts; /* in a row */
    struct mtx txs[TXS];
} peers[PEERS];

static uint64_t seed;

static uint32_t rnd(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % n;
}

static int compare_chars(const void *a, const void *b)
{
    return *(const char *)a - *(const char *)b;
}

/* Lists of strings become one string; lists of children are sorted. */
static void flatten(const struct xs_peer *p, enum op op, char *body)
{
    size_t n = 0;

    for (uint32_t i = 0; i < p->reply_bytes && n < 63; i++) {
        if (p->reply[i] != '\0')
            body[n++] = p->reply[i];
    }
    body[n] = '\0';
    if (op == LIST)
        qsort(body, n, 1, compare_chars);
}

static void srun(struct xs_peer *p, uint32_t tx, const struct request *r,
                 struct outcome *o)
{
    static const uint32_t types[] = {
        [READ] = SPLITIO_XS_READ,      [MKDIR] = SPLITIO_XS_MKDIR,
        [RM] = SPLITIO_XS_RM,          [LIST] = SPLITIO_XS_DIRECTORY,
        [GETP] = SPLITIO_XS_GET_PERMS,
    };
    char path[2 * DEPTH + 2], value[16], perms[PERMS][8];
    const char *strings[PERMS + 1] = {path};

    memset(o, 0, sizeof(*o));
    path_of(r->node, path);
    if (r->op == WRITE) {
        snprintf(value, sizeof(value), "%u", r->value);
        o->err = xs_write(p, tx, path, value);
    } else if (r->op == SETP) {
        for (unsigned i = 0; i < r->nr_perms; i++) {
            splitio_xs_format_perm(perms[i], &r->perms[i]);
            strings[i + 1] = perms[i];
        }
        o->err = xs_talk_strings(p, SPLITIO_XS_SET_PERMS, tx, r->nr_perms + 1,
                                 strings);
    } else {
        o->err = xs_path(p, types[r->op], tx, path);
        if (o->err == 0 && (r->op == READ || r->op == LIST || r->op == GETP))
            flatten(p, r->op, o->body);
    }
}

/* --- steps ------------------------------------------------------------- */

static void invent(struct request *r, int who)
{
    memset(r, 0, sizeof(*r));
    r->op = (enum op)rnd(OPS);
    r->who = who;
    r->node = (int)rnd(rnd(2) ? NODES : 13);
    if (r->op == RM && rnd(3)) /* or the tree stays empty */
        r->node = (int)(40 + rnd(NODES - 40));
    r->value = 1 + rnd(1000);
    r->nr_perms = 1 + rnd(PERMS);
    for (unsigned i = 0; i < PERMS; i++) {
        r->perms[i].domid = (uint16_t)rnd(3);
        r->perms[i].access = (uint16_t)(rnd(2) ? 3 : rnd(4));
    }
    if (who != 0 && rnd(4))
        r->perms[0].domid = (uint16_t)who;
}

static void must_agree(const struct outcome *a, const struct outcome *b)
{
    assert_int_equal(a->err, b->err);
    assert_string_equal(a->body, b->body);
}

static void step_plain(struct peer *peer)
{
    struct outcome is, should;
    struct request r;

    invent(&r, peer->who);
    srun(&peer->p, 0, &r, &is);
    mrun(&r, &should);
    must_agree(&is, &should);
    if (should.err == 0 && r.op != READ && r.op != LIST && r.op != GETP)
        changes++;
}

static void commit(struct peer *peer, struct mtx *tx)
{
    int err = xs_end(&peer->p, tx->id, true);

    tx->id = 0;
    if (err == SPLITIO_EAGAIN) {
        assert_true(tx->changes != changes);
        peer->conflicts++;
        return;
    }
    peer->conflicts = 0;
    assert_int_equal(err, 0);
    for (unsigned i = 0; i < tx->nr; i++) {
        struct outcome should;

        mrun(&tx->log[i], &should);
        must_agree(&tx->seen[i], &should);
    }
    changes++;
}

static void step_tx(struct peer *peer)
{
    struct mtx *tx = &peer->txs[rnd(TXS)];

    if (tx->id == 0) {
        tx->id = xs_begin(&peer->p);
        assert_int_not_equal(tx->id, 0);
        tx->nr = 0;
        tx->changes = changes;
        tx->urgent = peer->who == 0 && peer->conflicts >= 3;
    } else if (tx->nr == LOG || rnd(8) == 0) {
        if (rnd(4) == 0) {
            assert_int_equal(xs_end(&peer->p, tx->id, false), 0);
            tx->id = 0;
            peer->conflicts = 0;
        } else {
            commit(peer, tx);
        }
    } else {
        invent(&tx->log[tx->nr], peer->who);
        srun(&peer->p, tx->id, &tx->log[tx->nr], &tx->seen[tx->nr]);
        tx->nr++;
    }
}

/* What guests wait for, or NULL. */
static struct mtx *urgent(void)
{
    for (unsigned i = 0; i < TXS; i++) {
        if (peers[0].txs[i].id != 0 && peers[0].txs[i].urgent)
            return &peers[0].txs[i];
    }
    return NULL;
}

/* The domain of the last two peers dies and comes back. */
static void step_death(void)
{
    int who = peers[PEERS - 1].who;

    splitio_store_server_domain_gone(server, (splitio_domid_t)who);
    for (int i = 1; i < NODES; i++) {
        if (model[i].is && model[i].perms[0].domid == who)
            mremove(i);
    }
    for (int i = 0; i < NODES; i++) {
        for (unsigned k = 0; model[i].is && k < model[i].nr_perms; k++) {
            if (model[i].perms[k].domid != who)
                continue;
            model[i].perms[k].domid = 0;
            if (k > 0)
                model[i].perms[k].access = 0;
        }
        /* Which nobody is told of. */
        memcpy(was[i].perms, model[i].perms, sizeof(was[i].perms));
    }
    changes++;
    for (unsigned i = 0; i < PEERS; i++) {
        if (peers[i].who != who)
            continue;
        xs_peer_close(&peers[i].p);
        assert_int_equal(
            xs_peer_open(&peers[i].p, server, (splitio_domid_t)who), 0);
        memset(peers[i].txs, 0, sizeof(peers[i].txs));
    }
}

/* --- events ------------------------------------------------------------ */

static const char *const watched[] = {"/", "/a", "/a/b", "/c/c/c"};
#define WATCHED  SPLITIO_ARRAY_LEN(watched)
#define WATCHERS 2 /* the first peers */

static bool is_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    return len == 1 || (strncmp(path, top, len) == 0 &&
                        (path[len] == '\0' || path[len] == '/'));
}

static bool could_read(int who, int i)
{
    struct mnode now[NODES];
    bool could;

    if (may(who, i, SPLITIO_XS_PERM_READ) && model[i].is)
        return true;
    memcpy(now, model, sizeof(now));
    memcpy(model, was, sizeof(model));
    could = model[i].is && may(who, i, SPLITIO_XS_PERM_READ);
    memcpy(model, now, sizeof(model));
    return could;
}

static bool has_changed(int i)
{
    return was[i].is != model[i].is ||
           (model[i].is && memcmp(&was[i], &model[i], sizeof(was[i])) != 0);
}

/* Whether the watch fired with a path at, above or below this one. */
static bool fired_for(const struct xs_peer *p, const char *path, unsigned w)
{
    char event[128], token[8];

    snprintf(token, sizeof(token), "%u", w);
    for (unsigned i = 0; i < p->nr_events; i++) {
        char *space;

        snprintf(event, sizeof(event), "%s", p->events[i]);
        space = strchr(event, ' ');
        *space = '\0';
        if (strcmp(space + 1, token) == 0 &&
            (is_below(path, event) || is_below(event, path)))
            return true;
    }
    return false;
}

static int node_at(const char *path)
{
    int i = 0;

    for (; path[0] != '\0' && path[1] != '\0'; path += 2)
        i = i * NAMES + 1 + (path[1] - 'a');
    return i;
}

static void no_event_tells_a_secret(const struct peer *peer)
{
    for (unsigned i = 0; i < peer->p.nr_events; i++) {
        char event[128];
        int node;

        snprintf(event, sizeof(event), "%s", peer->p.events[i]);
        *strchr(event, ' ') = '\0';
        node = node_at(event);
        assert_true(could_read(peer->who, node) ||
                    (node > 0 && could_read(peer->who, up(node))));
    }
}

/*
 * Who may not know of a node that was removed is not told of what it could read
 * below, but at a watch of its own.
 */
static bool is_owed(const struct peer *peer, int i, const char *path,
                    const char *top)
{
    return peer->who == 0 || strcmp(path, top) == 0 ||
           (model[i].is && may(peer->who, i, SPLITIO_XS_PERM_READ));
}

static void every_change_fired(struct peer *peer)
{
    xs_peer_drain(&peer->p);
    assert_in_range(peer->p.nr_events, 0, XS_TALK_EVENTS);
    no_event_tells_a_secret(peer);
    for (int i = 0; i < NODES; i++) {
        char path[2 * DEPTH + 2];

        if (!has_changed(i) || !could_read(peer->who, i))
            continue;
        path_of(i, path);
        for (unsigned w = 0; w < WATCHED; w++) {
            /* Parents that a request makes are told of by the last child. */
            if (is_below(path, watched[w]) && was[i].is &&
                is_owed(peer, i, path, watched[w]))
                assert_true(fired_for(&peer->p, path, w));
        }
    }
    peer->p.nr_events = 0;
}

static void watch_all(struct peer *peer)
{
    for (unsigned w = 0; w < WATCHED; w++) {
        char token[8];

        snprintf(token, sizeof(token), "%u", w);
        assert_int_equal(xs_watch(&peer->p, watched[w], token), 0);
    }
    xs_peer_forget(&peer->p);
}

static void compare_all(void)
{
    struct request r = {.who = 0};
    struct outcome is, should;

    for (r.node = 0; r.node < NODES; r.node++) {
        for (unsigned op = 0; op < 3; op++) {
            r.op = (enum op[]){READ, LIST, GETP}[op];
            srun(&peers[0].p, 0, &r, &is);
            mrun(&r, &should);
            must_agree(&is, &should);
        }
    }
}

static unsigned count_model(void)
{
    unsigned n = 0;

    for (int i = 0; i < NODES; i++)
        n += model[i].is;
    return n;
}

static void begin(uint64_t first_seed)
{
    static const int who[PEERS] = {0, 1, 2, 2};
    struct splitio_store_server_config config = {.hash_seed = first_seed};
    struct request r = {.op = SETP, .nr_perms = 1, .perms = {{0, 3}}};
    struct outcome is;

    seed = first_seed;
    changes = 0;
    memset(model, 0, sizeof(model));
    memset(peers, 0, sizeof(peers));
    model[0].is = true;
    model[0].nr_perms = 1;
    model[0].perms[0].access = 3;
    assert_int_equal(splitio_store_server_init(&server, arena, ARENA, &config),
                     0);
    for (unsigned i = 0; i < PEERS; i++) {
        peers[i].who = who[i];
        assert_int_equal(
            xs_peer_open(&peers[i].p, server, (splitio_domid_t)who[i]), 0);
    }
    srun(&peers[0].p, 0, &r, &is);
    assert_int_equal(is.err, 0);
}

static void end(void)
{
    struct splitio_store_stats stats;

    for (unsigned i = 0; i < PEERS; i++)
        xs_peer_close(&peers[i].p);
    splitio_store_server_stats(server, &stats);
    assert_int_equal(stats.conns, 0);
    assert_int_equal(stats.transactions, 0);
    assert_int_equal(stats.nodes, count_model() + 2); /* and the special */
    assert_true(splitio_store_server_is_valid(server));
    splitio_store_server_fini(server);
}

static void run(uint64_t first_seed, unsigned steps)
{
    begin(first_seed);
    for (unsigned i = 0; i < WATCHERS; i++)
        watch_all(&peers[i]);
    for (unsigned i = 0; i < steps; i++) {
        struct peer *peer = &peers[rnd(PEERS)];

        memcpy(was, model, sizeof(was));

        if (peer->who != 0 && urgent())
            commit(&peers[0], urgent());
        else if (rnd(5000) == 0)
            step_death();
        else if (rnd(3))
            step_tx(peer);
        else
            step_plain(peer);
        for (unsigned k = 0; k < WATCHERS; k++)
            every_change_fired(&peers[k]);
        if (i % 1000 == 0) {
            assert_true(splitio_store_server_is_valid(server));
            compare_all();
        }
    }
    end();
}

static void random_requests_agree_with_the_model(void **state)
{
    (void)state;
    arena = malloc(ARENA);
    run(1, STEPS);
    free(arena);
}

static void short_lives_agree_with_the_model(void **state)
{
    (void)state;
    arena = malloc(ARENA);
    for (uint64_t i = 2; i < 200; i++)
        run(i, 1000);
    free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_requests_agree_with_the_model),
        cmocka_unit_test(short_lives_agree_with_the_model),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
