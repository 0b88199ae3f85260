/* SPDX-License-Identifier: BSD-2-Clause */
/* Every message of the store as splitio's client and server write it, beside
 * the same message made from Xen's headers. */
#include "cm.h"

#include "golden.h"

#include <splitio/store.h>
#include <splitio/store_server.h>

#include <stdlib.h>
#include <string.h>

static struct cpu {
    const char *name, *program;
} cpus[] = {{"x86_64", GOLDEN_X86_64}, {"x86_32", GOLDEN_X86_32}};

static struct golden golden;

/* Has a message of type with body made. */
static void xen_message(uint32_t type, uint32_t req_id, uint32_t tx_id,
                        const char *body, size_t len)
{
    static char text[32768];
    size_t at = 0;

    text[0] = '\0';
    for (size_t i = 0; i < len; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, " %u",
                               (unsigned char)body[i]);
    golden_make(&golden, "xs_message %u %u %u%s", type, req_id, tx_id, text);
}

/* ---- what the client sends ---- */

static uint8_t sent[8192];
static size_t nr_sent;

static int take_sent(void *ctx, const void *buf, size_t len)
{
    (void)ctx;
    assert_in_range(nr_sent + len, 1, sizeof(sent));
    memcpy(sent + nr_sent, buf, len);
    nr_sent += len;
    return (int)len;
}

static int nothing_came(void *ctx, void *buf, size_t len)
{
    (void)ctx;
    (void)buf;
    (void)len;
    return SPLITIO_EAGAIN;
}

static const struct splitio_store_transport_ops transport_ops = {
    .recv = nothing_came, .send = take_sent};

static struct splitio_store store;

static void on_done(struct splitio_store_call *call, int status,
                    const char *body, size_t len)
{
    (void)call;
    (void)status;
    (void)body;
    (void)len;
}

static void on_fired(struct splitio_store_watch *watch, const char *path)
{
    (void)watch;
    (void)path;
}

/* What the client has just sent is this message; the request's id is its own. */
static void expect_sent(int err, uint32_t type, uint32_t tx_id,
                        const char *body, size_t len, const char *what)
{
    struct splitio_xs_msg head;

    assert_int_equal(err, 0);
    assert_int_equal(splitio_store_poll(&store, 8), 0);
    assert_in_range(nr_sent, sizeof(head), sizeof(sent));
    memcpy(&head, sent, sizeof(head));
    xen_message(type, head.req_id, tx_id, body, len);
    golden_same(&golden, sent, nr_sent, what);
    nr_sent = 0;
}

#define EXPECT_SENT(type, tx_id, body, call)                                   \
    expect_sent(call, SPLITIO_XS_##type, tx_id, body, sizeof(body) - 1, #type)

static void client_sends_nodes_as_xen_does(void)
{
    static struct splitio_store_call c[9];

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(c); i++)
        c[i].done = on_done;
    EXPECT_SENT(READ, 0, "a/b\0", splitio_store_read(&store, &c[0], 0, "a/b"));
    EXPECT_SENT(WRITE, 7, "/k\0val",
                splitio_store_write(&store, &c[1], 7, "/k", "val", 3));
    EXPECT_SENT(MKDIR, 7, "/d\0", splitio_store_mkdir(&store, &c[2], 7, "/d"));
    EXPECT_SENT(RM, 0, "/d\0", splitio_store_rm(&store, &c[3], 0, "/d"));
    EXPECT_SENT(DIRECTORY, 0, "/\0",
                splitio_store_directory(&store, &c[4], 0, "/"));
    EXPECT_SENT(GET_PERMS, 0, "/k\0",
                splitio_store_get_perms(&store, &c[5], 0, "/k"));
    EXPECT_SENT(SET_PERMS, 0, "/k\0n1\0r0\0b2\0",
                splitio_store_set_perms(
                    &store, &c[6], 0, "/k",
                    (const struct splitio_xs_perm[]){{1, SPLITIO_XS_PERM_NONE},
                                                     {0, SPLITIO_XS_PERM_READ},
                                                     {2, SPLITIO_XS_PERM_BOTH}},
                    3));
    EXPECT_SENT(TRANSACTION_START, 0, "\0",
                splitio_store_tx_start(&store, &c[7]));
    EXPECT_SENT(TRANSACTION_END, 9, "T\0",
                splitio_store_tx_end(&store, &c[8], 9, true));
}

