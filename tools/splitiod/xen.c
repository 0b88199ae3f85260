/* SPDX-License-Identifier: BSD-2-Clause */
/* Devices of Xen's guests: found in the store, served, let go. */
#include "xen.h"

#include "../common/log.h"
#include "../common/values.h"
#include "daemon.h"
#include "journal.h"
#include "xen_scan.h"

#include <splitio/binding/xen.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* Ticks that a device whose medium is missing is tried again. */
#define TRIES_MAX 5u

/* A device that could not be made: tried again for a while, then left alone
 * until the toolstack has removed it. */
struct refusal {
    struct refusal *next;
    const char *kind;
    splitio_domid_t front;
    uint32_t devid;
    unsigned tries;
    bool seen, foreign;
};

/* The medium and the words of one device, which go with it. */
struct export
{
    struct disk_options disk;
    struct nic_options nic;
    struct medium medium;
    char file[SCAN_VALUE_MAX];
};

struct xen_side {
    struct daemon *d;
    struct splitio_xen_host *host;
    struct source source;
    struct scan vbd, vif;
    struct refusal *refusals;
    char root[64];
    bool ready; /* there may be events, or messages of the store */
    bool swept; /* journals of devices that went while there was no daemon */
    bool lost;  /* xenstored is gone, and that has been said */
};

static struct refusal *refusal_of(struct xen_side *x,
                                  const struct scan_device *device)
{
    struct refusal *r = x->refusals;

    while (r && (r->kind != device->kind || r->front != device->front ||
                 r->devid != device->devid))
        r = r->next;
    return r;
}

static bool is_served(struct xen_side *x, const struct scan_device *device)
{
    for (struct device *p = x->d->devices; p; p = p->next)
        if (!p->venue.server && p->nodes.front == device->front &&
            p->nodes.devid == device->devid &&
            strcmp(p->nodes.kind, device->kind) == 0)
            return true;
    return false;
}

static bool wanted(void *arg, const struct scan_device *device)
{
    struct refusal *r = refusal_of(arg, device);

    if (r)
        r->seen = true;
    if (r && (r->foreign || r->tries > TRIES_MAX))
        return false;
    return !is_served(arg, device);
}

/* Devices whose image is missing may come yet. */
static bool keeps_journal(void *arg, const char *name)
{
    const struct xen_side *x = arg;
    struct scan_device device = {.kind = x->vbd.device.kind};
    unsigned front, devid;

    if (sscanf(name, "vbd-%u-%u", &front, &devid) != 2)
        return true;
    device.front = (splitio_domid_t)front;
    device.devid = devid;
    return is_served(arg, &device) || refusal_of(arg, &device);
}

/* Refusals of devices that are gone are forgotten, and so are journals. */
static void sweep(void *arg, const char *kind)
{
    struct xen_side *x = arg;
    struct refusal **p = &x->refusals;

    while (*p) {
        struct refusal *r = *p;

        if (r->kind == kind && !r->seen) {
            *p = r->next;
            free(r);
            continue;
        }
        r->seen = r->seen && r->kind != kind;
        p = &r->next;
    }
    if (x->d->options->state && !x->swept && strcmp(kind, "vbd") == 0)
        journals_sweep(x->d->options->state, keeps_journal, x);
    x->swept |= strcmp(kind, "vbd") == 0;
}

static struct refusal *refuse(struct xen_side *x,
                              const struct scan_device *device)
{
    struct refusal *r = refusal_of(x, device);

    if (!r)
        r = calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    if (!r->kind) {
        r->kind = device->kind;
        r->front = device->front;
        r->devid = device->devid;
        r->next = x->refusals;
        x->refusals = r;
    }
    r->seen = true;
    r->tries++;
    return r;
}

static void forget_call(struct splitio_store_call *call, int status,
                        const char *body, size_t len_bytes)
{
    (void)status;
    (void)body;
    (void)len_bytes;
    free(call);
}

