/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the modules: a machine, its bus, and what drivers of devices do. */
#ifndef SPLITIO_BINDINGS_LINUX_SPLITIO_LINUX_H
#define SPLITIO_BINDINGS_LINUX_SPLITIO_LINUX_H

#include <linux/completion.h>
#include <linux/device.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include <splitio/binding/ivshmem_guest.h>

#ifdef CONFIG_HIGHMEM
#error "splitio needs a kernel that has all memory mapped"
#endif

struct task_struct;
struct pci_dev;

/*
 * One ivshmem device. Its guest, its store and all fronts belong to whoever holds
 * the lock: the thread, which polls them, and for a moment those who open, close
 * or look at one, or have requests. Interrupts and transmitters only wake the
 * thread.
 */
struct splitio_machine {
    struct pci_dev *pci;
    struct splitio_ivshmem_guest guest;
    void *window, *mem;
    void __iomem *registers;
    struct mutex lock;
    wait_queue_head_t wait;
    bool woken;
    bool open; /* joined once */
    bool over; /* the daemon is another now; fronts close their channels */
    bool gone; /* so is the device */
    struct task_struct *thread;
    struct list_head devices; /* bound ones, by `bound` */
    /* Looking for devices. */
    struct splitio_store_watch watch;
    struct work_struct scan;
    struct splitio_store_call scan_call;
    struct completion scan_answer;
    char names[1024]; /* of a directory, each with its NUL */
    size_t names_bytes;
    int scan_status;
    bool scan_off;
};

/* A device that the daemon gives to the guest. */
struct splitio_device {
    struct device dev;
    struct splitio_machine *machine;
    char kind[4]; /* "vbd", "vif" */
    uint32_t id;
    char dir[32];           /* in the store, relative */
    struct list_head bound; /* in the machine's list */
    struct completion done; /* the thread has taken it out */
    bool seen;              /* by the scan */
};

/* A driver. poll and resume are called by the thread, with the machine's lock. */
struct splitio_driver {
    struct device_driver driver;
    const char *kind;
    int (*probe)(struct splitio_device *sd);
    /* Begins the front's end and waits for sd->done. */
    void (*remove)(struct splitio_device *sd);
    /* Things done; 0: it waits for events. At its end calls splitio_done(). */
    int (*poll)(struct splitio_device *sd);
    /* Grants and channels are void: connect anew. */
    void (*resume)(struct splitio_device *sd);
};

#define to_splitio_device(d) container_of(d, struct splitio_device, dev)
#define to_splitio_driver(d) container_of(d, struct splitio_driver, driver)

/* --- bus.c --- */
int splitio_driver_register(struct splitio_driver *driver,
                            struct module *owner);
void splitio_driver_unregister(struct splitio_driver *driver);
extern struct bus_type splitio_bus;

/* --- scan.c --- */
void splitio_scan_init(struct splitio_machine *m);
/* Look for devices that have come or gone. Thread, with the lock. */
void splitio_scan_start(struct splitio_machine *m);
/* Remove all devices; the scan does not run any more. */
void splitio_scan_stop(struct splitio_machine *m);

/* --- thread.c --- */
extern const struct splitio_ivshmem_guest_ops splitio_guest_ops;
int splitio_thread_start(struct splitio_machine *m);
void splitio_thread_stop(struct splitio_machine *m);
/* Make the thread look. Any context. */
void splitio_wake(struct splitio_machine *m);
/* From poll(): it need not be polled any more. */
void splitio_done(struct splitio_device *sd);
/* True if nobody will answer a front that closes. With the lock. */
static inline bool splitio_is_alone(const struct splitio_machine *m)
{
    return m->over || m->gone;
}

/* --- pci.c --- */
void splitio_ring(struct splitio_machine *m);
/* 0: joined for the first time; SPLITIO_E* and why. With the lock. */
int splitio_machine_join(struct splitio_machine *m, const char **why);

#endif
