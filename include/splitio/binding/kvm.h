/* SPDX-License-Identifier: BSD-2-Clause */
/* The KVM binding: virtual machines whose split drivers this process serves. */
#ifndef SPLITIO_BINDING_KVM_H
#define SPLITIO_BINDING_KVM_H

/**
 * @file
 * @brief Guests in virtual machines of KVM. Linux on x86-64 only.
 *
 * **What it is.** A VMM makes its virtual machines itself: memory, vcpus, a
 * serial port. This binding makes them guests of splitio: the hypercalls of an
 * unmodified guest kernel that has Xen's front drivers are answered by splitio's
 * hypervisor side, and backs of blkback.h and netback.h serve its disks and NICs.
 * A *machine* is the hypervisor side, the store and domain 0, in which the backs
 * live; a *guest* is one virtual machine.
 *
 * **Who calls what.** One thread, the *I/O thread*, owns the machine: it polls
 * it, makes and removes guests, and drives the backs. Each vcpu has a thread of
 * its own, which runs KVM_RUN and hands exits to splitio_kvm_guest_exit(). No
 * vcpu waits for the I/O thread.
 *
 * **Typical loop.**
 *
 *     I/O thread                              thread of a vcpu
 *     splitio_kvm_machine_open(...)
 *     splitio_kvm_guest_add(...)
 *     splitio_kvm_guest_add_memory(...)
 *     splitio_kvm_guest_add_vcpu(...)
 *     devices, by toolstack.h and the backs
 *     for (;;) {                              for (;;) {
 *         wait for splitio_kvm_machine_fd()       ioctl(vcpu, KVM_RUN)
 *         splitio_kvm_machine_poll(...)           if (!splitio_kvm_guest_exit())
 *         poll the backs                              the VMM's own exits
 *     }                                       }
 *
 * **Hypercalls.** Where the host's KVM knows Xen's guests (KVM_CAP_XEN_HVM), it
 * hands them over itself, and events that a guest sends to another domain ring a
 * doorbell without an exit: splitio_kvm_guest_has_calls(). Elsewhere they arrive as
 * an OUT to port SPLITIO_KVM_PORT, which every KVM
 * hands to its user with all registers. The VMM gets it into the guest in one of
 * two ways: splitio_kvm_hypercall_page() for kernels that ask for such a page,
 * splitio_kvm_patch_stubs() for those that carry stubs of their own. Calls from
 * outside of 64-bit kernel mode are refused.
 *
 * **Interrupts.** An upcall is a message-signalled interrupt with the vector that
 * the guest has set for the vcpu, injected by KVM_SIGNAL_MSI: the VM needs an
 * interrupt controller in the kernel. The vcpus' APIC ids are their numbers. A
 * guest that knows only one vector for all vcpus, which it does not acknowledge,
 * is refused by its own call.
 *
 * **Memory order.** grant.h's and event.h's.
 *
 * **Trust.** Guests are hostile. Every address is looked up in what the VMM has
 * added, and guest memory is read once into a copy, checked, used. A call that
 * does not exist is answered ENOSYS and counted.
 *
 * **Errors.** SPLITIO_E*; splitio_kvm_guest_exit() has none: guests get them.
 */

#include <splitio/hypervisor.h>
#include <splitio/store.h>
#include <splitio/store_server.h>

