/* SPDX-License-Identifier: BSD-2-Clause */
/* Finding devices in the store: what is new is added, what is not there any more
 * is removed. */
#include "splitio_linux.h"

#include <linux/pci.h>
#include <linux/slab.h>

static const char *const kinds[] = {"vbd", "vif"};
static const char *const dirs[] = {"device/vbd", "device/vif"};

/* --- devices --- */

static void device_release(struct device *dev)
{
    kfree(to_splitio_device(dev));
}

struct search {
    const struct splitio_machine *m;
    const char *kind;
    uint32_t id;
};

static int is_it(struct device *dev, const void *data)
{
    const struct splitio_device *sd = to_splitio_device(dev);
    const struct search *s = data;

    return sd->machine == s->m && sd->id == s->id &&
           strcmp(sd->kind, s->kind) == 0;
}

static int is_lost(struct device *dev, const void *data)
{
    const struct search *s = data;
    const struct splitio_device *sd = to_splitio_device(dev);

    return sd->machine == s->m && !sd->seen &&
           (!s->kind || strcmp(sd->kind, s->kind) == 0);
}

static int forget_seen(struct device *dev, void *data)
{
    const struct search *s = data;
    struct splitio_device *sd = to_splitio_device(dev);

    if (sd->machine == s->m && (!s->kind || strcmp(sd->kind, s->kind) == 0))
        sd->seen = false;
    return 0;
}

static void add(struct splitio_machine *m, const char *kind, uint32_t id)
{
    struct splitio_device *sd = kzalloc(sizeof(*sd), GFP_KERNEL);

    if (!sd)
        return;
    sd->machine = m;
    strscpy(sd->kind, kind, sizeof(sd->kind));
    sd->id = id;
    sd->seen = true;
    snprintf(sd->dir, sizeof(sd->dir), "device/%s/%u", kind, id);
    INIT_LIST_HEAD(&sd->bound);
    init_completion(&sd->done);
    sd->dev.parent = &m->pci->dev;
    sd->dev.bus = &splitio_bus;
    sd->dev.release = device_release;
    dev_set_name(&sd->dev, "%s-%u@%s", kind, id, pci_name(m->pci));
    if (device_register(&sd->dev))
        put_device(&sd->dev);
}

static void saw(struct splitio_machine *m, const char *kind, uint32_t id)
{
    const struct search s = {m, kind, id};
    struct device *dev = bus_find_device(&splitio_bus, NULL, &s, is_it);

    if (!dev) {
        add(m, kind, id);
        return;
    }
    to_splitio_device(dev)->seen = true;
    put_device(dev);
}

static void remove_lost(struct splitio_machine *m, const char *kind)
{
    const struct search s = {m, kind, 0};
    struct device *dev;

    while ((dev = bus_find_device(&splitio_bus, NULL, &s, is_lost))) {
        device_unregister(dev);
        put_device(dev);
    }
}

/* --- a scan --- */

static void on_names(struct splitio_store_call *call, int status,
                     const char *body, size_t len_bytes)
{
    struct splitio_machine *m =
        container_of(call, struct splitio_machine, scan_call);

    m->scan_status = status;
    m->names_bytes = 0;
    if (!status && len_bytes <= sizeof(m->names)) {
        memcpy(m->names, body, len_bytes);
        m->names_bytes = len_bytes;
    }
    complete(&m->scan_answer);
}

/* Ask the store. 0 or what it said: no such directory is no error. */
static int list(struct splitio_machine *m, const char *dir)
{
    int err = SPLITIO_ECLOSED;

    reinit_completion(&m->scan_answer);
    m->names_bytes = 0;
    mutex_lock(&m->lock);
    m->scan_call.done = on_names;
    if (!m->scan_off && !m->over)
        err = splitio_store_directory(splitio_ivshmem_guest_store(&m->guest),
                                      &m->scan_call, 0, dir);
    mutex_unlock(&m->lock);
    if (err)
        return err;
    splitio_wake(m);
    wait_for_completion(&m->scan_answer);
    return m->scan_status == SPLITIO_ENOENT ? 0 : m->scan_status;
}

static void scan_kind(struct splitio_machine *m, unsigned int i)
{
    struct search mine = {m, kinds[i], 0};
    size_t at = 0;
    uint32_t id;

    if (list(m, dirs[i]))
        return;
    bus_for_each_dev(&splitio_bus, NULL, &mine, forget_seen);
    while (at < m->names_bytes) {
        size_t len = strnlen(m->names + at, m->names_bytes - at);

        if (splitio_xs_parse_u32(m->names + at, len, &id) == 0)
            saw(m, kinds[i], id);
        at += len + 1;
    }
    remove_lost(m, kinds[i]);
}

static void scan(struct work_struct *work)
{
    struct splitio_machine *m =
        container_of(work, struct splitio_machine, scan);

    for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
        scan_kind(m, i);
}

/* "device/vbd/51712/state": of what is below a device, there is much. */
static bool is_below_device(const char *path)
{
    unsigned int slashes = 0;

    for (; path && *path; path++)
        slashes += *path == '/';
    return slashes > 2;
}

static void on_fired(struct splitio_store_watch *watch, const char *path)
{
    struct splitio_machine *m =
        container_of(watch, struct splitio_machine, watch);

    if (!is_below_device(path))
        (void)queue_work(system_long_wq, &m->scan);
}

void splitio_scan_init(struct splitio_machine *m)
{
    INIT_WORK(&m->scan, scan);
    init_completion(&m->scan_answer);
    m->watch.fired = on_fired;
    m->watch.path = "device";
}

void splitio_scan_start(struct splitio_machine *m)
{
    (void)splitio_store_watch(splitio_ivshmem_guest_store(&m->guest),
                              &m->watch);
}

void splitio_scan_stop(struct splitio_machine *m)
{
    struct search mine = {m, NULL, 0};

    mutex_lock(&m->lock);
    m->scan_off = true;
    if (m->open)
        splitio_store_cancel(splitio_ivshmem_guest_store(&m->guest),
                             &m->scan_call);
    m->scan_status = SPLITIO_ECLOSED;
    mutex_unlock(&m->lock);
    complete(&m->scan_answer);
    cancel_work_sync(&m->scan);
    bus_for_each_dev(&splitio_bus, NULL, &mine, forget_seen);
    remove_lost(m, NULL);
}