/* What no function is there for, drivers having no use for it. */
static void client_sends_the_rest_as_xen_does(void)
{
    static const uint32_t types[] = {
        SPLITIO_XS_CONTROL,        SPLITIO_XS_INTRODUCE,
        SPLITIO_XS_RELEASE,        SPLITIO_XS_GET_DOMAIN_PATH,
        SPLITIO_XS_RESUME,         SPLITIO_XS_IS_DOMAIN_INTRODUCED,
        SPLITIO_XS_SET_TARGET,     SPLITIO_XS_RESET_WATCHES,
        SPLITIO_XS_DIRECTORY_PART, SPLITIO_XS_GET_FEATURE,
        SPLITIO_XS_SET_FEATURE,    SPLITIO_XS_GET_QUOTA,
        SPLITIO_XS_SET_QUOTA,
    };
    static struct splitio_store_call c[SPLITIO_ARRAY_LEN(types)];
    const struct splitio_store_part parts[] = {{"one", 4}, {"2", 2}};

    for (unsigned i = 0; i < SPLITIO_ARRAY_LEN(types); i++) {
        c[i].done = on_done;
        expect_sent(splitio_store_submit(&store, &c[i], types[i], 3, parts, 2),
                    types[i], 3, "one\0002", 6, "any type");
    }
}

static void client_sends_watches_as_xen_does(void)
{
    static struct splitio_store_watch watch = {.fired = on_fired,
                                               .path = "backend/vbd"};
    struct splitio_xs_msg head;
    char body[64];
    size_t len;

    assert_int_equal(splitio_store_watch(&store, &watch), 0);
    assert_int_equal(splitio_store_poll(&store, 8), 0);
    memcpy(&head, sent, sizeof(head));
    len = head.len;
    assert_in_range(len, 13, sizeof(body));
    memcpy(body, sent + sizeof(head), len);
    assert_string_equal(body, "backend/vbd"); /* then the token, the client's */
    assert_int_equal(body[len - 1], '\0');
    expect_sent(0, SPLITIO_XS_WATCH, 0, body, len, "WATCH");
    expect_sent(splitio_store_unwatch(&store, &watch), SPLITIO_XS_UNWATCH, 0,
                body, len, "UNWATCH");
}

static void client_sends_as_xen_does(void **state)
{
    const struct cpu *cpu = *state;
    struct splitio_store_transport transport = {&transport_ops, NULL};

    golden_open(&golden, cpu->name, cpu->program);
    nr_sent = 0;
    assert_int_equal(splitio_store_init(&store, transport), 0);
    client_sends_nodes_as_xen_does();
    client_sends_the_rest_as_xen_does();
    client_sends_watches_as_xen_does();
    splitio_store_fini(&store);
    golden_close(&golden);
}

/* ---- what the server reads, and answers ---- */

