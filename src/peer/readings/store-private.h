/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What the files of the store share. store.c opens, collects and commits; store-outbox.c and
 * store-history.c do what is in one transaction, and read.
 *
 * The tables:
 *   state      one row: the ids, the sequences, the last number
 *   outbox     what we have published, the newest ones
 *   published  our series, each with its last reading
 *   history    what we have received, the newest ones
 *   series     the series of others, each with its last reading and its counters
 *   emitter    how far we have heard whom
 *   gap        sequences that were reserved and never used, as power was cut
 *   fork       where our series stood then, for the last gaps of the outbox
 *
 * All but outbox, history and values is in memory too. It is changed as the transaction is written;
 * a transaction that fails is taken back by reading it all again.
 */

#pragma once

#include "common/bucket.h"
#include "common/random-id.h"
#include "peer/readings/store-db.h"
#include "peer/readings/store.h"

typedef enum { LOG_OUTBOX, LOG_HISTORY, LOG_COUNT } SequenceLog;

typedef struct {
    guint64 first, last;
} SequenceGap;

/* The sequences of the outbox, or of the history */
typedef struct {
    guint64 last;     /* the newest in use, or skipped */
    guint64 reserved; /* up to this they are ours, and that is on the disk */
    guint64 asked;    /* up to this, once the commit `asked_at` is on the disk */
    guint64 oldest;   /* of the outbox: that is kept; last + 1 if none is */
    guint64 kept;     /* readings */
    GArray *gaps;     /* of SequenceGap, oldest first */
} SequenceRange;

/* One of our own series */
typedef struct {
    guint id; /* its place in the array, and 1 */
    char *name;
    guint64 nth, sequence; /* of its last reading */
    const Reading *fresh;  /* in this transaction: the last reading */
} PublishedSeries;

/* What one peer has of the history */
typedef struct {
    char *key; /* by which it is found */
    bool known;
    guint series;
    GArray *rows; /* of guint64: sequences, oldest first */
    guint taken;  /* so many of them have left the history */
    guint64 bytes;
} HistoryShare;

/* A series of somebody else. All peers that have shown the same key are one, whatever the name. */
typedef struct {
    guint id;
    char *key; /* by which it is found */
    char *fingerprint, *peer, *name;
    HistoryShare *share; /* of its peer */
    bool known;
    char *epoch;
    guint64 nth;            /* of its last reading, in EPOCH; 0 if it does not count */
    guint64 received, kept; /* readings; kept in the history */
    guint64 missed;
    guint64 touched;      /* the sequence of its last reading */
    guint64 gone;         /* up to this, at most, some have left the history */
    guint64 emitted;      /* in EPOCH: the emitter's sequence of its last reading; 0: none */
    const Reading *fresh; /* as above */
} ReceivedSeries;

typedef struct {
    gint64 id;
    char *key;
    char *fingerprint, *epoch;
    bool known;
    guint64 cursor;  /* committed */
    guint64 waiting; /* with what is waiting */
    guint64 heard;   /* the sequence of the history at that time */
} Emitter;

/* What is waiting for the next commit */
typedef struct {
    Reading *reading;
    guint64 emitted, nth;
    guint64 sequence; /* once it is in the outbox or history */
} WaitingReading;

typedef struct {
    bool published; /* by us, one reading; else received */
    bool refused;   /* there is no room for its series; the others go on */
    GArray *readings;
    StoreDone done;
    gpointer done_data;
    /* of those that are received */
    char *peer, *fingerprint, *epoch;
    bool known, greeting;
    guint64 received, cursor;
    guint64 skipped; /* numbers without a sequence that came after it, and were too many */
} WaitingWrite;

struct Store {
    char *path, *vfs;
    bool manual;
    StoreLimits limits;
    const StoreOps *ops;
    gpointer data;
    StoreDb *db;
    bool in_memory;  /* though there is a path */
    bool loaded;     /* what is in memory is as in the file */
    guint asked_at;  /* as store_db_commits() */
    bool resumed;    /* the sequences are reserved in this run */
    bool committing; /* a commit runs, and its callbacks: it is no place for the next */
    bool news;       /* `changed` is due when it is over */
    bool failed;     /* the last commit has */
    bool hurried;    /* it closes: whoever has the file locked is not waited for */
    char *damage;    /* has been seen in reading: the next commit begins anew */
    char *problem;
    char *notice; /* of a damaged file that is still there */
    char *boot;   /* this run of the machine */
    char *file_boot;

    char epoch[RANDOM_ID_LENGTH + 1], history_id[RANDOM_ID_LENGTH + 1];
    SequenceRange ranges[LOG_COUNT];
    guint64 history_bytes;
    guint64 numbers, numbers_kept; /* of the series "" in the history */
    guint64 dropped;               /* readings of series that are no longer in the table */
    guint64 dropped_until;         /* their sequences, at most */
    GArray *numbers_gone;       /* of guint64: sequences of the last that have left the history */
    guint64 numbers_gone_until; /* the others of them are not above this */
    HistoryReading last_number; /* sequence 0: none */
    char *last_number_peer;
    GPtrArray *published;        /* PublishedSeries by id, or NULL */
    GHashTable *published_names; /* name → PublishedSeries */
    GPtrArray *series;           /* ReceivedSeries by id, or NULL */
    GHashTable *series_keys;     /* key → ReceivedSeries */
    GHashTable *shares;          /* key → HistoryShare */
    guint evicted;               /* rows that have left in this transaction for another series */
    GHashTable *emitters;        /* key → Emitter */
    gint64 last_emitter_id;

