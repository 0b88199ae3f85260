/* SPDX-License-Identifier: BSD-2-Clause */
/* Store server: versions of nodes, and who may do what with them. */
#include "server_int.h"

static size_t version_bytes(uint32_t nr_perms, size_t value_bytes)
{
    return sizeof(struct store_version) +
           nr_perms * sizeof(struct splitio_xs_perm) + value_bytes;
}

static int check_quota(const struct splitio_store_domain *who,
                       const struct splitio_store_domain *owner,
                       uint32_t nr_perms, size_t node_bytes,
                       size_t charged_bytes)
{
    const struct splitio_store_quota *quota = &who->quota;

    if (is_priv(who))
        return 0;
    if (node_bytes > quota->node_bytes || nr_perms > quota->perms)
        return SPLITIO_ENOSPC;
    if (owner == who &&
        owner->memory_bytes + charged_bytes > quota->memory_bytes)
        return SPLITIO_ENOMEM;
    return 0;
}

static void fill(struct store_version *ver, const struct splitio_xs_perm *perms,
                 uint32_t nr_perms, struct store_value value)
{
    ver->nr_perms = nr_perms;
    ver->len_bytes = (uint32_t)value.len_bytes;
    __builtin_memcpy(ver->perms, perms, nr_perms * sizeof(*perms));
    if (value.len_bytes > 0)
        __builtin_memcpy(ver->perms + nr_perms, value.bytes, value.len_bytes);
}

int splitio_xsd_version_new(struct splitio_store_server *s,
                            struct store_version **ver,
                            const struct splitio_store_domain *who,
                            const struct splitio_xs_perm *perms,
                            uint32_t nr_perms, struct store_value value,
                            uint32_t name_bytes)
{
    size_t len = version_bytes(nr_perms, value.len_bytes);
    size_t charged = len + sizeof(struct store_node) + name_bytes;
    struct splitio_store_domain *owner =
        splitio_xsd_domain_get(s, perms[0].domid);
    int err;

    if (!owner)
        return SPLITIO_ENOMEM;
    err = check_quota(who, owner, nr_perms,
                      name_bytes + nr_perms * sizeof(*perms) + value.len_bytes,
                      charged);
    *ver = err < 0 ? NULL : splitio_xsd_alloc_get(&s->alloc, len);
    if (!*ver) {
        splitio_xsd_domain_tidy(s, owner);
        return err < 0 ? err : SPLITIO_ENOMEM;
    }
    fill(*ver, perms, nr_perms, value);
    (*ver)->gen = ++s->gen;
    (*ver)->owner = owner;
    (*ver)->charged_bytes = (uint32_t)charged;
    owner->memory_bytes += charged;
    domain_ref(owner);
    return 0;
}

void splitio_xsd_version_free(struct splitio_store_server *s,
                              struct store_version *ver)
{
    struct splitio_store_domain *owner = ver->owner;

    owner->memory_bytes -= ver->charged_bytes;
    splitio_xsd_alloc_put(&s->alloc, ver);
    domain_unref(s, owner);
}

struct store_value splitio_xsd_version_value(const struct store_version *ver)
{
    struct store_value value = {ver->perms + ver->nr_perms, ver->len_bytes};

    return value;
}

static unsigned access_of(const struct store_version *ver, splitio_domid_t id)
{
    if (ver->perms[0].domid == id)
        return SPLITIO_XS_PERM_BOTH;
    for (uint32_t i = 1; i < ver->nr_perms; i++) {
        if (ver->perms[i].domid == id)
            return ver->perms[i].access;
    }
    return ver->perms[0].access;
}

unsigned splitio_xsd_version_access(const struct store_version *ver,
                                    const struct splitio_store_domain *who)
{
    unsigned access;

    if (is_priv(who))
        return SPLITIO_XS_PERM_BOTH;
    access = access_of(ver, who->id);
    if (who->has_target)
        access |= access_of(ver, who->target);
    return access;
}

bool splitio_xsd_version_is_owned_by(const struct store_version *ver,
                                     const struct splitio_store_domain *who)
{
    splitio_domid_t owner = ver->perms[0].domid;

    return is_priv(who) || owner == who->id ||
           (who->has_target && owner == who->target);
}
