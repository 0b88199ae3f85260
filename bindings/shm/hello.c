/* SPDX-License-Identifier: BSD-2-Clause */
/* What a guest says of itself, and the memory it brings: all to be checked. */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "machine_int.h"
#include "text.h"

#define FS_TMPFS 0x01021994 /* TMPFS_MAGIC of linux/magic.h */

/* What the guest must have sealed, and what the daemon seals. */
#define SEALS_OF_GUEST  (F_SEAL_SHRINK | F_SEAL_GROW)
#define SEALS_OF_DAEMON (F_SEAL_FUTURE_WRITE | F_SEAL_SEAL)

#define REFUSE(why, err, ...)                                                  \
    ((why)->status =                                                           \
         explain((why)->text, sizeof((why)->text), err, __VA_ARGS__),          \
     false)

bool splitio_shm_hello_name_is_good(const char *name)
{
    static const char chars[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t n = strnlen(name, SPLITIO_SHM_NAME_MAX);

    return n > 0 && n < SPLITIO_SHM_NAME_MAX && strspn(name, chars) == n;
}

/* Where memory to use freely begins. */
static uint32_t first_free(const struct splitio_shm_hello *h)
{
    return SPLITIO_SHM_FRAME_GRANTS + h->max_grant_frames +
           (h->grant_version == 2
                ? SPLITIO_GRANT_STATUS_FRAMES(h->max_grant_frames)
                : 0);
}

bool splitio_shm_hello_check_sizes(const struct splitio_shm_machine *m,
                                   const struct splitio_shm_hello *h,
                                   struct refusal *why)
{
    if (h->nr_ports < 2 || h->nr_ports > m->cfg.max_ports)
        return REFUSE(why, SPLITIO_E2BIG, "%u event ports: 2 to %u are allowed",
                      h->nr_ports, m->cfg.max_ports);
    if (h->nr_grant_frames < 1 || h->nr_grant_frames > m->cfg.max_frames)
        return REFUSE(why, SPLITIO_E2BIG,
                      "%u grant frames: 1 to %u are allowed",
                      h->nr_grant_frames, m->cfg.max_frames);
    if (h->max_grant_frames < h->nr_grant_frames ||
        h->max_grant_frames > m->cfg.max_frames)
        return REFUSE(why, SPLITIO_E2BIG,
                      "grant frames may become %u: %u to %u are allowed",
                      h->max_grant_frames, h->nr_grant_frames,
                      m->cfg.max_frames);
    if (h->grant_version != 1 && h->grant_version != 2)
        return REFUSE(why, SPLITIO_EINVAL, "grant table of version %u: 1 or 2",
                      h->grant_version);
    if (h->nr_pages <= first_free(h) || h->nr_pages > m->cfg.max_pages)
        return REFUSE(why, SPLITIO_E2BIG, "%u pages: %u to %u are allowed",
                      h->nr_pages, first_free(h) + 1, m->cfg.max_pages);
    return true;
}

bool splitio_shm_hello_check(const struct splitio_shm_machine *m,
                             const struct incoming *in,
                             struct splitio_shm_hello *hello,
                             struct refusal *why)
{
    memset(why, 0, sizeof(*why));
    if (in->lost)
        return REFUSE(why, SPLITIO_ENOMEM,
                      "the daemon has too many files open");
    if (in->bad || in->len != sizeof(*hello))
        return REFUSE(why, SPLITIO_EPROTO, "no hello: message of wrong size");
    memcpy(hello, in->bytes, sizeof(*hello));
    if (hello->magic != SPLITIO_SHM_MAGIC)
        return REFUSE(why, SPLITIO_EPROTO, "no hello: wrong magic number");
    if (hello->version != SPLITIO_SHM_VERSION)
        return REFUSE(why, SPLITIO_EPROTO,
                      "protocol version %u: this daemon speaks %u",
                      hello->version, SPLITIO_SHM_VERSION);
    if (hello->type != SPLITIO_SHM_HELLO)
        return REFUSE(why, SPLITIO_EPROTO, "message %u before the hello",
                      hello->type);
    if (hello->abi != SPLITIO_SHM_ABI_64)
        return REFUSE(why, SPLITIO_EPROTO, "unknown page layout %u",
                      hello->abi);
    if (!splitio_shm_hello_name_is_good(hello->name))
        return REFUSE(why, SPLITIO_EINVAL,
                      "bad name: 1 to 63 letters, digits and ._-");
    if (in->nr_fds != 1)
        return REFUSE(why, SPLITIO_EPROTO,
                      "%u descriptors: a hello brings one, its memory",
                      in->nr_fds);
    if (hello->max_grant_frames == 0)
        hello->max_grant_frames = hello->nr_grant_frames;
    if (hello->grant_version == 0)
        hello->grant_version = 1;
    return splitio_shm_hello_check_sizes(m, hello, why);
}

/*
 * F_GET_SEALS comes first: it fails at once on every file that is not a memfd,
 * while fstat() would ask whoever serves the file and wait for the answer.
 */
static bool check_memory(int fd, uint32_t nr_pages, struct refusal *why)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct statfs fs;
    struct stat st;

    if (seals < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
        return REFUSE(why, SPLITIO_EINVAL, "memory: not a memfd");
    if (fs.f_type != FS_TMPFS)
        return REFUSE(why, SPLITIO_EINVAL,
                      "memory: a memfd of huge pages is not accepted");
    if ((seals & SEALS_OF_GUEST) != SEALS_OF_GUEST)
        return REFUSE(why, SPLITIO_EINVAL,
                      "memory: not sealed against shrinking and growing");
    if ((seals & (F_SEAL_SEAL | F_SEAL_WRITE)) != 0)
        return REFUSE(why, SPLITIO_EINVAL,
                      "memory: seals that the daemon cannot work with (%#x)",
                      (unsigned)seals);
    if (st.st_size != (off_t)nr_pages * (off_t)SPLITIO_PAGE_SIZE)
        return REFUSE(why, SPLITIO_EINVAL,
                      "memory: %lld bytes, but %u pages were announced",
                      (long long)st.st_size, nr_pages);
    return true;
}

uint8_t *splitio_shm_hello_map(int memfd, uint32_t nr_pages,
                               struct refusal *why)
{
    size_t bytes = (size_t)nr_pages * SPLITIO_PAGE_SIZE;
    void *base;

    if (!check_memory(memfd, nr_pages, why))
        return NULL;
    base = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                memfd, 0);
    if (base == MAP_FAILED) {
        (void)REFUSE(why, SPLITIO_EINVAL, "memory: cannot be mapped: %s",
                     strerror(errno));
        return NULL;
    }
    /* No holes from here on: a page fault here would wait for their making. */
    if (fcntl(memfd, F_ADD_SEALS, SEALS_OF_DAEMON) < 0) {
        (void)REFUSE(why, SPLITIO_EINVAL, "memory: cannot be sealed: %s",
                     strerror(errno));
        (void)munmap(base, bytes);
        return NULL;
    }
    /* Nor were there any: a page that is there already cannot run out. */
    if (lseek(memfd, 0, SEEK_HOLE) != (off_t)bytes) {
        (void)REFUSE(why, SPLITIO_EINVAL,
                     "memory: has holes: write to every page first");
        (void)munmap(base, bytes);
        return NULL;
    }
    (void)madvise(base, bytes, MADV_DONTDUMP);
    return base;
}