/* xl shows what is in hotplug-error. */
static void tell_toolstack(struct xen_side *x, const struct scan_device *device,
                           const char *reason)
{
    char path[SCAN_PATH_MAX + 64];
    struct splitio_store_call *call = calloc(1, sizeof(*call));

    if (!call)
        return;
    call->done = forget_call;
    snprintf(path, sizeof(path), "%s/%s/%u/%u/hotplug-error", x->root,
             device->kind, device->front, device->devid);
    if (splitio_store_write(splitio_xen_host_store(x->host), call, 0, path,
                            reason, strlen(reason)))
        free(call);
}

static void export_end(void *arg)
{
    struct export *e = arg;

    medium_close(&e->medium);
    free(e);
}

static struct device *make_disk(struct xen_side *x, const struct venue *venue,
                                const struct scan_device *device,
                                struct export *e, char *reason, size_t bytes)
{
    struct device *made;

    memcpy(e->file, device->values[SCAN_PARAMS], sizeof(e->file));
    snprintf(e->disk.name, sizeof(e->disk.name), "vbd-%u-%u", device->front,
             device->devid);
    e->disk.kind = DISK_FILE;
    e->disk.file = e->file;
    e->disk.read_only = strcmp(device->values[SCAN_MODE], "r") == 0;
    e->disk.threads = 4;
    e->disk.vdev = device->devid;
    if (medium_open(&x->d->media, &e->medium, &e->disk, reason,
                    (unsigned)bytes))
        return NULL;
    made = disk_device_new(venue, &e->medium, device->front, reason, bytes);
    if (!made)
        medium_close(&e->medium);
    return made;
}

static struct device *make_nic(struct xen_side *x, const struct venue *venue,
                               const struct scan_device *device,
                               struct export *e, char *reason, size_t bytes)
{
    const char *name = device->values[SCAN_BRIDGE];
    struct lan *lan = media_find_lan(&x->d->media, name);

    snprintf(e->nic.name, sizeof(e->nic.name), "vif%u.%u", device->front,
             device->devid);
    if (lan)
        return nic_device_new(venue, lan, &e->nic, device->devid, device->front,
                              reason, bytes);
    snprintf(reason, bytes,
             "nic %s: there is no switch \"%.64s\"; start splitiod with "
             "--switch name=...",
             e->nic.name, name);
    return NULL;
}

static bool is_ours(const struct scan_device *device)
{
    const char *script = device->values[SCAN_SCRIPT];
    const char *slash = strrchr(script, '/');
    const char *name = slash ? slash + 1 : script;

    return strcmp(name, "block-splitio") == 0 ||
           strcmp(name, "vif-splitio") == 0;
}

static void found(void *arg, const struct scan_device *device)
{
    struct xen_side *x = arg;
    struct venue venue = {.ready = &x->d->ready,
                          .state = x->d->options->state,
                          .port = splitio_xen_host_port(x->host),
                          .store = splitio_xen_host_store(x->host)};
    char reason[512] = "out of memory";
    struct export *e;
    struct device *made = NULL;
    struct refusal *r;

    if (strcmp(device->values[SCAN_ONLINE], "1") != 0)
        return;
    if (!is_ours(device)) {
        r = device->values[SCAN_SCRIPT][0] ? refuse(x, device) : NULL;
        if (r)
            r->foreign = true;
        return;
    }
    e = calloc(1, sizeof(*e));
    if (e && strcmp(device->kind, "vbd") == 0)
        made = make_disk(x, &venue, device, e, reason, sizeof(reason));
    else if (e)
        made = make_nic(x, &venue, device, e, reason, sizeof(reason));
    if (made) {
        made->nodes.back = splitio_xen_host_domid(x->host);
        made->on_end = export_end;
        made->on_end_arg = e;
        daemon_add(x->d, made);
        log_line(LOG_INFO, "serving %s of domain %u", made->name,
                 device->front);
        return;
    }
    free(e);
    r = refuse(x, device);
    if (r && r->tries == 1)
        log_line(LOG_WARNING, "domain %u: %s", device->front, reason);
    if (!r || r->tries == 1 || r->tries > TRIES_MAX)
        tell_toolstack(x, device, reason);
}

