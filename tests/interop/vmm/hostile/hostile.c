/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that does one thing that it should not, which its command line names,
 * and says what came of it. */
#include "unikernel.h"

#include "machine.h"

#define HEAP_PAGES 64u

/* The reference that the keys of lend_what_is_not_there() name. */
#define LENT 100u

static struct splitio_baremetal machine;
static uint8_t heap[HEAP_PAGES * SPLITIO_PAGE_SIZE]
    __attribute__((aligned(SPLITIO_PAGE_SIZE)));

static void say_number(const char *text, uint64_t n)
{
    struct line l = {0};

    add_text(&l, text);
    add_number(&l, n);
    say(&machine, &l);
}

/* No table of interrupts, and then one. */
static void triple_fault(void)
{
    static const struct {
        uint16_t limit;
        uint64_t base;
    } __attribute__((packed)) none = {0, 0};

    __asm__ volatile("lidt %0\n\tud2" : : "m"(none));
}

/* Xen has 56 calls; nobody has these. */
static void call_what_is_not_there(void)
{
    unsigned refused = 0;

    for (unsigned nr = 56; nr < 64; nr++)
        refused += splitio_bm_call(nr, 1, 2, 3) == -38;
    say_number("unknown calls refused: ", refused);
}

static int write_key(const char *dir, const char *key, const char *value)
{
    struct line path = {0};

    add_text(&path, dir);
    add_text(&path, "/");
    add_text(&path, key);
    return ask_write(&machine, path.text, value);
}

/* Of the back: 2 is waiting, 5 and 6 are the end. */
static int wait_for_its_end(const char *dir)
{
    struct line path = {0};
    char state[8] = "";

    add_text(&path, dir);
    add_text(&path, "/state");
    while (state[0] != '5' && state[0] != '6')
        if (ask(&machine, path.text, state, sizeof(state)))
            return -1;
    return 0;
}

/* A ring that is to lie where this guest has no memory. */
static void lend_what_is_not_there(void)
{
    static const char *const keys[][2] = {{"ring-ref", "100"},
                                          {"event-channel", "3"},
                                          {"protocol", "x86_64-abi"},
                                          {"state", "3"}};
    struct splitio_grant_entry_v1 *e =
        (struct splitio_grant_entry_v1 *)(void *)machine.grants[0] + LENT;
    char dir[SPLITIO_XENBUS_DIR_MAX], back[SPLITIO_XENBUS_DIR_MAX];
    struct line path = {0};

    e->domid = 0;
    e->frame = splitio_le32(0x00fff000);
    splitio_store_release_le16(&e->flags, SPLITIO_GTF_PERMIT_ACCESS);
    if (ask_device(&machine, "vbd", dir))
        return;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(keys); i++)
        if (write_key(dir, keys[i][0], keys[i][1]))
            return;
    add_text(&path, dir);
    add_text(&path, "/backend");
    if (ask(&machine, path.text, back, sizeof(back)) == 0 &&
        wait_for_its_end(back) == 0)
        say_text(&machine, "grant refused");
}

static void reach_outside(void)
{
    struct line l = {0};
    union {
        uint64_t word;
        uint8_t bytes[8];
    } found = {.word = *(volatile uint64_t *)(uintptr_t)0x30000000};

    *(volatile uint64_t *)(uintptr_t)0x30000000 = 1;
    add_text(&l, "outside memory: ");
    add_bytes(&l, found.bytes, sizeof(found.bytes), ':');
    say(&machine, &l);
}

/* Each is an exit, and an event that nobody waits for. */
static void flood(void)
{
    struct splitio_guest_port port = splitio_baremetal_port(&machine);
    const uint64_t nr = 200000;

    for (uint64_t i = 0; i < nr; i++)
        port.ops->event_send(port.ctx, machine.store_port);
    say_number("events sent: ", nr);
}

int splitio_baremetal_main(char *cmdline)
{
    if (splitio_baremetal_open(&machine, heap, HEAP_PAGES))
        return -1;
    say_text(&machine, cmdline);
    switch (cmdline[0]) {
    case 't':
        triple_fault();
        break;
    case 'u':
        call_what_is_not_there();
        break;
    case 'g':
        lend_what_is_not_there();
        break;
    case 'o':
        reach_outside();
        break;
    default:
        flood();
    }
    while (!splitio_baremetal_console_is_drained(&machine))
        (void)splitio_baremetal_wait_store(&machine);
    return 0;
}
