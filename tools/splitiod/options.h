/* SPDX-License-Identifier: BSD-2-Clause */
/* What splitiod is asked to export: command line and file, one vocabulary. */
#ifndef SPLITIOD_OPTIONS_H
#define SPLITIOD_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <splitio/proto/blkif.h>

#define NAME_MAX_LEN 63u
#define MAX_DISKS    1024u
#define MAX_NICS     256u
#define MAX_SWITCHES 16u
#define MAX_GUESTS   64u
#define MAX_SLOTS    64u

/* Texts point into memory that lives as long as the options. */

enum disk_kind {
    DISK_NONE,
    DISK_FILE,
    DISK_MEMORY,
    DISK_NULL,
};

struct disk_options {
    char name[NAME_MAX_LEN + 1];
    char guest[NAME_MAX_LEN + 1];
    enum disk_kind kind;
    char *file;
    uint64_t size_bytes; /* memory, null */
    bool read_only;
    bool cdrom; /* and with it read-only and removable */
    bool removable;
    bool no_discard;
    bool untrusted; /* the guest is told to show the daemon little */
    bool uring;     /* file: through io_uring */
    bool direct;    /* and past the page cache */
    unsigned threads;
    uint32_t vdev;
    enum splitio_blkif_units units;
};

struct nic_options {
    char name[NAME_MAX_LEN + 1];
    char guest[NAME_MAX_LEN + 1];
    char bridge[NAME_MAX_LEN + 1]; /* the switch it is plugged into */
    uint8_t mac[6];
    uint32_t mtu;        /* 0: none told */
    uint32_t queues;     /* most that the guest may use */
    uint64_t rate_bytes; /* that it may send in a second; 0: no limit */
    bool has_mac;
    bool isolated;
    bool untrusted; /* the guest is told not to trust the daemon */
};

struct switch_options {
    char name[NAME_MAX_LEN + 1];
    char uplink[16]; /* TAP interface; empty: none */
};

struct guest_options {
    char name[NAME_MAX_LEN + 1];
    bool has_uid;
    uint32_t uid; /* only this user's processes may join under the name */
};

/* Where a virtual machine connects, and which guest it is. */
struct slot_options {
    char name[NAME_MAX_LEN + 1];
    char guest[NAME_MAX_LEN + 1];
    char *socket;
    uint64_t memory_bytes; /* that it shares; 0: the default */
};

struct options {
    char *socket;
    char *store_socket;
    char *state; /* directory of what outlives the daemon; NULL: nothing */
    unsigned max_guests;
    unsigned max_guest_mib;
    bool xen; /* serve guests of the Xen that this runs on */
    bool verbose;
    bool check_only;
    int ready_fd; /* -1: none */
    struct disk_options disks[MAX_DISKS];
    struct nic_options nics[MAX_NICS];
    struct switch_options switches[MAX_SWITCHES];
    struct guest_options guests[MAX_GUESTS];
    struct slot_options slots[MAX_SLOTS];
    unsigned nr_disks, nr_nics, nr_switches, nr_guests, nr_slots;
    char error[512]; /* why the last call failed, one line */
};

/* Defaults. */
void options_init(struct options *o);

/* 0; -1 with o->error; 1: help or version was printed, leave. */
int options_parse(struct options *o, int argc, char **argv);

/* Set one key of one object: kind "daemon", "disk", "nic", "switch", "guest",
 * "ivshmem".
 * 0; -1 with o->error. */
int options_set(struct options *o, const char *kind, const char *name,
                const char *key, const char *value);

/* Read a file. 0; -1 with o->error. */
int options_read_file(struct options *o, const char *path);

/* Look at the whole: names that must exist, keys that must be there. */
int options_check(struct options *o);
/* Only that disks and NICs make sense together. As above. */
int options_check_devices(struct options *o);

void options_fini(struct options *o);

/* Set o->error; -1. */
int options_fail(struct options *o, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif /* SPLITIOD_OPTIONS_H */
