/* SPDX-License-Identifier: BSD-2-Clause */
/* Google Benchmark for C: register functions, run their loops, count. */
#ifndef SPLITIO_GBENCH_H
#define SPLITIO_GBENCH_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One run of one benchmark. */
struct gbench;

typedef void (*gbench_fn)(struct gbench *b, int64_t arg);

/* The program's own: called once, to register its benchmarks. */
void gbench_setup(void);

/* Names are <object>_<op>/<ring>/<batch>. Wall-clock time is what counts. */
void gbench_register(const char *name, gbench_fn fn, int64_t arg);

/* True while another `n` iterations are wanted; the caller does them all. */
bool gbench_more(struct gbench *b, int64_t n);

/* Bytes carried over the whole run. */
void gbench_bytes(struct gbench *b, int64_t nr_bytes);

/* A number to print beside the time. */
void gbench_counter(struct gbench *b, const char *name, double value);

/* This benchmark cannot run here. */
void gbench_cannot(struct gbench *b, const char *why);

/* Pin the calling thread to the n-th processor it may use; false if there are
 * not so many. */
bool gbench_pin(unsigned n);

/* Keeps the compiler from dropping a result that nobody uses. */
static inline void gbench_use(const void *p)
{
    __asm__ volatile("" : : "g"(p) : "memory");
}

#ifdef __cplusplus
}
#endif

#endif
