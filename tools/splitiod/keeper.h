/* SPDX-License-Identifier: BSD-2-Clause */
/* A process that keeps virtual machines' descriptors while there is no daemon. */
#ifndef SPLITIOD_KEEPER_H
#define SPLITIOD_KEEPER_H

#include <stdint.h>
#include <stdio.h>

#define KEEPER_FDS  4u /* of each; the first tells when the machine ends */
#define KEEPER_NAME 64u

/* Messages, on a socket of type SOCK_SEQPACKET. The keeper greets a daemon with
 * a KEEP for all that it has, and an END. */
enum keeper_op {
    KEEPER_KEEP = 1, /* with KEEPER_FDS descriptors */
    KEEPER_DROP = 2,
    KEEPER_END = 3,
};

struct keeper_message {
    uint32_t op;
    char name[KEEPER_NAME]; /* ends in NUL */
};

/* True if it went; -1: no descriptors. */
int keeper_send(int socket, enum keeper_op op, const char *name,
                const int *fds);
/* 1: a message, with fds -1 if there were none; 0: the other side is gone; -1:
 * nonsense, or there is none. */
int keeper_receive(int socket, struct keeper_message *m, int fds[KEEPER_FDS]);
void keeper_close(int fd);

/* The process: serves @p listener until there is neither daemon nor anything to
 * keep, then removes @p path. */
_Noreturn void keeper_run(int listener, const char *path);

/* ---- the daemon's side: keeper_link.c ---- */

struct keeper_link {
    int fd; /* -1: there is none, and nothing is kept */
};

/* Something that is kept: the descriptors are the callee's. */
typedef void (*keeper_kept_fn)(void *arg, const char *name, const int *fds);

/* Find the keeper in directory @p dir, or start one. 0; -1 with a reason. */
int keeper_link_open(struct keeper_link *l, const char *dir,
                     keeper_kept_fn kept, void *arg, char *reason,
                     unsigned bytes);
void keeper_link_keep(struct keeper_link *l, const char *name, const int *fds);
void keeper_link_drop(struct keeper_link *l, const char *name);
void keeper_link_close(struct keeper_link *l);

#endif /* SPLITIOD_KEEPER_H */
