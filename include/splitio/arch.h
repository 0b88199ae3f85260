/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomic access to shared memory: the only file that knows the compiler. */
#ifndef SPLITIO_ARCH_H
#define SPLITIO_ARCH_H

/**
 * @file
 * @brief Atomics, fences and copy-once access (layer 0).
 *
 * **What it is.** Typed wrappers over the compiler's C11 memory model builtins.
 * C11's `_Atomic` cannot be laid over memory whose layout another party has
 * fixed, and cannot be included from C++; the builtins can.
 *
 * **Memory order.** `_once` is relaxed: one access of exactly that width, no
 * tearing, no second read. `_acquire` and `_release` order the accesses around
 * them. splitio_fence() is the full, store-load fence that the notification
 * protocols need: "publish, fence, read the peer's event index" on one side
 * against "arm, fence, look again" on the other.
 *
 * On processors that build these of load-linked and store-conditional, someone
 * who writes to a word without pause can delay an update of that word; with
 * single instructions (x86, Armv8.1 and later) nobody can. Build for the latter
 * where guests are hostile.
 *
 * **Trust.** Shared memory may change between two reads. Whatever is checked
 * must be a local copy: read a word with `_once` or `_acquire`, or a structure
 * with splitio_copy_once(), and never look at the original again.
 */

#include <splitio/base.h>

