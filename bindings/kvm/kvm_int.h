/* SPDX-License-Identifier: BSD-2-Clause */
/* The KVM binding: what its files share. */
#ifndef SPLITIO_BINDINGS_KVM_INT_H
#define SPLITIO_BINDINGS_KVM_INT_H

#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>

#include <splitio/binding/kvm.h>
#include <splitio/proto/xs.h>
#include <splitio/toolstack.h>

#define HOST_DOMID  0
#define DOMID_SELF  0x7FF0u
#define MAX_VCPUS   SPLITIO_EVENT_VCPUS_MAX
#define MAX_SLOTS   256u
#define MAX_STATUS  SPLITIO_GRANT_STATUS_FRAMES(SPLITIO_GRANT_FRAMES_MAX)
#define NO_DEADLINE UINT64_MAX
/* Ports whose events KVM itself takes; the others' make the vcpu exit. */
#define NR_DOORBELLS 64u

/* Frames that are the hypervisor side's: their place in the guest's memfd. */
enum own_frame {
    FRAME_SHARED_INFO,
    FRAME_STORE,
    FRAME_CONSOLE,
    FRAME_GRANTS,
    FRAME_STATUS = FRAME_GRANTS + SPLITIO_GRANT_FRAMES_MAX,
    NR_OWN_FRAMES = FRAME_STATUS + MAX_STATUS,
};

/* A range of guest-physical memory. Never changes while the guest is there. */
struct slot {
    uint64_t gpa, len_bytes;
    uint8_t *hva;
    bool read_only;
};

struct vcpu {
    int fd; /* -1: not told of */
    uint32_t vector;
    uint32_t owed; /* 1: an upcall was dropped, and is to come again */
    int timer;     /* timerfd */
};

struct doorbell {
    uint32_t port; /* 0: free */
    int fd;        /* eventfd; -1: not yet */
    bool watched;
};

struct xencons; /* the console's ring page */

struct splitio_kvm_guest {
    struct splitio_kvm_machine *machine;
    struct splitio_kvm_guest_config cfg;
    splitio_domid_t domid;
    int memfd;
    uint8_t *own; /* NR_OWN_FRAMES pages */
    uint32_t slots_lock, nr_slots;
    struct slot slots[MAX_SLOTS];
    struct vcpu vcpus[MAX_VCPUS];
    struct splitio_domain domain;
    struct splitio_event_fifo fifo;
    void *grant_mem, *fifo_mem;
    uint64_t *event_mem;
    /* Store and console: a port of the guest, and the host's end. */
    splitio_evtchn_t store_port, host_store_port;
    splitio_evtchn_t console_port, host_console_port;
    bool store_event, store_open, console_event;
    struct splitio_store_conn store;
    /* System time is 0 at the TSC's value base_tsc and at base_ns of
     * CLOCK_MONOTONIC. */
    uint64_t base_tsc, base_ns;
    uint32_t tsc_mul;
    int8_t tsc_shift;
    uint64_t params[64];
    bool has_calls, has_doorbells; /* KVM_CAP_XEN_HVM */
    struct doorbell doorbells[NR_DOORBELLS];
    struct splitio_kvm_guest_stats stats;
};

struct splitio_kvm_machine {
    struct splitio_kvm_machine_config cfg;
    int epoll, kick;
    uint32_t awake; /* the I/O thread will look at everything once more */
    struct splitio_hypervisor_port hv_port;
    struct splitio_hypervisor hv;
    struct splitio_domain_slot *slots;
    struct splitio_domain host_domain;
    struct splitio_host host;
    void *host_shared_info, *host_grant_mem;
    uint64_t *host_event_mem;
    struct splitio_event_handler *handlers;
    struct splitio_kvm_guest **guests; /* by domain id; the host's is NULL */
    void *store_mem;
    struct splitio_store_server *server;
    struct splitio_store_conn host_conn;
    struct splitio_store client;
};

/* A hypercall: who, which, and up to five arguments. */
struct call {
    struct splitio_kvm_guest *guest;
    unsigned vcpu;
    uint64_t nr;
    uint64_t arg[5];
};

