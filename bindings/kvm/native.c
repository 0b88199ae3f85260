/* SPDX-License-Identifier: BSD-2-Clause */
/* What KVM itself does for guests of Xen, where it can (KVM_CAP_XEN_HVM): it hands
 * over hypercalls as they are, and rings a doorbell when a guest sends an event,
 * so that the vcpu stays in the guest. */
#include <sys/eventfd.h>
#include <unistd.h>

#include "kvm_int.h"

#define INTERDOMAIN 2u /* EVTCHNSTAT_interdomain */
#define TWO_LEVELS  4096u

static bool set(const struct splitio_kvm_guest *g,
                const struct kvm_xen_hvm_attr *attr)
{
    return ioctl(g->cfg.vm_fd, KVM_XEN_HVM_SET_ATTR, attr) == 0;
}

void native_open(struct splitio_kvm_guest *g)
{
    const struct kvm_xen_hvm_attr long_mode = {
        .type = KVM_XEN_ATTR_TYPE_LONG_MODE, .u.long_mode = 1};
    struct kvm_xen_hvm_config cfg = {.flags =
                                         KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL,
                                     .msr = SPLITIO_KVM_MSR_HYPERCALL};
    int can = ioctl(g->cfg.vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_XEN_HVM);

    if (can <= 0 || !(can & KVM_XEN_HVM_CONFIG_INTERCEPT_HCALL))
        return;
    cfg.flags |= (uint32_t)can & KVM_XEN_HVM_CONFIG_EVTCHN_SEND;
    g->has_calls = ioctl(g->cfg.vm_fd, KVM_XEN_HVM_CONFIG, &cfg) == 0;
    g->has_doorbells = g->has_calls &&
                       (can & KVM_XEN_HVM_CONFIG_EVTCHN_SEND) != 0 &&
                       set(g, &long_mode);
}

bool splitio_kvm_guest_has_calls(const struct splitio_kvm_guest *g)
{
    return g->has_calls;
}

/* ---- doorbells ---- */

static bool assign(const struct splitio_kvm_guest *g, uint32_t port, int fd)
{
    struct kvm_xen_hvm_attr a = {.type = KVM_XEN_ATTR_TYPE_EVTCHN};

    a.u.evtchn.send_port = port;
    a.u.evtchn.type = INTERDOMAIN;
    if (fd < 0)
        a.u.evtchn.flags = KVM_XEN_EVTCHN_DEASSIGN;
    else
        a.u.evtchn.deliver.eventfd.fd = fd;
    return set(g, &a);
}

/* A slot stays its port's until native_port_closed(): from the vcpu's thread. */
void native_port_opened(struct splitio_kvm_guest *g, uint32_t port)
{
    for (unsigned i = 0; g->has_doorbells && i < NR_DOORBELLS; i++) {
        struct doorbell *d = &g->doorbells[i];
        uint32_t none = 0;

        if (port == 0 || port >= TWO_LEVELS ||
            !splitio_cas_u32(&d->port, &none, port))
            continue;
        if (d->fd < 0)
            d->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (d->fd >= 0 && !d->watched)
            d->watched =
                machine_watch_doorbell(g->machine, d->fd, g->domid, i) == 0;
        if (!d->watched || !assign(g, port, d->fd))
            splitio_store_release_u32(&d->port, 0);
        return;
    }
}

void native_port_closed(struct splitio_kvm_guest *g, uint32_t port)
{
    for (unsigned i = 0; g->has_doorbells && i < NR_DOORBELLS; i++)
        if (splitio_load_acquire_u32(&g->doorbells[i].port) == port) {
            (void)assign(g, port, -1);
            splitio_store_release_u32(&g->doorbells[i].port, 0);
            return;
        }
}

void native_reset(struct splitio_kvm_guest *g)
{
    for (unsigned i = 0; g->has_doorbells && i < NR_DOORBELLS; i++) {
        uint32_t port = splitio_load_acquire_u32(&g->doorbells[i].port);

        if (port != 0)
            native_port_closed(g, port);
    }
}

/* I/O thread. A port that was closed meanwhile, or is another's by now, gets an
 * event too many, as ports do. */
void native_rung(struct splitio_kvm_guest *g, unsigned i)
{
    uint32_t port =
        i < NR_DOORBELLS ? splitio_load_acquire_u32(&g->doorbells[i].port) : 0;

    if (port == 0)
        return;
    __atomic_fetch_add(&g->stats.nr_doorbells, 1, __ATOMIC_RELAXED);
    (void)splitio_event_engine_send(&g->machine->hv.events, g->domid, port);
}

void native_close(struct splitio_kvm_guest *g)
{
    for (unsigned i = 0; i < NR_DOORBELLS; i++)
        if (g->doorbells[i].fd >= 0)
            close(g->doorbells[i].fd);
}