static const struct scan_ops scan_ops = {
    .wanted = wanted, .found = found, .done = sweep};

/* Xen is polled by the turn of the loop that follows. */
static void host_ready(struct source *s, uint32_t events)
{
    struct xen_side *x = s->user;

    (void)events;
    x->ready = true;
}

static int start(struct xen_side *x, char *reason, unsigned bytes)
{
    struct splitio_store *store;
    int err = splitio_xen_host_open(&x->host, NULL, reason, bytes);

    if (err)
        return -1;
    store = splitio_xen_host_store(x->host);
    snprintf(x->root, sizeof(x->root), "/local/domain/%u/backend",
             splitio_xen_host_domid(x->host));
    x->source = (struct source){
        .fd = splitio_xen_host_fd(x->host), .ready = host_ready, .user = x};
    if (loop_add(&x->d->loop, &x->source, EPOLLIN) ||
        scan_start(&x->vbd, store, x->root, "vbd", &scan_ops, x) ||
        scan_start(&x->vif, store, x->root, "vif", &scan_ops, x)) {
        snprintf(reason, bytes, "cannot watch %s", x->root);
        return -1;
    }
    return 0;
}

struct xen_side *xen_side_open(struct daemon *d, char *reason, unsigned bytes)
{
    struct xen_side *x = calloc(1, sizeof(*x));

    if (!x) {
        snprintf(reason, bytes, "out of memory");
        return NULL;
    }
    x->d = d;
    if (start(x, reason, bytes) == 0)
        return x;
    xen_side_close(x);
    return NULL;
}

/* Devices that both sides have closed, or whose nodes are gone. */
static unsigned end_closed(struct xen_side *x)
{
    unsigned n = 0;

    for (struct device *p = x->d->devices; p; p = p->next) {
        if (p->venue.server || p->ending ||
            !splitio_xenbus_is_closed(p->kind->xenbus(p)))
            continue;
        log_line(LOG_INFO, "%s of domain %u is closed", p->name,
                 p->nodes.front);
        p->ending = true;
        device_wake(p);
        n++;
    }
    return n;
}

/* Looking costs calls of the kernel, and many turns are for other sources. */
static int poll_host(struct xen_side *x, unsigned budget)
{
    if (!x->ready && !splitio_xen_host_has_work(x->host))
        return 0;
    x->ready = false;
    return splitio_xen_host_poll(x->host, budget);
}

unsigned xen_side_poll(struct xen_side *x, unsigned budget)
{
    int n = poll_host(x, budget);

    if (n < 0 && !x->lost) {
        log_line(LOG_WARNING, "xenstored is gone; devices that are connected "
                              "go on, and it is tried again");
        x->lost = true;
    }
    return (n > 0 ? (unsigned)n : 0) + scan_poll(&x->vbd) + scan_poll(&x->vif) +
           end_closed(x);
}

bool xen_side_has_work(const struct xen_side *x)
{
    return splitio_xen_host_has_work(x->host);
}

void xen_side_tick(struct xen_side *x)
{
    bool retry = false;

    if (splitio_xen_host_tick(x->host) == 0 && x->lost) {
        log_line(LOG_INFO, "xenstored is back");
        x->lost = false;
    }
    for (struct refusal *r = x->refusals; r; r = r->next)
        retry |= !r->foreign && r->tries <= TRIES_MAX;
    if (retry) {
        scan_again(&x->vbd);
        scan_again(&x->vif);
    }
}

void xen_side_close(struct xen_side *x)
{
    if (!x)
        return;
    while (x->refusals) {
        struct refusal *r = x->refusals;

        x->refusals = r->next;
        free(r);
    }
    if (x->source.fd > 0)
        loop_remove(&x->d->loop, &x->source);
    splitio_xen_host_close(x->host);
    free(x);
}
