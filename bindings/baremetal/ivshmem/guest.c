/* SPDX-License-Identifier: BSD-2-Clause */
/* A program that is the whole guest, behind an ivshmem device. */
#include "board.h"

#ifndef SPLITIO_BAREMETAL_CMDLINE
#define SPLITIO_BAREMETAL_CMDLINE ""
#endif

#define ANSWER_NS UINT64_C(10000000000)
#define RING_NS   UINT64_C(100000000)

static struct pci_ivshmem device;
static uint64_t entry_ns;

static void put_text(const char *text)
{
    while (*text)
        board_put(*text++);
}

static void put_hex(uint64_t n)
{
    for (int i = 60; i >= 0; i -= 4)
        board_put("0123456789abcdef"[n >> i & 15]);
}

/* --- start and end --- */

void board_main(void)
{
    static char cmdline[] = SPLITIO_BAREMETAL_CMDLINE;

    entry_ns = board_now_ns();
    board_off(splitio_baremetal_main(cmdline) != 0);
}

void board_fault(uint64_t cause, uint64_t address)
{
    put_text("fault: ");
    put_hex(cause);
    put_text(" at ");
    put_hex(address);
    put_text("\n");
    board_off(true);
}

void splitio_baremetal_shutdown(enum splitio_baremetal_end why)
{
    board_off(why == SPLITIO_BAREMETAL_CRASH);
}

/* --- the window --- */

static void ring(void *ctx)
{
    (void)ctx;
    board_fence();
    device.registers[SPLITIO_IVSHMEM_REG_DOORBELL / 4] =
        SPLITIO_IVSHMEM_DOORBELL;
}

static void wake(void *ctx)
{
    struct splitio_baremetal *bm = ctx;

    bm->woken = true;
}

static int wait(void *ctx)
{
    struct splitio_baremetal *bm = ctx;

    if (bm->answer_ns == 0)
        bm->answer_ns = board_now_ns() + ANSWER_NS;
    board_halt(board_now_ns() + RING_NS);
    if (board_now_ns() < bm->answer_ns)
        return 0;
    bm->answer_ns = 0;
    return SPLITIO_EAGAIN;
}

static const struct splitio_ivshmem_guest_ops ops = {
    .ring = ring,
    .wake = wake,
    .wait = wait,
};

int splitio_baremetal_open(struct splitio_baremetal *bm, void *heap,
                           uint32_t heap_pages)
{
    struct splitio_ivshmem_guest_config cfg = {
        .ops = &ops,
        .ctx = bm,
        .nr_grant_frames = SPLITIO_BAREMETAL_GRANT_FRAMES,
        .nr_ports = SPLITIO_BAREMETAL_PORTS,
        .mem = bm->mem,
        .mem_bytes = sizeof(bm->mem),
    };
    const char *why = "no ivshmem device that can be used";
    int err = pci_find_ivshmem(&device);

    (void)heap; /* what is lent lies in the window */
    (void)heap_pages;
    cfg.window = device.window;
    cfg.window_bytes = device.window_bytes;
    if (!err)
        err = splitio_ivshmem_guest_open(&bm->guest, &cfg, &why);
    if (err) {
        put_text(why);
        put_text("\n");
    }
    return err;
}

struct splitio_guest_port splitio_baremetal_port(struct splitio_baremetal *bm)
{
    return splitio_ivshmem_guest_port(&bm->guest);
}

struct splitio_store *splitio_baremetal_store(struct splitio_baremetal *bm)
{
    return splitio_ivshmem_guest_store(&bm->guest);
}

int splitio_baremetal_poll(struct splitio_baremetal *bm, unsigned budget)
{
    bm->woken = false;
    bm->answer_ns = 0;
    return splitio_ivshmem_guest_poll(&bm->guest, budget);
}

void splitio_baremetal_wait(struct splitio_baremetal *bm, uint64_t deadline_ns)
{
    while (!bm->woken && !splitio_ivshmem_guest_has_work(&bm->guest) &&
           board_now_ns() < deadline_ns)
        board_halt(deadline_ns);
}

int splitio_baremetal_wait_store(void *bm)
{
    struct splitio_baremetal *b = bm;

    return splitio_ivshmem_guest_wait(&b->guest);
}

/* --- clock and console --- */

uint64_t splitio_baremetal_now_ns(const struct splitio_baremetal *bm)
{
    (void)bm;
    return board_now_ns();
}

uint64_t splitio_baremetal_entry_ns(const struct splitio_baremetal *bm)
{
    (void)bm;
    return entry_ns;
}

int splitio_baremetal_console_write(struct splitio_baremetal *bm,
                                    const char *bytes, uint32_t len_bytes)
{
    (void)bm;
    for (uint32_t i = 0; i < len_bytes; i++)
        board_put(bytes[i]);
    return (int)len_bytes;
}

int splitio_baremetal_console_read(struct splitio_baremetal *bm, char *bytes,
                                   uint32_t len_bytes)
{
    uint32_t n = 0;

    (void)bm;
    while (n < len_bytes && n < INT32_MAX && board_get(&bytes[n]))
        n++;
    return (int)n;
}

bool splitio_baremetal_console_is_drained(struct splitio_baremetal *bm)
{
    (void)bm;
    return true;
}
