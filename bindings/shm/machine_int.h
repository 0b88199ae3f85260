/* SPDX-License-Identifier: BSD-2-Clause */
/* The daemon's side of the binding: what its files share. */
#ifndef SPLITIO_BINDINGS_SHM_MACHINE_INT_H
#define SPLITIO_BINDINGS_SHM_MACHINE_INT_H

#include <sys/epoll.h>

#include <splitio/binding/shm.h>
#include <splitio/binding/shm_wire.h>
#include <splitio/store_server.h>

/* Connections that have not said hello; the oldest makes room for the next. */
#define MAX_PENDING 16
/* Stray descriptors above which nobody new is let in. */
#define MAX_FOREIGN 256
/* Requests of one guest's store ring that one poll acts on. */
#define STORE_BUDGET 16
/* Wait until accept() is tried again when descriptors have run out. */
#define ACCEPT_RETRY_MS 200
#define HOST_DOMID      0

/* What an epoll entry stands for; the rest of its 64 bits is an index. */
enum source {
    SOURCE_LISTEN,
    SOURCE_KICK,
    SOURCE_TIMER,
    SOURCE_PENDING,
    SOURCE_CALL,
    SOURCE_DOORBELL,
};

#define SOURCE_SHIFT 32

/* A connection before its hello. */
struct pending {
    int fd; /* -1: free */
    uint64_t deadline_ms;
};

struct member;

/* How a guest is reached. */
struct link_ops {
    void (*upcall)(const struct member *g); /* any thread */
    void (*part)(struct member *g);         /* it is no guest any more */
    void (*release)(struct member *g); /* and nobody has its memory mapped */
};

/* A guest. */
struct member {
    struct splitio_shm_machine *machine;
    struct member *next_ready;
    struct splitio_shm_guest_info info;
    bool joined;  /* guest_joined() said yes */
    bool ready;   /* in the machine's list */
    bool ejected; /* to be disconnected */
    bool store_open, store_event;
    const struct link_ops *link;
    unsigned nr_fds;
    int sock, bell, pipe_write, pipe_read;    /* of a process */
    const struct splitio_shm_window_ops *ops; /* of a window */
    void *ops_arg;
    uint8_t *base; /* its memory */
    struct splitio_domain domain;
    unsigned max_grant_frames;
    void *grant_mem;
    uint64_t *event_mem;
    struct splitio_event_fifo fifo;
    void *fifo_mem;
    splitio_evtchn_t store_port, host_store_port;
    struct splitio_store_conn *store; /* its place in the machine's */
};

/* Descriptors that are closed by a thread of their own. */
struct closer;

struct splitio_shm_machine {
    struct splitio_shm_machine_config cfg;
    char path[108], lock_path[116];
    int epoll, listener, lock, kick, timer;
    bool accepting;
    uint32_t awake; /* the polling thread will look at everything once more */
    struct splitio_hypervisor_port hv_port;
    struct splitio_hypervisor hv;
    struct splitio_domain_slot *slots;
    struct splitio_domain host_domain;
    struct splitio_host host;
    void *host_shared_info;
    void *host_grant_mem;
    uint64_t *host_event_mem;
    struct splitio_event_handler *handlers;
    struct splitio_event_eoi_port *eoi;
    uint64_t eoi_ns;         /* when the first of its events is let through */
    struct member **members; /* by domain id; the host's is NULL */
    splitio_domid_t next_domid;
    struct member *ready, **ready_end; /* first come, first served */
    struct pending pending[MAX_PENDING];
    struct closer *closer;
    void *store_mem;
    struct splitio_store_server *server;
    struct splitio_store_conn host_conn;
    struct splitio_store_conn *conns; /* one a domain id */
    struct splitio_store client;
    uint32_t nr_windows;
    struct splitio_shm_machine_stats stats;
    uint64_t log_ms; /* bucket of log lines */
    unsigned log_left;
};

/* A message that was received, and the descriptors that came with it. */
struct incoming {
    ssize_t len; /* -1: none now; 0: the peer is gone */
    bool bad;    /* cut off */
    bool lost;   /* descriptors did not fit: there are too many open */
    unsigned nr_fds;
    int fds[253]; /* SCM_MAX_FD of the kernel */
    uint8_t bytes[128];
};

