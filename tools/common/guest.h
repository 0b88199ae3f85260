/* SPDX-License-Identifier: BSD-2-Clause */
/* The domain that a tool is a part of: a guest of splitiod's, or one of Xen's. */
#ifndef SPLITIO_TOOLS_GUEST_H
#define SPLITIO_TOOLS_GUEST_H

#include <splitio/port.h>
#include <splitio/store.h>
#include <splitio/toolstack.h>

/* Bytes of a line that says why something failed. */
#define GUEST_TEXT_MAX 160u

struct guest_config {
    bool xen; /* it is the domain of Xen that this runs in; else it has: */
    const char *socket, *name;
    unsigned grant_version; /* 0: 1 */
    unsigned memory_mib;    /* of both; 0: what is usual there */
};

/* What a place does; all but open() with what that has made. */
struct guest_ops {
    int (*open)(void **place, const struct guest_config *cfg,
                uint32_t *nr_pages, char *text, size_t len_bytes);
    void (*close)(void *place);
    int (*fd)(void *place);
    int (*poll)(void *place, unsigned budget);
    bool (*has_work)(void *place);
    struct splitio_guest_port (*port)(void *place);
    struct splitio_store *(*store)(void *place);
    splitio_domid_t (*domid)(void *place);
    int (*wait)(void *place);
};

extern const struct guest_ops guest_shm_ops, guest_xen_ops;

struct guest {
    const struct guest_ops *ops;
    void *place;       /* NULL: not open */
    uint32_t nr_pages; /* for fronts */
};

/* 0; SPLITIO_E* and a line that says why. */
int guest_open(struct guest *g, const struct guest_config *cfg, char *text,
               size_t len_bytes);
void guest_close(struct guest *g);

/*
 * Write the path of the guest's own directory of a device, and look whether it
 * is there. 0; SPLITIO_ENOENT; what splitio_store_wait() returns. Called by the
 * thread that polls the guest.
 */
int guest_device_dir(struct guest *g, const char *kind, uint32_t devid,
                     char dir[SPLITIO_TOOLSTACK_PATH_MAX]);

/* The rest as in splitio/binding/shm.h and xen_guest.h. */
static inline int guest_fd(struct guest *g)
{
    return g->ops->fd(g->place);
}

static inline int guest_poll(struct guest *g, unsigned budget)
{
    return g->ops->poll(g->place, budget);
}

static inline bool guest_has_work(struct guest *g)
{
    return g->ops->has_work(g->place);
}

static inline struct splitio_guest_port guest_port(struct guest *g)
{
    return g->ops->port(g->place);
}

static inline struct splitio_store *guest_store(struct guest *g)
{
    return g->ops->store(g->place);
}

#endif /* SPLITIO_TOOLS_GUEST_H */
