/* SPDX-License-Identifier: BSD-2-Clause */
/* The two engines as one, and the domains they share. */
#include <splitio/hypervisor.h>

void splitio_hypervisor_init(struct splitio_hypervisor *hv,
                             const struct splitio_hypervisor_port *port,
                             struct splitio_domain_slot *slots,
                             unsigned nr_domains)
{
    hv->port = port;
    splitio_grant_engine_init(&hv->grants, port, slots, nr_domains);
    splitio_event_engine_init(&hv->events, port, slots + nr_domains,
                              nr_domains);
}

static int add_events(struct splitio_hypervisor *hv, struct splitio_domain *d,
                      const struct splitio_domain_config *cfg)
{
    if (cfg->fifo)
        return splitio_event_engine_add_fifo(
            &hv->events, &d->events, cfg->domid, cfg->abi, cfg->shared_info,
            cfg->nr_ports, cfg->event_mem, cfg->fifo, cfg->fifo_mem);
    return splitio_event_engine_add(&hv->events, &d->events, cfg->domid,
                                    cfg->abi, cfg->shared_info, cfg->nr_ports,
                                    cfg->event_mem);
}

int splitio_domain_add(struct splitio_hypervisor *hv, struct splitio_domain *d,
                       const struct splitio_domain_config *cfg)
{
    const struct splitio_grant_domain_config grants = {
        .domid = cfg->domid,
        .version = cfg->grant_version,
        .frames = cfg->grant_frames,
        .nr_frames = cfg->nr_grant_frames,
        .max_frames = cfg->max_grant_frames,
        .status = cfg->grant_status,
        .nr_status = cfg->nr_grant_status,
        .nr_track = cfg->nr_track,
        .mem = cfg->grant_mem,
    };
    int err = add_events(hv, d, cfg);

    if (err)
        return err;
    err = splitio_grant_engine_add(&hv->grants, &d->grants, &grants);
    /* Events can always be taken back: a call inside is about to leave. */
    if (err)
        while (splitio_event_engine_remove(&hv->events, cfg->domid) ==
               SPLITIO_EAGAIN)
            splitio_cpu_relax();
    return err;
}

int splitio_domain_remove(struct splitio_hypervisor *hv, splitio_domid_t domid)
{
    int grants = splitio_grant_engine_remove(&hv->grants, domid);
    int events;

    /* Events go last: closing backs still notify. */
    if (grants != 0 && grants != SPLITIO_ENOENT)
        return grants;
    events = splitio_event_engine_remove(&hv->events, domid);
    if (events == SPLITIO_ENOENT)
        return grants;
    return events;
}
