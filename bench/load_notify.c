/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_notify_NAME IN_FLIGHT SECONDS rate|notifications: requests and responses of
 * 64 bytes through the ring NAME between two threads that sleep on eventfds when
 * there is nothing to do. Prints how many a second, or how many notifications were
 * sent, both ways, for 1000 of them.
 */
#include RING_HEADER
#include "pair.h"

#include <string.h>

static _Alignas(4096) uint8_t mem[RING_PAGES * 4096];
static _Alignas(64) struct RING(_front) front;
static _Alignas(64) struct RING(_back) back;
static _Alignas(64) struct bell front_bell, back_bell;

static void *serve(void *arg)
{
    bool notify;

    pin(1);
    while (!stopped()) {
        unsigned n = RING(_serve)(&back, &notify);

        if (notify)
            ring_bell(&front_bell);
        if (n == 0 && !RING(_back_rearm)(&back))
            await_bell(&back_bell);
    }
    return arg;
}

/* So many, with so many in flight. */
static void transfer(unsigned in_flight, uint64_t wanted)
{
    unsigned out = 0;
    uint64_t asked = 0, done = 0;

    while (done < wanted) {
        unsigned room = in_flight - out, n;

        if (room > wanted - asked)
            room = (unsigned)(wanted - asked);
        if (room > 0 && RING(_send)(&front, room, asked))
            ring_bell(&back_bell);
        asked += room;
        out += room;
        n = RING(_collect)(&front);
        out -= n;
        done += n;
        if (n == 0 && !RING(_front_rearm)(&front))
            await_bell(&front_bell);
    }
}

int main(int argc, char **argv)
{
    unsigned in_flight = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
    double began, took;
    uint64_t done = 0;
    pthread_t thread;

    if (in_flight == 0 || in_flight > RING_SLOTS)
        die("usage",
            "load_notify_NAME IN_FLIGHT SECONDS rate|notifications; at most "
            "256 in flight");
    pin(0);
    RING(_init)(&front, &back, mem);
    make_bell(&front_bell);
    make_bell(&back_bell);
    pthread_create(&thread, NULL, serve, NULL);
    began = now();
    do {
        transfer(in_flight, 1024);
        done += 1024;
        took = now() - began;
    } while (took < atof(argv[2]));
    stop();
    ring_bell(&back_bell);
    pthread_join(thread, NULL);
    printf("%.3f\n", strcmp(argv[3], "rate") == 0
                         ? (double)done / took
                         : 1000.0 * (double)(front_bell.rung + back_bell.rung) /
                               (double)done);
    return 0;
}
