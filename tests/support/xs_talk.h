/* SPDX-License-Identifier: BSD-2-Clause */
/* A raw peer of the store server: sends any bytes, collects what comes back. */
#ifndef SPLITIO_TESTS_XS_TALK_H
#define SPLITIO_TESTS_XS_TALK_H

#include <splitio/store_server.h>

#define XS_TALK_EVENTS 512

/* One connection and what it received. */
struct xs_peer {
    struct splitio_store_conn conn;
    uint32_t next_req_id;
    unsigned nr_events;               /* since xs_peer_forget() */
    char events[XS_TALK_EVENTS][128]; /* "path token", cut */
    char reply[SPLITIO_XS_PAYLOAD_MAX + 1];
    uint32_t reply_bytes;
    uint32_t reply_type;
};

int xs_peer_open(struct xs_peer *p, struct splitio_store_server *s,
                 splitio_domid_t domid);
void xs_peer_close(struct xs_peer *p);

/*
 * Sends a request and takes all output. Returns 0 with the reply in p->reply,
 * the SPLITIO_E* value of an ERROR reply, the connection's status, or
 * XS_TALK_NO_REPLY.
 */
#define XS_TALK_NO_REPLY (-1000)
int xs_talk(struct xs_peer *p, uint32_t type, uint32_t tx_id, const void *body,
            uint32_t len_bytes);

/* The payload is strings; nr of them, each with its NUL. */
int xs_talk_strings(struct xs_peer *p, uint32_t type, uint32_t tx_id,
                    unsigned nr, const char *const *strings);

/* Takes waiting output, events only. */
void xs_peer_drain(struct xs_peer *p);
void xs_peer_forget(struct xs_peer *p);
/* Times that this event came. */
unsigned xs_peer_count(const struct xs_peer *p, const char *path,
                       const char *token);

/* By name. */
int xs_write(struct xs_peer *p, uint32_t tx, const char *path,
             const char *value);
/* 0 if the value is as expected, 1 if it differs, or the error. */
int xs_expect(struct xs_peer *p, uint32_t tx, const char *path,
              const char *value);
int xs_path(struct xs_peer *p, uint32_t type, uint32_t tx, const char *path);
int xs_watch(struct xs_peer *p, const char *path, const char *token);
int xs_unwatch(struct xs_peer *p, const char *path, const char *token);
int xs_perms(struct xs_peer *p, uint32_t tx, const char *path, const char *a,
             const char *b);
/* The id, or 0. */
uint32_t xs_begin(struct xs_peer *p);
int xs_end(struct xs_peer *p, uint32_t tx, bool commit);

#endif
