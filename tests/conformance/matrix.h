/* SPDX-License-Identifier: BSD-2-Clause */
/* Many pairs of feature sets, with progress and a table at the end. */
#ifndef SPLITIO_TESTS_CONFORM_MATRIX_H
#define SPLITIO_TESTS_CONFORM_MATRIX_H

#include "rig.h"

/* Which pairs. */
struct matrix {
    const struct binding *binding;
    const struct protocol *protocol;
    /* Sets beside none, all and each alone: each of these against itself and
     * all that differ in one bit; and 16 times as many pairs that have nothing
     * to do with one another. */
    unsigned nr_random;
};

/* Run them; the number of pairs that failed. SPLITIO_CONFORM_OUT names a folder
 * for the record of all pairs, from which the picture is drawn. */
unsigned matrix_run(const struct matrix *m);

/* SPLITIO_CONFORM_RANDOM, or this. */
unsigned matrix_nr_random(unsigned otherwise);
/* It is 0: where everything takes long. */
bool matrix_is_short(void);

#endif
