/* SPDX-License-Identifier: BSD-2-Clause */
/* Questions to the store whose answer is waited for. */
#include "unikernel.h"

struct question {
    struct splitio_store_call call;
    char *to;
    size_t bytes;
};

static void on_answer(struct splitio_store_call *call, int status,
                      const char *body, size_t len_bytes)
{
    struct question *q = SPLITIO_CONTAINER_OF(call, struct question, call);

    if (status || q->bytes == 0)
        return;
    if (len_bytes >= q->bytes)
        len_bytes = q->bytes - 1;
    __builtin_memcpy(q->to, body, len_bytes);
    q->to[len_bytes] = '\0';
}

static int wait(struct splitio_baremetal *bm, struct question *q, int err)
{
    return err ? err
               : splitio_store_wait(splitio_baremetal_store(bm), &q->call,
                                    splitio_baremetal_wait_store, bm);
}

int ask(struct splitio_baremetal *bm, const char *path, char *to, size_t bytes)
{
    struct question q = {.call.done = on_answer, .to = to, .bytes = bytes};

    return wait(
        bm, &q,
        splitio_store_read(splitio_baremetal_store(bm), &q.call, 0, path));
}

int ask_write(struct splitio_baremetal *bm, const char *path, const char *text)
{
    struct question q = {.call.done = on_answer};
    uint32_t len = 0;

    while (text[len])
        len++;
    return wait(bm, &q,
                splitio_store_write(splitio_baremetal_store(bm), &q.call, 0,
                                    path, text, len));
}

static void join(char *to, size_t bytes, const char *const *parts, unsigned nr)
{
    size_t len = 0;

    for (unsigned i = 0; i < nr; i++)
        for (const char *c = parts[i]; *c && len < bytes - 1; c++)
            to[len++] = *c;
    to[len] = '\0';
}

/* Names of a directory come one after the other, each with its NUL. */
int ask_device(struct splitio_baremetal *bm, const char *kind,
               char dir[SPLITIO_XENBUS_DIR_MAX])
{
    char domid[8], names[64], path[32];
    const char *const of_kind[] = {"device/", kind};
    const char *const whole[] = {
        "/local/domain/", domid, "/", path, "/", names};
    struct question q = {
        .call.done = on_answer, .to = names, .bytes = sizeof(names)};
    int err = ask(bm, "domid", domid, sizeof(domid));

    if (err)
        return err;
    join(path, sizeof(path), of_kind, SPLITIO_ARRAY_LEN(of_kind));
    err = wait(
        bm, &q,
        splitio_store_directory(splitio_baremetal_store(bm), &q.call, 0, path));
    if (!err && names[0] == '\0')
        err = SPLITIO_ENOENT;
    if (!err)
        join(dir, SPLITIO_XENBUS_DIR_MAX, whole, SPLITIO_ARRAY_LEN(whole));
    return err;
}