/* Errors that guests know: Xen's errno values. */
enum xen_errno {
    XEN_EPERM = 1,
    XEN_ENOENT = 2,
    XEN_ESRCH = 3,
    XEN_E2BIG = 7,
    XEN_EAGAIN = 11,
    XEN_ENOMEM = 12,
    XEN_EACCES = 13,
    XEN_EFAULT = 14,
    XEN_EBUSY = 16,
    XEN_EEXIST = 17,
    XEN_EINVAL = 22,
    XEN_ENOSPC = 28,
    XEN_ENOSYS = 38,
};

#define INTERNAL SPLITIO_INTERNAL

/* --- hypercall.c --- */
/* Copy between here and the guest's virtual memory; false: not all there. */
INTERNAL bool call_read(struct call *c, void *to, uint64_t gva, size_t bytes);
INTERNAL bool call_write(struct call *c, uint64_t gva, const void *from,
                         size_t bytes);
/* What a guest is told of a SPLITIO_E* value. */
INTERNAL int64_t call_error(int err);
/* Counted: the guest asks for what is not there. */
INTERNAL int64_t call_unknown(struct call *c);

/* --- one file each --- */
INTERNAL int64_t call_event(struct call *c);
INTERNAL int64_t call_grant(struct call *c);
INTERNAL int64_t call_hvm(struct call *c);
INTERNAL int64_t call_memory(struct call *c);
INTERNAL int64_t call_vcpu(struct call *c);
INTERNAL int64_t call_set_timer(struct call *c);
INTERNAL int64_t call_sched(struct call *c);
INTERNAL int64_t call_version(struct call *c);

/* --- hypervisor.c --- */
extern INTERNAL const struct splitio_hypervisor_ops kvm_hypervisor_ops;
INTERNAL void kvm_upcall(struct splitio_kvm_guest *g, unsigned vcpu);
/* One that was dropped, again. */
INTERNAL void kvm_upcall_owed(struct splitio_kvm_guest *g, unsigned vcpu);

/* --- memory.c --- */
/* Show one of the hypervisor side's frames at a guest frame. Any thread. */
INTERNAL int memory_show(struct splitio_kvm_guest *g, splitio_gfn_t gfn,
                         unsigned own_frame);
INTERNAL int memory_hide(struct splitio_kvm_guest *g, splitio_gfn_t gfn);

/* --- clock.c --- */
INTERNAL int clock_start(struct splitio_kvm_guest *g);
INTERNAL void clock_publish(struct splitio_kvm_guest *g, unsigned vcpu);
INTERNAL void clock_set_timer(struct splitio_kvm_guest *g, unsigned vcpu,
                              uint64_t deadline_ns);
INTERNAL void clock_expired(struct splitio_kvm_guest *g, unsigned vcpu);

/* --- console.c --- */
INTERNAL unsigned console_poll(struct splitio_kvm_guest *g);

/* --- guest_store.c --- */
INTERNAL int guest_store_open(struct splitio_kvm_guest *g);
INTERNAL void guest_store_close(struct splitio_kvm_guest *g);
INTERNAL unsigned guest_store_poll(struct splitio_kvm_guest *g,
                                   unsigned budget);

/* --- native.c --- */
INTERNAL void native_open(struct splitio_kvm_guest *g);
INTERNAL void native_close(struct splitio_kvm_guest *g);
/* A port of the guest's that another domain may bind: vcpus' threads. */
INTERNAL void native_port_opened(struct splitio_kvm_guest *g, uint32_t port);
INTERNAL void native_port_closed(struct splitio_kvm_guest *g, uint32_t port);
INTERNAL void native_reset(struct splitio_kvm_guest *g);
INTERNAL void native_rung(struct splitio_kvm_guest *g, unsigned i);

/* --- machine.c --- */
/* A descriptor that wakes the I/O thread for a vcpu's timer. */
INTERNAL int machine_watch_timer(struct splitio_kvm_machine *m, int fd,
                                 splitio_domid_t domid, unsigned vcpu);
/* The same for a doorbell. */
INTERNAL int machine_watch_doorbell(struct splitio_kvm_machine *m, int fd,
                                    splitio_domid_t domid, unsigned i);

static inline void *own_page(const struct splitio_kvm_guest *g, unsigned frame)
{
    return g->own + (size_t)frame * SPLITIO_PAGE_SIZE;
}

#endif /* SPLITIO_BINDINGS_KVM_INT_H */
