/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual machines come and go, guests in them join and leave. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bed.h"

#include "cm.h"

static struct splitio_ivshmem_stats stats_of(const struct bed *b)
{
    struct splitio_ivshmem_stats stats;

    splitio_ivshmem_get_stats(b->slot, &stats);
    return stats;
}

static void leave(struct vm_side *vm)
{
    assert_int_equal(splitio_ivshmem_guest_close(&vm->guest), 0);
}

static void vm_is_greeted_and_its_end_noticed(void **state)
{
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_true(stats_of(&b).has_vm);
    assert_int_equal(b.nr_changes, 1);
    vm_kill(&vm);
    bed_settle(&b);
    assert_false(stats_of(&b).has_vm);
    assert_int_equal(b.nr_changes, 2);
    bed_close(&b);
}

static void second_vm_is_turned_away_until_the_first_ends(void **state)
{
    struct bed b;
    struct vm_side first, second;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&first, &b));
    assert_false(vm_connect(&second, &b));
    assert_non_null(strstr(b.log, "turned away"));
    assert_int_equal(stats_of(&b).nr_turned_away, 1);
    vm_kill(&second);
    /* Its end and the next one's coming are seen at once. */
    vm_kill(&first);
    assert_true(vm_connect(&second, &b));
    assert_int_equal(stats_of(&b).nr_turned_away, 1);
    vm_kill(&second);
    bed_close(&b);
}

struct question {
    struct splitio_store_call call;
    bool answered;
    uint32_t number;
};

static void on_answer(struct splitio_store_call *call, int status,
                      const char *body, size_t len_bytes)
{
    struct question *q = SPLITIO_CONTAINER_OF(call, struct question, call);

    assert_int_equal(status, 0);
    assert_int_equal(splitio_xs_parse_u32(body, len_bytes, &q->number), 0);
    q->answered = true;
}

static void guest_joins_reads_its_store_and_leaves(void **state)
{
    struct question q = {.call.done = on_answer};
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(vm_join(&vm, &why), 0);
    assert_true(stats_of(&b).is_joined);
    assert_int_equal(splitio_store_read(splitio_ivshmem_guest_store(&vm.guest),
                                        &q.call, 0, "domid"),
                     0);
    while (!q.answered)
        assert_true(vm_turn(&vm) > 0);
    assert_int_equal(q.number, splitio_ivshmem_guest_domid(&vm.guest));
    assert_int_equal(q.number, stats_of(&b).domid);
    assert_true(vm_was_called(&vm));
    leave(&vm);
    assert_false(stats_of(&b).is_joined);
    /* And again: a driver that is loaded a second time. */
    assert_int_equal(vm_join(&vm, &why), 0);
    leave(&vm);
    vm_kill(&vm);
    bed_close(&b);
}

static void guest_that_restarts_without_a_word_joins_again(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;
    splitio_domid_t first;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(vm_join(&vm, &why), 0);
    first = splitio_ivshmem_guest_domid(&vm.guest);
    assert_int_equal(vm_join(&vm, &why), 0);
    assert_int_not_equal(splitio_ivshmem_guest_domid(&vm.guest), first);
    assert_int_equal(stats_of(&b).nr_hellos, 2);
    vm_kill(&vm);
    bed_close(&b);
}

static void refusal_names_its_reason(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    b.refuse = true;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_EACCES);
    assert_string_equal(why, "not today");
    b.refuse = false;
    vm.cfg.nr_ports = 1024;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_EACCES);
    assert_non_null(strstr(why, "event ports"));
    assert_int_equal(stats_of(&b).nr_refused, 2);
    vm.cfg.nr_ports = 16;
    assert_int_equal(vm_join(&vm, &why), 0);
    leave(&vm);
    vm_kill(&vm);
    bed_close(&b);
}

