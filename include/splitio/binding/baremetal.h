/* SPDX-License-Identifier: BSD-2-Clause */
/* The bare-metal binding: a program that is the whole guest. */
#ifndef SPLITIO_BINDING_BAREMETAL_H
#define SPLITIO_BINDING_BAREMETAL_H

/**
 * @file
 * @brief A guest without an operating system. x86-64, PVH; Arm and RISC-V.
 *
 * **What it is.** Start-up code and a guest port for a program that runs alone in
 * a virtual machine: a unikernel, or the first lines of a small kernel. The
 * hypervisor is Xen, or one that speaks its ABI to a PVH guest, such as a VMM with
 * binding/kvm.h. No library is below it. Sources: xen/arch-x86/hvm/start_info.h,
 * xen/arch-x86/cpuid.h, xen/hvm/params.h, xen/memory.h, xen/event_channel.h.
 *
 * On Arm (AArch64) and RISC-V (64 bits) the other end is splitiod behind an ivshmem
 * device (binding/ivshmem_guest.h), on QEMU's `virt` machines; the paragraphs
 * below say where that differs.
 *
 * **Who calls what.** The program is linked with this library, with the core and
 * with the linker script that comes with it (pkg-config variable `script`), and has
 * a function splitio_baremetal_main(). There is one vcpu and one thread, which
 * calls everything.
 *
 * **Typical loop.**
 *
 *     splitio_baremetal_open(&bm, heap, nr_pages);
 *     make fronts, of splitio_baremetal_port() and splitio_baremetal_store()
 *     for (;;) {
 *         n = splitio_baremetal_poll(&bm, 64);
 *         n += poll the fronts
 *         if (n == 0)
 *             splitio_baremetal_wait(&bm, SPLITIO_BAREMETAL_FOREVER);
 *     }
 *
 * **Start-up.** The loader enters in 32-bit mode without paging. The start-up code
 * notes the time, turns on 64-bit mode with page tables that are part of the image,
 * enables SSE, which the core may have been compiled for, loads descriptor tables,
 * finds the hypervisor by CPUID, asks for a hypercall page, and calls main on a
 * stack of SPLITIO_BAREMETAL_STACK_BYTES. When main returns the machine ends: by
 * power-off if it returned 0, else by a crash. On the other two it is entered at
 * EL1, or in machine mode without firmware; the first hart runs, others sleep. The
 * device is looked for on bus 0 of PCI Express and given addresses.
 *
 * **Memory.** The first 4 GiB are mapped at their own addresses in pages of 2 MiB,
 * all of it readable, writable and executable. The image lies from 1 MiB on. The
 * library takes no other memory than its own: struct splitio_baremetal and the heap
 * are the program's, and lie in its .bss, which the loader clears. Frames of the
 * hypervisor appear in place of pages of struct splitio_baremetal. The rest of the
 * machine's RAM is untouched; splitio_baremetal_start_info() has its map. On Arm the
 * first GiB is mapped as devices, but for the window, and the second as memory,
 * cacheable both; on RISC-V nothing is translated. What is lent lies in the window,
 * and the heap handed to open() is not used.
 *
 * **Interrupts.** They are off but inside splitio_baremetal_wait(), so that no
 * handler interrupts C code: code with a red zone or with vector registers is as
 * good as any. The only interrupt is the upcall, which the local APIC (in x2APIC
 * mode) delivers and which does nothing but end the wait. Handlers of events run
 * in splitio_baremetal_poll(). On Arm the interrupt is the first that GICv2m makes
 * of messages, on RISC-V message 1 of the hart's IMSIC; neither is ever delivered:
 * being pending ends the sleep. An exception is written to the console, with its
 * vector and address, and ends the machine by a crash.
 *
 * **Memory order.** grant.h's and event.h's.
 *
 * **Trust.** The guest trusts the hypervisor. Backs are held at bay by the fronts;
 * the other ends of store and console by their streams.
 *
 * **Errors.** SPLITIO_E*.
 */

#include <splitio/binding/ivshmem_guest.h>
#include <splitio/guest.h>
#include <splitio/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Of the one stack. */
#define SPLITIO_BAREMETAL_STACK_BYTES 32768u
/** Frames of the grant table: 512 references each. */
#define SPLITIO_BAREMETAL_GRANT_FRAMES 4u
/** Event channels are those below. */
#define SPLITIO_BAREMETAL_PORTS 256u
/** Pages of the heap at most: 256 MiB. */
#define SPLITIO_BAREMETAL_HEAP_MAX 65536u
/** For splitio_baremetal_wait(): no deadline. */
#define SPLITIO_BAREMETAL_FOREVER UINT64_MAX

/** Why a machine ends (SHUTDOWN_*). */
enum splitio_baremetal_end {
    SPLITIO_BAREMETAL_POWER_OFF = 0,
    SPLITIO_BAREMETAL_REBOOT = 1,
    SPLITIO_BAREMETAL_CRASH = 3,
};

/** The machine's connections to its hypervisor, of which there is one. In .bss.
 *  Fields are private, not ABI. */
