/* SPDX-License-Identifier: BSD-2-Clause */
/* The C++ half of gbench.h, and main(). */
#include "gbench.h"

#include <benchmark/benchmark.h>

#include <sched.h>

struct gbench {
    benchmark::State &state;
};

static cpu_set_t allowed; /* before anyone was pinned */

extern "C" void gbench_register(const char *name, gbench_fn fn, int64_t arg)
{
    benchmark::RegisterBenchmark(name, [=](benchmark::State &state) {
        gbench b = {state};

        fn(&b, arg);
    })->UseRealTime();
}

extern "C" bool gbench_more(struct gbench *b, int64_t n)
{
    return b->state.KeepRunningBatch(n);
}

extern "C" void gbench_bytes(struct gbench *b, int64_t nr_bytes)
{
    b->state.SetBytesProcessed(nr_bytes);
}

extern "C" void gbench_counter(struct gbench *b, const char *name, double value)
{
    b->state.counters[name] = value;
}

extern "C" void gbench_cannot(struct gbench *b, const char *why)
{
    b->state.SkipWithError(why);
}

extern "C" bool gbench_pin(unsigned n)
{
    cpu_set_t one;

    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || n-- != 0)
            continue;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof(one), &one) == 0;
    }
    return false;
}

int main(int argc, char **argv)
{
    sched_getaffinity(0, sizeof(allowed), &allowed);
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv))
        return 1;
    gbench_setup();
    return benchmark::RunSpecifiedBenchmarks() == 0;
}
