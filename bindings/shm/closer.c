/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Closing what guests sent. close() may wait for whoever stands behind the file
 * (a socket that lingers, a file system in user space), so a thread does it. It
 * exists as long as there is something to close; only guests that are refused or
 * misbehave cause one.
 */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "machine_int.h"

struct batch {
    struct batch *next;
    unsigned nr;
    int fds[];
};

struct closer {
    pthread_mutex_t mutex;
    struct batch *batches, **end; /* first come, first closed */
    uint32_t nr;                  /* descriptors not closed yet */
    bool running;
    bool orphaned; /* the machine is gone; the thread frees this */
};

struct closer *splitio_shm_closer_new(void)
{
    struct closer *c = calloc(1, sizeof(*c));

    if (c) {
        (void)pthread_mutex_init(&c->mutex, NULL);
        c->end = &c->batches;
    }
    return c;
}

static void closer_delete(struct closer *c)
{
    (void)pthread_mutex_destroy(&c->mutex);
    free(c);
}

static void close_batch(struct closer *c, const struct batch *b)
{
    for (unsigned i = 0; i < b->nr; i++) {
        (void)close(b->fds[i]);
        splitio_fetch_add_u32(&c->nr, UINT32_MAX);
    }
}

/* The next batch; NULL ends the thread. */
static struct batch *next_batch(struct closer *c, bool *orphaned)
{
    struct batch *b;

    (void)pthread_mutex_lock(&c->mutex);
    b = c->batches;
    if (b)
        c->batches = b->next;
    else
        c->running = false;
    if (!c->batches)
        c->end = &c->batches;
    *orphaned = c->orphaned;
    (void)pthread_mutex_unlock(&c->mutex);
    return b;
}

static void *closer_run(void *arg)
{
    struct closer *c = arg;
    bool orphaned;
    struct batch *b;

    while ((b = next_batch(c, &orphaned))) {
        close_batch(c, b);
        free(b);
    }
    if (orphaned)
        closer_delete(c);
    return NULL;
}

static bool start(struct closer *c)
{
    sigset_t all, old;
    pthread_attr_t attr;
    pthread_t thread;
    int err;

    if (pthread_attr_init(&attr))
        return false;
    (void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    /* Signals are the embedder's. */
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    err = pthread_create(&thread, &attr, closer_run, c);
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    (void)pthread_attr_destroy(&attr);
    return err == 0;
}

void splitio_shm_closer_put(struct closer *c, const int *fds, unsigned nr)
{
    struct batch *b;

    if (nr == 0)
        return;
    b = malloc(sizeof(*b) + nr * sizeof(int));
    if (!b) {
        for (unsigned i = 0; i < nr; i++)
            (void)close(fds[i]);
        return;
    }
    b->next = NULL;
    b->nr = nr;
    for (unsigned i = 0; i < nr; i++)
        b->fds[i] = fds[i];
    splitio_fetch_add_u32(&c->nr, nr);
    (void)pthread_mutex_lock(&c->mutex);
    *c->end = b;
    c->end = &b->next;
    if (!c->running)
        c->running = start(c);
    (void)pthread_mutex_unlock(&c->mutex);
}

uint32_t splitio_shm_closer_nr(const struct closer *c)
{
    return splitio_load_acquire_u32(&c->nr);
}

void splitio_shm_closer_free(struct closer *c)
{
    bool running;

    (void)pthread_mutex_lock(&c->mutex);
    c->orphaned = true;
    running = c->running;
    (void)pthread_mutex_unlock(&c->mutex);
    if (!running)
        closer_delete(c);
}
