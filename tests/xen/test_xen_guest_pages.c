/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory of fronts on Xen. The kernel's part is played here: it lends shared
 * memory, and keeps a second view of each page, which is the peer's. */
#include "cm.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "guest_int.h"

#define NR_PAGES  8u
#define NR_SHARED 4u
#define FIRST_REF 1000u

static struct {
    uint8_t *peer[NR_SHARED]; /* what the peer sees, and keeps */
    uint32_t nr;
    bool writable;
    uint32_t domid;
    int nr_unshared;
    uint32_t ref; /* the next one; 0: by order */
} kernel;

void *xengntshr_share_pages(xengntshr_handle *xgs, uint32_t domid, int count,
                            uint32_t *refs, int writable)
{
    int fd = memfd_create("page", MFD_CLOEXEC);
    void *mine;

    (void)xgs;
    assert_int_equal(count, 1);
    assert_true(fd >= 0);
    if (kernel.nr == NR_SHARED) {
        close(fd);
        return NULL;
    }
    assert_int_equal(ftruncate(fd, SPLITIO_PAGE_SIZE), 0);
    mine = mmap(NULL, SPLITIO_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                0);
    kernel.peer[kernel.nr] = mmap(NULL, SPLITIO_PAGE_SIZE,
                                  PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    *refs = kernel.ref ? kernel.ref : FIRST_REF + kernel.nr;
    kernel.nr++;
    kernel.domid = domid;
    kernel.writable = writable;
    return mine;
}

int xengntshr_unshare(xengntshr_handle *xgs, void *start, uint32_t count)
{
    (void)xgs;
    kernel.nr_unshared++;
    return munmap(start, (size_t)count << SPLITIO_PAGE_SHIFT);
}

static int setup(void **state)
{
    static struct splitio_xen_guest guest;

    memset(&guest, 0, sizeof(guest));
    memset(&kernel, 0, sizeof(kernel));
    *state = &guest;
    return splitio_xen_pages_init(&guest, NR_PAGES);
}

static int teardown(void **state)
{
    splitio_xen_pages_fini(*state);
    for (uint32_t i = 0; i < kernel.nr; i++)
        munmap(kernel.peer[i], SPLITIO_PAGE_SIZE);
    return 0;
}

static void runs_are_contiguous_and_zeroed(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *one = splitio_xen_pages_alloc(g, 1);
    uint8_t *four = splitio_xen_pages_alloc(g, 4);
    uint8_t *two = splitio_xen_pages_alloc(g, 2);

    assert_ptr_equal(four, one + SPLITIO_PAGE_SIZE);
    assert_ptr_equal(two, one + 5 * SPLITIO_PAGE_SIZE);
    assert_null(splitio_xen_pages_alloc(g, 2));
    memset(four, 0xa5, 4 * SPLITIO_PAGE_SIZE);
    splitio_xen_pages_free(g, four, 4);
    assert_int_equal(g->stats.nr_pages, 3);
    /* Found from the beginning again, with nothing of what was there. */
    four = splitio_xen_pages_alloc(g, 3);
    assert_ptr_equal(four, one + SPLITIO_PAGE_SIZE);
    for (uint32_t i = 0; i < 3 * SPLITIO_PAGE_SIZE; i++)
        assert_int_equal(four[i], 0);
    assert_null(splitio_xen_pages_alloc(g, 0));
    assert_null(splitio_xen_pages_alloc(g, NR_PAGES + 1));
}

static void page_that_is_lent_is_the_kernels_with_its_content(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *page = splitio_xen_pages_alloc(g, 1);
    splitio_gref_t gref;

    memset(page, 0x11, SPLITIO_PAGE_SIZE);
    assert_int_equal(splitio_xen_grant(g, 7, page, true, &gref), 0);
    assert_int_equal(gref, FIRST_REF);
    assert_int_equal(kernel.domid, 7);
    assert_false(kernel.writable);
    assert_int_equal(kernel.peer[0][SPLITIO_PAGE_SIZE - 1], 0x11);
    /* And from now on both see the same. */
    page[5] = 0x22;
    assert_int_equal(kernel.peer[0][5], 0x22);
    kernel.peer[0][6] = 0x33;
    assert_int_equal(page[6], 0x33);
    assert_int_equal(g->stats.nr_lent, 1);
}

static void page_taken_back_is_out_of_the_peers_reach(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *page = splitio_xen_pages_alloc(g, 1);
    splitio_gref_t gref;

    assert_int_equal(splitio_xen_grant(g, 7, page, false, &gref), 0);
    assert_true(kernel.writable);
    kernel.peer[0][9] = 0x44; /* the answer */
    assert_int_equal(splitio_xen_revoke(g, gref), 0);
    assert_int_equal(page[9], 0x44);
    kernel.peer[0][9] = 0x55; /* too late */
    assert_int_equal(page[9], 0x44);
    assert_int_equal(splitio_xen_revoke(g, gref), SPLITIO_EINVAL);
    assert_int_equal(g->stats.nr_lent, 0);
    assert_int_equal(splitio_xen_grant(g, 8, page, false, &gref), 0);
    assert_int_equal(gref, FIRST_REF + 1);
    assert_int_equal(kernel.peer[1][9], 0x44);
}

static void what_is_no_free_page_of_the_port_is_not_lent(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *page = splitio_xen_pages_alloc(g, 1);
    splitio_gref_t gref;
    int other = 0;

    assert_int_equal(splitio_xen_grant(g, 7, &other, true, &gref),
                     SPLITIO_EINVAL);
    assert_int_equal(splitio_xen_grant(g, 7, page + 8, true, &gref),
                     SPLITIO_EINVAL);
    assert_int_equal(
        splitio_xen_grant(g, 7, page + SPLITIO_PAGE_SIZE, true, &gref),
        SPLITIO_EINVAL);
    assert_int_equal(splitio_xen_grant(g, 7, page, true, &gref), 0);
    assert_int_equal(splitio_xen_grant(g, 7, page, true, &gref),
                     SPLITIO_EINVAL);
}

static void kernel_that_lends_no_more_is_told_as_no_space(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *pages = splitio_xen_pages_alloc(g, NR_SHARED + 1);
    splitio_gref_t gref;

    for (uint32_t i = 0; i < NR_SHARED; i++)
        assert_int_equal(splitio_xen_grant(g, 7, pages + i * SPLITIO_PAGE_SIZE,
                                           false, &gref),
                         0);
    assert_int_equal(splitio_xen_grant(g, 7,
                                       pages + NR_SHARED * SPLITIO_PAGE_SIZE,
                                       false, &gref),
                     SPLITIO_ENOSPC);
    assert_int_equal(g->stats.nr_lent, NR_SHARED);
}

static void reference_beyond_any_table_is_given_back(void **state)
{
    struct splitio_xen_guest *g = *state;
    uint8_t *page = splitio_xen_pages_alloc(g, 1);
    splitio_gref_t gref;

    kernel.ref = UINT32_MAX - 1;
    assert_int_equal(splitio_xen_grant(g, 7, page, false, &gref),
                     SPLITIO_ENOSPC);
    assert_int_equal(kernel.nr_unshared, 1);
    kernel.ref = 5000; /* the table grows to hold it */
    assert_int_equal(splitio_xen_grant(g, 7, page, false, &gref), 0);
    assert_int_equal(splitio_xen_revoke(g, gref), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(runs_are_contiguous_and_zeroed, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            page_that_is_lent_is_the_kernels_with_its_content, setup, teardown),
        cmocka_unit_test_setup_teardown(
            page_taken_back_is_out_of_the_peers_reach, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_no_free_page_of_the_port_is_not_lent, setup, teardown),
        cmocka_unit_test_setup_teardown(
            kernel_that_lends_no_more_is_told_as_no_space, setup, teardown),
        cmocka_unit_test_setup_teardown(
            reference_beyond_any_table_is_given_back, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
