/* SPDX-License-Identifier: BSD-2-Clause */
/* Texts to values, with a bound each. All return 0 or -1. */
#ifndef SPLITIO_TOOLS_VALUES_H
#define SPLITIO_TOOLS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal, between bounds. */
int value_number(const char *text, uint64_t min, uint64_t max, uint64_t *value);

/* "512", "64K", "10M", "2G", "1T": bytes, at least 512, a multiple of 512. */
int value_size(const char *text, uint64_t *bytes);

/* "yes", "no", "on", "off", "true", "false", "1", "0". */
int value_bool(const char *text, bool *value);

/* "52:54:00:12:34:56", not multicast. */
int value_mac(const char *text, uint8_t mac[6]);

/* "xvda", "sda1" and so on, see splitio/proto/vdev.h; or the number itself. */
int value_vdev(const char *text, uint32_t *vdev);

#endif /* SPLITIO_TOOLS_VALUES_H */
