/* SPDX-License-Identifier: BSD-2-Clause */
/* xenstore's wire format as splitio declares it against Xen's own header. */
#include "cm.h"

#include <splitio/proto/xs.h>

#include <errno.h>
#include <string.h>

#include <xen/io/xs_wire.h>

static void xs_layout_is_xens(void **state)
{
    (void)state;
    assert_int_equal(sizeof(struct splitio_xs_msg), sizeof(struct xsd_sockmsg));
    assert_int_equal(offsetof(struct splitio_xs_msg, tx_id),
                     offsetof(struct xsd_sockmsg, tx_id));
    assert_int_equal(offsetof(struct splitio_xs_page, rsp_prod),
                     offsetof(struct xenstore_domain_interface, rsp_prod));
    assert_int_equal(offsetof(struct splitio_xs_page, error),
                     offsetof(struct xenstore_domain_interface, error));
    assert_int_equal(SPLITIO_XS_PAYLOAD_MAX, XENSTORE_PAYLOAD_MAX);
    assert_int_equal(SPLITIO_XS_ABS_PATH_MAX, XENSTORE_ABS_PATH_MAX);
    assert_int_equal(SPLITIO_XS_REL_PATH_MAX, XENSTORE_REL_PATH_MAX);
    assert_int_equal(SPLITIO_XS_RING_SIZE, XENSTORE_RING_SIZE);
    assert_int_equal(SPLITIO_XS_DIRECTORY_PART, XS_DIRECTORY_PART);
    assert_int_equal(SPLITIO_XS_RESET_WATCHES, XS_RESET_WATCHES);
    assert_int_equal(SPLITIO_XS_SET_TARGET, XS_SET_TARGET);
    assert_int_equal(SPLITIO_XS_ERROR, XS_ERROR);
}

static void xs_errors_cover_all_sixteen_names(void **state)
{
    (void)state;
    assert_int_equal(SPLITIO_ARRAY_LEN(xsd_errors), 16);
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(xsd_errors); i++) {
        const char *name = xsd_errors[i].errstring;
        int e = splitio_xs_error_value(name, strlen(name) + 1);

        assert_true(e < 0);
        assert_true(e != SPLITIO_EIO || xsd_errors[i].errnum == EIO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xs_layout_is_xens),
        cmocka_unit_test(xs_errors_cover_all_sixteen_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
