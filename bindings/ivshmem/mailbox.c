/* SPDX-License-Identifier: BSD-2-Clause */
/* What the guest asks through the first page of its window. */
#include <stdio.h>
#include <string.h>

#include "slot.h"

/* Whatever a message is, it has room here. */
union message {
    uint64_t magic; /* of a hello */
    struct splitio_shm_hello hello;
    struct splitio_shm_call call;
    uint8_t bytes[184];
};
SPLITIO_STATIC_ASSERT(sizeof(union message) ==
                          sizeof(((struct splitio_ivshmem_mailbox *)0)->out),
                      "a message is what is in out");

void splitio_ivshmem_mailbox_begin(struct vm *vm)
{
    struct splitio_ivshmem_mailbox *box = vm->mailbox;

    box->nr_pages =
        (uint32_t)(vm->slot->cfg.window_bytes / SPLITIO_PAGE_SIZE) - 1;
    box->version = SPLITIO_IVSHMEM_VERSION;
    splitio_write_once_u64(&box->magic, SPLITIO_SHM_MAGIC);
    vm->answered = splitio_read_once_u32(&box->answer);
}

void splitio_ivshmem_mailbox_new_session(struct vm *vm)
{
    uint32_t *session = &vm->mailbox->session;

    splitio_store_release_u32(session, splitio_read_once_u32(session) + 1);
    splitio_ivshmem_vm_upcall(vm);
}

static void answer(struct vm *vm, uint32_t number, const void *bytes,
                   size_t len_bytes)
{
    memcpy(vm->mailbox->in, bytes, len_bytes);
    vm->answered = number;
    splitio_store_release_u32(&vm->mailbox->answer, number);
    splitio_ivshmem_vm_upcall(vm);
}

/* --- hello --- */

static void on_upcall(void *arg)
{
    splitio_ivshmem_vm_upcall(arg);
}

/* No page of it is in use any more; from attach, detach, or the machine's poll. */
static void on_gone(void *arg)
{
    struct vm *vm = arg;

    if (vm->state == VM_JOINED) /* it was thrown out */
        splitio_ivshmem_mailbox_new_session(vm);
    vm->state = VM_IDLE;
    splitio_ivshmem_kick(vm->slot);
}

static const struct splitio_shm_window_ops window_ops = {
    .upcall = on_upcall,
    .gone = on_gone,
};

static bool is_known(const struct splitio_shm_hello *h)
{
    return h->version == SPLITIO_SHM_VERSION && h->type == SPLITIO_SHM_HELLO &&
           h->abi == SPLITIO_SHM_ABI_64;
}

static void attach(struct vm *vm, const struct splitio_shm_hello *h,
                   struct splitio_shm_welcome *w)
{
    struct splitio_ivshmem *s = vm->slot;
    const struct splitio_shm_window window = {
        .name = s->name,
        .uid = (uid_t)-1,
        .base = vm->window + SPLITIO_PAGE_SIZE,
        .nr_pages = (uint32_t)(s->cfg.window_bytes / SPLITIO_PAGE_SIZE) - 1,
        .nr_grant_frames = h->nr_grant_frames,
        .nr_ports = h->nr_ports,
        .ops = &window_ops,
        .arg = vm,
    };
    splitio_evtchn_t store_port = 0;

    vm->state = VM_LEAVING; /* until it has joined */
    w->status =
        splitio_shm_machine_attach(s->cfg.machine, &window, &vm->domid,
                                   &store_port, w->text, sizeof(w->text));
    if (w->status)
        return;
    vm->state = VM_JOINED;
    vm->mailbox->nr_grants = h->nr_grant_frames;
    w->domid = vm->domid;
    w->store_port = store_port;
}

static void say_hello(struct vm *vm, uint32_t number,
                      const struct splitio_shm_hello *h)
{
    struct splitio_ivshmem *s = vm->slot;
    struct splitio_shm_welcome w = {.magic = SPLITIO_SHM_MAGIC,
                                    .version = SPLITIO_SHM_VERSION};

    s->stats.nr_hellos++;
    if (is_known(h)) {
        attach(vm, h, &w);
    } else {
        w.status = SPLITIO_EPROTO;
        (void)snprintf(w.text, sizeof(w.text),
                       "the guest's driver is of version %u, this is %u",
                       h->version, SPLITIO_SHM_VERSION);
    }
    w.type = w.status ? SPLITIO_SHM_REFUSED : SPLITIO_SHM_WELCOME;
    if (w.status) {
        s->stats.nr_refused++;
        splitio_ivshmem_log(s, "%s: refused: %s", s->name, w.text);
    }
    answer(vm, number, &w, sizeof(w));
}

/* --- calls --- */

static void act(struct vm *vm, uint32_t number,
                const struct splitio_shm_call *call)
{
    struct splitio_ivshmem *s = vm->slot;
    struct splitio_shm_call reply = {.type = SPLITIO_SHM_REPLY,
                                     .seq = call->seq};

    if (call->type != SPLITIO_IVSHMEM_LEAVE) {
        if (vm->state != VM_JOINED) {
            reply.status = SPLITIO_ECLOSED;
        } else if (!splitio_shm_machine_call(s->cfg.machine, vm->domid, call,
                                             &reply)) {
            s->stats.nr_nonsense++;
            reply.status = SPLITIO_EINVAL;
        }
    }
    answer(vm, number, &reply, sizeof(reply));
}

/* True if the session that there is ends with the message. */
static bool ends_session(const union message *m)
{
    return m->magic == SPLITIO_SHM_MAGIC ||
           m->call.type == SPLITIO_IVSHMEM_LEAVE;
}

bool splitio_ivshmem_mailbox_poll(struct vm *vm)
{
    uint32_t number = splitio_load_acquire_u32(&vm->mailbox->request);
    union message m;

    if (number == vm->answered || vm->state == VM_LEAVING || vm->hung_up)
        return false;
    memcpy(&m, vm->mailbox->out, sizeof(m));
    if (vm->state == VM_JOINED && ends_session(&m)) {
        vm->state = VM_LEAVING;
        splitio_shm_machine_detach(vm->slot->cfg.machine, vm->domid);
        /* If it has gone already, on_gone() has seen to it that this goes on. */
        return true;
    }
    if (m.magic == SPLITIO_SHM_MAGIC)
        say_hello(vm, number, &m.hello);
    else
        act(vm, number, &m.call);
    return true;
}
