/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest of splitiod's. */
#include "guest.h"

#include <splitio/binding/shm.h>

#define USUAL_MIB     16u
#define PAGES_PER_MIB 256u
#define GRANT_FRAMES  16u

static int join(void **place, const struct guest_config *cfg,
                uint32_t *nr_pages, char *text, size_t len_bytes)
{
    const struct splitio_shm_guest_config shm = {
        .path = cfg->socket,
        .name = cfg->name,
        .nr_pages =
            (cfg->memory_mib ? cfg->memory_mib : USUAL_MIB) * PAGES_PER_MIB,
        .nr_frames = GRANT_FRAMES,
        .grant_version = (uint16_t)cfg->grant_version,
    };
    struct splitio_shm_guest *guest;
    int err = splitio_shm_guest_connect(&guest, &shm, text, len_bytes);

    if (err)
        return err;
    *place = guest;
    *nr_pages = splitio_guest_nr_free_pages(splitio_shm_guest_of(guest));
    return 0;
}

static void shm_close(void *place)
{
    splitio_shm_guest_close(place);
}

static int shm_fd(void *place)
{
    return splitio_shm_guest_fd(place);
}

static int shm_poll(void *place, unsigned budget)
{
    return splitio_shm_guest_poll(place, budget);
}

static bool shm_has_work(void *place)
{
    return splitio_shm_guest_has_work(place);
}

static struct splitio_guest_port shm_port(void *place)
{
    return splitio_shm_guest_port(place);
}

static struct splitio_store *shm_store(void *place)
{
    return splitio_shm_guest_store(place);
}

static splitio_domid_t shm_domid(void *place)
{
    return splitio_shm_guest_domid(place);
}

const struct guest_ops guest_shm_ops = {
    .open = join,
    .close = shm_close,
    .fd = shm_fd,
    .poll = shm_poll,
    .has_work = shm_has_work,
    .port = shm_port,
    .store = shm_store,
    .domid = shm_domid,
    .wait = splitio_shm_guest_wait,
};
