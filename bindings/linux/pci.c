/* SPDX-License-Identifier: BSD-2-Clause */
/* The ivshmem device: window, doorbell, interrupt. */
#include "splitio_linux.h"

#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#define GRANT_FRAMES 32
#define NR_PORTS     256

void splitio_ring(struct splitio_machine *m)
{
    writel(SPLITIO_IVSHMEM_DOORBELL,
           m->registers + SPLITIO_IVSHMEM_REG_DOORBELL);
}

static irqreturn_t on_interrupt(int irq, void *arg)
{
    splitio_wake(arg);
    return IRQ_HANDLED;
}

/* --- joining --- */

int splitio_machine_join(struct splitio_machine *m, const char **why)
{
    const struct splitio_ivshmem_guest_config cfg = {
        .window = m->window,
        .window_bytes = pci_resource_len(m->pci, SPLITIO_IVSHMEM_BAR_WINDOW),
        .ops = &splitio_guest_ops,
        .ctx = m,
        .nr_grant_frames = GRANT_FRAMES,
        .nr_ports = NR_PORTS,
        .mem = m->mem,
        .mem_bytes = SIZE_MAX,
    };
    int err = splitio_ivshmem_guest_open(&m->guest, &cfg, why);

    if (err)
        return err;
    m->open = true;
    splitio_scan_start(m);
    dev_info(&m->pci->dev, "joined as domain %u\n",
             splitio_ivshmem_guest_domid(&m->guest));
    return 0;
}

static int get_memory(struct splitio_machine *m)
{
    const struct splitio_ivshmem_guest_config cfg = {
        .window_bytes = pci_resource_len(m->pci, SPLITIO_IVSHMEM_BAR_WINDOW),
        .nr_grant_frames = GRANT_FRAMES,
        .nr_ports = NR_PORTS,
    };

    m->mem = vzalloc(splitio_ivshmem_guest_mem_bytes(&cfg));
    return m->mem ? 0 : -ENOMEM;
}

/* What cannot change makes the driver give up; for a daemon it waits. */
static int try_join(struct splitio_machine *m)
{
    const char *why = "";
    int err;

    mutex_lock(&m->lock);
    err = splitio_machine_join(m, &why);
    mutex_unlock(&m->lock);
    if (err && err != SPLITIO_EAGAIN) {
        dev_err(&m->pci->dev, "%s\n", why);
        return -ENODEV;
    }
    if (err)
        dev_warn(&m->pci->dev, "%s: waiting for it\n", why);
    return 0;
}

/* --- the device --- */

static int map(struct splitio_machine *m)
{
    struct pci_dev *pci = m->pci;
    int err = pcim_enable_device(pci);

    if (err)
        return err;
    err =
        pcim_iomap_regions(pci, BIT(SPLITIO_IVSHMEM_BAR_REGISTERS), "splitio");
    if (err)
        return err;
    m->registers = pcim_iomap_table(pci)[SPLITIO_IVSHMEM_BAR_REGISTERS];
    if (pci_resource_len(pci, SPLITIO_IVSHMEM_BAR_WINDOW) <
        SPLITIO_IVSHMEM_WINDOW_MIN) {
        dev_err(&pci->dev, "the window has %llu bytes: too small\n",
                (unsigned long long)pci_resource_len(
                    pci, SPLITIO_IVSHMEM_BAR_WINDOW));
        return -ENODEV;
    }
    m->window = devm_memremap(
        &pci->dev, pci_resource_start(pci, SPLITIO_IVSHMEM_BAR_WINDOW),
        pci_resource_len(pci, SPLITIO_IVSHMEM_BAR_WINDOW), MEMREMAP_WB);
    return PTR_ERR_OR_ZERO(m->window);
}

static int get_interrupt(struct splitio_machine *m)
{
    int err = pci_alloc_irq_vectors(m->pci, 1, 1, PCI_IRQ_MSIX);

    if (err < 0) {
        dev_err(&m->pci->dev,
                "no MSI-X vector: ivshmem-doorbell with vectors=1 is needed\n");
        return -ENODEV;
    }
    pci_set_master(m->pci);
    err = request_irq(pci_irq_vector(m->pci, 0), on_interrupt, 0, "splitio", m);
    if (err)
        pci_free_irq_vectors(m->pci);
    return err;
}

