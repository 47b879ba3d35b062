/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Readings on disk: the outbox of what we publish, the history of what we have received, and how
 * far we have heard each emitter. One SQLite file.
 *
 * Writes are collected and committed together, some milliseconds later at most. What is not
 * committed is seen by nobody: not in the outbox, not in the history. A commit survives a killed
 * process. A power cut may take the last second before it, and never makes a sequence mean two
 * things: sequences are reserved on the disk before they are used, and those that a power cut has
 * left unused are skipped.
 *
 * The store knows no clock, no D-Bus and no channel.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "peer/readings/reading.h"

typedef struct Store Store;

typedef struct {
    guint64 outbox;       /* readings, at least 1 */
    guint64 history;      /* readings, at least 1 */
    guint64 history_time; /* microseconds that a received one is kept; 0: no limit */
} StoreLimits;

typedef struct {
    const char *path; /* of the file; NULL: in memory only */
    const char *vfs;  /* of sqlite3_vfs_register(), for tests; NULL: the system's */
    bool manual;      /* no timers: whoever holds the store calls store_commit() */
    const char *boot; /* for tests: an id of this run of the machine; NULL: the kernel's */
    StoreLimits limits;
} StoreSettings;

/* A reading of the outbox */
typedef struct {
    guint64 sequence; /* ours, from 1, in the order of publishing. Some may be left out */
    guint64 previous; /* the sequence before it that was used; 0: none */
    guint64 nth;      /* of its series, from 1, none left out: by this a listener counts */
    Reading reading;
} OutboxReading;

/* A reading of the history */
typedef struct {
    guint64 sequence; /* of the history, from 1 */
    guint64 received; /* microseconds since the epoch */
    const char *peer; /* as it is shown */
    const char *fingerprint;
    Reading reading;
} HistoryReading;

/* None may free the store. What they are given lasts until they return. */
typedef struct {
    /* Each reading that has been committed to the history, in order. */
    void (*received)(const HistoryReading *reading, gpointer data);
    /* Each reading that has been committed to the outbox, in order. */
    void (*published)(const OutboxReading *reading, gpointer data);
    /* store_epoch(), store_history_id() or store_problem() is another one. */
    void (*changed)(gpointer data);
} StoreOps;

/*
 * Opens the file or makes it. One that is damaged is put aside as PATH.damaged-DATE, and a new one
 * begun. Where nothing can be written it is in memory, and store_problem() says so; store_expire()
 * tries again. Never fails.
 */
Store *store_open(const StoreSettings *settings, const StoreOps *ops, gpointer data);

/* Commits what is waiting, and closes. Who waits is told. */
void store_close(Store *store);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Store, store_close)

/* Closes as a killed process would: what is waiting is gone, and nobody is told. For tests. */
void store_kill(Store *store);

void store_set_limits(Store *store, const StoreLimits *limits);

/* Commits what is waiting now. */
void store_commit(Store *store);

/* From time to time: takes out of the history what is too old at NOW (history_time). */
void store_expire(Store *store, guint64 now);

/* What is wrong with it and what to do, for people; NULL if nothing is. */
const char *store_problem(const Store *store);

/* Random ids: one of the outbox's sequences, one of the history's. They last as long as the file.
 */
const char *store_epoch(const Store *store);
const char *store_history_id(const Store *store);

/* ERROR is NULL if it has been committed; else nothing of it has been. */
typedef void (*StoreDone)(guint64 sequence, const GError *error, gpointer data);

/* ---- the outbox --------------------------------------------------------------- */

/*
 * Publishes a copy of READING, which is checked; DONE (or NULL) is called once, later, with its
 * sequence. False if it is refused at once: PEER_ERROR_INVALID_ARGUMENT, _LIMIT_EXCEEDED (more
 * series than STORE_MAX_PUBLISHED). What DONE may be given: PEER_ERROR_FAILED, and
 * PEER_ERROR_LIMIT_EXCEEDED if those that were waiting have taken the last places for series.
 */
enum { STORE_MAX_PUBLISHED = 4096 };
bool store_publish(Store *store, const Reading *reading, StoreDone done, gpointer done_data,
                   GError **error);

/* The newest sequence that has been committed; 0: none. */
guint64 store_published(const Store *store);

/* False stops the reading. */
typedef bool (*OutboxVisitor)(const OutboxReading *reading, gpointer data);

/* Those with a sequence above AFTER, in order, MAX at most (0: all). A failure of the disk ends it
 * early; what has been visited is in order and without a hole. VISIT must not use the store. */
void store_read_outbox(Store *store, guint64 after, guint max, OutboxVisitor visit, gpointer data);

/* The last reading of each series, in the order of their sequences, for a newcomer; they outlive
 * the limit of the outbox. */
void store_read_last(Store *store, OutboxVisitor visit, gpointer data);

