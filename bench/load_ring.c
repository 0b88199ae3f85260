/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_ring_NAME IN_FLIGHT SECONDS: requests and responses of 64 bytes through the
 * ring NAME between two threads, each polling on a processor of its own. Prints
 * how many a second.
 */
#include RING_HEADER
#include "pair.h"

static _Alignas(4096) uint8_t mem[RING_PAGES * 4096];
static _Alignas(64) struct RING(_front) front_half;
static _Alignas(64) struct RING(_back) back_half;
/* As in a driver, the compiler does not know where they are. */
static struct RING(_front) *volatile front_at = &front_half;
static struct RING(_back) *volatile back_at = &back_half;

static void *serve(void *arg)
{
    struct RING(_back) *back = back_at;
    bool notify;

    pin(1);
    while (!stopped())
        if (RING(_serve)(back, &notify) == 0)
            splitio_cpu_relax();
    return arg;
}

/* So many, with so many in flight. */
static void transfer(unsigned in_flight, uint64_t wanted)
{
    struct RING(_front) *front = front_at;
    unsigned out = 0;
    uint64_t done = 0;

    while (done < wanted) {
        unsigned n;

        if (out < in_flight) {
            (void)RING(_send)(front, in_flight - out, done);
            out = in_flight;
        }
        n = RING(_collect)(front);
        if (n == 0)
            splitio_cpu_relax();
        out -= n;
        done += n;
    }
    while (out > 0)
        out -= RING(_collect)(front);
}

int main(int argc, char **argv)
{
    unsigned in_flight = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
    const uint64_t turn = 4096;
    double seconds, began, took;
    uint64_t done = 0;
    pthread_t thread;

    if (in_flight == 0 || in_flight > RING_SLOTS)
        die("usage", "load_ring_NAME IN_FLIGHT SECONDS; at most 256 in flight");
    seconds = atof(argv[2]);
    pin(0);
    RING(_init)(front_at, back_at, mem);
    pthread_create(&thread, NULL, serve, NULL);
    transfer(in_flight, turn);
    began = now();
    do {
        transfer(in_flight, turn);
        done += turn;
        took = now() - began;
    } while (took < seconds);
    stop();
    pthread_join(thread, NULL);
    printf("%.0f\n", (double)done / took);
    return 0;
}
