/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's connection to the store, and the channels of store and console. */
#include <stdio.h>

#include "kvm_int.h"

static void on_store(void *arg)
{
    struct splitio_kvm_guest *g = arg;

    g->store_event = true;
}

static void on_console(void *arg)
{
    struct splitio_kvm_guest *g = arg;

    g->console_event = true;
}

/* A port of the guest's, as if it had opened it itself, and the host's end. */
static int open_channel(struct splitio_kvm_guest *g, void (*fn)(void *arg),
                        splitio_evtchn_t *port, splitio_evtchn_t *host_port)
{
    struct splitio_host_port host = splitio_host_port(&g->machine->host);
    struct splitio_event_handler handler = {fn, g};
    int err = splitio_event_engine_alloc_unbound(&g->machine->hv.events,
                                                 g->domid, HOST_DOMID, port);

    return err ? err
               : host.ops->event_bind(host.ctx, g->domid, *port, handler,
                                      host_port);
}

/* By which guests are told to shut down, and say that they can be. */
static int make_control(struct splitio_kvm_guest *g)
{
    static const char *const keys[] = {
        "shutdown", "feature-poweroff", "feature-reboot", "feature-suspend",
        "sysrq",
    };
    const struct splitio_xs_perm own = {g->domid, SPLITIO_XS_PERM_NONE};
    struct splitio_store_server *s = g->machine->server;
    char path[96];
    int err = 0;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(keys) && !err; i++) {
        snprintf(path, sizeof(path), "/local/domain/%u/control/%s", g->domid,
                 keys[i]);
        err = splitio_store_server_mkdir(s, path);
        if (!err)
            err = splitio_store_server_set_perms(s, path, &own, 1);
    }
    for (unsigned v = 0; v < g->cfg.nr_vcpus && !err; v++) {
        snprintf(path, sizeof(path), "/local/domain/%u/cpu/%u/availability",
                 g->domid, v);
        err = splitio_store_server_write_text(s, path, "online");
    }
    return err;
}

int guest_store_open(struct splitio_kvm_guest *g)
{
    struct splitio_store_server *s = g->machine->server;
    int err = splitio_store_server_introduce(s, g->domid);

    if (!err)
        err = splitio_toolstack_domain_add(s, g->domid,
                                           g->cfg.name ? g->cfg.name : "guest");
    if (!err)
        err = make_control(g);
    if (!err)
        err = splitio_store_conn_init(&g->store, s, g->domid);
    if (err)
        return err;
    g->store.user = g;
    g->store_open = true;
    err = splitio_store_conn_attach_ring(&g->store, own_page(g, FRAME_STORE));
    if (!err)
        err = open_channel(g, on_store, &g->store_port, &g->host_store_port);
    if (!err)
        err = open_channel(g, on_console, &g->console_port,
                           &g->host_console_port);
    return err;
}

void guest_store_close(struct splitio_kvm_guest *g)
{
    struct splitio_host_port host = splitio_host_port(&g->machine->host);
    char home[SPLITIO_XS_DOMAIN_PATH_MAX];

    if (g->host_store_port)
        host.ops->event_close(host.ctx, g->host_store_port);
    if (g->host_console_port)
        host.ops->event_close(host.ctx, g->host_console_port);
    g->host_store_port = g->host_console_port = 0;
    splitio_store_server_domain_gone(g->machine->server, g->domid);
    /* Its home belongs to domain 0. */
    (void)splitio_xs_domain_path(home, g->domid);
    (void)splitio_store_server_rm(g->machine->server, home);
    if (g->store_open)
        splitio_store_conn_fini(&g->store);
    g->store_open = false;
}

/* On an event of the guest, or when the server has something for it. A broken
 * connection says so in its page; nobody else needs to know. */
unsigned guest_store_poll(struct splitio_kvm_guest *g, unsigned budget)
{
    struct splitio_host_port host = splitio_host_port(&g->machine->host);
    bool event = g->store_event, notify = false;
    int n;

    if (!g->store_open)
        return 0;
    g->store_event = false;
    n = splitio_store_conn_pump_ring(&g->store, budget, &notify);
    if (notify)
        host.ops->event_send(host.ctx, g->host_store_port);
    if (event)
        host.ops->event_unmask(host.ctx, g->host_store_port);
    return (n > 0 ? (unsigned)n : 0) + event;
}
