/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines on the board's serial port, and what a compiler expects of a library. */
#include "partition.h"

void *memcpy(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
void *memmove(void *to, const void *from, size_t len);
int memcmp(const void *a, const void *b, size_t len);

void say(const char *text)
{
    for (; *text; text++)
        board_put(*text);
    board_put('\n');
}

void say_number(const char *before, uint64_t number, const char *behind)
{
    char digits[20];
    unsigned nr = 0;

    for (; *before; before++)
        board_put(*before);
    do
        digits[nr++] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    while (nr > 0)
        board_put(digits[--nr]);
    say(behind);
}

void *memcpy(void *to, const void *from, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
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
