/* SPDX-License-Identifier: BSD-2-Clause */
/* The smallest use: both halves of a ring over one page. */
#include <splitio/ring.h>
#include <stdio.h>

struct request {
    uint64_t id, number;
};
struct response {
    uint64_t id, square;
};
SPLITIO_RING_DEFINE(square, struct request, struct response);

int main(void)
{
    static _Alignas(4096) uint8_t page[4096]; /* what both sides see */
    struct square_front front;
    struct square_back back;
    struct request req;
    struct response rsp;

    square_front_init(&front, page, 1);
    square_back_attach(&back, page, 1);

    *square_front_reserve(&front) = (struct request){1, 12};
    if (splitio_ring_front_publish(&front.ring))
        printf("front: notify the back\n");

    while (square_back_take(&back, &req) == 1) {
        rsp = (struct response){req.id, req.number * req.number};
        square_back_put(&back, &rsp);
    }
    if (splitio_ring_back_publish(&back.ring))
        printf("back: notify the front\n");

    while (square_front_take(&front, &rsp) == 1)
        printf("front: the answer is %d\n", (int)rsp.square);
    return 0;
}
