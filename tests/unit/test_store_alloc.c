/* SPDX-License-Identifier: BSD-2-Clause */
/* The store server's allocator: random sizes and lives, for a long time. */
#include "cm.h"

#include "../../src/store/alloc.h"

#include <stdlib.h>
#include <string.h>

#define ARENA (1u << 20)
#define SLOTS 1024

struct slot {
    uint8_t *mem;
    size_t len;
    uint8_t pattern;
};

static _Alignas(STORE_ALLOC_ALIGN) uint8_t arena[ARENA];
static uint64_t seed;

static uint32_t rnd(void)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33);
}

static size_t largest(struct store_alloc *a)
{
    size_t lo = 0, hi = ARENA;

    while (lo < hi) {
        size_t mid = (lo + hi + 1) / 2;
        void *p = splitio_xsd_alloc_get(a, mid);

        splitio_xsd_alloc_put(a, p);
        if (p)
            lo = mid;
        else
            hi = mid - 1;
    }
    return lo;
}

static void put_slot(struct store_alloc *a, struct slot *s)
{
    for (size_t i = 0; i < s->len; i++)
        assert_int_equal(s->mem[i], s->pattern);
    splitio_xsd_alloc_put(a, s->mem);
    s->mem = NULL;
}

static bool get_slot(struct store_alloc *a, struct slot *s)
{
    s->len = rnd() % 4 ? rnd() % 200 : rnd() % 4200;
    s->pattern = (uint8_t)rnd();
    s->mem = splitio_xsd_alloc_get(a, s->len);
    if (!s->mem)
        return false;
    assert_int_equal((uintptr_t)s->mem % STORE_ALLOC_ALIGN, 0);
    assert_true(s->mem >= arena && s->mem + s->len <= arena + ARENA);
    memset(s->mem, s->pattern, s->len);
    return true;
}

static void alloc_after_a_million_operations_is_as_new(void **state)
{
    static struct slot slots[SLOTS];
    struct store_alloc a;
    size_t at_first;
    unsigned failed = 0;

    (void)state;
    seed = 42;
    splitio_xsd_alloc_init(&a, arena, sizeof(arena));
    at_first = largest(&a);
    assert_true(at_first > ARENA * 7 / 8);
    for (unsigned i = 0; i < 1000000; i++) {
        struct slot *s = &slots[rnd() % SLOTS];

        if (s->mem)
            put_slot(&a, s);
        else
            failed += !get_slot(&a, s);
        if (i % 10000 == 0)
            assert_true(splitio_xsd_alloc_is_valid(&a));
    }
    /* Half full on average: what is free must be usable. */
    assert_in_range(failed, 0, 1000);
    for (unsigned i = 0; i < SLOTS; i++) {
        if (slots[i].mem)
            put_slot(&a, &slots[i]);
    }
    assert_true(splitio_xsd_alloc_is_valid(&a));
    assert_int_equal(a.used_bytes, 0);
    assert_int_equal(largest(&a), at_first);
}

static void alloc_when_full_fails_and_recovers(void **state)
{
    static void *mem[ARENA / 64];
    struct store_alloc a;
    unsigned n = 0, again = 0;

    (void)state;
    splitio_xsd_alloc_init(&a, arena, sizeof(arena));
    while ((mem[n] = splitio_xsd_alloc_get(&a, 100)))
        n++;
    assert_true(n > ARENA / 160);
    assert_null(splitio_xsd_alloc_get(&a, 100));
    for (unsigned i = 0; i < n; i += 2)
        splitio_xsd_alloc_put(&a, mem[i]);
    assert_null(splitio_xsd_alloc_get(&a, 300));
    for (unsigned i = 1; i < n; i += 2)
        splitio_xsd_alloc_put(&a, mem[i]);
    assert_int_equal(a.used_bytes, 0);
    while (splitio_xsd_alloc_get(&a, 100))
        again++;
    assert_int_equal(again, n);
    assert_true(splitio_xsd_alloc_is_valid(&a));
}

static void alloc_of_extreme_sizes_is_refused(void **state)
{
    struct store_alloc a;
    void *p;

    (void)state;
    splitio_xsd_alloc_init(&a, arena, sizeof(arena));
    assert_null(splitio_xsd_alloc_get(&a, SIZE_MAX));
    assert_null(splitio_xsd_alloc_get(&a, (size_t)1 << 31));
    assert_null(splitio_xsd_alloc_get(&a, ARENA));
    p = splitio_xsd_alloc_get(&a, 0);
    assert_non_null(p);
    splitio_xsd_alloc_put(&a, p);
    splitio_xsd_alloc_put(&a, NULL);
    assert_int_equal(a.used_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alloc_after_a_million_operations_is_as_new),
        cmocka_unit_test(alloc_when_full_fails_and_recovers),
        cmocka_unit_test(alloc_of_extreme_sizes_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
