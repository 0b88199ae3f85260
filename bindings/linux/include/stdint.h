/* SPDX-License-Identifier: BSD-2-Clause */
/* What the core wants of <stdint.h>, in a kernel. */
#ifndef SPLITIO_BINDINGS_LINUX_STDINT_H
#define SPLITIO_BINDINGS_LINUX_STDINT_H

#include <linux/limits.h>
#include <linux/types.h>

#define INT64_C(c)  c##LL
#define UINT32_C(c) c##U
#define UINT64_C(c) c##ULL

#ifndef UINT8_MAX
#define UINT8_MAX 0xFF
#endif
#define UINT16_MAX 0xFFFF
#define INT32_MIN  (-0x7FFFFFFF - 1)
#define INT32_MAX  0x7FFFFFFF
#ifndef UINT32_MAX
#define UINT32_MAX 0xFFFFFFFFU
#endif
#define INT64_MAX  0x7FFFFFFFFFFFFFFFLL
#define UINT64_MAX 0xFFFFFFFFFFFFFFFFULL

#endif
