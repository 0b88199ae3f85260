/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: GET and SET of FEATURE and QUOTA. */
#include "server_int.h"

/* The strings of the payload; one that is empty is none. */
static int some_strings(const struct store_request *r, const char **strings,
                        unsigned max)
{
    int n = splitio_xs_strings(r->body, r->len_bytes, strings, max);

    if (n == 1 && strings[0][0] == '\0')
        return 0;
    return n < 0 ? SPLITIO_EINVAL : n;
}

static void reply_u32(struct store_request *r, uint32_t value)
{
    r->reply_bytes = (uint32_t)splitio_xs_format_u32(r->reply, value) + 1;
}

static int parse_u32(const char *text, uint32_t *value)
{
    return splitio_xs_parse_u32(text, splitio_xs_strlen(text), value);
}

/* The account that a request names, made if need be. */
static int named_domain(const struct store_request *r, const char *text,
                        struct splitio_store_domain **d)
{
    splitio_domid_t id;
    int err = splitio_xsd_request_domid(text, &id);

    if (err < 0)
        return err;
    *d = splitio_xsd_domain_get(r->view.s, id);
    return *d ? 0 : SPLITIO_ENOMEM;
}

int splitio_xsd_do_get_feature(struct store_request *r)
{
    struct splitio_store_domain *d = r->conn->domain;
    const char *text;
    int n = some_strings(r, &text, 1);

    if (n == 1 && !is_priv(d))
        return SPLITIO_EACCES;
    if (n == 1)
        n = named_domain(r, text, &d);
    if (n < 0)
        return n;
    reply_u32(r, d->features);
    splitio_xsd_domain_tidy(r->view.s, d);
    return 0;
}

int splitio_xsd_do_set_feature(struct store_request *r)
{
    struct splitio_store_domain *d = NULL;
    const char *strings[2];
    uint32_t features;
    int err = splitio_xsd_request_strings(r, strings, 2);

    if (err == 0)
        err = parse_u32(strings[1], &features);
    if (err == 0 && (features & ~(uint32_t)FEATURES))
        err = SPLITIO_EINVAL;
    if (err == 0)
        err = named_domain(r, strings[0], &d);
    if (err < 0)
        return err;
    if (d->introduced)
        return SPLITIO_EBUSY;
    d->features = features;
    d->configured = true;
    return 0;
}

/* --- quotas: on the wire 0 is "no bound", here UINT32_MAX is ------------ */

static const struct {
    const char *name;
    size_t offset;
} quotas[] = {
    {"nodes", offsetof(struct splitio_store_quota, nodes)},
    {"watches", offsetof(struct splitio_store_quota, watches)},
    {"outstanding", offsetof(struct splitio_store_quota, outstanding)},
    {"transactions", offsetof(struct splitio_store_quota, transactions)},
    {"transaction-nodes", offsetof(struct splitio_store_quota, tx_nodes)},
    {"node-size", offsetof(struct splitio_store_quota, node_bytes)},
    {"node-permissions", offsetof(struct splitio_store_quota, perms)},
    {"memory", offsetof(struct splitio_store_quota, memory_bytes)},
    {"watch-events", offsetof(struct splitio_store_quota, events)},
};

static uint32_t *find_quota(struct splitio_store_quota *q, const char *name)
{
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(quotas); i++) {
        if (splitio_xs_streq(quotas[i].name, name))
            return (uint32_t *)(void *)((char *)q + quotas[i].offset);
    }
    return NULL;
}

static void reply_names(struct store_request *r)
{
    r->reply_bytes = 0;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(quotas); i++) {
        size_t len = splitio_xs_strlen(quotas[i].name);

        __builtin_memcpy(r->reply + r->reply_bytes, quotas[i].name, len);
        r->reply_bytes += (uint32_t)len + 1;
        r->reply[r->reply_bytes - 1] = ' ';
    }
    r->reply[r->reply_bytes - 1] = '\0';
}

int splitio_xsd_do_get_quota(struct store_request *r)
{
    struct splitio_store_domain *d = NULL;
    const char *strings[2];
    const uint32_t *quota;
    int n = some_strings(r, strings, 2), err = 0;

    if (n == 0)
        reply_names(r);
    if (n == 2)
        err = named_domain(r, strings[0], &d);
    if (n <= 0 || err < 0)
        return n < 0 ? n : err;
    quota =
        find_quota(d ? &d->quota : &r->view.s->config.quota, strings[n - 1]);
    if (quota)
        reply_u32(r, *quota == UINT32_MAX ? 0 : *quota);
    if (d)
        splitio_xsd_domain_tidy(r->view.s, d);
    return quota ? 0 : SPLITIO_EINVAL;
}

int splitio_xsd_do_set_quota(struct store_request *r)
{
    struct splitio_store_domain *d = NULL;
    const char *strings[3];
    uint32_t value, *quota;
    int n = some_strings(r, strings, 3), err = 0;

    if (n < 2 || parse_u32(strings[n - 1], &value) < 0 ||
        !find_quota(&r->view.s->config.quota, strings[n - 2]))
        return SPLITIO_EINVAL;
    if (n == 3)
        err = named_domain(r, strings[0], &d);
    if (err < 0)
        return err;
    if (d)
        d->configured = true;
    quota =
        find_quota(d ? &d->quota : &r->view.s->config.quota, strings[n - 2]);
    *quota = value == 0 ? UINT32_MAX : value;
    splitio_xsd_conn_wake_all(r->view.s);
    return 0;
}
