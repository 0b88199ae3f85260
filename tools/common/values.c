/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts to values. */
#include "values.h"

#include <splitio/proto/vdev.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

int value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
    uint64_t v = 0;

    if (*text == '\0')
        return -1;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || v > (UINT64_MAX - 9) / 10)
            return -1;
        v = v * 10 + (uint64_t)(*text - '0');
    }
    if (v < min || v > max)
        return -1;
    *value = v;
    return 0;
}

int value_size(const char *text, uint64_t *bytes)
{
    static const char units[] = "KMGT";
    char digits[24];
    size_t len = strlen(text);
    unsigned shift = 0;
    const char *unit;
    uint64_t v;

    if (len == 0 || len >= sizeof(digits))
        return -1;
    memcpy(digits, text, len + 1);
    unit = strchr(units, digits[len - 1] & ~0x20);
    if (unit) {
        shift = 10 * (unsigned)(unit - units + 1);
        digits[len - 1] = '\0';
    }
    if (value_number(digits, 1, INT64_MAX >> shift, &v))
        return -1;
    *bytes = v << shift;
    return *bytes % 512 ? -1 : 0;
}

int value_bool(const char *text, bool *value)
{
    static const char *const words[] = {"no",    "yes",  "off", "on",
                                        "false", "true", "0",   "1"};

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(text, words[i]) == 0) {
            *value = i % 2;
            return 0;
        }
    }
    return -1;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int value_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++, text += 3) {
        int high = hex_digit(text[0]);
        int low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0 || text[2] != (i < 5 ? ':' : '\0'))
            return -1;
        mac[i] = (uint8_t)(high << 4 | low);
    }
    return mac[0] & 1 ? -1 : 0;
}

int value_vdev(const char *text, uint32_t *vdev)
{
    return splitio_vdev_parse(text, vdev) ? -1 : 0;
}
