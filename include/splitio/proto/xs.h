/* SPDX-License-Identifier: BSD-2-Clause */
/* The wire format of xenstore: messages, the ring page, paths, errors. */
#ifndef SPLITIO_PROTO_XS_H
#define SPLITIO_PROTO_XS_H

/**
 * @file
 * @brief xenstore on the wire (layer 2).
 *
 * **What it is.** The bytes that a store client and a store server exchange,
 * and pure functions that check and make them. Sources: xen/io/xs_wire.h,
 * docs/misc/xenstore.txt and docs/misc/xenstore-ring.txt of Xen. Integers are
 * in the byte order of the machine that both sides run on; in a ring, which a
 * guest shares, all is little-endian.
 *
 * **Who calls what.** Both sides call all of it; no function keeps a state.
 *
 * **Typical loop.** read 16 bytes, splitio_xs_msg_check(), read `len` bytes,
 * split them with splitio_xs_strings(), act, answer.
 *
 * **Memory order.** None: the functions work on private memory. The words of
 * struct splitio_xs_page are accessed through splitio/stream.h.
 *
 * **Trust.** Every argument may come from the peer: lengths are explicit, and
 * no byte beyond them is read.
 *
 * **Errors.** SPLITIO_EPROTO for a frame that cannot be answered (the
 * connection is lost), SPLITIO_EINVAL for content that gets an error reply.
 */

#include <splitio/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Largest `len` of a message, in both directions. */
#define SPLITIO_XS_PAYLOAD_MAX 4096u
/** Longest absolute path, without its NUL. */
#define SPLITIO_XS_ABS_PATH_MAX 3072u
/** Longest relative path, without its NUL. */
#define SPLITIO_XS_REL_PATH_MAX 2048u
/** Bytes of each of the two rings in the shared page. */
#define SPLITIO_XS_RING_SIZE 1024u
/** Bytes of a domain's path, "/local/domain/65535" and its NUL. */
#define SPLITIO_XS_DOMAIN_PATH_MAX 20u
/** Bytes of a permission as text, "b65535" and its NUL. */
#define SPLITIO_XS_PERM_TEXT_MAX 7u
/** Bytes of an uint32_t in decimal and its NUL. */
#define SPLITIO_XS_U32_TEXT_MAX 11u
/** Watch path that changes when a domain is introduced. */
#define SPLITIO_XS_INTRODUCE_DOMAIN "@introduceDomain"
/** Watch path that changes when a domain is released. */
#define SPLITIO_XS_RELEASE_DOMAIN "@releaseDomain"

/** Values of splitio_xs_msg.type. */
enum splitio_xs_type {
    SPLITIO_XS_CONTROL = 0, /**< once called DEBUG */
    SPLITIO_XS_DIRECTORY = 1,
    SPLITIO_XS_READ = 2,
    SPLITIO_XS_GET_PERMS = 3,
    SPLITIO_XS_WATCH = 4,
    SPLITIO_XS_UNWATCH = 5,
    SPLITIO_XS_TRANSACTION_START = 6,
    SPLITIO_XS_TRANSACTION_END = 7,
    SPLITIO_XS_INTRODUCE = 8,
    SPLITIO_XS_RELEASE = 9,
    SPLITIO_XS_GET_DOMAIN_PATH = 10,
    SPLITIO_XS_WRITE = 11,
    SPLITIO_XS_MKDIR = 12,
    SPLITIO_XS_RM = 13,
    SPLITIO_XS_SET_PERMS = 14,
    SPLITIO_XS_WATCH_EVENT = 15, /**< from the server only */
    SPLITIO_XS_ERROR = 16,       /**< from the server only */
    SPLITIO_XS_IS_DOMAIN_INTRODUCED = 17,
    SPLITIO_XS_RESUME = 18,
    SPLITIO_XS_SET_TARGET = 19,
    /* 20 was RESTRICT; it is invalid now. */
    SPLITIO_XS_RESET_WATCHES = 21,
    SPLITIO_XS_DIRECTORY_PART = 22,
    SPLITIO_XS_GET_FEATURE = 23,
    SPLITIO_XS_SET_FEATURE = 24,
    SPLITIO_XS_GET_QUOTA = 25,
    SPLITIO_XS_SET_QUOTA = 26,
    SPLITIO_XS_TYPE_COUNT = 27,
};

