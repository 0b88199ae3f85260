/* SPDX-License-Identifier: BSD-2-Clause */
/* The same for the engine over io_uring, which has a library below it. */
#include <splitio/disk_uring.h>

#include <string.h>

int main(void)
{
    const struct splitio_disk_uring_config cfg = {.path = "/nowhere/disk.img"};
    struct splitio_disk_uring *disk = NULL;
    char reason[128] = "";
    int err = splitio_disk_uring_open(&disk, &cfg, reason, sizeof(reason));

    splitio_disk_uring_close(disk);
    return err == SPLITIO_ENOENT && strstr(reason, "no such file") ? 0 : 1;
}
