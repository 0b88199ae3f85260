/* SPDX-License-Identifier: BSD-2-Clause */
/* A raw peer of the store server: see xs_talk.h. */
#include "xs_talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int xs_peer_open(struct xs_peer *p, struct splitio_store_server *s,
                 splitio_domid_t domid)
{
    memset(p, 0, sizeof(*p));
    return splitio_store_conn_init(&p->conn, s, domid);
}

void xs_peer_close(struct xs_peer *p)
{
    splitio_store_conn_fini(&p->conn);
}

void xs_peer_forget(struct xs_peer *p)
{
    xs_peer_drain(p);
    p->nr_events = 0;
}

unsigned xs_peer_count(const struct xs_peer *p, const char *path,
                       const char *token)
{
    unsigned n = 0;
    char want[128];

    snprintf(want, sizeof(want), "%s %s", path, token);
    for (unsigned i = 0; i < p->nr_events && i < XS_TALK_EVENTS; i++)
        n += strcmp(p->events[i], want) == 0;
    return n;
}

static void note_event(struct xs_peer *p, const char *body)
{
    if (p->nr_events < XS_TALK_EVENTS)
        snprintf(p->events[p->nr_events], sizeof(p->events[0]), "%.60s %.60s",
                 body, body + strlen(body) + 1);
    p->nr_events++;
}

/* Takes exactly len bytes; false if they are not there. */
static bool take(struct xs_peer *p, void *buf, size_t len)
{
    size_t have = 0;

    while (have < len) {
        int n =
            splitio_store_conn_output(&p->conn, (char *)buf + have, len - have);

        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    return true;
}

/* One message; false if there is none. */
static bool take_message(struct xs_peer *p, struct splitio_xs_msg *head)
{
    char body[SPLITIO_XS_PAYLOAD_MAX + 1];

    if (!take(p, head, sizeof(*head)))
        return false;
    if (head->len > SPLITIO_XS_PAYLOAD_MAX || !take(p, body, head->len))
        abort();
    body[head->len] = '\0';
    if (head->type == SPLITIO_XS_WATCH_EVENT) {
        note_event(p, body);
        return true;
    }
    memcpy(p->reply, body, head->len + 1);
    p->reply_bytes = head->len;
    p->reply_type = head->type;
    return true;
}

void xs_peer_drain(struct xs_peer *p)
{
    struct splitio_xs_msg head;

    while (take_message(p, &head)) {
    }
}

static int result(const struct xs_peer *p, const struct splitio_xs_msg *sent,
                  const struct splitio_xs_msg *head)
{
    if (head->req_id != sent->req_id || head->tx_id != sent->tx_id)
        abort();
    if (head->type == SPLITIO_XS_ERROR)
        return splitio_xs_error_value(p->reply, p->reply_bytes);
    if (head->type != sent->type)
        abort();
    return 0;
}

int xs_talk(struct xs_peer *p, uint32_t type, uint32_t tx_id, const void *body,
            uint32_t len_bytes)
{
    struct splitio_xs_msg head,
        sent = {type, ++p->next_req_id, tx_id, len_bytes};
    int answer = XS_TALK_NO_REPLY, n;

    xs_peer_drain(p);
    n = splitio_store_conn_input(&p->conn, &sent, sizeof(sent));
    if (n >= 0 && len_bytes > 0)
        n = splitio_store_conn_input(&p->conn, body, len_bytes);
    if (n < 0)
        return n;
    while (take_message(p, &head)) {
        if (head.type != SPLITIO_XS_WATCH_EVENT)
            answer = result(p, &sent, &head);
    }
    return answer;
}

int xs_talk_strings(struct xs_peer *p, uint32_t type, uint32_t tx_id,
                    unsigned nr, const char *const *strings)
{
    char body[2 * SPLITIO_XS_PAYLOAD_MAX];
    uint32_t len = 0;

    for (unsigned i = 0; i < nr; i++) {
        size_t n = strlen(strings[i]) + 1;

        if (len + n > sizeof(body))
            abort();
        memcpy(body + len, strings[i], n);
        len += (uint32_t)n;
    }
    return xs_talk(p, type, tx_id, body, len);
}

int xs_write(struct xs_peer *p, uint32_t tx, const char *path,
             const char *value)
{
    char body[2 * SPLITIO_XS_PAYLOAD_MAX];
    int n = snprintf(body, sizeof(body), "%s%c%s", path, 0, value);

    return xs_talk(p, SPLITIO_XS_WRITE, tx, body, (uint32_t)n);
}

int xs_path(struct xs_peer *p, uint32_t type, uint32_t tx, const char *path)
{
    return xs_talk_strings(p, type, tx, 1, &path);
}

int xs_expect(struct xs_peer *p, uint32_t tx, const char *path,
              const char *value)
{
    int err = xs_path(p, SPLITIO_XS_READ, tx, path);

    if (err < 0)
        return err;
    return p->reply_bytes != strlen(value) ||
           memcmp(p->reply, value, p->reply_bytes) != 0;
}

int xs_watch(struct xs_peer *p, const char *path, const char *token)
{
    const char *const s[] = {path, token};

    return xs_talk_strings(p, SPLITIO_XS_WATCH, 0, 2, s);
}

int xs_unwatch(struct xs_peer *p, const char *path, const char *token)
{
    const char *const s[] = {path, token};

    return xs_talk_strings(p, SPLITIO_XS_UNWATCH, 0, 2, s);
}

int xs_perms(struct xs_peer *p, uint32_t tx, const char *path, const char *a,
             const char *b)
{
    const char *const s[] = {path, a, b};

    return xs_talk_strings(p, SPLITIO_XS_SET_PERMS, tx, b ? 3 : 2, s);
}

uint32_t xs_begin(struct xs_peer *p)
{
    if (xs_path(p, SPLITIO_XS_TRANSACTION_START, 0, "") < 0)
        return 0;
    return (uint32_t)strtoul(p->reply, NULL, 10);
}

int xs_end(struct xs_peer *p, uint32_t tx, bool commit)
{
    return xs_path(p, SPLITIO_XS_TRANSACTION_END, tx, commit ? "T" : "F");
}
