/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine in the test's process, and guests in processes of their own: the
 * test program starts itself again with the name of a role.
 */
#ifndef SPLITIO_TESTS_SHM_HARNESS_H
#define SPLITIO_TESTS_SHM_HARNESS_H

#include "cm.h"

#include <stdio.h>
#include <sys/types.h>

#include <splitio/binding/shm.h>
#include <splitio/binding/shm_wire.h>
#include <splitio/store_server.h>

/* No wait of a test is longer; what takes longer has lost a wake-up. */
#define WATCHDOG_MS 30000

/* --- roles: what the program is when it is not the test --- */

struct role {
    const char *name;
    int (*run)(int argc, char **argv); /* exit status */
};

/* Each program has its own; ends with a NULL name. */
extern const struct role roles[];

/* In a role: complain and exit. */
#define CHECK(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);         \
            exit(1);                                                           \
        }                                                                      \
    } while (0)

/* The rest of main(): a role, or false. */
bool run_role(int argc, char **argv, int *status);

/* In a role: connect, or exit. With FIFO events if the test has set this in the
 * environment. */
#define FIFO_ENV "SPLITIO_TEST_FIFO"
struct splitio_shm_guest *must_connect(const char *path, const char *name,
                                       uint32_t nr_pages);
struct splitio_shm_guest *
must_connect_with(const struct splitio_shm_guest_config *cfg);
/* In a role: wait until there is work and poll, or exit. */
void must_wait(struct splitio_shm_guest *g);
/* In a role: write a node of its own, and wait for the answer. */
void must_write(struct splitio_shm_guest *g, const char *path,
                const char *value);
/* In a role: wait until a node says something. */
void must_read(struct splitio_shm_guest *g, const char *path, char *value,
               size_t len_bytes);

/* --- the machine --- */

struct harness {
    char path[108];
    struct splitio_shm_machine *m;
    struct splitio_shm_machine_config cfg;
    struct splitio_shm_machine_ops ops;
    unsigned nr_joined, nr_left;
    splitio_domid_t last_domid;
    char last_log[256];
    unsigned nr_logs;
    int refuse; /* answer of guest_joined() */
    /* Polled after the machine; more than 0: there is more to do. */
    unsigned (*work)(struct harness *h);
    void (*on_join)(struct harness *h, const struct splitio_shm_guest_info *i);
    void (*on_leave)(struct harness *h, const struct splitio_shm_guest_info *i);
    void *arg;
    bool blind; /* wait after each poll: the descriptor knows all */
    int fds_before;
    long kib_before;
};

void harness_open(struct harness *h);
/* All counters must be back at zero, and the descriptors closed. */
void harness_close(struct harness *h);
void harness_check_idle(struct harness *h);

/* A process. */
struct child {
    pid_t pid;
    int pidfd; /* -1: it has ended */
    int status;
};

/* Start a role; it gets the socket's path and @p args (NULL: none more). */
struct child spawn(struct harness *h, const char *role, ...)
    __attribute__((sentinel));
void child_kill(struct child *c);

/* Serve until @p done says so. */
void serve_until(struct harness *h, struct child *cs, unsigned nr,
                 bool (*done)(struct harness *h));
/* Serve until all have ended; each must have ended well. */
void serve_all(struct harness *h, struct child *cs, unsigned nr);
/* Serve until a guest's node has a value. */
const char *serve_node(struct harness *h, splitio_domid_t domid,
                       const char *name);
/* Poll until there is nothing to do. */
void serve_idle(struct harness *h);

struct splitio_shm_machine_stats stats_of(struct harness *h);
int64_t clock_ms(void);

/* --- a client that says what it likes --- */

int raw_connect(const char *path);
/* A message, with descriptors. */
bool raw_send(int fd, const void *bytes, size_t len, const int *fds,
              unsigned nr);
/* A hello that would be accepted. */
struct splitio_shm_hello raw_hello(uint32_t nr_pages);
/* A memfd, every page written to. */
int raw_memory(uint32_t nr_pages, int seals);
/* Join for good; @p fds: doorbell and pipe. */
int raw_join(struct harness *h, int memfd, uint32_t nr_pages,
             struct splitio_shm_welcome *w, int fds[2]);
/* The answer to a hello, while the machine is served. */
void raw_answer(struct harness *h, int fd, struct splitio_shm_welcome *w,
                int fds[2]);
/* True if the daemon has hung up. */
bool raw_is_gone(int fd);

#endif
