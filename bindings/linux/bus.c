/* SPDX-License-Identifier: BSD-2-Clause */
/* The bus: devices of all machines, and their drivers. */
#include "splitio_linux.h"

#include <linux/module.h>

static int bus_match(struct device *dev, struct device_driver *driver)
{
    return strcmp(to_splitio_device(dev)->kind,
                  to_splitio_driver(driver)->kind) == 0;
}

static int bus_uevent(struct device *dev, struct kobj_uevent_env *env)
{
    return add_uevent_var(env, "MODALIAS=splitio:%s",
                          to_splitio_device(dev)->kind);
}

/* From here on the thread polls it. */
static int bus_probe(struct device *dev)
{
    struct splitio_device *sd = to_splitio_device(dev);
    struct splitio_machine *m = sd->machine;
    int err = to_splitio_driver(dev->driver)->probe(sd);

    if (err)
        return err;
    mutex_lock(&m->lock);
    list_add_tail(&sd->bound, &m->devices);
    mutex_unlock(&m->lock);
    splitio_wake(m);
    return 0;
}

static void bus_remove(struct device *dev)
{
    struct splitio_device *sd = to_splitio_device(dev);

    to_splitio_driver(dev->driver)->remove(sd);
}

struct bus_type splitio_bus = {
    .name = "splitio",
    .match = bus_match,
    .uevent = bus_uevent,
    .probe = bus_probe,
    .remove = bus_remove,
};

int splitio_driver_register(struct splitio_driver *driver, struct module *owner)
{
    driver->driver.bus = &splitio_bus;
    driver->driver.owner = owner;
    driver->driver.probe_type = PROBE_PREFER_ASYNCHRONOUS;
    return driver_register(&driver->driver);
}
EXPORT_SYMBOL_GPL(splitio_driver_register);

void splitio_driver_unregister(struct splitio_driver *driver)
{
    driver_unregister(&driver->driver);
}
EXPORT_SYMBOL_GPL(splitio_driver_unregister);