#ifdef SPLITIO_BAREMETAL_IVSHMEM /* on Arm and RISC-V: defined by the build */
struct splitio_baremetal {
    struct splitio_ivshmem_guest guest;
    uint64_t mem[4096]; /* for a window of up to 512 MiB */
    uint64_t answer_ns; /* until then a call waits; 0: none does */
    bool woken;
};
#else
struct splitio_baremetal {
    /* The hypervisor's frames replace these. */
    uint8_t shared_info[SPLITIO_PAGE_SIZE]
        __attribute__((aligned(SPLITIO_PAGE_SIZE)));
    uint8_t grants[SPLITIO_BAREMETAL_GRANT_FRAMES][SPLITIO_PAGE_SIZE];
    uint32_t grant_mem[SPLITIO_GRANT_TABLE_MEM(SPLITIO_BAREMETAL_GRANT_FRAMES) /
                       sizeof(uint32_t)];
    uint64_t heap_map[SPLITIO_GUEST_MAP_MEM(SPLITIO_BAREMETAL_HEAP_MAX) /
                      sizeof(uint64_t)];
    struct splitio_event_handler handlers[SPLITIO_BAREMETAL_PORTS];
    struct splitio_guest guest;
    struct splitio_store_ring store_ring;
    struct splitio_store store;
    struct splitio_stream console_out, console_in;
    splitio_evtchn_t store_port, console_port, timer_port;
    bool store_event, console_event, timer_event;
};
#endif

/**
 * @brief The program. Supplied by whoever links the library.
 * @param[in] cmdline the kernel's command line; may be changed, stays.
 * @return 0: power off; else: crash.
 *
 * Caller: the start-up code. Order: none. Peer: whoever made the machine writes
 * @p cmdline.
 */
int splitio_baremetal_main(char *cmdline);

/**
 * @brief Map shared info and grant table, have upcalls delivered, connect to store
 * and console.
 * @param[out] bm         zeroed; kept.
 * @param[in]  heap       page-aligned memory to lend out, in the image; kept.
 * @param[in]  heap_pages 1 to SPLITIO_BAREMETAL_HEAP_MAX.
 * @return 0; SPLITIO_EINVAL; SPLITIO_EOPNOTSUPP: no x2APIC, or a hypervisor that
 * lacks a call; SPLITIO_EIO: it refused one.
 *
 * Caller: main, once. Order: none. Peer: nothing.
 */
int splitio_baremetal_open(struct splitio_baremetal *bm, void *heap,
                           uint32_t heap_pages);

/** @brief The port to hand to fronts. */
struct splitio_guest_port splitio_baremetal_port(struct splitio_baremetal *bm);

/** @brief The connection to the store; splitio_baremetal_poll() polls it. */
struct splitio_store *splitio_baremetal_store(struct splitio_baremetal *bm);

/**
 * @brief Run handlers of events and callbacks of the store.
 * @param[in] budget most of each kind.
 * @return how many; 0: nothing was to be done; SPLITIO_EPROTO: the store broke
 * its protocol.
 *
 * Caller: main's thread, not from a callback. Order: splitio_guest_poll()'s. Peer:
 * ports of its own; the store's messages.
 */
int splitio_baremetal_poll(struct splitio_baremetal *bm, unsigned budget);

/**
 * @brief Sleep until splitio_baremetal_poll() has work, or the time has come.
 * Returns at once if there is some.
 * @param[in] deadline_ns of splitio_baremetal_now_ns(), or
 *                        SPLITIO_BAREMETAL_FOREVER.
 *
 * Caller: main's thread. Order: acquires what was written before the event. Peer:
 * may wake it for nothing.
 */
void splitio_baremetal_wait(struct splitio_baremetal *bm, uint64_t deadline_ns);

/**
 * @brief The function that splitio_store_wait() waits by. Handlers of events run;
 * what they are about is still to be done when the store's call has ended.
 * @param[in] bm a struct splitio_baremetal.
 * @return 0.
 */
int splitio_baremetal_wait_store(void *bm);

/** @brief The hypervisor's clock; nanoseconds from a moment of its choice. */
uint64_t splitio_baremetal_now_ns(const struct splitio_baremetal *bm);

/** @brief When the loader entered the image, by the same clock. */
uint64_t splitio_baremetal_entry_ns(const struct splitio_baremetal *bm);

/** @brief What the loader told: struct hvm_start_info of Xen's headers. On x86-64
 *  alone: the other two are told nothing. */
const void *splitio_baremetal_start_info(void);

/**
 * @brief Put bytes into the console, as many as fit.
 * @return bytes taken, 0 to @p len_bytes; SPLITIO_EPROTO: its other end lied.
 *
 * Caller: main's thread. Order: releases the bytes. Peer: how fast it empties.
 */
int splitio_baremetal_console_write(struct splitio_baremetal *bm,
                                    const char *bytes, uint32_t len_bytes);

/** @brief Take typed bytes; as splitio_baremetal_console_write(). */
int splitio_baremetal_console_read(struct splitio_baremetal *bm, char *bytes,
                                   uint32_t len_bytes);

/** @brief True if all that was written has been taken. */
bool splitio_baremetal_console_is_drained(struct splitio_baremetal *bm);

/**
 * @brief End the machine at once.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
__attribute__((noreturn)) void
splitio_baremetal_shutdown(enum splitio_baremetal_end why);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_BINDING_BAREMETAL_H */
