/* SPDX-License-Identifier: BSD-2-Clause */
/* Device nodes in the store: see splitio/toolstack.h. */
#include <splitio/toolstack.h>

/* A path under construction; it stays short by construction, and is bounded. */
struct path {
    char text[SPLITIO_TOOLSTACK_PATH_MAX + 64];
    size_t len;
};

static void add_text(struct path *p, const char *text)
{
    size_t len = splitio_xs_strlen(text);

    if (len >= sizeof(p->text) - p->len)
        len = sizeof(p->text) - p->len - 1;
    __builtin_memcpy(p->text + p->len, text, len);
    p->len += len;
    p->text[p->len] = '\0';
}

static void add_number(struct path *p, uint32_t value)
{
    char text[SPLITIO_XS_U32_TEXT_MAX];

    splitio_xs_format_u32(text, value);
    add_text(p, text);
}

static void begin(struct path *p, splitio_domid_t domid)
{
    p->len = splitio_xs_domain_path(p->text, domid);
}

static void front_path(struct path *p,
                       const struct splitio_toolstack_device *dev)
{
    begin(p, dev->front);
    add_text(p, "/device/");
    add_text(p, dev->kind);
    add_text(p, "/");
    add_number(p, dev->devid);
}

static void back_path(struct path *p,
                      const struct splitio_toolstack_device *dev)
{
    begin(p, dev->back);
    add_text(p, "/backend/");
    add_text(p, dev->kind);
    add_text(p, "/");
    add_number(p, dev->front);
    add_text(p, "/");
    add_number(p, dev->devid);
}

static void copy_out(char *to, const struct path *p)
{
    size_t len = p->len < SPLITIO_TOOLSTACK_PATH_MAX
                     ? p->len
                     : SPLITIO_TOOLSTACK_PATH_MAX - 1;

    __builtin_memcpy(to, p->text, len);
    to[len] = '\0';
}

void splitio_toolstack_front_path(const struct splitio_toolstack_device *dev,
                                  char *path)
{
    struct path p;

    front_path(&p, dev);
    copy_out(path, &p);
}

void splitio_toolstack_back_path(const struct splitio_toolstack_device *dev,
                                 char *path)
{
    struct path p;

    back_path(&p, dev);
    copy_out(path, &p);
}

/* Write dir/key. */
static int write_key(struct splitio_store_server *server, struct path *dir,
                     const char *key, const char *value)
{
    size_t len = dir->len;
    int err;

    add_text(dir, "/");
    add_text(dir, key);
    err = splitio_store_server_write_text(server, dir->text, value);
    dir->len = len;
    dir->text[len] = '\0';
    return err;
}

static int write_number(struct splitio_store_server *server, struct path *dir,
                        const char *key, uint32_t value)
{
    char text[SPLITIO_XS_U32_TEXT_MAX];

    splitio_xs_format_u32(text, value);
    return write_key(server, dir, key, text);
}

/* Make a directory that @p owner owns and @p reader may read. */
static int make_dir(struct splitio_store_server *server, const char *path,
                    splitio_domid_t owner, splitio_domid_t reader)
{
    const struct splitio_xs_perm perms[] = {
        {.domid = owner, .access = SPLITIO_XS_PERM_NONE},
        {.domid = reader, .access = SPLITIO_XS_PERM_READ},
    };
    int err = splitio_store_server_mkdir(server, path);

    if (err)
        return err;
    return splitio_store_server_set_perms(server, path, perms,
                                          owner == reader ? 1 : 2);
}

int splitio_toolstack_domain_add(struct splitio_store_server *server,
                                 splitio_domid_t domid, const char *name)
{
    /* Where the guest may write; the halves' errors are under /error. */
    static const char *const own[] = {"/device", "/data",    "/error",
                                      "/attr",   "/drivers", "/feature"};
    struct path p;
    int err;

    begin(&p, domid);
    /* The home itself is domain 0's; what is below belongs to the guest. */
    err = make_dir(server, p.text, 0, domid);
    if (!err)
        err = write_key(server, &p, "name", name);
    if (!err)
        err = write_number(server, &p, "domid", domid);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(own) && !err; i++) {
        begin(&p, domid);
        add_text(&p, own[i]);
        err = make_dir(server, p.text, domid, domid);
    }
    return err;
}

/* One half's directory: names the other, then its own keys, then the state. */
static int add_half(struct splitio_store_server *server, struct path *dir,
                    splitio_domid_t owner, splitio_domid_t other,
                    const char *peer_name, const struct path *peer,
                    const struct splitio_toolstack_key *keys, unsigned nr)
{
    struct path id = {.len = 0};
    int err = make_dir(server, dir->text, owner, other);

    add_text(&id, peer_name);
    add_text(&id, "-id");
    if (!err)
        err = write_key(server, dir, peer_name, peer->text);
    if (!err)
        err = write_number(server, dir, id.text, other);
    for (unsigned i = 0; i < nr && !err; i++)
        err = write_key(server, dir, keys[i].key, keys[i].value);
    if (!err)
        err = write_key(server, dir, "state", "1");
    return err;
}

int splitio_toolstack_device_add(struct splitio_store_server *server,
                                 const struct splitio_toolstack_device *dev,
                                 const struct splitio_toolstack_key *front_keys,
                                 unsigned nr_front,
                                 const struct splitio_toolstack_key *back_keys,
                                 unsigned nr_back)
{
    struct path front, back;
    const void *value;
    size_t len;
    int err;

    front_path(&front, dev);
    back_path(&back, dev);
    if (splitio_store_server_read(server, front.text, &value, &len) !=
        SPLITIO_ENOENT)
        return SPLITIO_EEXIST;
    err = add_half(server, &back, dev->back, dev->front, "frontend", &front,
                   back_keys, nr_back);
    if (!err)
        err = write_key(server, &back, "online", "1");
    if (!err)
        err = add_half(server, &front, dev->front, dev->back, "backend", &back,
                       front_keys, nr_front);
    if (err)
        splitio_toolstack_device_remove(server, dev);
    return err;
}

int splitio_toolstack_device_unplug(struct splitio_store_server *server,
                                    const struct splitio_toolstack_device *dev)
{
    struct path back;
    const void *value;
    size_t len;
    int err;

    back_path(&back, dev);
    err = splitio_store_server_read(server, back.text, &value, &len);
    if (err)
        return err;
    err = write_key(server, &back, "online", "0");
    return err ? err : write_key(server, &back, "state", "5");
}

/* Remove a path, and the directory above it if that is empty then: or each
 * guest that ever was would leave one. */
static void remove_half(struct splitio_store_server *server, struct path *p)
{
    (void)splitio_store_server_rm(server, p->text);
    while (p->len > 0 && p->text[--p->len] != '/')
        ;
    p->text[p->len] = '\0';
    (void)splitio_store_server_rm_empty(server, p->text);
}

void splitio_toolstack_device_remove(struct splitio_store_server *server,
                                     const struct splitio_toolstack_device *dev)
{
    struct path p;

    front_path(&p, dev);
    remove_half(server, &p);
    back_path(&p, dev);
    remove_half(server, &p);
}
