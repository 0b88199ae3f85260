/* SPDX-License-Identifier: BSD-2-Clause */
/* Sends CONTROL by Xen's own client library, as xenstore-control does, which
 * starts only under Xen: xs_control COMMAND [ARGUMENT]. */
#include <stdio.h>
#include <string.h>
#include <xenstore.h>

int main(int argc, char **argv)
{
    struct xs_handle *xs = xs_open(0);
    char argument[256] = "";
    char *answer;

    if (!xs || argc < 2)
        return 2;
    if (argc > 2)
        snprintf(argument, sizeof(argument), "%s", argv[2]);
    answer = xs_control_command(xs, argv[1], argument,
                                argc > 2 ? (unsigned)strlen(argument) + 1 : 0);
    xs_close(xs);
    if (!answer)
        return 1;
    puts(answer);
    return 0;
}