/* --- log.c --- */
SPLITIO_INTERNAL uint64_t splitio_shm_now_ns(void);
SPLITIO_INTERNAL uint64_t splitio_shm_now_ms(void);
SPLITIO_INTERNAL void splitio_shm_log(struct splitio_shm_machine *m,
                                      const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* --- closer.c --- */
SPLITIO_INTERNAL struct closer *splitio_shm_closer_new(void);
SPLITIO_INTERNAL void splitio_shm_closer_put(struct closer *c, const int *fds,
                                             unsigned nr);
SPLITIO_INTERNAL uint32_t splitio_shm_closer_nr(const struct closer *c);
SPLITIO_INTERNAL void
splitio_shm_closer_free(struct closer *c); /* its thread may go on */

/* --- socket.c --- */
SPLITIO_INTERNAL int splitio_shm_socket_open(struct splitio_shm_machine *m,
                                             char *text, size_t len_bytes);
SPLITIO_INTERNAL void splitio_shm_socket_close(struct splitio_shm_machine *m);
/* A message that may bring descriptors, and one that must not. */
SPLITIO_INTERNAL void splitio_shm_socket_receive_fds(int fd,
                                                     struct incoming *in);
SPLITIO_INTERNAL void splitio_shm_socket_receive(int fd, struct incoming *in);
SPLITIO_INTERNAL bool splitio_shm_socket_send(int fd, const void *bytes,
                                              size_t len_bytes, const int *fds,
                                              unsigned nr_fds);
/* Close a guest's connection without ever waiting. */
SPLITIO_INTERNAL void splitio_shm_socket_drop(struct splitio_shm_machine *m,
                                              int fd);

/* --- pending.c --- */
SPLITIO_INTERNAL void splitio_shm_pending_accept(struct splitio_shm_machine *m);
SPLITIO_INTERNAL void splitio_shm_pending_receive(struct splitio_shm_machine *m,
                                                  unsigned index);
SPLITIO_INTERNAL void splitio_shm_pending_timer(struct splitio_shm_machine *m);
/* Set the machine's timer to what is due first. */
SPLITIO_INTERNAL void splitio_shm_set_timer(struct splitio_shm_machine *m);
SPLITIO_INTERNAL void
splitio_shm_pending_close_all(struct splitio_shm_machine *m);

/* --- hello.c --- */
struct refusal {
    int status;
    char text[SPLITIO_SHM_TEXT_MAX];
};
/* Check a hello; false and the reason, or true and the memory mapped. */
SPLITIO_INTERNAL bool
splitio_shm_hello_check(const struct splitio_shm_machine *m,
                        const struct incoming *in,
                        struct splitio_shm_hello *hello, struct refusal *why);
SPLITIO_INTERNAL uint8_t *splitio_shm_hello_map(int memfd, uint32_t nr_pages,
                                                struct refusal *why);

SPLITIO_INTERNAL bool
splitio_shm_hello_check_sizes(const struct splitio_shm_machine *m,
                              const struct splitio_shm_hello *h,
                              struct refusal *why);
SPLITIO_INTERNAL bool splitio_shm_hello_name_is_good(const char *name);

/* --- member_socket.c --- */
SPLITIO_INTERNAL void
splitio_shm_member_join(struct splitio_shm_machine *m, int sock,
                        const struct splitio_shm_hello *hello, uint8_t *base);
SPLITIO_INTERNAL void splitio_shm_member_receive(struct member *g);

/* --- member.c --- */
SPLITIO_INTERNAL struct member *
splitio_shm_member_new(struct splitio_shm_machine *m,
                       const struct splitio_shm_hello *hello, uint8_t *base,
                       const struct link_ops *link);
/* Before it entered. */
SPLITIO_INTERNAL void splitio_shm_member_free(struct member *g);
/* 0: the machine knows it now, and only splitio_shm_member_leave() undoes that;
 * the reason may still say why it cannot stay. */
SPLITIO_INTERNAL int splitio_shm_member_enter(struct member *g,
                                              struct refusal *why);
/* May it stay? 0 or the reason's status. */
SPLITIO_INTERNAL int splitio_shm_member_ask(struct member *g,
                                            struct refusal *why);
SPLITIO_INTERNAL void splitio_shm_member_leave(struct member *g);
SPLITIO_INTERNAL void splitio_shm_member_doorbell(struct member *g);
SPLITIO_INTERNAL void splitio_shm_member_set_ready(struct member *g);
SPLITIO_INTERNAL void splitio_shm_member_clear_ready(struct member *g);
/* Free it if no back holds its pages; true if it is no more. */
SPLITIO_INTERNAL bool splitio_shm_member_release(struct member *g);

/* --- calls.c --- */
/* Carry a call out; false if it is none. */
SPLITIO_INTERNAL bool splitio_shm_call_act(struct member *g,
                                           const struct splitio_shm_call *c,
                                           struct splitio_shm_call *reply);

/* --- machine_store.c --- */
SPLITIO_INTERNAL int splitio_shm_store_open(struct splitio_shm_machine *m);
SPLITIO_INTERNAL void splitio_shm_store_close(struct splitio_shm_machine *m);
SPLITIO_INTERNAL unsigned splitio_shm_store_poll(struct splitio_shm_machine *m,
                                                 unsigned budget);
SPLITIO_INTERNAL int splitio_shm_member_store_open(struct member *g);
SPLITIO_INTERNAL void splitio_shm_member_store_close(struct member *g);
SPLITIO_INTERNAL void splitio_shm_member_store_poll(struct member *g);

/* --- hypervisor.c --- */
extern SPLITIO_INTERNAL const struct splitio_hypervisor_ops
    splitio_shm_hypervisor_ops;

static inline void *member_frame(const struct member *g, uint32_t gfn)
{
    return g->base + (size_t)gfn * SPLITIO_PAGE_SIZE;
}

static inline int watch_fd(const struct splitio_shm_machine *m, int fd,
                           uint32_t events, enum source source, uint32_t index)
{
    struct epoll_event e = {
        .events = events,
        .data.u64 = (uint64_t)source << SOURCE_SHIFT | index,
    };

    return epoll_ctl(m->epoll, EPOLL_CTL_ADD, fd, &e);
}

#endif