static void window_that_is_none_is_told(void **state)
{
    struct splitio_ivshmem_mailbox *box;
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    box = vm.base;
    box->version++;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_EPROTO);
    assert_non_null(strstr(why, "another version"));
    box->version--;
    box->magic = 0;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_EPROTO);
    assert_non_null(strstr(why, "no daemon"));
    box->magic = SPLITIO_SHM_MAGIC;
    vm.cfg.nr_grant_frames = 64;
    box->nr_pages = 66;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_ENOSPC);
    assert_non_null(strstr(why, "window is smaller"));
    box->nr_pages = BED_WINDOW / SPLITIO_PAGE_SIZE;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_ENOSPC);
    vm_kill(&vm);
    bed_close(&b);
}

static void guest_without_an_answer_gives_up(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    vm.patient = false;
    assert_int_equal(vm_join(&vm, &why), SPLITIO_EAGAIN);
    assert_non_null(strstr(why, "does not answer"));
    /* The answer to the first comes when nobody waits for it any more. */
    bed_settle(&b);
    vm.patient = true;
    assert_int_equal(vm_join(&vm, &why), 0);
    leave(&vm);
    vm_kill(&vm);
    bed_close(&b);
}

static void guest_that_is_thrown_out_sees_its_session_end(void **state)
{
    const char *why = NULL;
    struct bed b;
    struct vm_side vm;

    (void)state;
    bed_open(&b);
    assert_true(vm_connect(&vm, &b));
    assert_int_equal(vm_join(&vm, &why), 0);
    bed_settle(&b);
    (void)vm_was_called(&vm);
    assert_int_equal(
        splitio_shm_machine_eject(b.machine,
                                  splitio_ivshmem_guest_domid(&vm.guest), "go"),
        0);
    bed_settle(&b);
    assert_true(vm_was_called(&vm));
    assert_true(splitio_ivshmem_guest_has_work(&vm.guest));
    assert_int_equal(vm_turn(&vm), SPLITIO_ECLOSED);
    assert_int_equal(splitio_ivshmem_guest_rejoin(&vm.guest, &why), 0);
    assert_true(vm_turn(&vm) >= 0);
    leave(&vm);
    vm_kill(&vm);
    bed_close(&b);
}

static void socket_in_use_is_not_taken_and_a_dead_one_is(void **state)
{
    struct splitio_ivshmem_config cfg = {.name = "web"};
    struct splitio_ivshmem *second = NULL;
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    char text[160];
    struct bed b;
    int dead;

    (void)state;
    bed_open(&b);
    cfg.machine = b.machine;
    cfg.path = b.path;
    assert_int_equal(splitio_ivshmem_open(&second, &cfg, text, sizeof(text)),
                     SPLITIO_EBUSY);
    assert_non_null(strstr(text, b.path));
    cfg.path = "/";
    assert_int_equal(splitio_ivshmem_open(&second, &cfg, text, sizeof(text)),
                     SPLITIO_EEXIST);
    cfg.window_bytes = 3 << 20;
    assert_int_equal(splitio_ivshmem_open(&second, &cfg, text, sizeof(text)),
                     SPLITIO_EINVAL);
    cfg.window_bytes = 0;
    /* One whose owner died keeps its name in the file system. */
    (void)snprintf(addr.sun_path, sizeof(addr.sun_path), "%s-dead", b.path);
    dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(close(dead), 0);
    cfg.path = addr.sun_path;
    assert_int_equal(splitio_ivshmem_open(&second, &cfg, text, sizeof(text)),
                     0);
    assert_int_equal(splitio_ivshmem_close(second), 0);
    bed_settle(&b);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vm_is_greeted_and_its_end_noticed),
        cmocka_unit_test(second_vm_is_turned_away_until_the_first_ends),
        cmocka_unit_test(guest_joins_reads_its_store_and_leaves),
        cmocka_unit_test(guest_that_restarts_without_a_word_joins_again),
        cmocka_unit_test(refusal_names_its_reason),
        cmocka_unit_test(window_that_is_none_is_told),
        cmocka_unit_test(guest_without_an_answer_gives_up),
        cmocka_unit_test(guest_that_is_thrown_out_sees_its_session_end),
        cmocka_unit_test(socket_in_use_is_not_taken_and_a_dead_one_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
