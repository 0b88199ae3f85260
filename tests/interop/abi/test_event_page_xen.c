/* SPDX-License-Identifier: BSD-2-Clause */
/* Where entries and indices of event pages lie, beside Xen's own macros. */
#include "cm.h"

#include <splitio/event_page.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/cameraif.h>
#include <xen/io/displif.h>
#include <xen/io/fbif.h>
#include <xen/io/kbdif.h>
#include <xen/io/sndif.h>

static _Alignas(4096) uint8_t page[4096];

/* How far into the page a pointer is. */
static unsigned at(const void *p)
{
    return (unsigned)((const uint8_t *)p - page);
}

#define SAME(layout, type, dir, DIR, PREFIX)                                   \
    do {                                                                       \
        struct type *xen = (void *)page;                                       \
                                                                               \
        assert_int_equal((layout).cons, at(&xen->dir##_cons));                 \
        assert_int_equal((layout).prod, at(&xen->dir##_prod));                 \
        assert_int_equal((layout).nr_entries, PREFIX##_##DIR##_RING_LEN);      \
        for (unsigned i = 0; i < (layout).nr_entries; i++)                     \
            assert_int_equal((layout).entries + i * (layout).entry_bytes,      \
                             at(&PREFIX##_##DIR##_RING_REF(page, i)));         \
    } while (0)

static void event_pages_are_laid_out_as_xens(void **state)
{
    (void)state;
    SAME(splitio_event_page_64, xendispl_event_page, in, IN, XENDISPL);
    SAME(splitio_event_page_64, xensnd_event_page, in, IN, XENSND);
    SAME(splitio_event_page_64, xencamera_event_page, in, IN, XENCAMERA);
    SAME(splitio_event_page_kbd_in, xenkbd_page, in, IN, XENKBD);
    SAME(splitio_event_page_kbd_out, xenkbd_page, out, OUT, XENKBD);
    SAME(splitio_event_page_fb_in, xenfb_page, in, IN, XENFB);
    SAME(splitio_event_page_fb_out, xenfb_page, out, OUT, XENFB);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event_pages_are_laid_out_as_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
