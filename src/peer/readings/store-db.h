/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The SQLite file of the store: how it is opened, its tables, and its statements. */

#pragma once

#include <glib.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "peer/readings/reading.h"

/* Their text is in store-db.c, in this order. */
typedef enum {
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_READ_STATE,
    SQL_WRITE_STATE,
    SQL_ADD_OUTBOX,
    SQL_READ_OUTBOX,
    SQL_TRIM_OUTBOX,
    SQL_OLDEST_OUTBOX,
    SQL_COUNT_OUTBOX,
    SQL_WRITE_PUBLISHED,
    SQL_LIST_PUBLISHED,
    SQL_READ_LAST,
    SQL_READ_ONE_LAST,
    SQL_ADD_HISTORY,
    SQL_READ_HISTORY,
    SQL_READ_HISTORY_BACK,
    SQL_TAKE_HISTORY,
    SQL_LIST_HISTORY,
    SQL_WRITE_SERIES,
    SQL_NOTE_SERIES,
    SQL_DROP_SERIES,
    SQL_LIST_SERIES,
    SQL_LAST_OF_SERIES,
    SQL_WRITE_EMITTER,
    SQL_DROP_EMITTER,
    SQL_LIST_EMITTERS,
    SQL_ADD_GAP,
    SQL_LIST_GAPS,
    SQL_ADD_FORK,
    SQL_READ_FORK,
    SQL_TRIM_FORKS,
    SQL_COUNT
} SqlStatement;

typedef struct StoreDb StoreDb;

typedef enum {
    STORE_DB_PASSING, /* the disk is full, or cannot be written: may be another thing in a minute */
    STORE_DB_BUSY,    /* a checkpoint is at its end: may be another thing in a moment */
    STORE_DB_DAMAGED, /* what is in the file is not ours */
} StoreDbFault;

#define STORE_DB_ERROR (store_db_error_quark())
GQuark store_db_error_quark(void);

/* PATH NULL: in memory. Errors are STORE_DB_ERROR with a StoreDbFault. */
StoreDb *store_db_open(const char *path, const char *vfs, GError **error);
void store_db_close(StoreDb *db);

/* Makes the file PATH, which is not there yet, with all that is in DB. */
bool store_db_copy(StoreDb *db, const char *path, GError **error);

/* Waits for a checkpoint; there are no more after it. */
void store_db_settle(StoreDb *db);

/* As a killed process leaves it: nothing more is written. */
void store_db_kill(StoreDb *db);

/* The statement, reset and without values. It lasts as long as the file. */
sqlite3_stmt *store_db_statement(StoreDb *db, SqlStatement which);

/* Runs one that gives no rows; its values are bound. */
bool store_db_run(StoreDb *db, sqlite3_stmt *statement, GError **error);

/* True: there is a row. False with *ERROR untouched: there are no more. Then STATEMENT is reset. */
bool store_db_step(StoreDb *db, sqlite3_stmt *statement, GError **error);

/* Takes back what the open transaction has done, if there is one. */
void store_db_rollback(StoreDb *db);

/* Whether commits wait until they are on the disk, from the next one on. */
void store_db_set_synced(StoreDb *db, bool synced);

/* How many commits there were, and whether the first COUNT of them are on the disk for sure. */
guint store_db_commits(const StoreDb *db);
bool store_db_has_synced(const StoreDb *db, guint count);

/* Gives a bounded number of free pages back to the disk if there are many. */
void store_db_shrink(StoreDb *db);

/* The value and unit of READING, as parameters FIRST and FIRST + 1; they must last until the
 * statement is run. And the same from columns, which last until the next step. */
void store_db_bind_value(sqlite3_stmt *statement, int first, const Reading *reading);
void store_db_column_value(sqlite3_stmt *statement, int first, Reading *reading);

/* A text column that is never NULL */
const char *store_db_column_text(sqlite3_stmt *statement, int column);
