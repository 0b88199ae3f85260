/* SPDX-License-Identifier: BSD-2-Clause */
/* What happens: two partitions, a disk between them, and a lie. */
#include "partition.h"

#include <splitio/base.h>

_Noreturn void main(void);

static _Noreturn void fail(const char *what, int err)
{
    say(what);
    say(splitio_strerror(err));
    say("partition: FAIL");
    board_off();
}

static void must(const char *what, int err)
{
    if (err)
        fail(what, err);
}

/* Partitions run by turns until neither has anything to do. */
static void run(void)
{
    while (driver_poll() + user_poll() > 0)
        continue;
}

static void transfer(const char *what, enum splitio_blk_op op, uint8_t byte)
{
    int status;

    must(what, user_submit(op, byte));
    run();
    if (!user_is_done(&status))
        fail(what, SPLITIO_EAGAIN);
    must(what, status);
}

static void lie(void)
{
    uint32_t before = hypervisor_nr_refused();
    int status = driver_try_map(user_lie());

    if (status == SPLITIO_GNTST_OKAY || hypervisor_nr_refused() == before)
        fail("hypervisor: mapped what was not the user's", 0);
    say("hypervisor: a frame outside of its partition was refused");
    status = driver_try_map(100); /* lent to nobody */
    if (status == SPLITIO_GNTST_OKAY)
        fail("hypervisor: mapped what was not lent", 0);
    say("hypervisor: a page that was not lent was refused");
}

_Noreturn void main(void)
{
    must("hypervisor", hypervisor_start());
    must("driver", driver_start());
    must("user", user_start());
    say("hypervisor: two partitions");
    must("user: rings", user_connect());
    must("driver: rings", driver_connect());
    transfer("user: write", SPLITIO_BLK_WRITE, 0xA5);
    transfer("user: read", SPLITIO_BLK_READ, 0);
    if (!user_has_read(0xA5))
        fail("user: read something else", 0);
    say("user: 65536 bytes were written, and read back");
    lie();
    must("driver: end", driver_stop());
    must("user: end", user_stop());
    say_number("hypervisor: ", hypervisor_nr_held(), " pages are held");
    /* But for the lie, which nobody takes back. */
    say_number("user: ", user_nr_lent() - 1, " pages are lent");
    say("partition: the end");
    board_off();
}
