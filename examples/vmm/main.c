/* SPDX-License-Identifier: BSD-2-Clause */
/* splitio-vmm: virtual machines of KVM with splitio's disks and NICs. */
#include "host.h"

#include <signal.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "../../tools/common/log.h"

static struct vmm_options options;
static struct host host;
static struct termios cooked;

/* Every key goes to the guest, but Ctrl-\, which ends the VMM. */
static void terminal_raw(void)
{
    struct termios t;

    if (tcgetattr(STDIN_FILENO, &cooked) < 0)
        return;
    t = cooked;
    t.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    t.c_iflag &= ~(tcflag_t)ICRNL;
    t.c_cc[VINTR] = t.c_cc[VSUSP] = _POSIX_VDISABLE;
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &t);
}

static void terminal_cooked(void)
{
    if (cooked.c_lflag != 0)
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &cooked);
}

int main(int argc, char **argv)
{
    char reason[256];
    int err;

    log_init("splitio-vmm", false);
    signal(SIGPIPE, SIG_IGN);
    err = vmm_options_parse(&options, argc, argv);
    if (err)
        return err < 0 ? 2 : 0;
    err = host_open(&host, &options, reason, sizeof(reason));
    if (err) {
        fprintf(stderr, "splitio-vmm: %s\n", reason);
    } else {
        terminal_raw();
        err = host_run(&host);
        terminal_cooked();
    }
    host_close(&host);
    options_fini(&options.devices);
    return err ? 1 : 0;
}
