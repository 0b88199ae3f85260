/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines on the console. */
#include "unikernel.h"

static void add(struct line *l, char c)
{
    if (l->len < sizeof(l->text) - 1) /* one for the end of the line */
        l->text[l->len++] = c;
}

void add_text(struct line *l, const char *text)
{
    while (*text)
        add(l, *text++);
}

void add_number(struct line *l, uint64_t n)
{
    char digits[20];
    unsigned nr = 0;

    do
        digits[nr++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (nr > 0)
        add(l, digits[--nr]);
}

void add_bytes(struct line *l, const uint8_t *bytes, unsigned nr, char between)
{
    for (unsigned i = 0; i < nr; i++) {
        if (i > 0)
            add(l, between);
        if (between == '.') {
            add_number(l, bytes[i]);
        } else {
            add(l, "0123456789abcdef"[bytes[i] >> 4]);
            add(l, "0123456789abcdef"[bytes[i] & 15]);
        }
    }
}

void add_age(struct line *l, const struct splitio_baremetal *bm)
{
    add_number(l,
               (splitio_baremetal_now_ns(bm) - splitio_baremetal_entry_ns(bm)) /
                   1000);
    add_text(l, " us after entry");
}

void say(struct splitio_baremetal *bm, struct line *l)
{
    uint32_t done = 0;

    l->text[l->len++] = '\n';
    while (done < l->len) {
        int n =
            splitio_baremetal_console_write(bm, l->text + done, l->len - done);

        if (n < 0)
            return;
        done += (uint32_t)n;
        if (done < l->len)
            (void)splitio_baremetal_wait_store(bm);
    }
}

void say_text(struct splitio_baremetal *bm, const char *text)
{
    struct line l = {0};

    add_text(&l, text);
    say(bm, &l);
}

void say_error(struct splitio_baremetal *bm, const char *what, int err)
{
    struct line l = {0};

    add_text(&l, "FAIL ");
    add_text(&l, what);
    add_text(&l, ": ");
    add_text(&l, splitio_strerror(err));
    say(bm, &l);
}