    GPtrArray *waiting;          /* of WaitingWrite */
    GHashTable *numbers_waiting; /* those without a sequence: by peer, how many */
    gsize waiting_bytes;
    guint timer;
    Bucket commits;
    gint64 busy_since; /* 0: it is not */
    guint64 horizon;   /* what was received before this time is too old */
};

/* ---- store.c, for all of them ------------------------------------------------- */

/* Puts WRITE, which it takes, among what is waiting. */
void store_wait(Store *store, WaitingWrite *write);

/* Takes all that is in memory from the file. */
bool store_load(Store *store, GError **error);

/* Takes PROBLEM, which is NULL if there is none any more. */
void store_set_problem(Store *store, char *problem);

/* Those of store-open.c: opens what there is; begins anew beside a file that is closed and damaged;
 * tries to leave the memory. */
void store_begin(Store *store);
void store_begin_anew(Store *store, const char *damage);
void store_try_return(Store *store);

/* What a reader has met, or NULL; it is taken. */
void store_note_fault(Store *store, GError *fault);

/* Whether too much is waiting for more to be taken. */
bool store_is_full(const Store *store);

/* How many of AFTER + 1, …, LAST were used. */
guint64 store_used_between(const SequenceRange *range, guint64 after, guint64 last);

/* The sequence before SEQUENCE that was used. */
guint64 store_previous(const SequenceRange *range, guint64 sequence);

WaitingWrite *store_write_new(StoreDone done, gpointer done_data);
void store_write_add(WaitingWrite *write, const EmittedReading *reading);

/* ---- in a transaction ----------------------------------------------------------- */

bool outbox_load(Store *store, GError **error);
bool outbox_add(Store *store, WaitingWrite *write, GError **error);
/* *DONE becomes false if there is more to take out, with the next commit. */
bool outbox_finish(Store *store, bool *done, GError **error);
void outbox_clear(Store *store);
/* Why a write is refused. Transfer full. */
GError *outbox_refusal(void);

/* A row of the outbox, or of last readings, is at hand. */
bool outbox_visit(Store *store, sqlite3_stmt *row, OutboxVisitor visit, gpointer data);

/* GAP has been made in the outbox: where its series stand is kept. */
bool forks_add(Store *store, const SequenceGap *gap, GError **error);

bool history_load(Store *store, GError **error);
bool history_add(Store *store, WaitingWrite *write, GError **error);
bool history_finish(Store *store, bool *done, GError **error);
void history_clear(Store *store);
/* What is waiting is not to be, or is there. */
void history_forget_waiting(Store *store);
/* Whether the oldest of it is before the horizon. */
bool history_has_expired(Store *store);
/* Takes the oldest of SHARE, which has some, out of the history; it was of *SERIES. */
bool history_take_oldest(Store *store, HistoryShare *share, ReceivedSeries **series,
                         GError **error);

/* Those of store-shares.c. A share lasts as long as a series has entered it. */
void shares_clear(Store *store);
/* A key is one peer whatever its name; who has none is its name. Transfer full. */
char *share_make_key(const StoreEmitter *emitter);
HistoryShare *shares_find(const Store *store, const StoreEmitter *emitter); /* or NULL */
HistoryShare *shares_enter(Store *store, const StoreEmitter *emitter);
void shares_leave(Store *store, HistoryShare *share);
guint64 share_kept(const HistoryShare *share);   /* rows */
guint64 share_oldest(const HistoryShare *share); /* G_MAXUINT64: none */
void share_add(HistoryShare *share, guint64 sequence, gsize bytes);
void share_take_oldest(HistoryShare *share, gsize bytes);
/* Who gives its oldest row; NULL: there are none. */
HistoryShare *shares_find_largest(const Store *store, bool by_bytes);
/* The stranger with most series, if it has more than another one with SERIES and one more. */
HistoryShare *shares_find_greediest(const Store *store, guint series);

/* Those of store-series.c. In a transaction too. NULL in *FOUND: there is no room for it. */
bool series_load(Store *store, GError **error);
bool series_get(Store *store, const StoreEmitter *emitter, const char *name, ReceivedSeries **found,
                GError **error);
/* Another reading has come, which is number NTH of EPOCH (0: it does not count). */
void series_count(ReceivedSeries *series, const WaitingWrite *write, const WaitingReading *reading);
/* It stands there; after a fork, no higher than there: there may be some that we lack. */
bool series_base(Store *store, ReceivedSeries *series, const WaitingWrite *write, guint64 nth,
                 GError **error);
/* Whether a greeting has given us this reading before, or a later one. */
bool series_has(const ReceivedSeries *series, const char *epoch, guint64 emitted);
bool series_finish(Store *store, GError **error);
void series_clear(Store *store);
ReceivedSeries *series_at(const Store *store, gint64 id); /* or NULL */

bool emitters_load(Store *store, GError **error);
bool emitters_advance(Store *store, const WaitingWrite *write, GError **error);
void emitters_clear(Store *store);
/* What is waiting is not to be. */
void emitters_forget_waiting(Store *store);
/* The emitter, or NULL; or a new one. */
Emitter *emitters_find(const Store *store, const char *fingerprint, const char *epoch);
Emitter *emitters_get(Store *store, const StoreEmitter *emitter);

/* The reading of WRITE at I as the outbox, or the history, has it. */
OutboxReading outbox_describe(const Store *store, const WaitingWrite *write, guint i);
HistoryReading history_describe(const WaitingWrite *write, guint i);
