/* SPDX-License-Identifier: BSD-2-Clause */
/* The layouts of the shared info page. */
#include <splitio/event.h>

const struct splitio_event_abi splitio_event_abi_x86_64 = {
    .word_bits = 64,
    .nr_vcpus = 32,
    .vcpu_stride = 64,
    .upcall_pending = 0,
    .upcall_mask = 1,
    .selector = 8,
    .pending = 2048,
    .mask = 2560,
};

const struct splitio_event_abi splitio_event_abi_x86_32 = {
    .word_bits = 32,
    .nr_vcpus = 32,
    .vcpu_stride = 64,
    .upcall_pending = 0,
    .upcall_mask = 1,
    .selector = 4,
    .pending = 2048,
    .mask = 2176,
};
