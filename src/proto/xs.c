/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore on the wire: see splitio/proto/xs.h. */
#include <splitio/proto/xs.h>

int splitio_xs_msg_check(const struct splitio_xs_msg *msg)
{
    return msg->len > SPLITIO_XS_PAYLOAD_MAX ? SPLITIO_EPROTO : 0;
}

/* The barrier keeps the compiler from making a call of libc's strlen of it. */
size_t splitio_xs_strlen(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0') {
        n++;
        __asm__ volatile("");
    }
    return n;
}

bool splitio_xs_streq(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_path_char(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           c == '-' || c == '/' || c == '_' || c == '@';
}

static int path_max(const char *path, size_t len_bytes, unsigned flags,
                    size_t *max)
{
    if (len_bytes == 0)
        return SPLITIO_EINVAL;
    *max = SPLITIO_XS_ABS_PATH_MAX;
    if (path[0] == '/')
        return 0;
    if (path[0] == '@')
        return flags & SPLITIO_XS_PATH_SPECIAL ? 0 : SPLITIO_EINVAL;
    *max = SPLITIO_XS_REL_PATH_MAX;
    return flags & SPLITIO_XS_PATH_RELATIVE ? 0 : SPLITIO_EINVAL;
}

int splitio_xs_path_check(const char *path, size_t len_bytes, unsigned flags)
{
    size_t max;

    if (path_max(path, len_bytes, flags, &max) < 0 || len_bytes > max)
        return SPLITIO_EINVAL;
    for (size_t i = 0; i < len_bytes; i++) {
        if (!is_path_char(path[i]))
            return SPLITIO_EINVAL;
        if (path[i] == '/' && i > 0 && path[i - 1] == '/')
            return SPLITIO_EINVAL;
    }
    if (len_bytes > 1 && path[len_bytes - 1] == '/')
        return SPLITIO_EINVAL;
    return 0;
}

int splitio_xs_strings(const char *body, size_t len_bytes, const char **strings,
                       unsigned max)
{
    unsigned n = 0;
    size_t start = 0;

    for (size_t i = 0; i < len_bytes; i++) {
        if (body[i] != '\0')
            continue;
        if (n == max)
            return SPLITIO_E2BIG;
        strings[n++] = body + start;
        start = i + 1;
    }
    return start == len_bytes ? (int)n : SPLITIO_EINVAL;
}

int splitio_xs_parse_u64(const char *text, size_t len_bytes, uint64_t *value)
{
    uint64_t v = 0;

    if (len_bytes == 0)
        return SPLITIO_EINVAL;
    for (size_t i = 0; i < len_bytes; i++) {
        unsigned digit = (unsigned)(text[i] - '0');

        if (!is_digit(text[i]) || v > (UINT64_MAX - digit) / 10)
            return SPLITIO_EINVAL;
        v = v * 10 + digit;
    }
    *value = v;
    return 0;
}

int splitio_xs_parse_u32(const char *text, size_t len_bytes, uint32_t *value)
{
    uint64_t v;

    if (splitio_xs_parse_u64(text, len_bytes, &v) < 0 || v > UINT32_MAX)
        return SPLITIO_EINVAL;
    *value = (uint32_t)v;
    return 0;
}

size_t splitio_xs_format_u64(char *text, uint64_t value)
{
    char digits[20];
    size_t n = 0, len;

    do {
        digits[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    for (len = 0; n > 0; len++)
        text[len] = digits[--n];
    text[len] = '\0';
    return len;
}

size_t splitio_xs_format_u32(char *text, uint32_t value)
{
    return splitio_xs_format_u64(text, value);
}

size_t splitio_xs_domain_path(char *text, splitio_domid_t domid)
{
    static const char base[] = "/local/domain/";

    __builtin_memcpy(text, base, sizeof(base) - 1);
    return sizeof(base) - 1 +
           splitio_xs_format_u32(text + sizeof(base) - 1, domid);
}

static const char access_letters[] = {'n', 'r', 'w', 'b'};

int splitio_xs_parse_perm(const char *text, struct splitio_xs_perm *perm)
{
    uint32_t domid;

    for (uint16_t i = 0; i < SPLITIO_ARRAY_LEN(access_letters); i++) {
        if (text[0] != access_letters[i])
            continue;
        if (splitio_xs_parse_u32(text + 1, splitio_xs_strlen(text + 1),
                                 &domid) < 0 ||
            domid > UINT16_MAX)
            return SPLITIO_EINVAL;
        perm->domid = (uint16_t)domid;
        perm->access = i;
        return 0;
    }
    return SPLITIO_EINVAL;
}

size_t splitio_xs_format_perm(char *text, const struct splitio_xs_perm *perm)
{
    text[0] = access_letters[perm->access & SPLITIO_XS_PERM_BOTH];
    return 1 + splitio_xs_format_u32(text + 1, perm->domid);
}

/*
 * The names and the error that each stands for. The first name of an error is
 * the one that is sent for it.
 */
static const struct {
    const char *name;
    int error;
} errors[] = {
    {"EINVAL", SPLITIO_EINVAL}, {"EACCES", SPLITIO_EACCES},
    {"EEXIST", SPLITIO_EEXIST}, {"EISDIR", SPLITIO_EINVAL},
    {"ENOENT", SPLITIO_ENOENT}, {"ENOMEM", SPLITIO_ENOMEM},
    {"ENOSPC", SPLITIO_ENOSPC}, {"EIO", SPLITIO_EIO},
    {"EBUSY", SPLITIO_EBUSY},   {"ENOTEMPTY", SPLITIO_EBUSY},
    {"EISCONN", SPLITIO_EBUSY}, {"ENOSYS", SPLITIO_EOPNOTSUPP},
    {"EROFS", SPLITIO_EROFS},   {"EAGAIN", SPLITIO_EAGAIN},
    {"E2BIG", SPLITIO_E2BIG},   {"EPERM", SPLITIO_EACCES},
};

const char *splitio_xs_error_name(int error)
{
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(errors); i++) {
        if (errors[i].error == error)
            return errors[i].name;
    }
    return "EIO";
}

int splitio_xs_error_value(const char *name, size_t len_bytes)
{
    if (len_bytes > 0 && name[len_bytes - 1] == '\0')
        len_bytes--;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(errors); i++) {
        if (splitio_xs_strlen(errors[i].name) == len_bytes &&
            __builtin_memcmp(errors[i].name, name, len_bytes) == 0)
            return errors[i].error;
    }
    return SPLITIO_EIO;
}
