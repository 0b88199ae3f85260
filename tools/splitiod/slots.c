/* SPDX-License-Identifier: BSD-2-Clause */
/* Slots of virtual machines, in the daemon's loop. */
#include "slots.h"

#include "../common/log.h"
#include "keeper.h"

#include <splitio/binding/ivshmem.h>

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct slot {
    struct slots *slots;
    const struct slot_options *options;
    struct splitio_ivshmem *vm;
    struct source source;
};

struct slots {
    struct loop *loop;
    struct keeper_link keeper; /* of the virtual machines between daemons */
    unsigned nr;
    struct slot slots[MAX_SLOTS];
};

static void slot_ready(struct source *source, uint32_t events)
{
    struct slot *s = source->user;

    (void)events;
    (void)splitio_ivshmem_poll(s->vm);
}

static void on_changed(void *arg, struct splitio_ivshmem *vm)
{
    struct slot *s = arg;
    int fds[SPLITIO_IVSHMEM_FDS];

    if (splitio_ivshmem_get_fds(vm, fds)) {
        log_line(LOG_INFO, "virtual machine %s connected", s->options->guest);
        keeper_link_keep(&s->slots->keeper, s->options->guest, fds);
    } else {
        log_line(LOG_INFO, "virtual machine %s ended", s->options->guest);
        keeper_link_drop(&s->slots->keeper, s->options->guest);
    }
}

static void on_log(void *arg, const char *line)
{
    (void)arg;
    log_line(LOG_WARNING, "%s", line);
}

static int slot_open(struct slots *all, struct splitio_shm_machine *machine,
                     const struct slot_options *o, char *reason, unsigned bytes)
{
    struct slot *s = &all->slots[all->nr];
    const struct splitio_ivshmem_config cfg = {
        .machine = machine,
        .path = o->socket,
        .name = o->guest,
        .window_bytes = o->memory_bytes,
        .changed = on_changed,
        .log = on_log,
        .arg = s,
    };

    s->slots = all;
    s->options = o;
    if (splitio_ivshmem_open(&s->vm, &cfg, reason, bytes))
        return -1;
    s->source = (struct source){
        .fd = splitio_ivshmem_fd(s->vm), .ready = slot_ready, .user = s};
    if (loop_add(all->loop, &s->source, EPOLLIN)) {
        snprintf(reason, bytes, "%s: cannot be watched", o->socket);
        (void)splitio_ivshmem_close(s->vm);
        return -1;
    }
    all->nr++;
    return 0;
}

/* What the keeper has: a virtual machine that the daemon before has served. */
static void take_up(void *arg, const char *guest, const int *fds)
{
    struct slots *all = arg;
    char text[SPLITIO_SHM_TEXT_MAX] = "no --ivshmem is for it any more";

    for (unsigned i = 0; i < all->nr; i++) {
        if (strcmp(all->slots[i].options->guest, guest) != 0)
            continue;
        if (splitio_ivshmem_adopt(all->slots[i].vm, fds, text, sizeof(text)) ==
            0)
            return;
        fds = NULL; /* closed */
    }
    log_line(LOG_WARNING, "virtual machine %s is given up: %s", guest, text);
    for (unsigned i = 0; fds && i < KEEPER_FDS; i++)
        keeper_close(fds[i]);
    keeper_link_drop(&all->keeper, guest);
}

struct slots *slots_open(struct loop *loop, struct splitio_shm_machine *machine,
                         const struct options *o, char *reason, unsigned bytes)
{
    struct slots *all = calloc(1, sizeof(*all));
    int err = 0;

    if (!all) {
        snprintf(reason, bytes, "out of memory");
        return NULL;
    }
    all->loop = loop;
    all->keeper.fd = -1;
    for (unsigned i = 0; i < o->nr_slots && !err; i++)
        err = slot_open(all, machine, &o->slots[i], reason, bytes);
    if (!err && o->state)
        err = keeper_link_open(&all->keeper, o->state, take_up, all, reason,
                               bytes);
    if (!err)
        return all;
    slots_close(all);
    return NULL;
}

void slots_close(struct slots *all)
{
    if (!all)
        return;
    /* From here on the keeper keeps what it has. */
    keeper_link_close(&all->keeper);
    for (unsigned i = 0; i < all->nr; i++) {
        loop_remove(all->loop, &all->slots[i].source);
        if (splitio_ivshmem_close(all->slots[i].vm))
            log_line(LOG_ERROR, "pages of virtual machine %s are still mapped",
                     all->slots[i].options->guest);
    }
    free(all);
}
