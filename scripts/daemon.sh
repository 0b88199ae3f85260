# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Starting daemons for demos and tests, and leaving nothing behind. Sourced.

daemons=()
namespaces=()
group=

# Makes $dir and $socket; everything is undone when the script ends.
daemon_init()
{
    dir=$(mktemp -d "${TMPDIR:-/tmp}/splitio.XXXXXX") || exit 1
    socket=$dir/guests
    net_prefix=sio$$
    mkfifo "$dir/ready"
    trap daemon_cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

daemon_cleanup()
{
    local ns
    trap - EXIT
    [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null
    stop_daemons >/dev/null 2>&1
    for ns in "${namespaces[@]}"; do
        ip netns pids "$ns" 2>/dev/null | xargs -r kill -9
        ip netns delete "$ns" 2>/dev/null
    done
    rm -rf "$dir"
}

# True if network namespaces can be made.
can_unshare() { [ "$(id -u)" = 0 ] && [ -e /dev/net/tun ]; }

# run COMMAND...: and wait, in a session of its own, so that an interrupt ends the
# script at once, and all that the command started with it.
run()
{
    local rc
    setsid "$@" &
    group=$!
    wait "$group"
    rc=$?
    group=
    return $rc
}

# start_ready PROGRAM ARGUMENT...: in the background, with --ready-fd; returns
# when it says that it is ready. Its own messages go to $dir/log.
start_ready()
{
    local word
    "$@" --ready-fd 9 9>"$dir/ready" 2>>"$dir/log" &
    daemons+=($!)
    # Ends when the program writes, or dies: it is the only writer.
    read -r word <"$dir/ready"
    [ "$word" = ready ] || {
        tail -n 5 "$dir/log" >&2
        die "$(basename "$1") did not start"
    }
}

# End them in the opposite order; fails if one ends badly.
stop_daemons()
{
    local i rc=0
    for ((i = ${#daemons[@]} - 1; i >= 0; i--)); do
        kill -TERM "${daemons[i]}" 2>/dev/null
        wait "${daemons[i]}" || rc=1
    done
    daemons=()
    return $rc
}
