/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: requests about watches, transactions and domains. */
#include "server_int.h"

static void reply_text(struct store_request *r, const char *text)
{
    r->reply_bytes = (uint32_t)splitio_xs_strlen(text) + 1;
    __builtin_memcpy(r->reply, text, r->reply_bytes);
}

int splitio_xsd_do_watch(struct store_request *r)
{
    const char *strings[3];
    int n = splitio_xs_strings(r->body, r->len_bytes, strings, 3), skip;
    uint32_t depth = UINT32_MAX; /* none, as -1 */

    if (n == 3 && (r->conn->domain->features & SPLITIO_XS_FEATURE_WATCHDEPTH)) {
        if (splitio_xs_parse_u32(strings[2], splitio_xs_strlen(strings[2]),
                                 &depth) < 0 ||
            depth > INT32_MAX)
            return SPLITIO_EINVAL;
    } else if (n != 2) {
        return SPLITIO_EINVAL;
    }
    skip = splitio_xsd_request_path(
        r, strings[0], splitio_xs_strlen(strings[0]), SPLITIO_XS_PATH_SPECIAL);
    if (skip < 0)
        return skip;
    return splitio_xsd_watch_add(r->conn, r->view.s->path, (uint32_t)skip,
                                 strings[1], (int32_t)depth);
}

int splitio_xsd_do_unwatch(struct store_request *r)
{
    const char *strings[2];
    int err = splitio_xsd_request_strings(r, strings, 2);

    if (err == 0)
        err = splitio_xsd_request_path(r, strings[0],
                                       splitio_xs_strlen(strings[0]),
                                       SPLITIO_XS_PATH_SPECIAL);
    if (err < 0)
        return err;
    return splitio_xsd_watch_remove(r->conn, r->view.s->path, strings[1]);
}

int splitio_xsd_do_reset_watches(struct store_request *r)
{
    splitio_xsd_watch_remove_all(r->conn);
    splitio_xsd_tx_close_all(r->conn);
    return 0;
}

int splitio_xsd_do_transaction_start(struct store_request *r)
{
    uint32_t id;
    int err;

    if (r->view.tx)
        return SPLITIO_EBUSY;
    err = splitio_xsd_tx_start(r->conn, &id);
    if (err == 0)
        r->reply_bytes = (uint32_t)splitio_xs_format_u32(r->reply, id) + 1;
    return err;
}

int splitio_xsd_do_transaction_end(struct store_request *r)
{
    const char *text;
    int err = splitio_xsd_request_strings(r, &text, 1);

    if (err == 0 && !splitio_xs_streq(text, "T") &&
        !splitio_xs_streq(text, "F"))
        err = SPLITIO_EINVAL;
    if (err == 0 && !r->view.tx)
        err = SPLITIO_ENOENT;
    return err < 0 ? err : splitio_xsd_tx_end(r->view.tx, text[0] == 'T');
}

/* --- domains ----------------------------------------------------------- */

/* The payload is a guest's id, and what else it must have. */
static int one_domid(const struct store_request *r, splitio_domid_t *domid)
{
    const char *text;
    int err = splitio_xsd_request_strings(r, &text, 1);

    return err < 0 ? err : splitio_xsd_request_domid(text, domid);
}

static struct splitio_store_domain *introduced(const struct store_request *r,
                                               splitio_domid_t id)
{
    struct splitio_store_domain *d = splitio_xsd_domain_find(r->view.s, id);

    return d && d->introduced ? d : NULL;
}

int splitio_xsd_do_introduce(struct store_request *r)
{
    const struct splitio_store_server_config *config = &r->view.s->config;
    const char *strings[3];
    splitio_domid_t id;
    uint64_t gfn;
    uint32_t port;
    int err = splitio_xsd_request_strings(r, strings, 3);

    if (err == 0)
        err = splitio_xsd_request_domid(strings[0], &id);
    if (err == 0)
        err = splitio_xs_parse_u64(strings[1], splitio_xs_strlen(strings[1]),
                                   &gfn);
    if (err == 0)
        err = splitio_xs_parse_u32(strings[2], splitio_xs_strlen(strings[2]),
                                   &port);
    if (err == 0 && config->ops && config->ops->introduce)
        err = config->ops->introduce(config->ctx, id, gfn, port);
    return err < 0 ? err : splitio_xsd_domain_introduce(r->view.s, id);
}

int splitio_xsd_do_release(struct store_request *r)
{
    const struct splitio_store_server_config *config = &r->view.s->config;
    splitio_domid_t id;
    int err = one_domid(r, &id);

    if (err == 0 && !introduced(r, id))
        err = SPLITIO_ENOENT;
    if (err < 0)
        return err;
    splitio_xsd_domain_release(r->view.s, id);
    if (config->ops && config->ops->release)
        config->ops->release(config->ctx, id);
    return 0;
}

int splitio_xsd_do_resume(struct store_request *r)
{
    splitio_domid_t id;
    int err = one_domid(r, &id);

    return err == 0 && !introduced(r, id) ? SPLITIO_ENOENT : err;
}

int splitio_xsd_do_set_target(struct store_request *r)
{
    struct splitio_store_domain *d;
    const char *strings[2];
    splitio_domid_t id, target;
    int err = splitio_xsd_request_strings(r, strings, 2);

    if (err == 0)
        err = splitio_xsd_request_domid(strings[0], &id);
    if (err == 0)
        err = splitio_xsd_request_domid(strings[1], &target);
    if (err < 0)
        return err;
    d = introduced(r, id);
    if (!d || !introduced(r, target))
        return SPLITIO_ENOENT;
    d->has_target = true;
    d->target = target;
    return 0;
}

int splitio_xsd_do_is_domain_introduced(struct store_request *r)
{
    const char *text;
    uint32_t id;
    int err = splitio_xsd_request_strings(r, &text, 1);

    if (err == 0)
        err = splitio_xs_parse_u32(text, splitio_xs_strlen(text), &id);
    if (err < 0 || id > UINT16_MAX)
        return SPLITIO_EINVAL;
    reply_text(r, id == 0 || introduced(r, (splitio_domid_t)id) ? "T" : "F");
    return 0;
}

int splitio_xsd_do_get_domain_path(struct store_request *r)
{
    const char *text;
    uint32_t id;
    int err = splitio_xsd_request_strings(r, &text, 1);

    if (err == 0)
        err = splitio_xs_parse_u32(text, splitio_xs_strlen(text), &id);
    if (err < 0 || id > UINT16_MAX)
        return SPLITIO_EINVAL;
    r->reply_bytes =
        (uint32_t)splitio_xs_domain_path(r->reply, (splitio_domid_t)id) + 1;
    return 0;
}
