/* SPDX-License-Identifier: BSD-2-Clause */
/* Journals of disks. */
#include "journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char suffix[] = ".journal";

static int map_file(struct journal *j, int fd, size_t len_bytes)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if ((size_t)st.st_size != len_bytes &&
        (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)len_bytes) < 0))
        return -1;
    j->bytes = mmap(NULL, len_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    return j->bytes == MAP_FAILED ? -1 : 0;
}

int journal_open(struct journal *j, const char *dir, const char *name,
                 size_t len_bytes)
{
    int fd = -1, err = -1, saved;

    *j = (struct journal){.len_bytes = len_bytes};
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -1;
    if (asprintf(&j->path, "%s/%s%s", dir, name, suffix) < 0)
        j->path = NULL;
    if (j->path)
        fd = open(j->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd >= 0)
        err = map_file(j, fd, len_bytes);
    saved = errno;
    if (fd >= 0)
        close(fd);
    if (err) {
        free(j->path);
        j->path = NULL;
        errno = saved;
    }
    return err;
}

void journal_close(struct journal *j, bool comes_again)
{
    if (!j->path)
        return;
    (void)munmap(j->bytes, j->len_bytes);
    if (!comes_again)
        (void)unlink(j->path);
    free(j->path);
    j->path = NULL;
}

/* "NAME.journal" becomes "NAME". */
static bool is_journal(char *file)
{
    size_t len = strlen(file), tail = sizeof(suffix) - 1;

    if (len <= tail || strcmp(file + len - tail, suffix) != 0)
        return false;
    file[len - tail] = '\0';
    return true;
}

void journals_sweep(const char *dir,
                    bool (*wanted)(void *arg, const char *name), void *arg)
{
    DIR *d = opendir(dir);
    struct dirent *file;

    while (d && (file = readdir(d)) != NULL) {
        char name[sizeof(file->d_name)];

        memcpy(name, file->d_name, sizeof(name));
        if (is_journal(name) && !wanted(arg, name))
            (void)unlinkat(dirfd(d), file->d_name, 0);
    }
    if (d)
        closedir(d);
}
