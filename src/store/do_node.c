/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: requests that change nodes, and the embedder's calls. */
#include "server_int.h"

/* Whether a path that leads nowhere may be told so. */
static int absent(const struct store_view *v, const struct store_look *look,
                  unsigned access)
{
    return (splitio_xsd_version_access(look->ver, v->who) & access) == access
               ? SPLITIO_ENOENT
               : SPLITIO_EACCES;
}

int splitio_xsd_node_op_get(const struct store_view *v, const char *path,
                            unsigned access, struct store_look *look)
{
    int err = splitio_xsd_view_look(v, path, look);

    if (err < 0)
        return err;
    if (!look->found)
        return absent(v, look, access);
    return (splitio_xsd_version_access(look->ver, v->who) & access) == access
               ? 0
               : SPLITIO_EACCES;
}

int splitio_xsd_node_op_write(const struct store_view *v, const char *path,
                              struct store_value value)
{
    struct store_version *ver;
    struct store_look look;
    int err = splitio_xsd_node_op_get(v, path, SPLITIO_XS_PERM_WRITE, &look);

    if (err == SPLITIO_ENOENT && path[0] == '/')
        return splitio_xsd_view_create(v, &look, value, path);
    if (err < 0)
        return err;
    err = splitio_xsd_version_new(v->s, &ver, v->who, look.ver->perms,
                                  look.ver->nr_perms, value, look.name_bytes);
    if (err == 0)
        splitio_xsd_view_set(v, &look, ver, path);
    return err;
}

int splitio_xsd_node_op_mkdir(const struct store_view *v, const char *path)
{
    struct store_value none = {NULL, 0};
    struct store_look look;
    int err = splitio_xsd_node_op_get(v, path, SPLITIO_XS_PERM_WRITE, &look);

    return err == SPLITIO_ENOENT ? splitio_xsd_view_create(v, &look, none, path)
                                 : err;
}

int splitio_xsd_node_op_rm(const struct store_view *v, const char *path)
{
    struct store_look look;
    int err;

    if (splitio_xs_streq(path, "/"))
        return SPLITIO_EINVAL;
    err = splitio_xsd_node_op_get(v, path, SPLITIO_XS_PERM_WRITE, &look);
    if (err == SPLITIO_ENOENT && look.nr_missing == 1)
        return 0; /* its parent is there, so it is as asked for */
    if (err == 0)
        splitio_xsd_view_remove(v, &look, path);
    return err;
}

int splitio_xsd_node_op_set_perms(const struct store_view *v, const char *path,
                                  const struct splitio_xs_perm *perms,
                                  uint32_t nr_perms)
{
    struct store_version *ver;
    struct store_look look;
    int err = splitio_xsd_node_op_get(v, path, SPLITIO_XS_PERM_WRITE, &look);

    if (err < 0)
        return err;
    if (!splitio_xsd_version_is_owned_by(look.ver, v->who))
        return SPLITIO_EACCES;
    if (!is_priv(v->who) && perms[0].domid != look.ver->perms[0].domid)
        return STORE_EPERM;
    err = splitio_xsd_version_new(v->s, &ver, v->who, perms, nr_perms,
                                  splitio_xsd_version_value(look.ver),
                                  look.name_bytes);
    if (err == 0)
        splitio_xsd_view_set(v, &look, ver, path);
    return err;
}

/* --- requests ---------------------------------------------------------- */

/* The payload must be one path. */
static int one_path(struct store_request *r, unsigned flags)
{
    const char *text;
    int err = splitio_xsd_request_strings(r, &text, 1);

    if (err == 0)
        err = splitio_xsd_request_path(r, text, r->len_bytes - 1, flags);
    return err < 0 ? err : 0;
}

int splitio_xsd_do_read(struct store_request *r)
{
    struct store_value value;
    struct store_look look;
    int err = one_path(r, 0);

    if (err == 0)
        err = splitio_xsd_node_op_get(&r->view, r->view.s->path,
                                      SPLITIO_XS_PERM_READ, &look);
    if (err < 0)
        return err;
    value = splitio_xsd_version_value(look.ver);
    if (value.len_bytes > SPLITIO_XS_PAYLOAD_MAX)
        return SPLITIO_E2BIG; /* the embedder's own */
    __builtin_memcpy(r->reply, value.bytes, value.len_bytes);
    r->reply_bytes = (uint32_t)value.len_bytes;
    return 0;
}

int splitio_xsd_do_write(struct store_request *r)
{
    struct store_value value;
    size_t path_bytes = 0;
    int err;

    while (path_bytes < r->len_bytes && r->body[path_bytes] != '\0')
        path_bytes++;
    if (path_bytes == r->len_bytes)
        return SPLITIO_EINVAL;
    err = splitio_xsd_request_path(r, r->body, path_bytes, 0);
    if (err < 0)
        return err;
    value.bytes = r->body + path_bytes + 1;
    value.len_bytes = r->len_bytes - path_bytes - 1;
    return splitio_xsd_node_op_write(&r->view, r->view.s->path, value);
}

int splitio_xsd_do_mkdir(struct store_request *r)
{
    int err = one_path(r, 0);

    return err < 0 ? err : splitio_xsd_node_op_mkdir(&r->view, r->view.s->path);
}

int splitio_xsd_do_rm(struct store_request *r)
{
    int err = one_path(r, 0);

    return err < 0 ? err : splitio_xsd_node_op_rm(&r->view, r->view.s->path);
}

int splitio_xsd_do_set_perms(struct store_request *r)
{
    struct splitio_xs_perm perms[PERMS_MAX];
    const char *strings[PERMS_MAX + 1];
    int n = splitio_xs_strings(r->body, r->len_bytes, strings, PERMS_MAX + 1);
    int err;

    if (n == SPLITIO_E2BIG)
        return SPLITIO_ENOSPC;
    if (n < 2)
        return SPLITIO_EINVAL;
    for (int i = 1; i < n; i++) {
        if (splitio_xs_parse_perm(strings[i], &perms[i - 1]) < 0)
            return SPLITIO_EINVAL;
    }
    err = splitio_xsd_request_path(r, strings[0], splitio_xs_strlen(strings[0]),
                                   SPLITIO_XS_PATH_SPECIAL);
    if (err < 0)
        return err;
    return splitio_xsd_node_op_set_perms(&r->view, r->view.s->path, perms,
                                         (uint32_t)n - 1);
}

int splitio_xsd_do_get_perms(struct store_request *r)
{
    struct store_look look;
    int err = one_path(r, SPLITIO_XS_PATH_SPECIAL);

    if (err == 0)
        err = splitio_xsd_node_op_get(&r->view, r->view.s->path,
                                      SPLITIO_XS_PERM_READ, &look);
    if (err < 0)
        return err;
    r->reply_bytes = 0;
    for (uint32_t i = 0; i < look.ver->nr_perms; i++)
        r->reply_bytes += (uint32_t)splitio_xs_format_perm(
                              r->reply + r->reply_bytes, &look.ver->perms[i]) +
                          1;
    return 0;
}
