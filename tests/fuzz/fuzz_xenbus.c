/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The handshake, with the fuzzer as the scheduler of both halves, the toolstack,
 * the drivers, and whoever writes what he should not into the store. Whatever it
 * does, callbacks come in order and nothing is left when both have ended.
 */
#include "cm.h"

#include <string.h>

#include "xb_bed.h"
#include "xb_drv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FRONT SPLITIO_XENBUS_FRONT
#define BACK  SPLITIO_XENBUS_BACK

struct input {
    const uint8_t *data;
    size_t size;
};

static uint8_t take(struct input *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

/* A text of up to 7 bytes, or a state that means something. */
static const char *take_text(struct input *in, char *text)
{
    uint8_t how = take(in);
    unsigned i, len = how & 7;

    if (how & 8) {
        text[0] = (char)('0' + len + (how >> 4 & 1));
        text[1] = '\0';
        return text;
    }
    for (i = 0; i < len; i++)
        text[i] = (char)take(in);
    text[len] = '\0';
    return how == 0x80 ? NULL : text;
}

static void poll_some(struct bed *bed, uint8_t what)
{
    struct bed_driver *d = &bed->half[what & 1];

    if (what & 2)
        splitio_store_poll(&d->link.store, 1);
    if (what & 4)
        splitio_xenbus_poll(&d->xb);
    if (what & 8)
        bed_round(bed);
}

static void wish(struct bed *bed, uint8_t what)
{
    struct bed_driver *d = &bed->half[what & 1];

    switch (what >> 1 & 7) {
    case 0:
        splitio_xenbus_close(&d->xb);
        break;
    case 1:
        splitio_xenbus_reopen(&d->xb);
        break;
    case 2:
        splitio_xenbus_publish(&d->xb);
        break;
    case 3:
        splitio_xenbus_fail(&d->xb, -(what >> 4 & 15), NULL);
        break;
    case 4:
        splitio_xenbus_resume(&d->xb);
        break;
    case 5:
        bed_kill(bed, d->role);
        bed_start(bed, d->role);
        break;
    case 6:
        bed_stop(bed, d->role);
        bed_start(bed, d->role);
        break;
    default:
        bed->now_ns += 1000000000;
        splitio_xenbus_check(&d->xb, bed->now_ns, 1000000000);
    }
}

static void driver_will(struct bed *bed, uint8_t what)
{
    struct bed_driver *d = &bed->half[what & 1];
    int error = -(1 + (what >> 4 & 7));

    switch (what >> 1 & 7) {
    case 0:
        d->fail_got = error;
        break;
    case 1:
        d->fail_negotiate = error;
        break;
    case 2:
        d->fail_connected = error;
        break;
    case 3:
        d->table.adopt = what & 16;
        break;
    case 4:
        d->table.offer_state = what & 16 ? 4 : 3;
        break;
    default:
        d->again = what >> 4 & 7;
    }
}

static void meddle(struct bed *bed, struct input *in, uint8_t what)
{
    char text[8];
    const char *value = take_text(in, text);

    switch (what & 7) {
    case 0:
        bed_put(bed, BED_FRONT_DIR, "state", value);
        break;
    case 1:
        bed_put(bed, BED_BACK_DIR, "state", value);
        break;
    case 2:
        bed_put(bed, BED_FRONT_DIR, "queue-0/ring-ref", value);
        break;
    case 3:
        bed_put(bed, BED_BACK_DIR, "sectors", value);
        break;
    case 4:
        bed_put(bed, BED_BACK_DIR, "online", value);
        break;
    case 5:
        bed_put(bed, BED_FRONT_DIR, "backend", value);
        break;
    case 6:
        splitio_store_server_rm(bed->server,
                                what & 8 ? BED_FRONT_DIR : BED_BACK_DIR);
        break;
    default:
        bed_make_dirs(bed);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input in = {data, size < 2048 ? size : 2048};
    struct bed bed;

    bed_init(&bed);
    while (in.size > 0) {
        uint8_t op = take(&in), what = take(&in);

        switch (op & 7) {
        case 0:
            wish(&bed, what);
            break;
        case 1:
            driver_will(&bed, what);
            break;
        case 2:
            meddle(&bed, &in, what);
            break;
        case 3:
            bed_settle(&bed);
            break;
        default:
            for (op >>= 3; op > 0; op--)
                poll_some(&bed, what);
        }
    }
    bed.half[0].again = bed.half[1].again = 0;
    bed_settle_slowly(&bed);
    bed_fini(&bed);
    return 0;
}
