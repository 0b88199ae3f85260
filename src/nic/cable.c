/* SPDX-License-Identifier: BSD-2-Clause */
/* Two NICs joined, and the NIC that swallows everything. */
#include <splitio/nic.h>

static int a_to_b(void *cable, const struct splitio_frame *frame)
{
    struct splitio_nic_cable *c = cable;

    return c->b.ops->send(c->b.ctx, frame);
}

static int b_to_a(void *cable, const struct splitio_frame *frame)
{
    struct splitio_nic_cable *c = cable;

    return c->a.ops->send(c->a.ctx, frame);
}

void splitio_nic_join(struct splitio_nic_cable *cable, struct splitio_nic a,
                      struct splitio_nic b)
{
    cable->a = a;
    cable->b = b;
    a.ops->attach(a.ctx, a_to_b, cable);
    b.ops->attach(b.ctx, b_to_a, cable);
}

void splitio_nic_part(struct splitio_nic_cable *cable)
{
    cable->a.ops->attach(cable->a.ctx, NULL, NULL);
    cable->b.ops->attach(cable->b.ctx, NULL, NULL);
}

static void null_info(void *ctx, struct splitio_nic_info *info)
{
    (void)ctx;
    info->mtu = 65535;
    info->flags =
        SPLITIO_NIC_CSUM | SPLITIO_NIC_GSO_TCPV4 | SPLITIO_NIC_GSO_TCPV6;
}

static int null_send(void *ctx, const struct splitio_frame *frame)
{
    (void)ctx;
    return frame->len_bytes < SPLITIO_FRAME_BYTES_MIN ? SPLITIO_EINVAL : 0;
}

static void null_attach(void *ctx, splitio_nic_receive_fn receive,
                        void *receiver)
{
    (void)ctx;
    (void)receive;
    (void)receiver;
}

static int null_poll(void *ctx, unsigned budget)
{
    (void)ctx;
    (void)budget;
    return 0;
}

static const struct splitio_nic_ops null_ops = {
    .info = null_info,
    .send = null_send,
    .attach = null_attach,
    .poll = null_poll,
};

struct splitio_nic splitio_nic_null(void)
{
    return (struct splitio_nic){.ops = &null_ops};
}
