/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of the store as text: numbers in, keys and values out. */
#include <splitio/proto/xenbus.h>

int splitio_xenbus_parse_u64(const char *text, size_t len_bytes, uint64_t min,
                             uint64_t max, uint64_t *value)
{
    uint64_t v = 0;
    bool big = false;
    size_t i;

    if (text == NULL)
        return SPLITIO_ENOENT;
    if (len_bytes == 0)
        return SPLITIO_EINVAL;
    for (i = 0; i < len_bytes; i++) {
        unsigned digit = (unsigned)(unsigned char)text[i] - '0';

        if (digit > 9)
            return SPLITIO_EINVAL;
        if (v > (UINT64_MAX - digit) / 10)
            big = true;
        v = v * 10 + digit;
    }
    if (big || v < min || v > max)
        return SPLITIO_E2BIG;
    *value = v;
    return 0;
}

int splitio_xenbus_parse_u32(const char *text, size_t len_bytes, uint32_t min,
                             uint32_t max, uint32_t *value)
{
    uint64_t v;
    int err = splitio_xenbus_parse_u64(text, len_bytes, min, max, &v);

    if (err == 0)
        *value = (uint32_t)v;
    return err;
}

bool splitio_xenbus_parse_flag(const char *text, size_t len_bytes, bool absent)
{
    uint64_t v;

    if (text == NULL)
        return absent;
    return splitio_xenbus_parse_u64(text, len_bytes, 1, UINT64_MAX, &v) == 0;
}

bool splitio_xenbus_is(const char *text, size_t len_bytes, const char *literal)
{
    size_t i;

    if (text == NULL)
        return false;
    for (i = 0; i < len_bytes; i++)
        if (literal[i] == '\0' || literal[i] != text[i])
            return false;
    return literal[i] == '\0';
}

/* Where text goes. */
struct sink {
    char *out;
    size_t bytes, len;
};

static void put(struct sink *s, char c)
{
    if (s->len < s->bytes)
        s->out[s->len] = c;
    s->len++;
}

static void put_text(struct sink *s, const char *text)
{
    for (; *text != '\0'; text++)
        put(s, *text);
}

static void put_number(struct sink *s, uint64_t v)
{
    char digits[20];
    unsigned n = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n > 0)
        put(s, digits[--n]);
}

/* One conversion, after the '%'. NULL if it is not known. */
static const char *convert(struct sink *s, const char *f,
                           __builtin_va_list *args)
{
    if (f[0] == '%') {
        put(s, '%');
    } else if (f[0] == 's') {
        put_text(s, __builtin_va_arg(*args, const char *));
    } else if (f[0] == 'u') {
        put_number(s, __builtin_va_arg(*args, unsigned));
    } else if (f[0] == 'z' && f[1] == 'u') {
        put_number(s, __builtin_va_arg(*args, size_t));
        return f + 2;
    } else if (f[0] == 'l' && f[1] == 'u') {
        put_number(s, __builtin_va_arg(*args, unsigned long));
        return f + 2;
    } else if (f[0] == 'l' && f[1] == 'l' && f[2] == 'u') {
        put_number(s, __builtin_va_arg(*args, unsigned long long));
        return f + 3;
    } else {
        return NULL;
    }
    return f + 1;
}

int splitio_xenbus_print(char *out, size_t bytes, const char *format, ...)
{
    struct sink s = {out, bytes, 0};
    __builtin_va_list args;

    __builtin_va_start(args, format);
    while (format != NULL && *format != '\0') {
        if (*format == '%')
            format = convert(&s, format + 1, &args);
        else
            put(&s, *format++);
    }
    __builtin_va_end(args);
    if (bytes > 0)
        out[s.len < bytes ? s.len : 0] = '\0';
    if (format != NULL && s.len < bytes)
        return (int)s.len;
    if (bytes > 0)
        out[0] = '\0';
    return format == NULL ? SPLITIO_EINVAL : SPLITIO_E2BIG;
}
