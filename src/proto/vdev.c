/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of virtual disks. */
#include <splitio/proto/vdev.h>

#define EXTENDED  (UINT32_C(1) << 28)
#define DISKS_MAX (UINT32_C(1) << 20)

/* The short forms: a major number, and how its minors are cut. */
static const struct form {
    enum splitio_vdev_kind kind;
    uint32_t major, first_disk, nr_disks, shift;
} forms[] = {
    {SPLITIO_VDEV_XVD, 202, 0, 16, 4},
    {SPLITIO_VDEV_SD, 8, 0, 16, 4},
    {SPLITIO_VDEV_HD, 3, 0, 2, 6},
    {SPLITIO_VDEV_HD, 22, 2, 2, 6},
};

static const char *const prefixes[] = {
    [SPLITIO_VDEV_XVD] = "xvd",
    [SPLITIO_VDEV_SD] = "sd",
    [SPLITIO_VDEV_HD] = "hd",
};

int splitio_vdev_encode(const struct splitio_vdev *vdev, uint32_t *number)
{
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(forms); i++) {
        const struct form *f = &forms[i];

        if (f->kind != vdev->kind ||
            vdev->disk - f->first_disk >= f->nr_disks ||
            vdev->partition >> f->shift != 0)
            continue;
        *number = f->major << 8 | (vdev->disk - f->first_disk) << f->shift |
                  vdev->partition;
        return 0;
    }
    if (vdev->kind != SPLITIO_VDEV_XVD || vdev->disk >= DISKS_MAX ||
        vdev->partition > 255)
        return SPLITIO_EINVAL;
    *number = EXTENDED | vdev->disk << 8 | vdev->partition;
    return 0;
}

int splitio_vdev_decode(uint32_t number, struct splitio_vdev *vdev)
{
    if (number >> 28 == 1) {
        *vdev = (struct splitio_vdev){
            SPLITIO_VDEV_XVD, number >> 8 & (DISKS_MAX - 1), number & 255};
        return 0;
    }
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(forms); i++) {
        const struct form *f = &forms[i];
        uint32_t disk = (number & 255) >> f->shift;

        if (number >> 8 != f->major || disk >= f->nr_disks)
            continue;
        *vdev = (struct splitio_vdev){f->kind, disk + f->first_disk,
                                      number & ((1u << f->shift) - 1)};
        return 0;
    }
    return SPLITIO_EINVAL;
}

/* ---- names ---- */

/* Digits up to the end or to anything else; NULL: none, or too large. */
static const char *parse_digits(const char *text, uint32_t *value)
{
    uint64_t v = 0;

    if (*text < '0' || *text > '9')
        return NULL;
    for (; *text >= '0' && *text <= '9'; text++) {
        v = v * 10 + (uint64_t)(*text - '0');
        if (v > UINT32_MAX)
            return NULL;
    }
    *value = (uint32_t)v;
    return text;
}

/* "a" is 0, "z" 25, "aa" 26. */
static const char *parse_letters(const char *text, uint32_t *disk)
{
    uint32_t n = 0;

    if (*text < 'a' || *text > 'z')
        return NULL;
    for (; *text >= 'a' && *text <= 'z'; text++) {
        n = n * 26 + (uint32_t)(*text - 'a' + 1);
        if (n > DISKS_MAX)
            return NULL;
    }
    *disk = n - 1;
    return text;
}

static const char *after(const char *text, const char *prefix)
{
    while (*prefix)
        if (*text++ != *prefix++)
            return NULL;
    return text;
}

/* "d5", "d5p2" */
static const char *parse_plain(const char *text, struct splitio_vdev *vdev)
{
    text = after(text, "d");
    if (text)
        text = parse_digits(text, &vdev->disk);
    if (text && *text == 'p')
        text = parse_digits(text + 1, &vdev->partition);
    return text;
}

static const char *parse_named(const char *text, struct splitio_vdev *vdev)
{
    const char *letters = NULL;

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(prefixes) && !letters; i++) {
        letters = after(text, prefixes[i]);
        vdev->kind = (enum splitio_vdev_kind)i;
    }
    if (letters)
        letters = parse_letters(letters, &vdev->disk);
    if (letters && *letters)
        return parse_digits(letters, &vdev->partition);
    return letters;
}

int splitio_vdev_parse(const char *name, uint32_t *number)
{
    struct splitio_vdev vdev = {SPLITIO_VDEV_XVD, 0, 0};
    uint32_t value;
    const char *end = parse_digits(name, &value);

    if (end && *end == '\0') {
        *number = value;
        return 0;
    }
    end = *name == 'd' ? parse_plain(name, &vdev) : parse_named(name, &vdev);
    if (!end || *end != '\0')
        return SPLITIO_EINVAL;
    return splitio_vdev_encode(&vdev, number);
}

/* Writes from the end: what is returned begins at the first character. */
static char *print_digits(char *end, uint32_t value)
{
    do
        *--end = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    return end;
}

static char *print_letters(char *end, uint32_t disk)
{
    for (disk++; disk; disk = (disk - 1) / 26)
        *--end = (char)('a' + (disk - 1) % 26);
    return end;
}

int splitio_vdev_name(uint32_t number, char *name)
{
    struct splitio_vdev vdev;
    char text[SPLITIO_VDEV_NAME_MAX], *at = text + sizeof(text);
    int len = 0, err = splitio_vdev_decode(number, &vdev);

    if (err)
        return err;
    *--at = '\0';
    if (vdev.partition)
        at = print_digits(at, vdev.partition);
    at = print_letters(at, vdev.disk);
    for (const char *p = prefixes[vdev.kind]; *p; p++)
        name[len++] = *p;
    while ((name[len] = *at++) != '\0')
        len++;
    return len;
}
