/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The benchmarks, run so many times and not timed: for tools that count
 * instructions. Without arguments it lists them; with NAME and N it runs one.
 * The count of 2N less that of N leaves out what happens once.
 */
#include "gbench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct gbench {
    int64_t left;
};

static struct {
    const char *name;
    int64_t n;
} wanted;

bool gbench_more(struct gbench *b, int64_t n)
{
    bool more = b->left > 0;

    b->left -= n;
    return more;
}

void gbench_register(const char *name, gbench_fn fn, int64_t arg)
{
    struct gbench b = {.left = wanted.n};

    if (!wanted.name)
        puts(name);
    else if (strcmp(name, wanted.name) == 0)
        fn(&b, arg);
}

void gbench_bytes(struct gbench *b, int64_t nr_bytes)
{
    (void)b;
    (void)nr_bytes;
}

void gbench_counter(struct gbench *b, const char *name, double value)
{
    (void)b;
    (void)name;
    (void)value;
}

void gbench_cannot(struct gbench *b, const char *why)
{
    (void)b;
    fprintf(stderr, "%s: %s\n", wanted.name, why);
    exit(1);
}

/* Where threads run does not matter. */
bool gbench_pin(unsigned n)
{
    (void)n;
    return true;
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        wanted.name = argv[1];
        wanted.n = atoll(argv[2]);
    } else if (argc != 1) {
        fprintf(stderr, "usage: %s [NAME N]\n", argv[0]);
        return 2;
    }
    gbench_setup();
    return 0;
}
