/* SPDX-License-Identifier: BSD-2-Clause */
/* nbdkit-splitio-plugin: a splitio disk, seen from the guest side, over NBD. */
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "../common/values.h"
#include "pump.h"

#include <splitio/disk.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#ifndef SPLITIO_VERSION
#define SPLITIO_VERSION "unknown"
#endif

/* NBD clients may ask for any byte range; the disk knows sectors. */
#define PREFERRED_BYTES 65536u

static struct {
    char *socket, *guest, *vdev_name;
    uint32_t vdev;
    unsigned memory_mib; /* 0: not given */
    bool xen;
    struct pump *pump;
    /* Two writes to parts of one sector must not undo each other. */
    pthread_mutex_t partial;
} self = {
    .vdev = 202u << 8,
    .partial = PTHREAD_MUTEX_INITIALIZER,
};

static int set_text(char **to, const char *value)
{
    free(*to);
    *to = strdup(value);
    if (*to)
        return 0;
    nbdkit_error("out of memory");
    return -1;
}

static int sio_config(const char *key, const char *value)
{
    uint64_t number;

    if (strcmp(key, "socket") == 0) {
        free(self.socket);
        self.socket = nbdkit_absolute_path(value);
        return self.socket ? 0 : -1;
    }
    if (strcmp(key, "guest") == 0)
        return set_text(&self.guest, value);
    if (strcmp(key, "vdev") == 0) {
        if (value_vdev(value, &self.vdev) == 0)
            return set_text(&self.vdev_name, value);
        nbdkit_error("vdev=%s: not a virtual device; use xvda, xvdb, ...",
                     value);
        return -1;
    }
    if (strcmp(key, "xen") == 0) {
        if (value_bool(value, &self.xen) == 0)
            return 0;
        nbdkit_error("xen=%s: give yes or no", value);
        return -1;
    }
    if (strcmp(key, "memory") == 0) {
        if (value_number(value, 2, 4096, &number) == 0) {
            self.memory_mib = (unsigned)number;
            return 0;
        }
        nbdkit_error("memory=%s: give a number of MiB from 2 to 4096", value);
        return -1;
    }
    nbdkit_error("unknown parameter \"%s\"; known: socket guest xen vdev "
                 "memory",
                 key);
    return -1;
}

static int sio_config_complete(void)
{
    if (self.xen && !self.socket && !self.guest)
        return 0;
    if (self.xen) {
        nbdkit_error("xen=yes: give neither socket= nor guest=");
        return -1;
    }
    if (!self.socket) {
        nbdkit_error("give socket=PATH, the daemon's --socket, or xen=yes");
        return -1;
    }
    if (!self.guest) {
        nbdkit_error("give guest=NAME, as in the daemon's --disk guest=NAME");
        return -1;
    }
    return 0;
}

/* Threads do not survive a fork, so the pump starts after it. */
static int sio_after_fork(void)
{
    const struct pump_config cfg = {
        .guest = {.xen = self.xen,
                  .socket = self.socket,
                  .name = self.guest,
                  .memory_mib = self.memory_mib},
        .vdev = self.vdev,
        .vdev_name = self.vdev_name ? self.vdev_name : "xvda",
    };
    char reason[256];

    if (pump_start(&self.pump, &cfg, reason, sizeof(reason)) == 0)
        return 0;
    nbdkit_error("%s", reason);
    return -1;
}

static void sio_cleanup(void)
{
    if (self.pump)
        pump_stop(self.pump);
    self.pump = NULL;
}

static void sio_unload(void)
{
    free(self.socket);
    free(self.guest);
    free(self.vdev_name);
}

static void *sio_open(int readonly)
{
    (void)readonly;
    return self.pump;
}

static struct splitio_blkfront_info info(void)
{
    struct splitio_blkfront_info i;

    pump_info(self.pump, &i);
    return i;
}

static int64_t sio_get_size(void *handle)
{
    (void)handle;
    return (int64_t)(info().nr_sectors << SPLITIO_DISK_SECTOR_SHIFT);
}

static int sio_can_write(void *handle)
{
    (void)handle;
    return !(info().flags & SPLITIO_BLKFRONT_READ_ONLY);
}

static int sio_can_flush(void *handle)
{
    (void)handle;
    return (info().flags & SPLITIO_BLKFRONT_FLUSHES) != 0;
}

static int sio_can_trim(void *handle)
{
    (void)handle;
    return (info().flags & SPLITIO_BLKFRONT_DISCARDS) != 0;
}

static int sio_can_fua(void *handle)
{
    return sio_can_flush(handle) ? NBDKIT_FUA_EMULATE : NBDKIT_FUA_NONE;
}

/* One disk and one cache behind all connections. */
static int sio_can_multi_conn(void *handle)
{
    (void)handle;
    return 1;
}

static int sio_block_size(void *handle, uint32_t *minimum, uint32_t *preferred,
                          uint32_t *maximum)
{
    (void)handle;
    *minimum = 1;
    *preferred = PREFERRED_BYTES;
    *maximum = UINT32_MAX;
    return 0;
}

