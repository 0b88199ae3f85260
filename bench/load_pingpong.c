/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load_pingpong SECONDS: two threads that wake one another through eventfds and do
 * nothing else. Prints how many times a second there and back.
 */
#include "pair.h"

static struct bell there, back;

static void *answer(void *arg)
{
    pin(1);
    for (;;) {
        await_bell(&there);
        if (stopped())
            return arg;
        ring_bell(&back);
    }
}

int main(int argc, char **argv)
{
    double began, took;
    uint64_t done = 0;
    pthread_t thread;

    if (argc != 2)
        die("usage", "load_pingpong SECONDS");
    pin(0);
    make_bell(&there);
    make_bell(&back);
    pthread_create(&thread, NULL, answer, NULL);
    began = now();
    do {
        for (unsigned i = 0; i < 1024; i++, done++) {
            ring_bell(&there);
            await_bell(&back);
        }
        took = now() - began;
    } while (took < atof(argv[1]));
    stop();
    ring_bell(&there);
    pthread_join(thread, NULL);
    printf("%.3f\n", (double)done / took);
    return 0;
}
