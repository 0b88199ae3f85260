/* SPDX-License-Identifier: BSD-2-Clause */
/* What the core wants of <stddef.h>, in a kernel. */
#include <linux/stddef.h>
#include <linux/types.h>