static int result(int status, const char *what)
{
    static const struct {
        int status, error;
    } map[] = {
        {SPLITIO_EROFS, EPERM},   {SPLITIO_ENOSPC, ENOSPC},
        {SPLITIO_EINVAL, EINVAL}, {SPLITIO_EOPNOTSUPP, EOPNOTSUPP},
        {SPLITIO_ENOMEM, ENOMEM},
    };

    if (status == 0)
        return 0;
    nbdkit_set_error(EIO);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(map); i++)
        if (map[i].status == status)
            nbdkit_set_error(map[i].error);
    nbdkit_error("%s: %s", what, splitio_strerror(status));
    return -1;
}

/* A range of bytes, and the whole sectors around it. */
struct range {
    uint64_t first, nr; /* sectors */
    uint32_t before;    /* bytes of them before the range */
    bool whole;         /* nothing before or behind */
};

static struct range around(uint64_t offset, uint32_t count)
{
    uint64_t size = info().sector_size;
    uint64_t start = offset / size * size;
    uint64_t end = (offset + count + size - 1) / size * size;

    return (struct range){
        .first = start >> SPLITIO_DISK_SECTOR_SHIFT,
        .nr = (end - start) >> SPLITIO_DISK_SECTOR_SHIFT,
        .before = (uint32_t)(offset - start),
        .whole = start == offset && end == offset + count,
    };
}

static void *bounce(const struct range *r)
{
    return malloc((size_t)r->nr << SPLITIO_DISK_SECTOR_SHIFT);
}

static int sio_pread(void *handle, void *buf, uint32_t count, uint64_t offset,
                     uint32_t flags)
{
    struct range r = around(offset, count);
    uint8_t *sectors = buf;
    int status;

    (void)flags;
    if (!r.whole && !(sectors = bounce(&r)))
        return result(SPLITIO_ENOMEM, "read");
    status = pump_do(handle, SPLITIO_BLK_READ, r.first, r.nr, sectors);
    if (!r.whole) {
        memcpy(buf, sectors + r.before, count);
        free(sectors);
    }
    return result(status, "read");
}

/* Read the sectors, change some bytes, write them back. */
static int write_partly(void *handle, const void *buf, uint32_t count,
                        const struct range *r)
{
    uint8_t *sectors = bounce(r);
    int status;

    if (!sectors)
        return SPLITIO_ENOMEM;
    pthread_mutex_lock(&self.partial);
    status = pump_do(handle, SPLITIO_BLK_READ, r->first, r->nr, sectors);
    memcpy(sectors + r->before, buf, count);
    if (status == 0)
        status = pump_do(handle, SPLITIO_BLK_WRITE, r->first, r->nr, sectors);
    pthread_mutex_unlock(&self.partial);
    free(sectors);
    return status;
}

static int sio_pwrite(void *handle, const void *buf, uint32_t count,
                      uint64_t offset, uint32_t flags)
{
    struct range r = around(offset, count);
    union {
        const void *in;
        void *out;
    } base = {.in = buf}; /* a write only reads it */

    (void)flags;
    if (!r.whole)
        return result(write_partly(handle, buf, count, &r), "write");
    return result(pump_do(handle, SPLITIO_BLK_WRITE, r.first, r.nr, base.out),
                  "write");
}

static int sio_flush(void *handle, uint32_t flags)
{
    (void)flags;
    return result(pump_do(handle, SPLITIO_BLK_FLUSH, 0, 0, NULL), "flush");
}

/* Advisory: only whole sectors inside the range are given up. */
static int sio_trim(void *handle, uint32_t count, uint64_t offset,
                    uint32_t flags)
{
    uint64_t size = info().sector_size;
    uint64_t start = (offset + size - 1) / size * size;
    uint64_t end = (offset + count) / size * size;

    (void)flags;
    if (end <= start)
        return 0;
    return result(pump_do(handle, SPLITIO_BLK_DISCARD,
                          start >> SPLITIO_DISK_SECTOR_SHIFT,
                          (end - start) >> SPLITIO_DISK_SECTOR_SHIFT, NULL),
                  "trim");
}

static struct nbdkit_plugin plugin = {
    .name = "splitio",
    .longname = "splitio disk",
    .version = SPLITIO_VERSION,
    .description = "A disk of splitiod, from the guest side",
    .config = sio_config,
    .config_complete = sio_config_complete,
    .config_help =
        "socket=PATH  the daemon's --socket, and\n"
        "guest=NAME   the guest to join as; or\n"
        "xen=yes      a disk of this domain of Xen's, which its kernel "
        "has not taken\n"
        "vdev=xvda    which of the disks\n"
        "memory=16    MiB to join with; of Xen's: 4",
    .magic_config_key = "socket",
    .after_fork = sio_after_fork,
    .cleanup = sio_cleanup,
    .unload = sio_unload,
    .open = sio_open,
    .get_size = sio_get_size,
    .can_write = sio_can_write,
    .can_flush = sio_can_flush,
    .can_trim = sio_can_trim,
    .can_fua = sio_can_fua,
    .can_multi_conn = sio_can_multi_conn,
    .block_size = sio_block_size,
    .pread = sio_pread,
    .pwrite = sio_pwrite,
    .flush = sio_flush,
    .trim = sio_trim,
};

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

struct nbdkit_plugin *plugin_init(void); /* not declared by nbdkit */
NBDKIT_REGISTER_PLUGIN(plugin)
