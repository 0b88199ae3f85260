/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: from a request to its handler, and the reply's frame. */
#include "server_int.h"

/* What a message type asks for. */
struct handler {
    int (*run)(struct store_request *r);
    bool privileged; /* domain 0 only */
    bool in_tx;      /* tx_id means something */
};

static const struct handler handlers[SPLITIO_XS_TYPE_COUNT] = {
    [SPLITIO_XS_CONTROL] = {splitio_xsd_do_control, true, false},
    [SPLITIO_XS_DIRECTORY] = {splitio_xsd_do_directory, false, true},
    [SPLITIO_XS_READ] = {splitio_xsd_do_read, false, true},
    [SPLITIO_XS_GET_PERMS] = {splitio_xsd_do_get_perms, false, true},
    [SPLITIO_XS_WATCH] = {splitio_xsd_do_watch, false, false},
    [SPLITIO_XS_UNWATCH] = {splitio_xsd_do_unwatch, false, false},
    [SPLITIO_XS_TRANSACTION_START] = {splitio_xsd_do_transaction_start, false,
                                      true},
    [SPLITIO_XS_TRANSACTION_END] = {splitio_xsd_do_transaction_end, false,
                                    true},
    [SPLITIO_XS_INTRODUCE] = {splitio_xsd_do_introduce, true, false},
    [SPLITIO_XS_RELEASE] = {splitio_xsd_do_release, true, false},
    [SPLITIO_XS_GET_DOMAIN_PATH] = {splitio_xsd_do_get_domain_path, false,
                                    false},
    [SPLITIO_XS_WRITE] = {splitio_xsd_do_write, false, true},
    [SPLITIO_XS_MKDIR] = {splitio_xsd_do_mkdir, false, true},
    [SPLITIO_XS_RM] = {splitio_xsd_do_rm, false, true},
    [SPLITIO_XS_SET_PERMS] = {splitio_xsd_do_set_perms, false, true},
    [SPLITIO_XS_IS_DOMAIN_INTRODUCED] = {splitio_xsd_do_is_domain_introduced,
                                         false, false},
    [SPLITIO_XS_RESUME] = {splitio_xsd_do_resume, true, false},
    [SPLITIO_XS_SET_TARGET] = {splitio_xsd_do_set_target, true, false},
    [SPLITIO_XS_RESET_WATCHES] = {splitio_xsd_do_reset_watches, false, false},
    [SPLITIO_XS_GET_FEATURE] = {splitio_xsd_do_get_feature, false, false},
    [SPLITIO_XS_SET_FEATURE] = {splitio_xsd_do_set_feature, true, false},
    [SPLITIO_XS_GET_QUOTA] = {splitio_xsd_do_get_quota, true, false},
    [SPLITIO_XS_SET_QUOTA] = {splitio_xsd_do_set_quota, true, false},
    [SPLITIO_XS_DIRECTORY_PART] = {splitio_xsd_do_directory_part, false, true},
};

static int run(struct store_request *r, const struct splitio_xs_msg *head)
{
    const struct handler *h;

    if (head->type >= SPLITIO_XS_TYPE_COUNT || !handlers[head->type].run)
        return SPLITIO_EOPNOTSUPP;
    h = &handlers[head->type];
    if (h->privileged && !is_priv(r->view.who))
        return SPLITIO_EACCES;
    if (h->in_tx && head->tx_id != 0) {
        r->view.tx = splitio_xsd_tx_find(r->conn, head->tx_id);
        if (!r->view.tx)
            return SPLITIO_ENOENT;
    }
    return h->run(r);
}

static void reply_text(struct store_request *r, const char *text)
{
    r->reply_bytes = (uint32_t)splitio_xs_strlen(text) + 1;
    __builtin_memcpy(r->reply, text, r->reply_bytes);
}

void splitio_xsd_request_run(struct splitio_store_conn *conn)
{
    struct splitio_store_server *s = conn->server;
    struct store_request r = {
        .conn = conn,
        .view = {s, NULL, conn->domain},
        .body = conn->in,
        .len_bytes = conn->in_head.len,
        .reply = conn->out,
    };
    int err;

    conn->out_head = conn->in_head;
    reply_text(&r, "OK");
    s->cause = conn->domain;
    err = run(&r, &conn->in_head);
    s->cause = NULL;
    if (err < 0) {
        conn->out_head.type = SPLITIO_XS_ERROR;
        reply_text(&r,
                   err == STORE_EPERM ? "EPERM" : splitio_xs_error_name(err));
    }
    conn->in_bytes = 0;
    conn->out_head.len = r.reply_bytes;
    conn->out_bytes = (uint32_t)sizeof(conn->out_head) + r.reply_bytes;
    conn->out_start = 0;
    if (conn->page)
        conn->out_head = splitio_xs_msg_le(conn->out_head);
}

SPLITIO_STATIC_ASSERT(SPLITIO_XS_DOMAIN_PATH_MAX + SPLITIO_XS_REL_PATH_MAX <=
                          PATH_MAX_BYTES,
                      "a relative path fits when it is made absolute");

int splitio_xsd_request_path(struct store_request *r, const char *text,
                             size_t len_bytes, unsigned flags)
{
    char *path = r->conn->server->path;
    size_t skip = 0;

    if (splitio_xs_path_check(text, len_bytes,
                              flags | SPLITIO_XS_PATH_RELATIVE) < 0)
        return SPLITIO_EINVAL;
    if (text[0] != '/' && text[0] != '@') {
        skip = splitio_xs_domain_path(path, r->conn->domain->id);
        path[skip++] = '/';
    }
    __builtin_memcpy(path + skip, text, len_bytes);
    path[skip + len_bytes] = '\0';
    return (int)skip;
}

int splitio_xsd_request_strings(const struct store_request *r,
                                const char **strings, unsigned nr)
{
    return splitio_xs_strings(r->body, r->len_bytes, strings, nr) == (int)nr
               ? 0
               : SPLITIO_EINVAL;
}

int splitio_xsd_request_domid(const char *text, splitio_domid_t *domid)
{
    uint32_t id;

    if (splitio_xs_parse_u32(text, splitio_xs_strlen(text), &id) < 0 ||
        id == 0 || id >= SPLITIO_DOMID_FIRST_RESERVED)
        return SPLITIO_EINVAL;
    *domid = (splitio_domid_t)id;
    return 0;
}