/** Bits of splitio_xs_page.server_features. */
enum splitio_xs_feature {
    SPLITIO_XS_FEATURE_RECONNECTION = 1, /**< `connection` is served */
    SPLITIO_XS_FEATURE_ERROR = 2,        /**< `error` is kept */
    SPLITIO_XS_FEATURE_WATCHDEPTH = 4,   /**< WATCH takes a depth */
    SPLITIO_XS_FEATURE_DOMID_ANY = 8,    /**< permissions for any domain */
};

/** Values of splitio_xs_page.connection. */
enum splitio_xs_connection {
    SPLITIO_XS_CONNECTED = 0,
    SPLITIO_XS_RECONNECT = 1, /**< set by the guest, cleared by the server */
};

/** Values of splitio_xs_page.error; more may come. */
enum splitio_xs_page_error {
    SPLITIO_XS_ERROR_NONE = 0,
    SPLITIO_XS_ERROR_COMM = 1,    /**< the event channel does not work */
    SPLITIO_XS_ERROR_RINGIDX = 2, /**< impossible index */
    SPLITIO_XS_ERROR_PROTO = 3,   /**< `len` above the limit */
};

/** Header of every message (Xen: struct xsd_sockmsg); writer: the sender. */
struct splitio_xs_msg {
    uint32_t type;   /**< enum splitio_xs_type; a reply repeats it */
    uint32_t req_id; /**< chosen by the client; a reply repeats it */
    uint32_t tx_id;  /**< transaction, or 0; a reply repeats it */
    uint32_t len;    /**< bytes that follow, 0 to 4096 */
};
SPLITIO_STATIC_ASSERT(sizeof(struct splitio_xs_msg) == 16, "xsd_sockmsg");

/** The shared page (Xen: struct xenstore_domain_interface). */
struct splitio_xs_page {
    uint8_t req[SPLITIO_XS_RING_SIZE]; /**< writer: guest */
    uint8_t rsp[SPLITIO_XS_RING_SIZE]; /**< writer: server */
    uint32_t req_cons;                 /**< writer: server */
    uint32_t req_prod;                 /**< writer: guest */
    uint32_t rsp_cons;                 /**< writer: guest */
    uint32_t rsp_prod;                 /**< writer: server */
    uint32_t server_features;          /**< writer: server; bits only rise */
    uint32_t connection;               /**< guest writes 1, server 0 */
    uint32_t error;                    /**< writer: server */
    uint32_t evtchn_port;              /**< writer: the domain's builder */
};
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_xs_page, req_cons) == 2048,
                      "xenstore_domain_interface");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_xs_page, server_features) == 2064,
                      "xenstore_domain_interface");
SPLITIO_STATIC_ASSERT(offsetof(struct splitio_xs_page, evtchn_port) == 2076,
                      "xenstore_domain_interface");

/** Bits of splitio_xs_perm.access. */
enum splitio_xs_access {
    SPLITIO_XS_PERM_NONE = 0,
    SPLITIO_XS_PERM_READ = 1,
    SPLITIO_XS_PERM_WRITE = 2,
    SPLITIO_XS_PERM_BOTH = 3,
};

/**
 * One entry of a node's permissions. In the first entry `domid` is the owner,
 * who may do everything, and `access` is what domains without an entry may.
 */
struct splitio_xs_perm {
    uint16_t domid;
    uint16_t access; /**< enum splitio_xs_access */
};

/** What splitio_xs_path_check() accepts besides an absolute path. */
enum splitio_xs_path_flag {
    SPLITIO_XS_PATH_RELATIVE = 1, /**< a path without a leading slash */
    SPLITIO_XS_PATH_SPECIAL = 2,  /**< "@name" */
};

/**
 * @brief Check the frame of a message that was received.
 * @return 0; SPLITIO_EPROTO if `len` is above the limit: the connection is
 * out of step and must be given up.
 *
 * Caller: any. Order: none. Peer: all fields.
 */
int splitio_xs_msg_check(const struct splitio_xs_msg *msg);

/** @brief From the machine's byte order to little-endian, or back. */
static inline struct splitio_xs_msg splitio_xs_msg_le(struct splitio_xs_msg msg)
{
    struct splitio_xs_msg le = {splitio_le32(msg.type),
                                splitio_le32(msg.req_id),
                                splitio_le32(msg.tx_id), splitio_le32(msg.len)};

    return le;
}

