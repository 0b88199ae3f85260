/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layouts of a 32-bit guest. Compiled with -m32 and not linked: each line
 * of layout.h is an assertion here.
 */
#include <splitio/event.h>
#include <splitio/grant.h>
#include <splitio/proto/blkif.h>
#include <splitio/proto/netif.h>
#include <splitio/ring.h>

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>

#include "layout.h"

DEFINE_RING_TYPES(layout, uint32_t, uint32_t);

#define BLK(name) splitio_blkif_##name##_x86_32
#define SAME_SIZE(ours, theirs)                                                \
    _Static_assert(sizeof(ours) == sizeof(theirs), #ours);
#define SAME_FIELD(ours, our_field, theirs, their_field)                       \
    _Static_assert(offsetof(ours, our_field) == offsetof(theirs, their_field), \
                   #ours "." #our_field " is elsewhere");                      \
    _Static_assert(sizeof(((ours *)0)->our_field) ==                           \
                       sizeof(((theirs *)0)->their_field),                     \
                   #ours "." #our_field " has another size");
#define SAME_VALUE(ours, theirs) _Static_assert((ours) == (theirs), #ours);

_Static_assert(sizeof(long) == 4, "this file is for -m32");
LAYOUT_BLKIF
LAYOUT_NETIF
LAYOUT_GRANT
LAYOUT_SRING
