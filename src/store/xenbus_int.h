/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside the runner of the handshake: steps, and who does them. */
#ifndef SPLITIO_STORE_XENBUS_INT_H
#define SPLITIO_STORE_XENBUS_INT_H

#include <splitio/xenbus.h>

/*
 * A step either asks the store (its answer arrives in splitio_store_poll()) or
 * calls the driver. Files: xenbus_look.c, xenbus_act.c, xenbus_tx.c,
 * xenbus_end.c, xenbus_watch.c; the loop over them is in xenbus_run.c.
 */
enum xb_step {
    XB_IDLE,
    /* a look at the store */
    XB_PEER,    /* where the peer's directory is */
    XB_PEER_ID, /* its domain */
    XB_WATCH,   /* register the watch there */
    XB_OWN,     /* own state: the toolstack may have changed it */
    XB_REMOTE,  /* the peer's state */
    XB_ONLINE,  /* whether a closed device may come back */
    XB_DECIDE,
    /* parts of an action */
    XB_KEYS,
    XB_NEGOTIATE,
    XB_CONNECTED,
    XB_UPDATED,
    XB_QUIESCE,
    XB_DISCONNECT,
    /* one transaction: keys and state */
    XB_TX_START,
    XB_TX_OWN,
    XB_TX_REMOTE,
    XB_TX_TELL,
    XB_TX_STATE,
    XB_TX_END,
    /* ends */
    XB_FAILED,  /* a callback refused a value */
    XB_UNDO,    /* of rings that the peer has not heard of */
    XB_ERROR,   /* write the error node */
    XB_ABANDON, /* disconnect, then begin a new life */
    XB_NR_STEPS,
};

/* Actions beyond those of splitio_xenbus_next(). */
enum {
    XB_DO_ADOPT = SPLITIO_XENBUS_DO_FINISH + 1,
    /* all while connected */
    XB_DO_UPDATE,      /* read what may have changed */
    XB_DO_PUBLISH,     /* write what has changed */
    XB_DO_RECONFIGURE, /* front: the same and Reconfiguring; back: its answer */
    XB_DO_SETTLE,      /* front: Connected again; back: so is the front */
    XB_NR_ACTIONS,
};

/* True if the action leaves the connection as it is. */
static inline bool xb_stays_connected(unsigned action)
{
    return action >= XB_DO_UPDATE;
}

/* Offers that a front makes in a row without getting connected. */
#define XB_LIVES 8u
/* Conflicts in a row after which the peer's state is not looked at. */
#define XB_CONFLICTS 16u

/* Transactions refused in a row after which an event is waited for. */
#define XB_REFUSALS 4096u

/* A whole path. */
#define XB_PATH_MAX (SPLITIO_XENBUS_DIR_MAX + SPLITIO_XENBUS_KEY_MAX)

/*
 * Run a step: 1: go on with the next; 0: blocked. Answer: of the store, from
 * within its poll; sets the next step.
 */
typedef int xb_run(struct splitio_xenbus *xb);
typedef void xb_answer(struct splitio_xenbus *xb, int status, const char *body,
                       size_t len_bytes);

/* xenbus_run.c */
SPLITIO_INTERNAL int splitio_xb_submitted(struct splitio_xenbus *xb, int err);
SPLITIO_INTERNAL int splitio_xb_read(struct splitio_xenbus *xb, const char *dir,
                                     const char *key);
SPLITIO_INTERNAL int splitio_xb_disconnect(struct splitio_xenbus *xb);
SPLITIO_INTERNAL void splitio_xb_drop_tx(struct splitio_xenbus *xb);
SPLITIO_INTERNAL int splitio_xb_end_stray(struct splitio_xenbus *xb);
SPLITIO_INTERNAL void splitio_xb_idle(struct splitio_xenbus *xb,
                                      bool look_again);

/* True if a value is not there, or may not be read: the same to us. */
static inline bool xb_is_absent(int status)
{
    return status == SPLITIO_ENOENT || status == SPLITIO_EACCES;
}

/* True if the connection to the store is lost, or may be. */
static inline bool xb_is_lost(int status)
{
    return status == SPLITIO_ECLOSED || status == SPLITIO_EIO ||
           status == SPLITIO_EPROTO;
}

/* xenbus_watch.c */
SPLITIO_INTERNAL void splitio_xb_set_watches(struct splitio_xenbus *xb);
SPLITIO_INTERNAL xb_run splitio_xb_run_watch;
SPLITIO_INTERNAL int splitio_xb_remove_watches(struct splitio_xenbus *xb);
SPLITIO_INTERNAL void splitio_xb_watch_again(struct splitio_xenbus *xb);

/* xenbus_look.c */
SPLITIO_INTERNAL xb_run splitio_xb_run_peer;
SPLITIO_INTERNAL xb_run splitio_xb_run_peer_id;
SPLITIO_INTERNAL xb_run splitio_xb_run_own;
SPLITIO_INTERNAL xb_run splitio_xb_run_remote;
SPLITIO_INTERNAL xb_run splitio_xb_run_online;
SPLITIO_INTERNAL xb_run splitio_xb_run_decide;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_peer;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_peer_id;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_own;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_remote;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_online;
SPLITIO_INTERNAL enum splitio_xenbus_action
splitio_xb_next(const struct splitio_xenbus *xb);
SPLITIO_INTERNAL void splitio_xb_note_own(struct splitio_xenbus *xb,
                                          unsigned wire);

/* xenbus_act.c */
SPLITIO_INTERNAL xb_run splitio_xb_run_keys;
SPLITIO_INTERNAL xb_run splitio_xb_run_negotiate;
SPLITIO_INTERNAL xb_run splitio_xb_run_connected;
SPLITIO_INTERNAL xb_run splitio_xb_run_updated;
SPLITIO_INTERNAL xb_run splitio_xb_run_quiesce;
SPLITIO_INTERNAL xb_run splitio_xb_run_disconnect;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_keys;
SPLITIO_INTERNAL void splitio_xb_begin(struct splitio_xenbus *xb,
                                       unsigned action, bool forced);
SPLITIO_INTERNAL void splitio_xb_advance(struct splitio_xenbus *xb);

/* xenbus_tx.c */
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_start;
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_own;
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_remote;
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_tell;
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_state;
SPLITIO_INTERNAL xb_run splitio_xb_run_tx_end;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_start;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_own;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_remote;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_tell;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_state;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_tx_end;

/* xenbus_end.c */
SPLITIO_INTERNAL xb_run splitio_xb_run_failed;
SPLITIO_INTERNAL xb_run splitio_xb_run_undo;
SPLITIO_INTERNAL xb_run splitio_xb_run_error;
SPLITIO_INTERNAL xb_run splitio_xb_run_abandon;
SPLITIO_INTERNAL xb_answer splitio_xb_answer_error;
SPLITIO_INTERNAL void splitio_xb_resume_now(struct splitio_xenbus *xb);
SPLITIO_INTERNAL void splitio_xb_fail(struct splitio_xenbus *xb, int error);

#endif /* SPLITIO_STORE_XENBUS_INT_H */