/**
 * @brief Check a path: characters, slashes, length.
 * @param[in] path      the text; need not end in NUL.
 * @param[in] len_bytes its length, without a NUL.
 * @param[in] flags     enum splitio_xs_path_flag.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: any. Order: none. Peer: every byte.
 */
int splitio_xs_path_check(const char *path, size_t len_bytes, unsigned flags);

/**
 * @brief Split a payload into strings that each end in NUL.
 * @param[in]  body        the payload.
 * @param[in]  len_bytes   its length.
 * @param[out] strings     at most @p max starts within @p body.
 * @param[in]  max         room in @p strings.
 * @return the number of strings; SPLITIO_EINVAL if the last one has no NUL;
 * SPLITIO_E2BIG if there are more than @p max.
 *
 * Caller: any. Order: none. Peer: every byte.
 */
int splitio_xs_strings(const char *body, size_t len_bytes, const char **strings,
                       unsigned max);

/** @brief Length of a string that ends in NUL. Caller: any. */
size_t splitio_xs_strlen(const char *text);

/** @brief True if two strings that end in NUL are equal. Caller: any. */
bool splitio_xs_streq(const char *a, const char *b);

/**
 * @brief Parse an unsigned decimal number: digits only, no sign or space.
 * @return 0; SPLITIO_EINVAL if @p text is no number or does not fit.
 *
 * Caller: any. Order: none. Peer: every byte of @p text (@p len_bytes, no NUL
 * needed).
 */
int splitio_xs_parse_u32(const char *text, size_t len_bytes, uint32_t *value);

/** @brief As splitio_xs_parse_u32(), for 64 bits. */
int splitio_xs_parse_u64(const char *text, size_t len_bytes, uint64_t *value);

/**
 * @brief Write a number in decimal and a NUL.
 * @param[out] text  at least SPLITIO_XS_U32_TEXT_MAX bytes.
 * @param[in]  value the number.
 * @return its length without the NUL.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_xs_format_u32(char *text, uint32_t value);

/** @brief As splitio_xs_format_u32(), for 64 bits: 21 bytes of @p text. */
size_t splitio_xs_format_u64(char *text, uint64_t value);

/**
 * @brief Write "/local/domain/<domid>" and a NUL.
 * @param[out] text  at least SPLITIO_XS_DOMAIN_PATH_MAX bytes.
 * @param[in]  domid the domain.
 * @return its length without the NUL.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_xs_domain_path(char *text, splitio_domid_t domid);

/**
 * @brief Parse "n5", "r5", "w5" or "b5"; @p text ends in NUL.
 * @return 0; SPLITIO_EINVAL.
 *
 * Caller: any. Order: none. Peer: every byte of @p text.
 */
int splitio_xs_parse_perm(const char *text, struct splitio_xs_perm *perm);

/**
 * @brief Write a permission as text and a NUL.
 * @param[out] text at least SPLITIO_XS_PERM_TEXT_MAX bytes.
 * @param[in]  perm the entry.
 * @return its length without the NUL.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
size_t splitio_xs_format_perm(char *text, const struct splitio_xs_perm *perm);

/**
 * @brief The errno name that an ERROR message carries for @p error.
 * @param[in] error a value of enum splitio_error.
 * @return one of xenstore's 16 names; "EIO" where none fits.
 *
 * Caller: any. Order: none. Peer: nothing.
 */
const char *splitio_xs_error_name(int error);

/**
 * @brief The SPLITIO_E* value of the payload of an ERROR message.
 * @param[in] name      errno name, with or without its NUL.
 * @param[in] len_bytes its length.
 * @return a negative SPLITIO_E* value. Names without an equal are mapped:
 * EISDIR to EINVAL, ENOTEMPTY and EISCONN to EBUSY, ENOSYS to EOPNOTSUPP, EPERM
 * to EACCES, and everything unknown to EIO.
 *
 * Caller: any. Order: none. Peer: every byte.
 */
int splitio_xs_error_value(const char *name, size_t len_bytes);

#ifdef __cplusplus
}
#endif

#endif /* SPLITIO_PROTO_XS_H */
