/* SPDX-License-Identifier: BSD-2-Clause */
/* The event loop: file descriptors and what to do when they are ready. */
#ifndef SPLITIO_TOOLS_LOOP_H
#define SPLITIO_TOOLS_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct source {
    int fd;
    /* May remove and free its own source, and no other. */
    void (*ready)(struct source *s, uint32_t events);
    void *user;
};

struct loop {
    int fd;
};

/* 0 or -errno. */
int loop_init(struct loop *l);
void loop_fini(struct loop *l);

/* 0 or -errno. Events are EPOLLIN, EPOLLOUT. */
int loop_add(struct loop *l, struct source *s, uint32_t events);
int loop_change(struct loop *l, struct source *s, uint32_t events);
void loop_remove(struct loop *l, struct source *s);

/* Wait (not at all if @p busy) and call what is ready. 0 or -errno. */
int loop_run_once(struct loop *l, bool busy);

#endif /* SPLITIO_TOOLS_LOOP_H */
