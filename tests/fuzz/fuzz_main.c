/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target without a fuzzer: every file of the directories named,
 * and changed copies of it. The same inputs each time.
 *
 * usage: fuzz_NAME [-n COPIES] DIRECTORY...
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned nr_copies = 200, nr_inputs;
static uint32_t seed = 1;

static uint32_t any(uint32_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 17;
    seed ^= seed << 5;
    return seed % below;
}

static void run(const uint8_t *data, size_t size)
{
    /* A copy of its own size: reads beyond it are seen by a sanitizer. */
    uint8_t *exact = malloc(size ? size : 1);

    if (!exact)
        abort();
    memcpy(exact, data, size);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    nr_inputs++;
}

/* Flip, overwrite, repeat, cut, grow. */
static size_t change(uint8_t *data, size_t size)
{
    unsigned n;

    for (n = 1 + any(8); n > 0; n--) {
        uint32_t at = size ? any((uint32_t)size) : 0;

        switch (size ? any(5) : 4) {
        case 0:
            data[at] ^= (uint8_t)(1u << any(8));
            break;
        case 1:
            data[at] = (uint8_t)any(256);
            break;
        case 2:
            memmove(data, data + at, size - at);
            break;
        case 3:
            size = at + 1;
            break;
        default:
            while (size < INPUT_MAX && any(16) != 0)
                data[size++] = (uint8_t)any(256);
        }
    }
    return size;
}

static void run_file(const char *path)
{
    uint8_t data[INPUT_MAX], copy[INPUT_MAX];
    FILE *f = fopen(path, "rb");
    size_t size;
    unsigned i;

    if (!f)
        return;
    size = fread(data, 1, sizeof(data), f);
    fclose(f);
    run(data, size);
    for (i = 0; i < nr_copies; i++) {
        memcpy(copy, data, size);
        run(copy, change(copy, size));
    }
}

static int run_directory(const char *path)
{
    struct dirent **names;
    int n = scandir(path, &names, NULL, alphasort), i;
    char file[1024];

    if (n < 0) {
        perror(path);
        return 1;
    }
    for (i = 0; i < n; i++) {
        snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.')
            run_file(file);
        free(names[i]);
    }
    free(names);
    return 0;
}

int main(int argc, char **argv)
{
    int i, bad = 0;

    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-n") == 0 && i + 1 < argc)
            nr_copies = (unsigned)strtoul(argv[++i], NULL, 10);
        else
            bad |= run_directory(argv[i]);
    }
    printf("%u inputs\n", nr_inputs);
    return bad || nr_inputs == 0;
}
