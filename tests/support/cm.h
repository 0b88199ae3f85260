/* SPDX-License-Identifier: BSD-2-Clause */
/* cmocka and the four headers it wants before it. */
#ifndef SPLITIO_TESTS_CM_H
#define SPLITIO_TESTS_CM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
