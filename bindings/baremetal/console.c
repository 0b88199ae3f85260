/* SPDX-License-Identifier: BSD-2-Clause */
/* The PV console: two byte rings in one page. */
#include "machine.h"

/* xen/io/console.h. Each index has one writer, and runs free. */
struct console_page {
    uint8_t in[1024];  /* hypervisor side */
    uint8_t out[2048]; /* guest */
    uint32_t in_cons;  /* guest */
    uint32_t in_prod;  /* hypervisor side */
    uint32_t out_cons; /* hypervisor side */
    uint32_t out_prod; /* guest */
};

static void on_console(void *arg)
{
    struct splitio_baremetal *bm = arg;

    bm->console_event = true;
}

static void notify(struct splitio_baremetal *bm)
{
    splitio_bm_ops.event_send(NULL, bm->console_port);
}

/* What does not fit is lost: there is no waiting any more. */
static void say_fault(void *arg, const char *text, uint32_t len_bytes)
{
    (void)splitio_baremetal_console_write(arg, text, len_bytes);
}

int splitio_bm_console_open(struct splitio_baremetal *bm)
{
    uint64_t pfn, port;
    struct console_page *page;
    int err = splitio_bm_param(PARAM_CONSOLE_PFN, &pfn);

    if (!err)
        err = splitio_bm_param(PARAM_CONSOLE_EVTCHN, &port);
    if (err)
        return err;
    page = (void *)(uintptr_t)(pfn * SPLITIO_PAGE_SIZE);
    bm->console_port = (splitio_evtchn_t)port;
    err = splitio_stream_init_producer(&bm->console_out, page->out,
                                       sizeof(page->out), &page->out_prod,
                                       &page->out_cons);
    if (!err)
        err = splitio_stream_init_consumer(&bm->console_in, page->in,
                                           sizeof(page->in), &page->in_prod,
                                           &page->in_cons);
    if (!err)
        err = splitio_guest_event_adopt(
            &bm->guest, bm->console_port,
            (struct splitio_event_handler){on_console, bm});
    if (!err)
        splitio_bm_on_fault(say_fault, bm);
    return err;
}

int splitio_baremetal_console_write(struct splitio_baremetal *bm,
                                    const char *bytes, uint32_t len_bytes)
{
    int n = splitio_stream_write(&bm->console_out, bytes, len_bytes);

    if (n > 0)
        notify(bm);
    return n;
}

int splitio_baremetal_console_read(struct splitio_baremetal *bm, char *bytes,
                                   uint32_t len_bytes)
{
    int n = splitio_stream_read(&bm->console_in, bytes, len_bytes);

    if (n > 0)
        notify(bm);
    return n;
}

bool splitio_baremetal_console_is_drained(struct splitio_baremetal *bm)
{
    int room = splitio_stream_room(&bm->console_out);

    return room < 0 || (uint32_t)room == bm->console_out.size_bytes;
}
