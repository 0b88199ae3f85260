/* SPDX-License-Identifier: BSD-2-Clause */
#include "matrix.h"

#include "blk_disk.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct run {
    const struct matrix *m;
    struct world w;
    FILE *record;
    unsigned nr_all, nr_done, nr[3]; /* pairs: all, done, by outcome */
    struct {
        unsigned nr, nr_failed; /* pairs with the feature on both sides */
    } rows[64];
    bool counting;
};

unsigned matrix_nr_random(unsigned otherwise)
{
    const char *text = getenv("SPLITIO_CONFORM_RANDOM");

    return text ? (unsigned)atoi(text) : otherwise;
}

bool matrix_is_short(void)
{
    return matrix_nr_random(1) == 0;
}

static void progress(struct run *run)
{
    unsigned tenth = run->nr_all / 10 + 1;

    if (run->nr_done % tenth == 0)
        printf("# %s over %s: %u of %u pairs, %u failed\n",
               run->m->protocol->name, run->m->binding->name, run->nr_done,
               run->nr_all, run->nr[FAILED]);
    fflush(stdout);
}

static void report(const struct run *run, uint64_t front, uint64_t back,
                   const char *why)
{
    const struct protocol *p = run->m->protocol;

    printf("# FAILED %s over %s: front {%s}, back {%s}: %s\n", p->name,
           run->m->binding->name, mask_words(p, front, FRONT),
           mask_words(p, back, BACK), why);
}

/* A world in which something failed may be no good for the next pair. */
static void renew_world(struct run *run)
{
    world_close(&run->w);
    if (!world_open(&run->w, run->m->binding))
        abort();
}

/* One character for each feature, the first row's first. */
static void put_bits(struct run *run, uint64_t mask)
{
    for (unsigned i = 0; i < run->m->protocol->nr_features; i++)
        fputc(mask & BIT(i) ? '1' : '0', run->record);
    fputc(' ', run->record);
}

static void one_pair(struct run *run, uint64_t front, uint64_t back)
{
    static const char *const words[] = {"connected", "refused", "failed"};
    const struct protocol *p = run->m->protocol;
    char why[240] = "";
    enum outcome o;

    run->nr_all += run->counting;
    if (run->counting)
        return;
    o = rig_try(&run->w, p, front, back, why, sizeof(why));
    run->nr[o]++;
    run->nr_done++;
    if (o == FAILED) {
        report(run, front, back, why);
        renew_world(run);
    }
    for (unsigned i = 0; i < p->nr_features; i++)
        if ((front | ~switches(p, FRONT)) & (back | ~switches(p, BACK)) &
            BIT(i)) {
            run->rows[i].nr++;
            run->rows[i].nr_failed += o == FAILED;
        }
    if (run->record) {
        fprintf(run->record, "pair ");
        put_bits(run, front);
        put_bits(run, back);
        fprintf(run->record, "%s\n", words[o]);
    }
    progress(run);
}

/* A set against itself, and against all that differ in one bit. */
static void around(struct run *run, uint64_t mask)
{
    const struct protocol *p = run->m->protocol;
    uint64_t front = mask & switches(p, FRONT), back = mask & switches(p, BACK);

    one_pair(run, front, back);
    for (unsigned i = 0; i < p->nr_features; i++) {
        if (p->features[i].sides & FRONT)
            one_pair(run, front ^ BIT(i), back);
        if (p->features[i].sides & BACK)
            one_pair(run, front, back ^ BIT(i));
    }
}

static uint64_t any_set(const struct protocol *p, uint32_t *random)
{
    uint64_t mask = (uint64_t)blk_random(random) << 24;

    mask ^= blk_random(random);
    return (mask & all_features(p)) | required_features(p);
}

/* Without what is required nothing connects: the base sets have it. */
static void all_pairs(struct run *run)
{
    const struct protocol *p = run->m->protocol;
    uint64_t required = required_features(p);
    uint32_t random = 4711;

    around(run, required);
    around(run, all_features(p));
    for (unsigned i = 0; i < p->nr_features; i++)
        around(run, required | BIT(i));
    for (unsigned i = 0; i < run->m->nr_random; i++)
        around(run, any_set(p, &random));
    for (unsigned i = 0; i < 16 * run->m->nr_random; i++)
        one_pair(run, any_set(p, &random) & switches(p, FRONT),
                 any_set(p, &random) & switches(p, BACK));
}

static void open_record(struct run *run)
{
    const struct protocol *p = run->m->protocol;
    const char *dir = getenv("SPLITIO_CONFORM_OUT");
    char path[400];

    if (!dir)
        return;
    snprintf(path, sizeof(path), "%s/%s-%s.pairs", dir, p->name,
             run->m->binding->name);
    run->record = fopen(path, "w");
    if (!run->record)
        return;
    fprintf(run->record, "matrix %s over %s\n", p->name, run->m->binding->name);
    for (unsigned i = 0; i < p->nr_features; i++)
        fprintf(run->record, "feature %u %s\n", (unsigned)p->features[i].sides,
                p->features[i].name);
}

static void table(const struct run *run, clock_t began)
{
    const struct protocol *p = run->m->protocol;

    printf("# %s over %s: %u pairs, %u connected, %u refused, %u failed, "
           "%.1f s\n",
           p->name, run->m->binding->name, run->nr_done, run->nr[CONNECTED],
           run->nr[REFUSED], run->nr[FAILED],
           (double)(clock() - began) / CLOCKS_PER_SEC);
    printf("#   %-24s %8s %8s\n", "feature on", "pairs", "failed");
    for (unsigned i = 0; i < p->nr_features; i++)
        printf("#   %-24s %8u %8u\n", p->features[i].name, run->rows[i].nr,
               run->rows[i].nr_failed);
}

unsigned matrix_run(const struct matrix *m)
{
    static struct run run;
    clock_t began = clock();

    run = (struct run){.m = m, .counting = true};
    all_pairs(&run);
    run.counting = false;
    open_record(&run);
    if (!world_open(&run.w, m->binding))
        return 1;
    all_pairs(&run);
    world_close(&run.w);
    if (run.record)
        fclose(run.record);
    table(&run, began);
    return run.nr[FAILED];
}
