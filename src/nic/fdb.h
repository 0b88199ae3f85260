/* SPDX-License-Identifier: BSD-2-Clause */
/* Which address is behind which port: the switch's memory. */
#ifndef SPLITIO_SRC_NIC_FDB_H
#define SPLITIO_SRC_NIC_FDB_H

#include <splitio/base.h>

#define FDB_NONE UINT16_MAX

struct fdb_entry {
    uint8_t mac[6];
    uint16_t port; /* FDB_NONE: free */
    uint32_t used; /* when it was last learnt */
};

struct fdb {
    struct fdb_entry *entries; /* a power of two of them */
    uint32_t mask;
    uint32_t now;
    uint16_t *nr_of_port; /* addresses remembered for each port */
};

/* 0; SPLITIO_ENOMEM. */
int fdb_init(struct fdb *f, unsigned max_ports);
void fdb_fini(struct fdb *f);

/* Remember that @p mac is behind @p port, if that has room for it. */
void fdb_learn(struct fdb *f, const uint8_t mac[6], uint16_t port);

/* The port, or FDB_NONE. */
uint16_t fdb_find(const struct fdb *f, const uint8_t mac[6]);

/* Forget all that is behind a port. */
void fdb_forget(struct fdb *f, uint16_t port);

#endif /* SPLITIO_SRC_NIC_FDB_H */
