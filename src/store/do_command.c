/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: CONTROL, commands to the server itself. */
#include "server_int.h"

#define WORDS_MAX 16u

/* A line of help is a name and what goes with it. */
static void reply_line(struct store_request *r, const char *text)
{
    uint32_t len = (uint32_t)splitio_xs_strlen(text);

    __builtin_memcpy(r->reply + r->reply_bytes, text, len);
    r->reply_bytes += len;
    r->reply[r->reply_bytes++] = '\n';
}

static int help(struct store_request *r)
{
    r->reply_bytes = 0;
    reply_line(r, "check");
    reply_line(r, "help");
    reply_line(r, "print <text>");
    r->reply[r->reply_bytes - 1] = '\0';
    return 0;
}

/* What xenstore-control's "check" asks for: is the tree in order? */
static int check(struct store_request *r)
{
    return splitio_store_server_is_valid(r->view.s) ? 0 : SPLITIO_EIO;
}

static int print(struct store_request *r, const char *text)
{
    const struct splitio_store_server_config *config = &r->view.s->config;

    if (!config->ops || !config->ops->print)
        return SPLITIO_EOPNOTSUPP;
    config->ops->print(config->ctx, text);
    return 0;
}

int splitio_xsd_do_control(struct store_request *r)
{
    const char *words[WORDS_MAX];
    int n = splitio_xs_strings(r->body, r->len_bytes, words, WORDS_MAX);

    if (n < 1)
        return SPLITIO_EINVAL;
    if (n == 1 && splitio_xs_streq(words[0], "help"))
        return help(r);
    if (n == 1 && splitio_xs_streq(words[0], "check"))
        return check(r);
    if (n == 2 && splitio_xs_streq(words[0], "print"))
        return print(r, words[1]);
    return SPLITIO_EINVAL;
}