#ifdef __cplusplus
extern "C" {
#endif

#if !defined(__GNUC__) && !defined(__clang__)
#error "splitio/arch.h: port the builtins below to this compiler"
#endif

/** Forbids the compiler to move or repeat memory accesses across it. */
#define SPLITIO_COMPILER_BARRIER() __asm__ volatile("" ::: "memory")

/* Before a loop: so many turns at a time. Clang needs not be told. */
#if defined(__clang__)
#define SPLITIO_UNROLL(n)
#else
#define SPLITIO_UNROLL(n) SPLITIO_PRAGMA(GCC unroll n)
#endif
#define SPLITIO_PRAGMA(text) _Pragma(#text)

/** Promises the compiler a condition that holds by construction. */
#define SPLITIO_ASSUME(cond)                                                   \
    do {                                                                       \
        if (!(cond))                                                           \
            __builtin_unreachable();                                           \
    } while (0)

/*
 * Generate the operations of one width; only the types differ. The type
 * splitio_atomic_<width> is aligned to its size also where the plain one is not
 * (64 bits on i386, where compilers would call a library otherwise).
 */
#define SPLITIO_LOADS_DEFINE(sfx, type)                                        \
    typedef type splitio_atomic_##sfx __attribute__((aligned(sizeof(type))));  \
    static inline type splitio_read_once_##sfx(const type *p)                  \
    {                                                                          \
        return __atomic_load_n((const splitio_atomic_##sfx *)p,                \
                               __ATOMIC_RELAXED);                              \
    }                                                                          \
    static inline type splitio_load_acquire_##sfx(const type *p)               \
    {                                                                          \
        return __atomic_load_n((const splitio_atomic_##sfx *)p,                \
                               __ATOMIC_ACQUIRE);                              \
    }                                                                          \
    static inline void splitio_write_once_##sfx(type *p, type v)               \
    {                                                                          \
        __atomic_store_n((splitio_atomic_##sfx *)p, v, __ATOMIC_RELAXED);      \
    }                                                                          \
    static inline void splitio_store_release_##sfx(type *p, type v)            \
    {                                                                          \
        __atomic_store_n((splitio_atomic_##sfx *)p, v, __ATOMIC_RELEASE);      \
    }                                                                          \
    SPLITIO_STATIC_ASSERT(sizeof(type) <= 8, "no lock-free access")

#define SPLITIO_ATOMICS_DEFINE(sfx, type)                                      \
    SPLITIO_LOADS_DEFINE(sfx, type);                                           \
    /* Acquire-release. On failure *expected becomes what was found. */        \
    static inline bool splitio_cas_##sfx(type *p, type *expected,              \
                                         type desired)                         \
    {                                                                          \
        return __atomic_compare_exchange_n(                                    \
            (splitio_atomic_##sfx *)p, expected, desired, false,               \
            __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                               \
    }                                                                          \
    /* These four return the value before, and are totally ordered.  */        \
    static inline type splitio_xchg_##sfx(type *p, type v)                     \
    {                                                                          \
        return __atomic_exchange_n((splitio_atomic_##sfx *)p, v,               \
                                   __ATOMIC_SEQ_CST);                          \
    }                                                                          \
    static inline type splitio_fetch_add_##sfx(type *p, type v)                \
    {                                                                          \
        return __atomic_fetch_add((splitio_atomic_##sfx *)p, v,                \
                                  __ATOMIC_SEQ_CST);                           \
    }                                                                          \
    static inline type splitio_fetch_or_##sfx(type *p, type v)                 \
    {                                                                          \
        return __atomic_fetch_or((splitio_atomic_##sfx *)p, v,                 \
                                 __ATOMIC_SEQ_CST);                            \
    }                                                                          \
    static inline type splitio_fetch_and_##sfx(type *p, type v)                \
    {                                                                          \
        return __atomic_fetch_and((splitio_atomic_##sfx *)p, v,                \
                                  __ATOMIC_SEQ_CST);                           \
    }                                                                          \
    SPLITIO_STATIC_ASSERT(sizeof(type) <= 8, "no lock-free access")

#if !defined(__riscv)
SPLITIO_ATOMICS_DEFINE(u8, uint8_t);
SPLITIO_ATOMICS_DEFINE(u16, uint16_t);
#else
/*
 * RISC-V has no instruction that changes less than 32 bits, and compilers call
 * a library for it. Here it is a compare-and-swap of the word around.
 */
typedef uint32_t splitio_word_u32 __attribute__((may_alias));

/* Swaps the bits of @mask; totally ordered. On failure the bits found. */
static inline bool splitio_word_cas(void *p, uint32_t *expected,
                                    uint32_t desired, uint32_t mask)
{
    unsigned shift = (unsigned)((uintptr_t)p & 3) * 8;
    splitio_word_u32 *word =
        (splitio_word_u32 *)(void *)((uint8_t *)p - (shift / 8));
    uint32_t old = __atomic_load_n(word, __ATOMIC_SEQ_CST);

    while ((old >> shift & mask) == *expected)
        if (__atomic_compare_exchange_n(
                word, &old, (old & ~(mask << shift)) | desired << shift, true,
                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return true;
    *expected = old >> shift & mask;
    return false;
}

#define SPLITIO_SUBWORD_OP_DEFINE(name, sfx, type, expr)                       \
    static inline type splitio_##name##_##sfx(type *p, type v)                 \
    {                                                                          \
        type old = splitio_read_once_##sfx(p);                                 \
                                                                               \
        while (!splitio_cas_##sfx(p, &old, (type)(expr)))                      \
            ;                                                                  \
        return old;                                                            \
    }

#define SPLITIO_SUBWORD_DEFINE(sfx, type)                                      \
    SPLITIO_LOADS_DEFINE(sfx, type);                                           \
    static inline bool splitio_cas_##sfx(type *p, type *expected,              \
                                         type desired)                         \
    {                                                                          \
        uint32_t found = *expected;                                            \
        bool done = splitio_word_cas(p, &found, desired, (type)-1);            \
                                                                               \
        *expected = (type)found;                                               \
        return done;                                                           \
    }                                                                          \
    SPLITIO_SUBWORD_OP_DEFINE(xchg, sfx, type, v)                              \
    SPLITIO_SUBWORD_OP_DEFINE(fetch_add, sfx, type, old + v)                   \
    SPLITIO_SUBWORD_OP_DEFINE(fetch_or, sfx, type, old | v)                    \
    SPLITIO_SUBWORD_OP_DEFINE(fetch_and, sfx, type, old &v)                    \
    SPLITIO_STATIC_ASSERT(sizeof(type) < 4, "less than a word")

SPLITIO_SUBWORD_DEFINE(u8, uint8_t);
SPLITIO_SUBWORD_DEFINE(u16, uint16_t);
#endif
SPLITIO_ATOMICS_DEFINE(u32, uint32_t);
SPLITIO_ATOMICS_DEFINE(u64, uint64_t);

/*
 * Words that a peer sees are little-endian, whatever the machine is: Xen's ABI
 * has no other form. splitio_le<bits>() converts a value, either way; the rest
 * are the accesses from above to a word that is shared. Nothing but the plain
 * access is left of them on a little-endian machine.
 */
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define SPLITIO_BIG_ENDIAN 1
#else
#define SPLITIO_BIG_ENDIAN 0
#endif

#define SPLITIO_LE_DEFINE(bits)                                                \
    static inline uint##bits##_t splitio_le##bits(uint##bits##_t v)            \
    {                                                                          \
        return SPLITIO_BIG_ENDIAN ? __builtin_bswap##bits(v) : v;              \
    }                                                                          \
    static inline uint##bits##_t splitio_read_once_le##bits(                   \
        const uint##bits##_t *p)                                               \
    {                                                                          \
        return splitio_le##bits(splitio_read_once_u##bits(p));                 \
    }                                                                          \
    static inline uint##bits##_t splitio_load_acquire_le##bits(                \
        const uint##bits##_t *p)                                               \
    {                                                                          \
        return splitio_le##bits(splitio_load_acquire_u##bits(p));              \
    }                                                                          \
    static inline void splitio_write_once_le##bits(uint##bits##_t *p,          \
                                                   uint##bits##_t v)           \
    {                                                                          \
        splitio_write_once_u##bits(p, splitio_le##bits(v));                    \
    }                                                                          \
    static inline void splitio_store_release_le##bits(uint##bits##_t *p,       \
                                                      uint##bits##_t v)        \
    {                                                                          \
        splitio_store_release_u##bits(p, splitio_le##bits(v));                 \
    }                                                                          \
    static inline bool splitio_cas_le##bits(                                   \
        uint##bits##_t *p, uint##bits##_t *expected, uint##bits##_t desired)   \
    {                                                                          \
        uint##bits##_t found = splitio_le##bits(*expected);                    \
        bool done = splitio_cas_u##bits(p, &found, splitio_le##bits(desired)); \
                                                                               \
        *expected = splitio_le##bits(found);                                   \
        return done;                                                           \
    }                                                                          \
    static inline uint##bits##_t splitio_xchg_le##bits(uint##bits##_t *p,      \
                                                       uint##bits##_t v)       \
    {                                                                          \
        return splitio_le##bits(splitio_xchg_u##bits(p, splitio_le##bits(v))); \
    }                                                                          \
    static inline uint##bits##_t splitio_fetch_or_le##bits(uint##bits##_t *p,  \
                                                           uint##bits##_t v)   \
    {                                                                          \
        return splitio_le##bits(                                               \
            splitio_fetch_or_u##bits(p, splitio_le##bits(v)));                 \
    }                                                                          \
    static inline uint##bits##_t splitio_fetch_and_le##bits(uint##bits##_t *p, \
                                                            uint##bits##_t v)  \
    {                                                                          \
        return splitio_le##bits(                                               \
            splitio_fetch_and_u##bits(p, splitio_le##bits(v)));                \
    }                                                                          \
    SPLITIO_STATIC_ASSERT(bits <= 64, "a word")

SPLITIO_LE_DEFINE(16);
SPLITIO_LE_DEFINE(32);
SPLITIO_LE_DEFINE(64);

/** Full fence: orders every access before it against every access after it. */
static inline void splitio_fence(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/** Tells the processor that the caller spins. */
static inline void splitio_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__) || defined(__arm__)
    __asm__ volatile("yield" ::: "memory");
#else
    SPLITIO_COMPILER_BARRIER();
#endif
}

/** Fetches the line at @p p, to be written soon. Any address will do: one that
 *  cannot be read is passed over. */
static inline void splitio_prefetch_write(const void *p)
{
#if defined(__x86_64__)
    /* The builtin asks for it to be read, unless told of the processor. */
    __asm__ volatile("prefetchw %0" : : "m"(*(const uint8_t *)p));
#else
    __builtin_prefetch(p, 1);
#endif
}

/* Words of any alignment that may lie over any type. */
typedef uint8_t splitio_any_u8x16
    __attribute__((vector_size(16), aligned(1), may_alias));
typedef uint64_t splitio_any_u64 __attribute__((aligned(1), may_alias));
typedef uint32_t splitio_any_u32 __attribute__((aligned(1), may_alias));

/**
 * @brief Copy out of shared memory, reading each byte once.
 *
 * The reads are volatile: the compiler can neither repeat them later in place
 * of the copy nor leave them out. The source is the peer's: it may be
 * inconsistent, and the copy is what must be checked.
 */
static inline void splitio_copy_once(void *dst, const void *src,
                                     size_t len_bytes)
{
    const uint8_t *from = (const uint8_t *)src;
    uint8_t *to = (uint8_t *)dst;

    SPLITIO_UNROLL(16)
    for (; len_bytes >= 16; len_bytes -= 16, to += 16, from += 16)
        *(splitio_any_u8x16 *)to = *(const volatile splitio_any_u8x16 *)from;
    if (len_bytes & 8) {
        *(splitio_any_u64 *)to = *(const volatile splitio_any_u64 *)from;
        to += 8;
        from += 8;
    }
    if (len_bytes & 4) {
        *(splitio_any_u32 *)to = *(const volatile splitio_any_u32 *)from;
        to += 4;
        from += 4;
    }
    for (len_bytes &= 3; len_bytes > 0; len_bytes--)
        *to++ = *(const volatile uint8_t *)from++;
}

/**
 * Value of the store key "protocol" for rings whose 64-bit fields are aligned
 * to 8 bytes; NULL where no such text was ever agreed on: leave the key out.
 */
#if defined(__x86_64__) || defined(__i386__)
#define SPLITIO_ARCH_PROTOCOL_64 "x86_64-abi"
#elif defined(__aarch64__) || defined(__arm__)
#define SPLITIO_ARCH_PROTOCOL_64 "arm-abi"
#elif defined(__riscv)
#define SPLITIO_ARCH_PROTOCOL_64 "riscv-abi"
#else
#define SPLITIO_ARCH_PROTOCOL_64 ((const char *)NULL)
#endif

/** Index of the lowest bit that is set; @p v must not be 0. */
static inline unsigned splitio_lowest_bit_u64(uint64_t v)
{
    return (unsigned)__builtin_ctzll(v);
}

/** Highest power of two that is not above @p v; @p v must not be 0. */
static inline uint32_t splitio_round_down_pow2(uint32_t v)
{
    return UINT32_C(1) << (31 - __builtin_clz(v));
}

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_ARCH_H */
