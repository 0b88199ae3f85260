# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2016
# Bad input to the programs: one clear line that names the thing, a non-zero
# exit or an error to that guest alone, and nothing lost for the others.
. scripts/lib.sh
. scripts/daemon.sh
build_preset default || exit 1
tools=$PWD/build/default/tools
plugin=$tools/nbdkit/nbdkit-splitio-plugin.so
splitiod=$tools/splitiod/splitiod
daemon_init

# refuses NAME REGEX PROGRAM ARGUMENT...: it ends, not with 0 and not by a
# signal, and says one line, which matches.
refuses()
{
    local name=$1 regex=$2 rc
    shift 2
    timeout 20 "$@" >"$dir/said" 2>&1 </dev/null
    rc=$?
    if [ $rc -ne 0 ] && [ $rc -lt 124 ] && [ "$(wc -l <"$dir/said")" = 1 ] &&
        grep -Eq -- "$regex" "$dir/said"; then
        ok "$name"
    else
        say "status $rc, said:"
        cat "$dir/said"
        not_ok "$name"
    fi
}
# bad NAME REGEX OPTION...: splitiod with a socket of its own and these options.
bad()
{
    local name=$1 regex=$2
    shift 2
    refuses "$name" "$regex" "$splitiod" --socket "$dir/other" "$@"
}

truncate -s 1M "$dir/good.img" "$dir/locked.img" "$dir/shrinks.img"
truncate -s 1000 "$dir/odd.img"
mkdir "$dir/folder"
mkfifo "$dir/fifo"

bad option_unknown '\-\-frobnicate.*--help' --frobnicate
bad option_without_value '\-\-disk.*--help' --disk
bad argument_unknown '"surplus".*--help' surplus
refuses no_socket 'give --socket' "$splitiod" --disk guest=g,null=1M
bad nothing_to_export 'give --disk or --nic'
bad window_without_guest 'w.sock: .*give guest=' \
    --ivshmem "$dir/w.sock" --disk guest=g,null=1M
bad window_is_no_power_of_two 'memory has 1M to 1G, and is a power of two' \
    --ivshmem "$dir/w.sock,guest=g,memory=3M" --disk guest=g,null=1M
bad window_too_small 'memory has 1M to 1G' \
    --ivshmem "$dir/w.sock,guest=g,memory=64K" --disk guest=g,null=1M
bad window_of_a_guest_without_devices 'guest other has neither' \
    --ivshmem "$dir/w.sock,guest=other" --disk guest=g,null=1M
bad windows_of_one_guest 'guest g connects at .*w.sock already' \
    --ivshmem "$dir/w.sock,guest=g" --ivshmem "$dir/v.sock,guest=g" \
    --disk guest=g,null=1M
bad window_where_a_file_is 'good.img: is there and is no socket' \
    --ivshmem "$dir/good.img,guest=g" --disk guest=g,null=1M
bad disk_key_unknown 'unknown key "fiel"; known: .*file' \
    --disk "guest=g,fiel=$dir/good.img"
bad disk_key_without_value '"readonly" is not KEY=VALUE' \
    --disk "guest=g,readonly,file=$dir/good.img"
bad disk_without_medium 'no medium; give file=' --disk guest=g
bad disk_with_two_media 'more than one' --disk "guest=g,null=1M,memory=1M"
bad disk_without_guest 'give guest=' --disk null=1M
bad disk_size_is_no_size '"12x" is no valid value for memory' \
    --disk guest=g,memory=12x
bad disk_size_too_large 'is no valid value' --disk guest=g,null=99999999T
bad disk_twice_at_one_place 'same vdev; give vdev=' \
    --disk guest=g,null=1M --disk guest=g,null=1M
bad vdev_unknown '"floppy" is no valid value for vdev' --disk guest=g,null=1M,vdev=floppy
bad image_missing "missing.img: no such file" --disk "guest=g,file=$dir/missing.img"
bad image_is_a_directory 'is a directory' --disk "guest=g,file=$dir/folder,readonly=yes"
bad image_is_a_fifo 'neither a file nor a block device' \
    --disk "guest=g,file=$dir/fifo,readonly=yes"
bad image_of_odd_size 'odd.img: its size must be a multiple of 512' \
    --disk "guest=g,file=$dir/odd.img"
