/* SPDX-License-Identifier: BSD-2-Clause */
/* QEMU and what runs in it may do what they like with what they have. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bed.h"

#include "cm.h"

static struct splitio_ivshmem_stats stats_of(const struct bed *b)
{
    struct splitio_ivshmem_stats stats;

    splitio_ivshmem_get_stats(b->slot, &stats);
    return stats;
}

static void ring(const struct vm_side *vm)
{
    static const uint64_t one = 1;

    assert_int_equal(write(vm->bell, &one, sizeof(one)), sizeof(one));
}

/* Full, and a write to it would wait. */
static void stuff(int eventfd)
{
    static const uint64_t most = UINT64_MAX - 1;

    assert_int_equal(fcntl(eventfd, F_SETFL, O_NONBLOCK), 0);
    while (write(eventfd, &most, sizeof(most)) > 0)
        continue;
    (void)write(eventfd, &(uint64_t){1}, sizeof(uint64_t));
    assert_int_equal(fcntl(eventfd, F_SETFL, 0), 0);
}

static void eventfds_that_are_full_delay_nobody(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    stuff(vm.upcall);
    assert_int_equal(vm_join(&vm, &why), 0);
    for (unsigned i = 0; i < 200; i++)
        ring(&vm), bed_settle(&b);
    assert_int_equal(splitio_ivshmem_guest_close(&vm.guest), 0);
    vm_kill(&vm);
    bed_close(&b);
}

static void qemu_that_speaks_is_hung_up(void **state)
{
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(send(vm.socket, "hello", 5, MSG_NOSIGNAL), 5);
    bed_settle(&b);
    assert_false(stats_of(&b).has_vm);
    assert_int_equal(stats_of(&b).nr_nonsense, 1);
    vm_kill(&vm);
    bed_close(&b);
}

static void window_cannot_shrink(void **state)
{
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(ftruncate(vm.window, 4096), -1);
    assert_int_equal(ftruncate(vm.window, BED_WINDOW * 2), -1);
    assert_int_equal(fcntl(vm.window, F_ADD_SEALS, F_SEAL_WRITE), -1);
    vm_kill(&vm);
    bed_close(&b);
}

/* Pages that were taken out of it come back as zeroes, to its own harm. */
static void window_with_holes_harms_its_owner_only(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(vm_join(&vm, &why), 0);
    assert_int_equal(fallocate(vm.window,
                               FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                               (off_t)BED_WINDOW),
                     0);
    ring(&vm);
    bed_settle(&b);
    vm_kill(&vm);
    bed_close(&b);
}

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

/* Messages of every type with any content, some of them hellos that are nearly
 * right; and rings and numbers that do not fit. */
static void mailbox_of_any_content_is_survived(void **state)
{
    struct splitio_ivshmem_mailbox *box;
    uint64_t random = 7;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    box = vm.base;
    for (unsigned i = 0; i < 20000; i++) {
        struct splitio_shm_hello hello = {
            .magic = SPLITIO_SHM_MAGIC,
            .version = SPLITIO_SHM_VERSION,
            .type = SPLITIO_SHM_HELLO,
            .abi = SPLITIO_SHM_ABI_64,
            .nr_grant_frames = next_random(&random) % 70,
            .nr_ports = next_random(&random) % 300,
        };
        struct splitio_shm_call call = {
            .type = next_random(&random) % 70,
            .seq = i,
            .value = next_random(&random) % 64,
            .status = (int32_t)(next_random(&random) % 2),
        };

        if (next_random(&random) % 8 == 0)
            memcpy(box->out, &hello, sizeof(hello));
        else
            memcpy(box->out, &call, sizeof(call));
        if (next_random(&random) % 16 == 0)
            ((uint8_t *)vm.base)[next_random(&random) % BED_WINDOW] ^= 0xFF;
        box->request += next_random(&random) % 3;
        ring(&vm);
        (void)bed_turn(&b);
    }
    bed_settle(&b);
    assert_true(stats_of(&b).nr_hellos > 100);
    vm_kill(&vm);
    bed_close(&b);
}

static void descriptors_that_are_no_vm_are_not_taken_up(void **state)
{
    int fds[SPLITIO_IVSHMEM_FDS];
    char text[160];
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
        fds[i] = dup(0);
    assert_int_equal(splitio_ivshmem_adopt(b.slot, fds, text, sizeof(text)),
                     SPLITIO_EINVAL);
    assert_non_null(strstr(text, "another now"));
    assert_true(vm_connect(&vm, &b));
    for (unsigned i = 0; i < SPLITIO_IVSHMEM_FDS; i++)
        fds[i] = dup(0);
    assert_int_equal(splitio_ivshmem_adopt(b.slot, fds, text, sizeof(text)),
                     SPLITIO_EBUSY);
    vm_kill(&vm);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eventfds_that_are_full_delay_nobody),
        cmocka_unit_test(qemu_that_speaks_is_hung_up),
        cmocka_unit_test(window_cannot_shrink),
        cmocka_unit_test(window_with_holes_harms_its_owner_only),
        cmocka_unit_test(mailbox_of_any_content_is_survived),
        cmocka_unit_test(descriptors_that_are_no_vm_are_not_taken_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
