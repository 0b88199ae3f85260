/* SPDX-License-Identifier: BSD-2-Clause */
/* The texts of the error values. */
#include <splitio/base.h>

static const char *const texts[] = {
    [-SPLITIO_OK] = "success",
    [-SPLITIO_EAGAIN] = "try again later",
    [-SPLITIO_EPROTO] = "the peer broke the protocol",
    [-SPLITIO_EINVAL] = "invalid argument",
    [-SPLITIO_ENOMEM] = "out of memory",
    [-SPLITIO_ENOSPC] = "a table or quota is full",
    [-SPLITIO_ENOENT] = "no such object",
    [-SPLITIO_EEXIST] = "already exists",
    [-SPLITIO_EACCES] = "permission denied",
    [-SPLITIO_EBUSY] = "in use",
    [-SPLITIO_EIO] = "input/output error",
    [-SPLITIO_EOPNOTSUPP] = "operation not supported",
    [-SPLITIO_EROFS] = "read-only",
    [-SPLITIO_ECLOSED] = "closed",
    [-SPLITIO_E2BIG] = "too large",
};

const char *splitio_strerror(int error)
{
    if (error > 0 || error <= -(int)SPLITIO_ARRAY_LEN(texts))
        return "unknown error";
    return texts[-error];
}
