/* SPDX-License-Identifier: BSD-2-Clause */
/* Which address is behind which port: the switch's memory. */
#ifndef SPLITIO_SRC_NIC_FDB_H
#define SPLITIO_SRC_NIC_FDB_H

#include <splitio/base.h>

/* An address. It belongs to one port for ever; free ones are the oldest. */
struct fdb_entry {
    uint8_t mac[6];
    bool used;
    struct fdb_port *port;
    struct fdb_entry *next;          /* of the same bucket */
    struct fdb_entry *newer, *older; /* of the same port, a ring */
};

/* The addresses of one port. */
struct fdb_port {
    struct fdb_entry *newest; /* newest->newer is the oldest */
    struct fdb_entry *entries;
    bool fixed; /* one address, which no other port can have */
    uint16_t index;
};

struct fdb {
    struct fdb_entry **buckets;
    uint64_t factor; /* random: nobody can choose addresses that collide */
    unsigned shift;
};

/* 0; SPLITIO_ENOMEM. */
int fdb_init(struct fdb *f, unsigned max_ports);
/* After fdb_port_fini() of all ports. */
void fdb_fini(struct fdb *f);

/* Room for addresses of a port: @p max of them, or if @p mac is not NULL that
 * one alone, for good. 0; SPLITIO_EEXIST: another port's fixed address;
 * SPLITIO_ENOMEM. */
int fdb_port_init(struct fdb *f, struct fdb_port *p, uint16_t index,
                  unsigned max, const uint8_t *mac);
/* Forget all that is behind a port. */
void fdb_port_fini(struct fdb *f, struct fdb_port *p);

/* Remember that @p mac is behind @p p. False: it is fixed to another port. */
bool fdb_learn(struct fdb *f, const uint8_t mac[6], struct fdb_port *p);

/* The port, or NULL. */
const struct fdb_port *fdb_find(const struct fdb *f, const uint8_t mac[6]);

#endif /* SPLITIO_SRC_NIC_FDB_H */