/* A request and its answer, as xs_wire.h's and xenstore.txt's texts have it. */
static const struct exchange {
    uint32_t type;
    const char *body;
    size_t len;
    uint32_t answer_type;
    const char *answer;
    size_t answer_len;
} exchanges[] = {
#define EXCHANGE(type, body, answer_type, answer)                              \
    {                                                                          \
        SPLITIO_XS_##type, body, sizeof(body) - 1, SPLITIO_XS_##answer_type,   \
            answer, sizeof(answer) - 1                                         \
    }
    EXCHANGE(CONTROL, "check\0", CONTROL, "OK\0"),
    EXCHANGE(CONTROL, "print\0text\0", ERROR, "ENOSYS\0"),
    EXCHANGE(CONTROL, "nothing\0", ERROR, "EINVAL\0"),
    EXCHANGE(WRITE, "/a\0one", WRITE, "OK\0"),
    EXCHANGE(MKDIR, "/a/b\0", MKDIR, "OK\0"),
    EXCHANGE(MKDIR, "/a/c\0", MKDIR, "OK\0"),
    EXCHANGE(READ, "/a\0", READ, "one"),
    EXCHANGE(READ, "/nobody\0", ERROR, "ENOENT\0"),
    EXCHANGE(READ, "a//b\0", ERROR, "EINVAL\0"),
    EXCHANGE(DIRECTORY, "/a\0", DIRECTORY, "b\0c\0"),
    EXCHANGE(SET_PERMS, "/a\0n1\0r2\0", SET_PERMS, "OK\0"),
    EXCHANGE(GET_PERMS, "/a\0", GET_PERMS, "n1\0r2\0"),
    EXCHANGE(INTRODUCE, "3\00099\0007\0", INTRODUCE, "OK\0"),
    EXCHANGE(IS_DOMAIN_INTRODUCED, "3\0", IS_DOMAIN_INTRODUCED, "T\0"),
    EXCHANGE(IS_DOMAIN_INTRODUCED, "4\0", IS_DOMAIN_INTRODUCED, "F\0"),
    EXCHANGE(GET_DOMAIN_PATH, "3\0", GET_DOMAIN_PATH, "/local/domain/3\0"),
    EXCHANGE(RESUME, "3\0", RESUME, "OK\0"),
    EXCHANGE(INTRODUCE, "4\00099\0007\0", INTRODUCE, "OK\0"),
    EXCHANGE(SET_TARGET, "3\0004\0", SET_TARGET, "OK\0"),
    EXCHANGE(RELEASE, "3\0", RELEASE, "OK\0"),
    EXCHANGE(TRANSACTION_START, "\0", TRANSACTION_START, "1\0"),
    EXCHANGE(TRANSACTION_END, "F\0", ERROR, "ENOENT\0"),
    EXCHANGE(UNWATCH, "/a\0t\0", ERROR, "ENOENT\0"),
    EXCHANGE(RESET_WATCHES, "\0", RESET_WATCHES, "OK\0"),
    EXCHANGE(GET_FEATURE, "\0", GET_FEATURE, "7\0"),
    EXCHANGE(SET_FEATURE, "5\0001\0", SET_FEATURE, "OK\0"),
    EXCHANGE(GET_FEATURE, "5\0", GET_FEATURE, "1\0"),
    EXCHANGE(SET_QUOTA, "4\0nodes\0002\0", SET_QUOTA, "OK\0"),
    EXCHANGE(GET_QUOTA, "4\0nodes\0", GET_QUOTA, "2\0"),
    EXCHANGE(GET_QUOTA, "memory\0", GET_QUOTA, "2621440\0"),
    EXCHANGE(RM, "/a\0", RM, "OK\0"),
#undef EXCHANGE
};

static struct splitio_store_conn conn;

/* Gives the server the message made last; what comes back, whole. */
static size_t told(uint8_t *out, size_t size)
{
    size_t n = 0;
    int got;

    for (size_t at = 0; at < golden.len; at += (size_t)got) {
        got =
            splitio_store_conn_input(&conn, golden.bytes + at, golden.len - at);
        assert_in_range(got, 1, golden.len);
    }
    while ((got = splitio_store_conn_output(&conn, out + n, size - n)) > 0)
        n += (size_t)got;
    return n;
}

static void server_answers_as_xen_does(void **state)
{
    const struct cpu *cpu = *state;
    static char arena[1u << 20];
    struct splitio_store_server *server;
    uint8_t out[8192];
    size_t n;

    golden_open(&golden, cpu->name, cpu->program);
    assert_int_equal(
        splitio_store_server_init(&server, arena, sizeof(arena), NULL), 0);
    assert_int_equal(splitio_store_conn_init(&conn, server, 0), 0);
    for (uint32_t i = 0; i < SPLITIO_ARRAY_LEN(exchanges); i++) {
        const struct exchange *x = &exchanges[i];

        xen_message(x->type, 1000 + i, 0, x->body, x->len);
        n = told(out, sizeof(out));
        xen_message(x->answer_type, 1000 + i, 0, x->answer, x->answer_len);
        golden_same(&golden, out, n, x->body);
    }
    splitio_store_conn_fini(&conn);
    splitio_store_server_fini(server);
    golden_close(&golden);
}

static void server_tells_of_changes_as_xen_does(void **state)
{
    const struct cpu *cpu = *state;
    static char arena[1u << 20];
    struct splitio_store_server *server;
    uint8_t out[8192];
    size_t n, len;

    golden_open(&golden, cpu->name, cpu->program);
    assert_int_equal(
        splitio_store_server_init(&server, arena, sizeof(arena), NULL), 0);
    assert_int_equal(splitio_store_conn_init(&conn, server, 0), 0);
    xen_message(SPLITIO_XS_WATCH, 5, 0, "/w\0token\0", 9);
    n = told(out, sizeof(out));
    xen_message(SPLITIO_XS_WATCH, 5, 0, "OK\0", 3);
    len = golden.len;
    assert_in_range(n, len + 16, sizeof(out));
    golden_same(&golden, out, len, "answer to a watch");
    xen_message(SPLITIO_XS_WATCH_EVENT, 0, 0, "/w\0token\0", 9);
    golden_same(&golden, out + len, n - len, "first event");
    splitio_store_conn_fini(&conn);
    splitio_store_server_fini(server);
    golden_close(&golden);
}