bad image_twice_for_writing 'in use by another process' \
    --disk "guest=g,file=$dir/good.img" --disk "guest=h,file=$dir/good.img"
bad engine_unknown '"aio" is no valid value for engine' \
    --disk "guest=g,file=$dir/good.img,engine=aio"
bad engine_of_memory 'engine and direct are for file=' \
    --disk guest=g,memory=1M,engine=uring
bad direct_without_uring 'needs engine=uring' \
    --disk "guest=g,file=$dir/good.img,direct=yes"
bad nic_without_switch 'give switch=' --nic guest=g
bad nic_on_unknown_switch 'no switch "lan"; add --switch name=lan' \
    --nic guest=g,switch=lan
bad nic_mac_is_no_mac 'is no valid value for mac' \
    --switch name=lan --nic guest=g,switch=lan,mac=1:2:3
bad nic_mac_is_multicast 'is no valid value for mac' \
    --switch name=lan --nic guest=g,switch=lan,mac=01:00:00:00:00:01
bad nic_mtu_too_short 'is no valid value for mtu' \
    --switch name=lan --nic guest=g,switch=lan,mtu=67
bad nic_mtu_too_long 'is no valid value for mtu' \
    --switch name=lan --nic guest=g,switch=lan,mtu=65522
bad nic_rate_is_no_size 'is no valid value for rate' \
    --switch name=lan --nic guest=g,switch=lan,rate=x
bad nic_without_queues 'is no valid value for queues' \
    --switch name=lan --nic guest=g,switch=lan,queues=0
bad uplink_name_too_long 'is no valid value for uplink' \
    --switch name=lan,uplink=averyveryverylongname --nic guest=g,switch=lan
bad config_missing 'nowhere.conf: No such file' --config "$dir/nowhere.conf"
printf '[disk a]\nguest = g\nnull = 1M\ncolour = red\n' >"$dir/conf"
bad config_key_unknown 'conf, line 4: disk a: unknown key "colour"' --config "$dir/conf"
printf '[printer a]\nguest = g\n' >"$dir/conf"
bad config_section_unknown 'conf, line 2: unknown section "printer"' --config "$dir/conf"
printf 'what is this\n' >"$dir/conf"
bad config_is_no_config 'conf, line 1' --config "$dir/conf"
refuses socket_path_too_long 'a path has 1 to' "$splitiod" \
    --socket "$dir/$(printf 'x%.0s' {1..120})" --disk guest=g,null=1M
refuses socket_in_missing_directory 'nowhere/socket' "$splitiod" \
    --socket "$dir/nowhere/socket" --disk guest=g,null=1M
refuses socket_path_is_a_file 'good.img' "$splitiod" --socket "$dir/good.img" \
    --disk guest=g,null=1M
sed "s#/var/lib/splitiod/web.img#$dir/good.img#; s/^uplink.*/uplink = none/" \
    tools/splitiod/splitiod.conf.example >"$dir/conf"
check example_configuration_is_good "$splitiod" --config "$dir/conf" --check
# As another user: root may read and write everything.
# The program is copied to where that user can get at it.
if [ "$(id -u)" = 0 ] && chmod 711 "$dir" && chmod 444 "$dir/odd.img" &&
    truncate -s 1M "$dir/odd.img" && cp "$splitiod" "$dir/splitiod" &&
    setpriv --reuid=65534 --clear-groups "$dir/splitiod" --version >/dev/null; then
    refuses image_read_only_opened_for_writing \
        'no permission to write it; export it with readonly=yes' \
        setpriv --reuid=65534 --clear-groups "$dir/splitiod" \
        --socket "$dir/other" --disk "guest=g,file=$dir/odd.img"
else
    skip image_read_only_opened_for_writing "cannot run as another user here"
fi

# The line is waited for; that the daemon goes on is seen when it is stopped.
says_that_its_uplink_is_gone()
{
    ip -n "$1" link delete gone0 &&
        timeout 20 grep -m 1 'uplink gone0 has been deleted' \
            <(tail -n +1 -f "$dir/log")
}
if can_unshare; then
    namespaces+=("$net_prefix-u")
    ip netns add "$net_prefix-u"
    start_ready ip netns exec "$net_prefix-u" "$splitiod" --socket "$dir/up" \
        --switch name=lan,uplink=gone0 --nic guest=g,switch=lan
    check uplink_deleted_is_said says_that_its_uplink_is_gone "$net_prefix-u"