#ifdef __cplusplus
extern "C" {
#endif

struct kvm_run;
struct kvm_cpuid2;

/** Where hypercalls arrive: OUT of any byte. */
#define SPLITIO_KVM_PORT 0xE6u

/** The MSR that a guest writes a hypercall page's address into. */
#define SPLITIO_KVM_MSR_HYPERCALL 0x40000200u

/** Frames from special_gfn on: store ring, console ring. Not of RAM. */
#define SPLITIO_KVM_SPECIAL_FRAMES 2u

/* ---- machine ---- */

/** Hypervisor side, domain 0, store. */
struct splitio_kvm_machine;

/** How to open a machine. Zeroes mean the value given. */
struct splitio_kvm_machine_config {
    uint16_t max_guests; /**< 8; at most 1024 */
    uint32_t nr_track;   /**< pages the backs can have mapped: 65536 */
    size_t store_bytes;  /**< arena of the store server: 16 MiB */
};

/**
 * @brief Open a machine.
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOMEM; SPLITIO_EIO.
 *
 * Caller: I/O thread. Order: none. Peer: nothing.
 */
int splitio_kvm_machine_open(struct splitio_kvm_machine **machine,
                             const struct splitio_kvm_machine_config *config);

/**
 * @brief Free it. All guests have been removed.
 *
 * Caller: I/O thread. Order: none. Peer: nothing.
 */
void splitio_kvm_machine_close(struct splitio_kvm_machine *machine);

/** @brief Readable when there is something to poll; an epoll descriptor. */
int splitio_kvm_machine_fd(const struct splitio_kvm_machine *machine);

/**
 * @brief Handlers of the host's events, store, consoles, timers of guests.
 * @param[in] budget most things of each kind to do.
 * @return things done; 0: there was nothing.
 *
 * Caller: I/O thread. Order: acquires what guests wrote before they sent. Peer:
 * rings of store and console, event ports; each bounded by @p budget.
 */
unsigned splitio_kvm_machine_poll(struct splitio_kvm_machine *machine,
                                  unsigned budget);

/** @brief True if splitio_kvm_machine_poll() has work: do not wait. */
bool splitio_kvm_machine_has_work(struct splitio_kvm_machine *machine);

/** @brief Make splitio_kvm_machine_fd() readable. Any thread. */
void splitio_kvm_machine_kick(struct splitio_kvm_machine *machine);

/** @brief The port to hand to backs; good as long as the machine is. */
struct splitio_host_port
splitio_kvm_machine_host_port(struct splitio_kvm_machine *machine);

/** @brief The store client of domain 0, for the backs. The machine polls it. */
struct splitio_store *
splitio_kvm_machine_store(struct splitio_kvm_machine *machine);

/** @brief The store server, to write the directories of devices into. */
struct splitio_store_server *
splitio_kvm_machine_store_server(struct splitio_kvm_machine *machine);

/** @brief The hypervisor side; the host is domain 0. */
struct splitio_hypervisor *
splitio_kvm_machine_hypervisor(struct splitio_kvm_machine *machine);

/* ---- guest ---- */

/** One virtual machine. */
struct splitio_kvm_guest;

/** What a guest tells the VMM. Each may be NULL. */
struct splitio_kvm_guest_ops {
    /** SCHEDOP_shutdown, with Xen's reason: 0 power off, 1 reboot, 2 suspend,
     *  3 crash. Called by a vcpu's thread. */
    void (*shutdown)(void *arg, unsigned reason);
    /** Bytes of its PV console. Called by the I/O thread. */
    void (*console)(void *arg, const char *bytes, size_t len_bytes);
};

/** How to make a guest. Zeroes mean the value given. */
struct splitio_kvm_guest_config {
    int vm_fd;           /**< of KVM_CREATE_VM */
    const char *name;    /**< for the store */
    unsigned nr_vcpus;   /**< 1 to 32 */
    unsigned first_slot; /**< memory slots from here on are the binding's */
    splitio_gfn_t special_gfn; /**< see SPLITIO_KVM_SPECIAL_FRAMES */
    unsigned max_grant_frames; /**< 64; at most 64 */
    uint32_t nr_ports;         /**< 4096; at most 131072 */
    const struct splitio_kvm_guest_ops *ops;
    void *arg; /**< of the ops */
};

/**
 * @brief Make a guest: domain, store connection, console.
 * @return 0; SPLITIO_EINVAL; SPLITIO_ENOSPC: no domain id is free;
 * SPLITIO_ENOMEM; SPLITIO_EIO: KVM refused.
 *
 * Caller: I/O thread. Order: none. Peer: nothing.
 */
int splitio_kvm_guest_add(struct splitio_kvm_machine *machine,
                          struct splitio_kvm_guest **guest,
                          const struct splitio_kvm_guest_config *config);

/**
 * @brief Give it memory: a slot of KVM, and for translation.
 * @param[in] gpa,hva,len_bytes multiples of a page; the guest's, and this
 *            process's address. Stays mapped until the guest is removed.
 * @return 0; SPLITIO_EINVAL: not of pages, or overlaps; SPLITIO_ENOSPC: too many;
 * SPLITIO_EIO: KVM refused.
 *
 * Caller: I/O thread, at any time. Order: releases the slot. Peer: nothing.
 */
int splitio_kvm_guest_add_memory(struct splitio_kvm_guest *guest, uint64_t gpa,
                                 void *hva, uint64_t len_bytes, bool read_only);

/**
 * @brief Host address of guest-physical memory, or NULL: not all of it is there
 * in one slot.
 *
 * Caller: any thread. Order: none. Peer: nothing.
 */
void *splitio_kvm_guest_ptr(struct splitio_kvm_guest *guest, uint64_t gpa,
                            uint64_t len_bytes, bool write);

/**
 * @brief Tell of a vcpu, before it runs.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: I/O thread. Order: none. Peer: nothing.
 */
int splitio_kvm_guest_add_vcpu(struct splitio_kvm_guest *guest, unsigned vcpu,
                               int vcpu_fd);

/**
 * @brief Put Xen's leaves in place of KVM's, before KVM_SET_CPUID2.
 * @param[in,out] cpuid from KVM_GET_SUPPORTED_CPUID.
 * @param[in]     room  entries that fit.
 * @return 0; SPLITIO_ENOSPC.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
int splitio_kvm_guest_cpuid(struct splitio_kvm_guest *guest, unsigned vcpu,
                            struct kvm_cpuid2 *cpuid, unsigned room);

/**
 * @brief Start its clock; vcpus are there and have not run.
 * @return 0; SPLITIO_EIO: KVM refused.
 *
 * Caller: I/O thread. Order: none. Peer: nothing.
 */
int splitio_kvm_guest_start(struct splitio_kvm_guest *guest);

/**
 * @brief Look at an exit: answer a hypercall, or a write to the MSR.
 * @return true: it was one, go on with KVM_RUN; false: it is the VMM's own.
 *
 * Caller: the vcpu's thread. Order: as the engines' calls. Peer: every register
 * and all of its memory.
 */
bool splitio_kvm_guest_exit(struct splitio_kvm_guest *guest, unsigned vcpu,
                            struct kvm_run *run);

/** @brief Bytes for its PV console. @return how many fit. Caller: I/O thread. */
size_t splitio_kvm_guest_console_input(struct splitio_kvm_guest *guest,
                                       const char *bytes, size_t len_bytes);

/** @brief Its domain id. */
splitio_domid_t splitio_kvm_guest_domid(const struct splitio_kvm_guest *guest);

/** What a guest has done. */
struct splitio_kvm_guest_stats {
    uint64_t nr_hypercalls;
    uint64_t nr_unknown;   /**< answered ENOSYS */
    uint64_t last_unknown; /**< number, and operation shifted left by 32 */
    uint64_t nr_doorbells; /**< events that it sent without an exit */
    uint64_t nr_upcalls;
};

/** @brief Counters. Any thread. */
void splitio_kvm_guest_get_stats(const struct splitio_kvm_guest *guest,
                                 struct splitio_kvm_guest_stats *stats);

/**
 * @brief Remove a guest whose vcpus' threads have ended.
 * @return 0: its memory is the VMM's; SPLITIO_EBUSY: backs still hold its pages:
 * close them and call again.
 *
 * Caller: I/O thread. Order: acquires all that its vcpus did. Peer: nothing.
 */
int splitio_kvm_guest_remove(struct splitio_kvm_guest *guest);

/* ---- getting hypercalls ---- */

/**
 * @brief KVM hands over hypercalls as they are: nothing is to be put into the
 * guest, stubs stay, and a hypercall page is KVM's own.
 *
 * Caller: any, once the guest is added. Order: none. Peer: nothing.
 */
bool splitio_kvm_guest_has_calls(const struct splitio_kvm_guest *guest);

/** @brief Fill a hypercall page: 4096 bytes. */
void splitio_kvm_hypercall_page(void *page);

/**
 * @brief Replace the two hypercall stubs in a kernel's image: a VMMCALL and a
 * VMCALL, each followed by a jump, in aligned code that is 16 bytes apart.
 * @return 2: replaced; 0: there are none, or not exactly two.
 *
 * Caller: any, before the guest runs. Order: none. Peer: the image.
 */
unsigned splitio_kvm_patch_stubs(void *image, size_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_KVM_H */