/* Sends a request, and drops the answer. */
static void told_before(uint32_t type, const char *body, size_t len)
{
    uint8_t out[8192];

    xen_message(type, 1, 0, body, len);
    (void)told(out, sizeof(out));
}

static void server_lists_in_parts_as_xen_does(void **state)
{
    const struct cpu *cpu = *state;
    static char arena[1u << 20];
    struct splitio_store_server *server;
    struct splitio_xs_msg head;
    uint8_t out[8192];
    char body[64];
    size_t n, at;

    golden_open(&golden, cpu->name, cpu->program);
    assert_int_equal(
        splitio_store_server_init(&server, arena, sizeof(arena), NULL), 0);
    assert_int_equal(splitio_store_conn_init(&conn, server, 0), 0);
    told_before(SPLITIO_XS_MKDIR, "/d/one\0", 7);
    told_before(SPLITIO_XS_MKDIR, "/d/two\0", 7);
    xen_message(SPLITIO_XS_DIRECTORY_PART, 5, 0, "/d\0000\0", 5);
    n = told(out, sizeof(out));
    /* The generation is the server's; then the names, and an empty one. */
    assert_in_range(n, sizeof(head) + 1, sizeof(out) - 1);
    out[n] = '\0';
    at = (size_t)snprintf(body, sizeof(body), "%llu",
                          strtoull((char *)out + sizeof(head), NULL, 10)) +
         1;
    memcpy(body + at, "one\0two\0\0", 9);
    xen_message(SPLITIO_XS_DIRECTORY_PART, 5, 0, body, at + 9);
    golden_same(&golden, out, n, "part of a directory");
    splitio_store_conn_fini(&conn);
    splitio_store_server_fini(server);
    golden_close(&golden);
}

static void server_tells_of_domains_as_xen_does(void **state)
{
    static const char special[] = "@introduceDomain\0tok\0";
    const struct cpu *cpu = *state;
    static char arena[1u << 20];
    struct splitio_store_server *server;
    uint8_t out[8192];
    size_t n, len;

    golden_open(&golden, cpu->name, cpu->program);
    assert_int_equal(
        splitio_store_server_init(&server, arena, sizeof(arena), NULL), 0);
    assert_int_equal(splitio_store_conn_init(&conn, server, 0), 0);
    told_before(SPLITIO_XS_WATCH, special, sizeof(special) - 1);
    xen_message(SPLITIO_XS_INTRODUCE, 6, 0, "3\00099\0007\0", 7);
    n = told(out, sizeof(out));
    xen_message(SPLITIO_XS_INTRODUCE, 6, 0, "OK\0", 3);
    len = golden.len;
    assert_in_range(n, len + 16, sizeof(out));
    golden_same(&golden, out, len, "answer to an introduction");
    xen_message(SPLITIO_XS_WATCH_EVENT, 0, 0, special, sizeof(special) - 1);
    golden_same(&golden, out + len, n - len, "event of an introduction");
    splitio_store_conn_fini(&conn);
    splitio_store_server_fini(server);
    golden_close(&golden);
}

/* ---- the page of the rings ---- */

static void page_is_as_xens(void **state)
{
    const struct cpu *cpu = *state;
    struct splitio_xs_page page = {.req_cons = 1,
                                   .req_prod = 2,
                                   .rsp_cons = 3,
                                   .rsp_prod = 4,
                                   .server_features = 5,
                                   .connection = 6,
                                   .error = 7};

    golden_open(&golden, cpu->name, cpu->program);
    golden_make(&golden, "xs_interface 1 2 3 4 5 6 7");
    /* The port behind it came with a later Xen. */
    assert_in_range(golden.len, offsetof(struct splitio_xs_page, evtchn_port),
                    sizeof(page));
    golden_same(&golden, &page, golden.len, "page");
    golden_close(&golden);
}

/* A case for each processor. */
#define CASES(name)                                                            \
    {#name "_x86_64", name, NULL, NULL, &cpus[0]},                             \
    {                                                                          \
#name "_x86_32", name, NULL, NULL, &cpus[1]                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASES(client_sends_as_xen_does),
        CASES(server_answers_as_xen_does),
        CASES(server_tells_of_changes_as_xen_does),
        CASES(server_lists_in_parts_as_xen_does),
        CASES(server_tells_of_domains_as_xen_does),
        CASES(page_is_as_xens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