else
    skip uplink_deleted_is_said "needs root, for a network namespace"
fi

start_ready "$splitiod" --socket "$socket" --store-socket "$dir/store" \
    --disk "guest=good,file=$dir/good.img" \
    --disk "guest=shrinks,file=$dir/shrinks.img" \
    --guest "name=good"
refuses second_daemon_on_the_socket 'another daemon|in use' "$splitiod" \
    --socket "$socket" --disk guest=g,null=1M
bad second_daemon_on_the_image 'in use by another process' \
    --disk "guest=g,file=$dir/good.img"
bad second_daemon_on_the_store_socket 'in use' --store-socket "$dir/store" \
    --disk guest=g,null=1M

plugin_refuses()
{
    local name=$1 regex=$2
    shift 2
    refuses "$name" "$regex" nbdkit -f -U "$dir/$name" "$plugin" "$@"
}
if command -v nbdkit >/dev/null && [ -e "$plugin" ]; then
    plugin_refuses plugin_without_socket 'give socket=' guest=good
    plugin_refuses plugin_key_unknown 'unknown parameter "frob"' frob=1 \
        "socket=$socket" guest=good
    plugin_refuses plugin_guest_unknown 'stranger has neither disk nor NIC' \
        "socket=$socket" guest=stranger
    plugin_refuses plugin_disk_unknown 'guest good has no disk xvdb' \
        "socket=$socket" guest=good vdev=xvdb
    plugin_refuses plugin_no_daemon 'nobody' "socket=$dir/nobody" guest=good

    # The image of one guest shrinks while it is in use; the other's does not.
    check image_shrinks_under_the_daemon nbdkit -f -U - "$plugin" \
        "socket=$socket" guest=shrinks --run "
        qemu-io -r -f raw -c 'read 0 1M' \"\$uri\" &&
        truncate -s 4k '$dir/shrinks.img' &&
        ! qemu-io -r -f raw -c 'read 512k 64k' \"\$uri\" &&
        ! qemu-io -f raw -c 'write 512k 64k' \"\$uri\" &&
        qemu-io -r -f raw -c 'read 0 4k' \"\$uri\" &&
        [ \$(stat -c %s '$dir/shrinks.img') = 4096 ]"
    check other_guest_is_served_on nbdkit -f -U - "$plugin" "socket=$socket" \
        guest=good --run 'qemu-io -f raw -c "write -P 7 0 1M" -c "read -P 7 0 1M" "$uri"'
    # Both would join at the same time, but that the first is asked first.
    check guest_twice_is_refused nbdkit -f -U - "$plugin" "socket=$socket" \
        guest=good --run "nbdinfo \"\$uri\" >'$dir/first' &&
        ! timeout 20 nbdkit -f -U '$dir/nbd2' '$plugin' \
        'socket=$socket' guest=good 2>'$dir/said' && grep 'guest good is there already' '$dir/said'"
else
    skip plugin "no nbdkit; ./dev install-deps"
fi
refuses guest_without_nic 'guest good has no NIC number 0' \
    "$tools/splitio-guest/splitio-guest" --socket "$socket" --guest good --tap t0
refuses guest_option_unknown 'frob.*--help' \
    "$tools/splitio-guest/splitio-guest" --frob
refuses guest_grants_of_no_version '--grants 3: give a number from 1 to 2' \
    "$tools/splitio-guest/splitio-guest" --grants 3
refuses guest_options_missing 'give --socket, --guest and --tap' \
    "$tools/splitio-guest/splitio-guest" --socket "$socket"
refuses guest_of_two_places '--xen: give --tap, and neither --socket' \
    "$tools/splitio-guest/splitio-guest" --xen --socket "$socket" --tap t0
[ -e /dev/xen/gntalloc ] ||
    refuses guest_without_xen '/dev/xen/gntalloc: .*is this a Xen domain' \
        "$tools/splitio-guest/splitio-guest" --xen --tap t0
if stop_daemons; then
    ok daemon_stops_cleanly
else
    cat "$dir/log"
    not_ok daemon_stops_cleanly
fi
