/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: DIRECTORY and DIRECTORY_PART. */
#include "server_int.h"

/* A list of names being written to a reply. */
struct listing {
    char *reply;
    size_t reply_bytes;
    size_t skip_bytes; /* of the list, before the part that is wanted */
};

/* Non-zero ends the list: the name does not fit. */
static int add_name(void *ctx, const char *name, uint32_t name_bytes)
{
    struct listing *l = ctx;
    size_t from = l->skip_bytes, len = name_bytes + 1u;

    if (from >= len) {
        l->skip_bytes -= len;
        return 0;
    }
    if (len - from > SPLITIO_XS_PAYLOAD_MAX - l->reply_bytes)
        return SPLITIO_E2BIG;
    __builtin_memcpy(l->reply + l->reply_bytes, name + from, name_bytes - from);
    l->reply_bytes += len - from;
    l->reply[l->reply_bytes - 1] = '\0';
    l->skip_bytes = 0;
    return 0;
}

static int look(struct store_request *r, const char *text,
                struct store_look *found)
{
    int err = splitio_xsd_request_path(r, text, splitio_xs_strlen(text), 0);

    return err < 0 ? err
                   : splitio_xsd_node_op_get(&r->view, r->view.s->path,
                                             SPLITIO_XS_PERM_READ, found);
}

int splitio_xsd_do_directory(struct store_request *r)
{
    struct listing l = {.reply = r->reply};
    struct store_look found;
    const char *text;
    int err = splitio_xsd_request_strings(r, &text, 1);

    if (err == 0)
        err = look(r, text, &found);
    if (err == 0)
        err = splitio_xsd_view_list(&r->view, &found, add_name, &l);
    r->reply_bytes = (uint32_t)l.reply_bytes;
    return err;
}

/* The last part of a list ends in an empty name. */
int splitio_xsd_do_directory_part(struct store_request *r)
{
    struct listing l = {.reply = r->reply};
    struct store_look found;
    const char *strings[2];
    uint32_t skip;
    int err = splitio_xsd_request_strings(r, strings, 2);

    if (err == 0)
        err = splitio_xs_parse_u32(strings[1], splitio_xs_strlen(strings[1]),
                                   &skip);
    if (err == 0)
        err = look(r, strings[0], &found);
    if (err < 0)
        return err;
    l.skip_bytes = skip;
    l.reply_bytes = splitio_xs_format_u64(
                        r->reply, splitio_xsd_view_child_gen(&found.spot)) +
                    1;
    err = splitio_xsd_view_list(&r->view, &found, add_name, &l);
    if (err == 0 && l.skip_bytes > 0)
        return SPLITIO_EINVAL;
    if (err == 0 && l.reply_bytes < SPLITIO_XS_PAYLOAD_MAX)
        r->reply[l.reply_bytes++] = '\0';
    r->reply_bytes = (uint32_t)l.reply_bytes;
    return 0;
}
