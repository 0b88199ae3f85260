/* SPDX-License-Identifier: BSD-2-Clause */
/* The four functions that the core and compilers call. Volatile, so that none is
 * compiled into a call of itself. */
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

void *memcpy(void *to, const void *from, size_t len)
{
    volatile uint8_t *t = to;
    const uint8_t *f = from;

    if ((((uintptr_t)to | (uintptr_t)from) & 7) == 0) {
        for (; len >= 8; len -= 8, t += 8, f += 8)
            *(volatile uint64_t *)(volatile void *)t =
                *(const uint64_t *)(const void *)f;
    }
    while (len-- > 0)
        *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t len)
{
    if ((uintptr_t)to - (uintptr_t)from >= len)
        return memcpy(to, from, len);
    while (len-- > 0)
        ((volatile uint8_t *)to)[len] = ((const uint8_t *)from)[len];
    return to;
}

void *memset(void *to, int byte, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((volatile uint8_t *)to)[i] = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int d = ((const uint8_t *)a)[i] - ((const uint8_t *)b)[i];

        if (d)
            return d;
    }
    return 0;
}