/* The same of those with a sequence above AFTER, up to UNTIL. */
void store_read_last_between(Store *store, guint64 after, guint64 until, OutboxVisitor visit,
                             gpointer data);

/* The oldest sequence that is there; 0: there are none. */
guint64 store_outbox_oldest(const Store *store);

/* False stops it: SERIES had so many readings. */
typedef bool (*StandVisitor)(const char *series, guint64 nth, gpointer data);

/* Whether SEQUENCE is one that was lost in a power cut. Somebody may have what it was, and has
 * counted series further than they were when we began again: where they were is visited. */
bool store_read_fork(Store *store, guint64 sequence, StandVisitor visit, gpointer data);

/* How many readings above AFTER have left the outbox: their readers have missed them. */
guint64 store_outbox_missed(const Store *store, guint64 after);

/* ---- the history --------------------------------------------------------------- */

/* Who has sent readings */
typedef struct {
    const char *peer;        /* as it is shown */
    const char *fingerprint; /* of its key; "" for none */
    const char *epoch;       /* of its outbox; "" for readings without a sequence */
    bool known;              /* a known peer's share of the limits is its own */
} StoreEmitter;

typedef struct {
    guint64 sequence; /* the emitter's; 0 if it has none: a number of msg_channel, or a base */
    guint64 nth;      /* of its series; 0 if it has none */
    Reading reading;  /* checked by whoever took it from the wire */
} EmittedReading;

/* The last sequence of an emitter that we have, with what is waiting. False, and 0: this epoch was
 * never heard. */
bool store_cursor(const Store *store, const char *fingerprint, const char *epoch,
                  guint64 *sequence);

/* Whether another epoch of it was heard: then it has a new store and is no newcomer, and all that
 * is in its outbox is new. */
bool store_has_heard(const Store *store, const char *fingerprint);

/* The epoch of FINGERPRINT that was heard last, and how far; what is waiting is committed before,
 * and does not count if that fails. The string is the store's. False: a newcomer, even if it has been greeted
 * in part. */
bool store_place(Store *store, const char *fingerprint, const char **epoch, guint64 *sequence);

/*
 * Takes COUNT readings of one emitter in, received at RECEIVED, and moves its cursor to CURSOR, if
 * that is higher: all of it in one transaction or nothing. Readings at or below the cursor that it
 * has are left out. COUNT may be 0 to move the cursor alone: to where a newcomer begins. What a
 * series has missed is told by nth.
 *
 * GREETING: these are the last readings that a newcomer is given, before which nothing is missed.
 * They do not move the cursor: a newcomer stays one until it is moved. What has come of a greeting
 * before is left out.
 *
 * A reading of an epoch whose sequence is 0 is a base. It has no value; its series stands at nth.
 * In no greeting it stands at nth at most: it goes back to where the emitter's sequences forked.
 *
 * Readings without a sequence come from whoever cannot be asked for them again. If too many of one
 * peer are waiting, they are left out, and missed in the series of the one before.
 *
 * DONE (or NULL, for them) is called once, later; its sequence is CURSOR. After an error the cursor is what
 * was committed before: all that has been given since is to be given again.
 */
void store_receive(Store *store, const StoreEmitter *emitter, const EmittedReading *readings,
                   guint count, guint64 cursor, bool greeting, guint64 received, StoreDone done,
                   gpointer done_data);

/* The newest sequence of the history that has been committed; 0: none. */
guint64 store_received(const Store *store);

/* NULL members are not asked for. */
typedef struct {
    const char *peer; /* its shown name, or its fingerprint */
    const char *series;
    guint64 since; /* received at this time or later */
    bool numbers;  /* numbers of the series "" only, whatever SERIES says */
    guint last;    /* of those that pass, only the last so many; 0: all */
} HistoryFilter;

typedef bool (*HistoryVisitor)(const HistoryReading *reading, gpointer data);

/*
 * Those with a sequence above AFTER that pass FILTER (or NULL), oldest first, MAX at most (0: all).
 * Returns how many are lost: had come
 * and are too old for the history. Where a filter hides what they were it is as many as they can
 * have been. VISIT must not use the store.
 */
guint64 store_read_history(Store *store, guint64 after, guint max, const HistoryFilter *filter,
                           HistoryVisitor visit, gpointer data);

/* How many numbers of the series "" have ever been received, and the last; its peer and value are
 * the store's until the next commit. False if there is none. */
guint64 store_numbers(const Store *store);
bool store_last_number(const Store *store, HistoryReading *out);

/* What is known of a series of a peer */
typedef struct {
    const char *peer, *fingerprint;
    Reading last;
    guint64 received, missed;
} SeriesReport;

typedef void (*SeriesVisitor)(const SeriesReport *series, gpointer data);

/* By peer and name. */
void store_list_series(Store *store, SeriesVisitor visit, gpointer data);
