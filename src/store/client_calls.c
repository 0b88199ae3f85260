/* SPDX-License-Identifier: BSD-2-Clause */
/* Store client: the requests by name. */
#include <splitio/store.h>

/* A request whose payload is a path and one more piece. */
static int submit_path(struct splitio_store *store,
                       struct splitio_store_call *call, uint32_t type,
                       uint32_t tx_id, const char *path, const void *more,
                       size_t len_bytes)
{
    struct splitio_store_part parts[2] = {{path, 0}, {more, len_bytes}};
    size_t path_bytes = splitio_xs_strlen(path);
    unsigned flags = SPLITIO_XS_PATH_RELATIVE;

    if (type == SPLITIO_XS_GET_PERMS || type == SPLITIO_XS_SET_PERMS)
        flags |= SPLITIO_XS_PATH_SPECIAL;
    if (splitio_xs_path_check(path, path_bytes, flags) < 0)
        return SPLITIO_EINVAL;
    parts[0].len_bytes = path_bytes + 1;
    return splitio_store_submit(store, call, type, tx_id, parts,
                                len_bytes > 0 ? 2 : 1);
}

int splitio_store_read(struct splitio_store *store,
                       struct splitio_store_call *call, uint32_t tx_id,
                       const char *path)
{
    return submit_path(store, call, SPLITIO_XS_READ, tx_id, path, NULL, 0);
}

int splitio_store_write(struct splitio_store *store,
                        struct splitio_store_call *call, uint32_t tx_id,
                        const char *path, const void *value, size_t len_bytes)
{
    return submit_path(store, call, SPLITIO_XS_WRITE, tx_id, path, value,
                       len_bytes);
}

int splitio_store_mkdir(struct splitio_store *store,
                        struct splitio_store_call *call, uint32_t tx_id,
                        const char *path)
{
    return submit_path(store, call, SPLITIO_XS_MKDIR, tx_id, path, NULL, 0);
}

int splitio_store_rm(struct splitio_store *store,
                     struct splitio_store_call *call, uint32_t tx_id,
                     const char *path)
{
    return submit_path(store, call, SPLITIO_XS_RM, tx_id, path, NULL, 0);
}

int splitio_store_directory(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path)
{
    return submit_path(store, call, SPLITIO_XS_DIRECTORY, tx_id, path, NULL, 0);
}

int splitio_store_get_perms(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path)
{
    return submit_path(store, call, SPLITIO_XS_GET_PERMS, tx_id, path, NULL, 0);
}

int splitio_store_set_perms(struct splitio_store *store,
                            struct splitio_store_call *call, uint32_t tx_id,
                            const char *path,
                            const struct splitio_xs_perm *perms,
                            unsigned nr_perms)
{
    char text[64 * SPLITIO_XS_PERM_TEXT_MAX];
    size_t len = 0;

    if (nr_perms == 0)
        return SPLITIO_EINVAL;
    if (nr_perms > 64)
        return SPLITIO_E2BIG;
    for (unsigned i = 0; i < nr_perms; i++)
        len += splitio_xs_format_perm(text + len, &perms[i]) + 1;
    return submit_path(store, call, SPLITIO_XS_SET_PERMS, tx_id, path, text,
                       len);
}

int splitio_store_tx_start(struct splitio_store *store,
                           struct splitio_store_call *call)
{
    struct splitio_store_part part = {"", 1};

    return splitio_store_submit(store, call, SPLITIO_XS_TRANSACTION_START, 0,
                                &part, 1);
}

int splitio_store_tx_end(struct splitio_store *store,
                         struct splitio_store_call *call, uint32_t tx_id,
                         bool commit)
{
    struct splitio_store_part part = {commit ? "T" : "F", 2};

    return splitio_store_submit(store, call, SPLITIO_XS_TRANSACTION_END, tx_id,
                                &part, 1);
}
