/* SPDX-License-Identifier: BSD-2-Clause */
/* Two partitions and the hypervisor between them: what the files share. */
#ifndef PARTITION_H
#define PARTITION_H

#include <splitio/blkback.h>
#include <splitio/blkfront.h>
#include <splitio/guest.h>
#include <splitio/hypervisor.h>

#define DRIVER 1 /* the partition that has the disk */
#define USER   2 /* the partition that uses it */

#define REGION_PAGES 512u /* of each partition */
#define NR_PORTS     64u

/* --- board, one for each machine --- */
void board_put(char c);
_Noreturn void board_off(void);

/* --- say.c --- */
void say(const char *text);
void say_number(const char *before, uint64_t number, const char *behind);

/* --- hypervisor.c: the only file that sees both regions --- */

/* What a real one takes from its configuration: the device that both partitions
 * are told of, in place of a store. */
struct static_store {
    struct splitio_blkback_peer rings; /* as the user offers them */
    struct splitio_blkfront_info disk; /* as the driver tells it */
};
extern struct static_store static_store;

int hypervisor_start(void);
/* A partition's page; NULL: not its own. */
void *hypervisor_page(splitio_domid_t domid, splitio_gfn_t gfn);
uint32_t hypervisor_nr_refused(void);
/* What the driver still has mapped, and pins on the user's pages. */
uint32_t hypervisor_nr_held(void);
/* Calls of a partition; a real hypervisor has them behind its trap. */
extern const struct splitio_hypercall_ops hypercalls; /* ctx: its domid */
struct splitio_host *hypervisor_host(void);           /* the driver's */

/* --- driver.c --- */
int driver_start(void);
int driver_connect(void);
int driver_poll(void);
/* Map a page that the user has lent: the engine's status. */
int driver_try_map(splitio_gref_t gref);
int driver_stop(void);

/* --- user.c --- */
int user_start(void);
int user_connect(void);
int user_poll(void);
/* Read or write, from then on user_is_done() says when. */
int user_submit(enum splitio_blk_op op, uint8_t byte);
bool user_is_done(int *status);
bool user_has_read(uint8_t byte);
/* A grant of a frame that is not the user's. */
splitio_gref_t user_lie(void);
uint32_t user_nr_lent(void);
int user_stop(void);

#endif
