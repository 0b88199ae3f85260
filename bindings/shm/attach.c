/* SPDX-License-Identifier: BSD-2-Clause */
/* Guests that the embedder brings, with their memory. */
#include <string.h>

#include "machine_int.h"
#include "text.h"

/* --- the link --- */

static void upcall(const struct member *g)
{
    g->ops->upcall(g->ops_arg);
}

static void part(struct member *g)
{
    (void)g;
}

static void release(struct member *g)
{
    g->ops->gone(g->ops_arg);
}

static const struct link_ops window_link = {
    .upcall = upcall,
    .part = part,
    .release = release,
};

/* --- the embedder's calls --- */

static struct member *member_of(struct splitio_shm_machine *m,
                                splitio_domid_t domid)
{
    struct member *g = domid <= m->cfg.max_guests ? m->members[domid] : NULL;

    return g && g->link == &window_link && !g->info.leaving ? g : NULL;
}

static bool check(const struct splitio_shm_machine *m,
                  const struct splitio_shm_window *w,
                  struct splitio_shm_hello *hello, struct refusal *why)
{
    *hello = (struct splitio_shm_hello){
        .nr_pages = w->nr_pages,
        .nr_grant_frames = w->nr_grant_frames,
        .max_grant_frames = w->nr_grant_frames,
        .grant_version = 1,
        .nr_ports = w->nr_ports,
    };
    if (!splitio_shm_hello_name_is_good(w->name)) {
        why->status = explain(why->text, sizeof(why->text), SPLITIO_EINVAL,
                              "bad name of a guest");
        return false;
    }
    strcpy(hello->name, w->name);
    return splitio_shm_hello_check_sizes(m, hello, why);
}

/* Enter the machine; false and the reason, and it is gone again. */
static bool enter(struct member *g, struct refusal *why)
{
    if (splitio_shm_member_enter(g, why)) {
        splitio_shm_member_free(g);
        return false;
    }
    if (!why->status && splitio_shm_member_ask(g, why) == 0)
        return true;
    splitio_shm_member_leave(g);
    return false;
}

int splitio_shm_machine_attach(struct splitio_shm_machine *m,
                               const struct splitio_shm_window *w,
                               splitio_domid_t *domid,
                               splitio_evtchn_t *store_port, char *text,
                               size_t len_bytes)
{
    struct splitio_shm_hello hello;
    struct refusal why = {0};
    struct member *g = NULL;

    if (check(m, w, &hello, &why)) {
        g = splitio_shm_member_new(m, &hello, w->base, &window_link);
        if (!g)
            why.status = explain(why.text, sizeof(why.text), SPLITIO_ENOMEM,
                                 "out of memory");
    }
    if (!g) {
        w->ops->gone(w->arg);
        return explain(text, len_bytes, why.status, "%s", why.text);
    }
    g->ops = w->ops;
    g->ops_arg = w->arg;
    g->info.uid = w->uid;
    g->info.pid = w->pid;
    if (!enter(g, &why)) {
        m->stats.nr_refused++;
        return explain(text, len_bytes, why.status, "%s", why.text);
    }
    *domid = g->info.domid;
    *store_port = g->store_port;
    return 0;
}

void splitio_shm_machine_ring(struct splitio_shm_machine *m,
                              splitio_domid_t domid)
{
    struct member *g = member_of(m, domid);

    if (g)
        splitio_shm_member_doorbell(g);
}

bool splitio_shm_machine_call(struct splitio_shm_machine *m,
                              splitio_domid_t domid,
                              const struct splitio_shm_call *call,
                              struct splitio_shm_call *reply)
{
    struct member *g = member_of(m, domid);

    return g && splitio_shm_call_act(g, call, reply);
}

void splitio_shm_machine_detach(struct splitio_shm_machine *m,
                                splitio_domid_t domid)
{
    struct member *g = member_of(m, domid);

    if (g)
        splitio_shm_member_leave(g);
}
