/* SPDX-License-Identifier: BSD-2-Clause */
#include "watch.h"

#include "cm.h"
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)

#define TRAP_FLAG 0x100

static struct {
    uint8_t *page;
    size_t len_bytes;
    watch_fn fn;
    void *arg;
    struct sigaction old_segv, old_trap;
} watch;

static void set_access(int prot)
{
    if (mprotect(watch.page, watch.len_bytes, prot) != 0)
        abort();
}

/* Let the access happen, and come back after its instruction. */
static void on_segv(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)watch.page;

    (void)sig;
    if (offset >= watch.len_bytes) {
        sigaction(SIGSEGV, &watch.old_segv, NULL); /* a real one */
        return;
    }
    set_access(PROT_READ | PROT_WRITE);
    watch.fn(watch.arg, offset);
    uc->uc_mcontext.gregs[REG_EFL] |= TRAP_FLAG;
}

static void on_trap(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;

    (void)sig;
    (void)info;
    uc->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    set_access(PROT_NONE);
}

bool watch_possible(void)
{
    return true;
}

void watch_start(void *page, size_t len_bytes, watch_fn fn, void *arg)
{
    struct sigaction segv = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
    struct sigaction trap = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};

    watch.page = page;
    watch.len_bytes = len_bytes;
    watch.fn = fn;
    watch.arg = arg;
    sigaction(SIGSEGV, &segv, &watch.old_segv);
    sigaction(SIGTRAP, &trap, &watch.old_trap);
    set_access(PROT_NONE);
}

void watch_stop(void)
{
    set_access(PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &watch.old_segv, NULL);
    sigaction(SIGTRAP, &watch.old_trap, NULL);
}

#else

bool watch_possible(void)
{
    print_message("only x86-64 Linux can watch a page here\n");
    return false;
}

void watch_start(void *page, size_t len_bytes, watch_fn fn, void *arg)
{
    (void)page;
    (void)len_bytes;
    (void)fn;
    (void)arg;
    abort();
}

void watch_stop(void)
{
}

#endif
