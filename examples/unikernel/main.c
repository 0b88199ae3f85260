/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that is nothing but splitio: tries its disk, answers on its NIC. */
#include "unikernel.h"

#define HEAP_PAGES 256u

static struct splitio_baremetal machine;
static uint8_t heap[HEAP_PAGES * SPLITIO_PAGE_SIZE]
    __attribute__((aligned(SPLITIO_PAGE_SIZE)));
static struct disk disk;
static struct net net;

/* ---- the command line ---- */

/* What follows the prefix, or NULL: it does not begin with that. */
static const char *after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

/* What follows "name=" in it, or NULL. */
static const char *value(const char *cmdline, const char *name)
{
    const char *found = NULL;

    for (const char *c = cmdline; *c && !found; c++)
        if (c == cmdline || c[-1] == ' ')
            found = after(c, name);
    return found;
}

static uint32_t number(const char **text)
{
    uint32_t n = 0;

    for (; **text >= '0' && **text <= '9'; ++*text)
        n = n * 10 + (uint32_t)(**text - '0');
    return n;
}

static void address(const char *text, uint8_t ip[4])
{
    for (unsigned i = 0; text && i < 4; i++) {
        ip[i] = (uint8_t)number(&text);
        if (*text == '.')
            text++;
    }
}

/* ---- the end ---- */

static bool asked;

static void on_control(struct splitio_store_watch *watch, const char *path)
{
    (void)watch;
    (void)path;
    asked = true;
}

static struct splitio_store_watch control = {.fired = on_control,
                                             .path = "control/shutdown"};

/* The toolstack writes there what it wants, and sees that it was read. */
static bool is_told_to_end(void)
{
    char what[16];

    if (!asked)
        return false;
    asked = false;
    if (ask(&machine, control.path, what, sizeof(what)) || what[0] == '\0')
        return false;
    (void)ask_write(&machine, control.path, ""); /* taken */
    return after(what, "poweroff") || after(what, "halt");
}

static void say_counts(void)
{
    struct line l = {0};

    add_text(&l, "end: answered ");
    add_number(&l, net.answered[WIRE_ARP]);
    add_text(&l, " ARP, ");
    add_number(&l, net.answered[WIRE_PING]);
    add_text(&l, " pings, ");
    add_number(&l, net.answered[WIRE_UDP]);
    add_text(&l, " UDP");
    say(&machine, &l);
}

/* Both devices are closed in good order, so that nothing stays lent. */
static bool is_closed(void)
{
    return (!disk.exists || splitio_blkfront_is_closed(&disk.front)) &&
           (!net.exists || splitio_netfront_is_closed(&net.front));
}

static void close_devices(void)
{
    if (disk.exists)
        splitio_blkfront_close(&disk.front);
    if (net.exists)
        splitio_netfront_close(&net.front);
}

/* ---- the middle ---- */

static bool is_ready(void)
{
    return disk.step != DISK_CONNECTS && (!net.exists || net.was_up);
}

/* All that was asked of it has been done. */
static bool has_done(uint32_t pings)
{
    if (disk.step != DISK_IS_DONE)
        return false;
    return net.exists ? pings > 0 && net.answered[WIRE_PING] >= pings : true;
}

static int work(void)
{
    int n = splitio_baremetal_poll(&machine, 64);
    int blk = disk_poll(&disk), nic = net_poll(&net);

    return n < 0 ? n : n + (blk > 0 ? blk : 0) + (nic > 0 ? nic : 0);
}

static int run(uint32_t pings)
{
    bool ready = false, closing = false;
    int n;

    while (!closing || !is_closed()) {
        n = work();
        if (n < 0)
            return n;
        if (!ready && is_ready()) {
            struct line l = {0};

            ready = true;
            add_text(&l, "ready: ");
            add_age(&l, &machine);
            say(&machine, &l);
        }
        if (!closing && (has_done(pings) || is_told_to_end())) {
            closing = true;
            say_counts();
            close_devices();
        } else if (n == 0) {
            splitio_baremetal_wait(&machine, SPLITIO_BAREMETAL_FOREVER);
        }
    }
    return 0;
}

static int start(const uint8_t ip[4])
{
    struct line l = {0};
    int err = splitio_baremetal_open(&machine, heap, HEAP_PAGES);

    if (err)
        return err;
    add_text(&l, "start: ");
    add_age(&l, &machine);
    say(&machine, &l);
    err = splitio_store_watch(splitio_baremetal_store(&machine), &control);
    if (!err)
        err = disk_open(&disk, &machine);
    return err ? err : net_open(&net, &machine, ip);
}

int splitio_baremetal_main(char *cmdline)
{
    const char *pings = value(cmdline, "pings=");
    uint8_t ip[4] = {10, 0, 0, 7};
    int err;

    address(value(cmdline, "ip="), ip);
    err = start(ip);
    if (!err)
        err = run(pings ? number(&pings) : 0);
    if (err)
        say_error(&machine, "guest", err);
    else
        say_text(&machine, disk.failed ? "end: crash" : "end: power off");
    while (!splitio_baremetal_console_is_drained(&machine))
        (void)splitio_baremetal_wait_store(&machine);
    return err || disk.failed ? -1 : 0;
}
