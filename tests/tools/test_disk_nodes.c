/* SPDX-License-Identifier: BSD-2-Clause */
/* What splitiod tells the store about its disks, and its options for them. */
#include "cm.h"

#include <splitiod/disk_nodes.h>

#include <splitio/store_server.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static struct options options;
static struct splitio_store_server *server;
static const struct splitio_toolstack_device nodes = {
    .kind = "vbd", .devid = 51712, .front = 3, .back = 0};

static const char *read_key(const char *dir, const char *key)
{
    static char text[512];
    char path[512];
    const void *value;
    size_t len;

    snprintf(path, sizeof(path), "%s/%s", dir, key);
    if (splitio_store_server_read(server, path, &value, &len))
        return NULL;
    assert_true(len < sizeof(text));
    memcpy(text, value, len);
    text[len] = '\0';
    return text;
}

static void expect(const char *dir, const char *key, const char *value)
{
    const char *have = read_key(dir, key);

    if (!value) {
        assert_null(have);
        return;
    }
    assert_non_null(have);
    assert_string_equal(have, value);
}

#define FRONT "/local/domain/3/device/vbd/51712"
#define BACK  "/local/domain/0/backend/vbd/3/51712"

/* "key", "value", ... for a disk called d. */
static int set(const char *const *words)
{
    int err = options_set(&options, "daemon", "", "socket", "/nowhere") |
              options_set(&options, "disk", "d", "guest", "g");

    for (; *words && !err; words += 2)
        err = options_set(&options, "disk", "d", words[0], words[1]);
    return err ? err : options_check(&options);
}

static void write_nodes(const char *const *words)
{
    options_init(&options);
    assert_int_equal(set(words), 0);
    assert_int_equal(disk_nodes_add(server, &nodes, &options.disks[0]), 0);
}

static void fresh_store(void)
{
    static uint8_t arena[1 << 20];

    assert_int_equal(
        splitio_store_server_init(&server, arena, sizeof(arena), NULL), 0);
    assert_int_equal(splitio_toolstack_domain_add(server, 0, "host"), 0);
    assert_int_equal(splitio_toolstack_domain_add(server, 3, "guest"), 0);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void memory_disk_has_no_place(void **state)
{
    (void)state;
    fresh_store();
    write_nodes(WORDS("memory", "1M"));
    expect(FRONT, "virtual-device", "51712");
    expect(FRONT, "device-type", "disk");
    expect(FRONT, "backend", BACK);
    expect(FRONT, "trusted", NULL);
    expect(BACK, "params", "");
    expect(BACK, "type", NULL);
    expect(BACK, "physical-device", NULL);
    expect(BACK, "physical-device-path", NULL);
    expect(BACK, "mode", "w");
    expect(BACK, "device-type", "disk");
    expect(BACK, "removable", NULL);
    expect(BACK, "discard-enable", NULL);
    expect(BACK, "direct-io-safe", NULL);
    splitio_store_server_fini(server);
    options_fini(&options);
}

static void file_disk_is_told_where_it_lies(void **state)
{
    char path[] = "/tmp/splitio-nodes-XXXXXX", text[64];
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    snprintf(text, sizeof(text), "/tmp/../tmp/%s", path + 5);
    fresh_store();
    write_nodes(WORDS("file", text, "readonly", "yes"));
    expect(BACK, "params", text);
    expect(BACK, "type", "file");
    expect(BACK, "physical-device", NULL);
    expect(BACK, "physical-device-path", path);
    expect(BACK, "mode", "r");
    splitio_store_server_fini(server);
    options_fini(&options);
    close(fd);
    unlink(path);
}

/* Device numbers are what hotplug scripts write: hexadecimal. */
static void device_disk_is_told_which_it_is(void **state)
{
    char expected[32] = "";
    struct stat st;

    (void)state;
    for (unsigned i = 0; i < 8 && !expected[0]; i++) {
        char path[32];

        snprintf(path, sizeof(path), "/dev/loop%u", i);
        if (stat(path, &st) || !S_ISBLK(st.st_mode))
            continue;
        fresh_store();
        write_nodes(WORDS("file", path));
        snprintf(expected, sizeof(expected), "%x:%x", major(st.st_rdev),
                 minor(st.st_rdev));
        expect(BACK, "type", "phy");
        expect(BACK, "physical-device", expected);
        expect(BACK, "physical-device-path", path);
        splitio_store_server_fini(server);
        options_fini(&options);
    }
    if (!expected[0])
        skip();
}

static void cdrom_is_read_only_and_removable(void **state)
{
    (void)state;
    fresh_store();
    write_nodes(WORDS("memory", "1M", "cdrom", "yes", "vdev", "hdc"));
    expect(FRONT, "device-type", "cdrom");
    expect(FRONT, "virtual-device", "5632");
    expect(BACK, "device-type", "cdrom");
    expect(BACK, "mode", "r");
    expect(BACK, "removable", "1");
    splitio_store_server_fini(server);
    options_fini(&options);
}

static void options_of_a_disk_become_keys(void **state)
{
    (void)state;
    fresh_store();
    write_nodes(WORDS("memory", "1M", "removable", "yes", "discard", "no",
                      "trusted", "no"));
    expect(FRONT, "trusted", "0");
    expect(BACK, "removable", "1");
    expect(BACK, "discard-enable", "0");
    expect(BACK, "mode", "w");
    splitio_store_server_fini(server);
    options_fini(&options);
}

static void units_are_named_after_guests(void **state)
{
    static const struct {
        const char *word;
        enum splitio_blkif_units units;
    } known[] = {{"spec", SPLITIO_BLKIF_UNITS_SPEC},
                 {"linux", SPLITIO_BLKIF_UNITS_SPEC},
                 {"freebsd", SPLITIO_BLKIF_UNITS_FREEBSD},
                 {"windows", SPLITIO_BLKIF_UNITS_QEMU},
                 {"minios", SPLITIO_BLKIF_UNITS_MINIOS}};

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(known); i++) {
        options_init(&options);
        assert_int_equal(set(WORDS("memory", "1M", "units", known[i].word)), 0);
        assert_int_equal(options.disks[0].units, known[i].units);
        options_fini(&options);
    }
}

static void words_without_sense_are_refused(void **state)
{
    static const char *const bad[][2] = {
        {"cdrom", "maybe"}, {"removable", "2"}, {"discard", ""},
        {"trusted", "x"},   {"units", "plan9"}, {"vdev", "nvme0"},
        {"cd-rom", "yes"},  {"readonly", "rw"},
    };

    (void)state;
    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(bad); i++) {
        options_init(&options);
        assert_int_equal(set(WORDS("memory", "1M", bad[i][0], bad[i][1])), -1);
        assert_non_null(strstr(options.error, bad[i][0]));
        options_fini(&options);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_disk_has_no_place),
        cmocka_unit_test(file_disk_is_told_where_it_lies),
        cmocka_unit_test(device_disk_is_told_which_it_is),
        cmocka_unit_test(cdrom_is_read_only_and_removable),
        cmocka_unit_test(options_of_a_disk_become_keys),
        cmocka_unit_test(units_are_named_after_guests),
        cmocka_unit_test(words_without_sense_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