static void free_interrupt(struct splitio_machine *m)
{
    free_irq(pci_irq_vector(m->pci, 0), m);
    pci_free_irq_vectors(m->pci);
}

static struct splitio_machine *machine_new(struct pci_dev *pci)
{
    struct splitio_machine *m = kvzalloc(sizeof(*m), GFP_KERNEL);

    if (!m)
        return NULL;
    m->pci = pci;
    mutex_init(&m->lock);
    init_waitqueue_head(&m->wait);
    INIT_LIST_HEAD(&m->devices);
    splitio_scan_init(m);
    pci_set_drvdata(pci, m);
    return m;
}

static void machine_free(struct splitio_machine *m)
{
    vfree(m->mem);
    kvfree(m);
}

static int on_probe(struct pci_dev *pci, const struct pci_device_id *id)
{
    struct splitio_machine *m = machine_new(pci);
    int err;

    if (!m)
        return -ENOMEM;
    err = map(m);
    if (!err)
        err = get_memory(m);
    if (err)
        goto out_free;
    err = get_interrupt(m);
    if (err)
        goto out_free;
    err = try_join(m);
    if (!err)
        err = splitio_thread_start(m);
    if (err)
        goto out_leave;
    return 0;

out_leave:
    if (m->open)
        (void)splitio_ivshmem_guest_close(&m->guest);
    free_interrupt(m);
out_free:
    machine_free(m);
    return err;
}

static void on_remove(struct pci_dev *pci)
{
    struct splitio_machine *m = pci_get_drvdata(pci);

    mutex_lock(&m->lock);
    m->gone = !pci_device_is_present(pci) || m->over || !m->open;
    mutex_unlock(&m->lock);
    splitio_wake(m);
    splitio_scan_stop(m);
    splitio_thread_stop(m);
    if (m->open)
        (void)splitio_ivshmem_guest_close(&m->guest);
    free_interrupt(m);
    machine_free(m);
}

/* Frozen tasks ask nothing; what comes back may be another daemon's window. */
static int __maybe_unused on_suspend(struct device *dev)
{
    struct splitio_machine *m = dev_get_drvdata(dev);

    return kthread_park(m->thread);
}

static int __maybe_unused on_resume(struct device *dev)
{
    struct splitio_machine *m = dev_get_drvdata(dev);

    mutex_lock(&m->lock);
    if (m->open)
        splitio_ivshmem_guest_forget(&m->guest);
    mutex_unlock(&m->lock);
    kthread_unpark(m->thread);
    splitio_wake(m);
    return 0;
}

static SIMPLE_DEV_PM_OPS(pm_ops, on_suspend, on_resume);

static const struct pci_device_id ids[] = {
    {PCI_DEVICE(SPLITIO_IVSHMEM_PCI_VENDOR, SPLITIO_IVSHMEM_PCI_DEVICE)},
    {},
};
MODULE_DEVICE_TABLE(pci, ids);

static struct pci_driver pci_driver = {
    .name = "splitio",
    .id_table = ids,
    .probe = on_probe,
    .remove = on_remove,
    .driver.pm = &pm_ops,
};

static int __init splitio_init(void)
{
    int err = bus_register(&splitio_bus);
    struct device *found;

    if (err)
        return err;
    err = pci_register_driver(&pci_driver);
    if (err) {
        bus_unregister(&splitio_bus);
        return err;
    }
    found = driver_find_next_device(&pci_driver.driver, NULL);
    if (!found)
        pr_info(
            "splitio: no ivshmem device that can be used: waiting for one\n");
    put_device(found);
    return 0;
}

static void __exit splitio_exit(void)
{
    pci_unregister_driver(&pci_driver);
    bus_unregister(&splitio_bus);
}

module_init(splitio_init);
module_exit(splitio_exit);
MODULE_DESCRIPTION("splitio: disks and NICs through an ivshmem window");
MODULE_LICENSE("Dual BSD/GPL");
