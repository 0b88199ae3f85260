/* SPDX-License-Identifier: BSD-2-Clause */
/* The PV console: two byte rings in one page. */
#include "kvm_int.h"

#define IN_BYTES  1024u
#define OUT_BYTES 2048u

/* xen/io/console.h. Each index has one writer, and runs free. */
struct xencons {
    char in[IN_BYTES];   /* hypervisor side */
    char out[OUT_BYTES]; /* guest */
    uint32_t in_cons;    /* guest */
    uint32_t in_prod;    /* hypervisor side */
    uint32_t out_cons;   /* hypervisor side */
    uint32_t out_prod;   /* guest */
};

static void notify(struct splitio_kvm_guest *g)
{
    struct splitio_host_port port = splitio_host_port(&g->machine->host);

    port.ops->event_send(port.ctx, g->host_console_port);
}

/* A guest that says there is more than fits has overwritten it: skip. */
static void take(struct splitio_kvm_guest *g, struct xencons *c)
{
    char bytes[OUT_BYTES];
    uint32_t prod = splitio_load_acquire_u32(&c->out_prod);
    uint32_t cons = c->out_cons, nr = prod - cons;

    if (nr == 0)
        return;
    if (nr > OUT_BYTES)
        nr = 0;
    for (uint32_t i = 0; i < nr; i++)
        bytes[i] = c->out[(cons + i) % OUT_BYTES];
    splitio_store_release_u32(&c->out_cons, prod);
    if (nr > 0 && g->cfg.ops && g->cfg.ops->console)
        g->cfg.ops->console(g->cfg.arg, bytes, nr);
    notify(g);
}

unsigned console_poll(struct splitio_kvm_guest *g)
{
    struct splitio_host_port port = splitio_host_port(&g->machine->host);

    if (!g->console_event)
        return 0;
    g->console_event = false;
    take(g, own_page(g, FRAME_CONSOLE));
    port.ops->event_unmask(port.ctx, g->host_console_port);
    return 1;
}

size_t splitio_kvm_guest_console_input(struct splitio_kvm_guest *g,
                                       const char *bytes, size_t len_bytes)
{
    struct xencons *c = own_page(g, FRAME_CONSOLE);
    uint32_t prod = c->in_prod;
    uint32_t used = prod - splitio_load_acquire_u32(&c->in_cons);
    size_t nr = used > IN_BYTES ? 0 : IN_BYTES - used;

    if (nr > len_bytes)
        nr = len_bytes;
    for (size_t i = 0; i < nr; i++)
        c->in[(prod + i) % IN_BYTES] = bytes[i];
    splitio_store_release_u32(&c->in_prod, prod + (uint32_t)nr);
    if (nr > 0)
        notify(g);
    return nr;
}
