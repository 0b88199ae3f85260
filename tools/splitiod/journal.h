/* SPDX-License-Identifier: BSD-2-Clause */
/* Journals of disks: files that outlive the daemon, if it is killed. */
#ifndef SPLITIOD_JOURNAL_H
#define SPLITIOD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct journal {
    char *path; /* NULL: not open */
    void *bytes;
    size_t len_bytes;
};

/* The file DIR/NAME, mapped; made if it is not there, and emptied if it has
 * another size. 0; -1: errno tells. */
int journal_open(struct journal *j, const char *dir, const char *name,
                 size_t len_bytes);
/* Harmless if not open. The file stays if the device is to come again. */
void journal_close(struct journal *j, bool comes_again);
/* Remove those that nobody wants any more. */
void journals_sweep(const char *dir,
                    bool (*wanted)(void *arg, const char *name), void *arg);

#endif /* SPLITIOD_JOURNAL_H */
