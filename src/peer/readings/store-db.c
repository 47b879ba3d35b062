/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * WAL mode: a commit appends the pages that have changed to one file, without waiting for the disk;
 * a thread does that (store-sync.h). The folder is locked against other processes. A value's type
 * in SQLite is its kind: REAL a number, TEXT a text, BLOB bytes.
 */

#include <config.h>

#include "peer/readings/store-db.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <inttypes.h>
#include <sys/file.h>
#include <unistd.h>

#include "peer/readings/store-sync.h"

struct StoreDb {
    sqlite3 *sqlite;
    int folder;      /* locked; or -1 */
    StoreSync *sync; /* NULL: check points are done as part of a commit */
    sqlite3_stmt *statements[SQL_COUNT];
};

G_DEFINE_QUARK(store_db_error, store_db_error)

/* What each table holds is in the comments of store-private.h. */
static const char schema[] =
    "BEGIN EXCLUSIVE;"
    "CREATE TABLE state (id INTEGER PRIMARY KEY, epoch TEXT NOT NULL, history_id TEXT NOT NULL,"
    " boot TEXT NOT NULL, outbox_last INTEGER NOT NULL, outbox_reserved INTEGER NOT NULL,"
    " history_last INTEGER NOT NULL, history_reserved INTEGER NOT NULL, numbers INTEGER NOT NULL,"
    " dropped INTEGER NOT NULL, number_sequence INTEGER NOT NULL, number_time INTEGER NOT NULL,"
    " number_peer TEXT NOT NULL, number_emitted INTEGER NOT NULL, number_value REAL NOT NULL);"
    "CREATE TABLE outbox (sequence INTEGER PRIMARY KEY, time INTEGER NOT NULL,"
    " series INTEGER NOT NULL, nth INTEGER NOT NULL, value NOT NULL, unit TEXT NOT NULL);"
    "CREATE TABLE published (id INTEGER PRIMARY KEY, name TEXT NOT NULL, nth INTEGER NOT NULL,"
    " sequence INTEGER NOT NULL, time INTEGER NOT NULL, value NOT NULL, unit TEXT NOT NULL);"
    "CREATE TABLE history (sequence INTEGER PRIMARY KEY, received INTEGER NOT NULL,"
    " time INTEGER NOT NULL, series INTEGER NOT NULL, value NOT NULL, unit TEXT NOT NULL);"
    "CREATE TABLE series (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, peer TEXT NOT NULL,"
    " name TEXT NOT NULL, known INTEGER NOT NULL, epoch TEXT NOT NULL, nth INTEGER NOT NULL,"
    " received INTEGER NOT NULL, missed INTEGER NOT NULL, time INTEGER NOT NULL, value NOT NULL,"
    " unit TEXT NOT NULL, emitted INTEGER NOT NULL);"
    "CREATE TABLE emitter (id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL, epoch TEXT NOT NULL,"
    " known INTEGER NOT NULL, cursor INTEGER NOT NULL, heard INTEGER NOT NULL);"
    "CREATE TABLE gap (log INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL);"
    "CREATE TABLE fork (first INTEGER NOT NULL, name TEXT NOT NULL, nth INTEGER NOT NULL,"
    " PRIMARY KEY (first, name)) WITHOUT ROWID;"
    "PRAGMA user_version=1;"
    "COMMIT";

enum { SCHEMA_VERSION = 1 };

static const char *const texts[] = {
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_READ_STATE] = "SELECT epoch, history_id, boot, outbox_last, outbox_reserved, history_last,"
                       " history_reserved, numbers, dropped, number_sequence, number_time,"
                       " number_peer, number_emitted, number_value FROM state",
    [SQL_WRITE_STATE] = "INSERT OR REPLACE INTO state VALUES"
                        " (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_ADD_OUTBOX] = "INSERT INTO outbox VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_READ_OUTBOX] = "SELECT sequence, time, series, nth, value, unit FROM outbox"
                        " WHERE sequence > ? ORDER BY sequence",
    [SQL_TRIM_OUTBOX] = "DELETE FROM outbox WHERE sequence <= (SELECT sequence FROM outbox"
                        " ORDER BY sequence LIMIT 1 OFFSET ?)",
    [SQL_OLDEST_OUTBOX] = "SELECT min(sequence) FROM outbox",
    [SQL_COUNT_OUTBOX] = "SELECT count(*) FROM outbox",
    [SQL_WRITE_PUBLISHED] = "INSERT OR REPLACE INTO published VALUES (?, ?, ?, ?, ?, ?, ?)",
    [SQL_LIST_PUBLISHED] = "SELECT id, name, nth, sequence FROM published",
    [SQL_READ_LAST] = "SELECT sequence, time, id, nth, value, unit FROM published"
                      " ORDER BY sequence",
    [SQL_READ_ONE_LAST] = "SELECT sequence, time, id, nth, value, unit FROM published"
                          " WHERE id = ?",
    [SQL_ADD_HISTORY] = "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_READ_HISTORY] = "SELECT sequence, received, time, series, value, unit FROM history"
                         " WHERE sequence > ? ORDER BY sequence",
    [SQL_READ_HISTORY_BACK] = "SELECT sequence, received, time, series, value, unit FROM history"
                              " WHERE sequence > ? ORDER BY sequence DESC",
    [SQL_TAKE_HISTORY] = "DELETE FROM history WHERE sequence = ? RETURNING series, value, unit",
    [SQL_LIST_HISTORY] = "SELECT sequence, series, typeof(value) = 'real', length(value)"
                         " FROM history ORDER BY sequence",
    [SQL_WRITE_SERIES] = "INSERT OR REPLACE INTO series VALUES"
                         " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    [SQL_NOTE_SERIES] = "UPDATE series SET epoch = ?, nth = ?, emitted = ? WHERE id = ?",
    [SQL_DROP_SERIES] = "DELETE FROM series WHERE id = ?",
    [SQL_LIST_SERIES] = "SELECT id, fingerprint, peer, name, known, epoch, nth, received, missed,"
                        " emitted FROM series",
    [SQL_LAST_OF_SERIES] = "SELECT time, value, unit FROM series WHERE id = ?",
    [SQL_WRITE_EMITTER] = "INSERT OR REPLACE INTO emitter VALUES (?, ?, ?, ?, ?, ?)",
    [SQL_DROP_EMITTER] = "DELETE FROM emitter WHERE id = ?",
    [SQL_LIST_EMITTERS] = "SELECT id, fingerprint, epoch, known, cursor, heard FROM emitter",
    [SQL_ADD_GAP] = "INSERT INTO gap VALUES (?, ?, ?)",
    [SQL_LIST_GAPS] = "SELECT log, first, last FROM gap ORDER BY first",
    [SQL_ADD_FORK] = "INSERT OR REPLACE INTO fork VALUES (?, ?, ?)",
    [SQL_READ_FORK] = "SELECT name, nth FROM fork WHERE first = ?",
    [SQL_TRIM_FORKS] = "DELETE FROM fork WHERE first NOT IN"
                       " (SELECT DISTINCT first FROM fork ORDER BY first DESC LIMIT 16)",
};
G_STATIC_ASSERT(G_N_ELEMENTS(texts) == SQL_COUNT);

static bool is_damage(int code)
{
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR:    /* a table is not as it should be */
    case SQLITE_MISMATCH: /* nor is what is in it */
    case SQLITE_CONSTRAINT:
    case SQLITE_SCHEMA:
        return true;
    default:
        return false;
    }
}

static StoreDbFault classify(int code)
{
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
        return STORE_DB_BUSY;
    return is_damage(code) ? STORE_DB_DAMAGED : STORE_DB_PASSING;
}

static bool fail(const StoreDb *db, GError **error)
{
    g_set_error_literal(error, STORE_DB_ERROR, classify(sqlite3_extended_errcode(db->sqlite)),
                        sqlite3_errmsg(db->sqlite));
    return false;
}

static bool run_text(StoreDb *db, const char *text, GError **error)
{
    return sqlite3_exec(db->sqlite, text, NULL, NULL, NULL) == SQLITE_OK || fail(db, error);
}

/* The first column of the first row as a number; -1 if that fails. */
static gint64 ask(StoreDb *db, const char *text)
{
    sqlite3_stmt *statement = NULL;
    gint64 answer = -1;

    if (sqlite3_prepare_v2(db->sqlite, text, -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        answer = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return answer;
}

/* SQLite says what is wrong with the file in rows, the first of which is "ok" if nothing is. */
static bool check_pages(StoreDb *db, GError **error)
{
    sqlite3_stmt *statement = NULL;
    bool good = false;

    if (sqlite3_prepare_v2(db->sqlite, "PRAGMA quick_check(1)", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW) {
        g_autofree char *said = g_strdup((const char *) sqlite3_column_text(statement, 0));

        good = g_strcmp0(said, "ok") == 0;
        if (!good)
            g_set_error(error, STORE_DB_ERROR, STORE_DB_DAMAGED, "%s", said ? said : "");
    } else {
        fail(db, error);
    }
    sqlite3_finalize(statement);
    return good;
}

static bool make_tables(StoreDb *db, GError **error)
{
    gint64 version = ask(db, "PRAGMA user_version");

    if (version == SCHEMA_VERSION)
        return true;
    if (version == 0 && ask(db, "SELECT count(*) FROM sqlite_schema") == 0)
        return run_text(db, schema, error);
    if (version < 0)
        return fail(db, error);
    g_set_error(error, STORE_DB_ERROR, STORE_DB_DAMAGED,
                _("it is of another version of rtcbus (%" PRIi64 ")"), version);
    return false;
}

static bool prepare_all(StoreDb *db, GError **error)
{
    for (int i = 0; i < SQL_COUNT; i++) {
        if (sqlite3_prepare_v3(db->sqlite, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &db->statements[i], NULL) != SQLITE_OK)
            return fail(db, error);
    }
    return true;
}

/* The size of the journal is that of a check point, about; 1000 pages are SQLite's own measure. */
static bool set_up(StoreDb *db, GError **error)
{
    /* In an old file it would be a write. */
    if (ask(db, "PRAGMA page_count") == 0 && !run_text(db, "PRAGMA auto_vacuum=INCREMENTAL", error))
        return false;
    if (db->folder < 0 && !run_text(db, "PRAGMA locking_mode=EXCLUSIVE", error))
        return false;
    return run_text(db,
                    "PRAGMA journal_mode=WAL;"
                    "PRAGMA synchronous=NORMAL;"
                    "PRAGMA wal_autocheckpoint=1000;"
                    "PRAGMA journal_size_limit=8388608;"
                    "PRAGMA cache_size=-1024;"
                    "PRAGMA temp_store=MEMORY;"
                    "PRAGMA trusted_schema=OFF;",
                    error) &&
           make_tables(db, error) && check_pages(db, error) && prepare_all(db, error);
}

/* For nobody but us to read; SQLite makes its other files alike. */
static void make_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd >= 0)
        close(fd);
}

/* Two daemons would count in the same sequences. */
static bool lock_folder(StoreDb *db, const char *path, GError **error)
{
    g_autofree char *folder = g_path_get_dirname(path);

    db->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (db->folder >= 0 && flock(db->folder, LOCK_EX | LOCK_NB) == 0)
        return true;
    g_set_error_literal(error, STORE_DB_ERROR, STORE_DB_PASSING,
                        errno == EWOULDBLOCK ? _("another process uses it") : g_strerror(errno));
    return false;
}

bool store_db_copy(StoreDb *db, const char *path, GError **error)
{
    g_autofree char *beside = g_strconcat(path, ".new", NULL);
    char *text = sqlite3_mprintf("VACUUM INTO %Q", beside);
    bool good;

    g_unlink(beside);
    make_file(beside);
    good = run_text(db, text, error);
    sqlite3_free(text);
    if (good && g_rename(beside, path) == 0)
        return true;
    if (good)
        g_set_error_literal(error, STORE_DB_ERROR, STORE_DB_PASSING, g_strerror(errno));
    g_unlink(beside);
    return false;
}

static int on_wal(void *data, sqlite3 *sqlite, const char *name, int pages)
{
    store_sync_note(((StoreDb *) data)->sync, (guint) pages);
    return SQLITE_OK;
}

/* Instead of SQLite's own check points */
static void begin_sync(StoreDb *db, const char *path)
{
    db->sync = store_sync_new(path);
    sqlite3_wal_autocheckpoint(db->sqlite, 0);
    sqlite3_wal_hook(db->sqlite, on_wal, db);
}

StoreDb *store_db_open(const char *path, const char *vfs, GError **error)
{
    StoreDb *db = g_new0(StoreDb, 1);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                SQLITE_OPEN_EXRESCODE | (vfs ? 0 : SQLITE_OPEN_NOFOLLOW);

    db->folder = -1;
    if (path && !vfs) {
        if (!lock_folder(db, path, error)) {
            store_db_close(db);
            return NULL;
        }
        make_file(path);
    }
    if (sqlite3_open_v2(path ? path : ":memory:", &db->sqlite, flags, vfs) != SQLITE_OK) {
        fail(db, error);
        store_db_close(db);
        return NULL;
    }
    if (!set_up(db, error)) {
        store_db_close(db);
        return NULL;
    }
    if (db->folder >= 0)
        begin_sync(db, path);
    return db;
}

void store_db_close(StoreDb *db)
{
    if (!db)
        return;
    store_sync_free(db->sync);
    for (int i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(db->statements[i]);
    sqlite3_close_v2(db->sqlite);
    if (db->folder >= 0)
        close(db->folder);
    g_free(db);
}

void store_db_settle(StoreDb *db)
{
    g_clear_pointer(&db->sync, store_sync_free);
    sqlite3_wal_hook(db->sqlite, NULL, NULL);
}

void store_db_kill(StoreDb *db)
{
    sqlite3_db_config(db->sqlite, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    store_db_close(db);
}

sqlite3_stmt *store_db_statement(StoreDb *db, SqlStatement which)
{
    sqlite3_reset(db->statements[which]);
    sqlite3_clear_bindings(db->statements[which]);
    return db->statements[which];
}

bool store_db_step(StoreDb *db, sqlite3_stmt *statement, GError **error)
{
    int code = sqlite3_step(statement);

    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        fail(db, error);
    sqlite3_reset(statement);
    return false;
}

bool store_db_run(StoreDb *db, sqlite3_stmt *statement, GError **error)
{
    int code = sqlite3_step(statement);
    bool good = code == SQLITE_DONE || code == SQLITE_ROW || fail(db, error);

    sqlite3_reset(statement);
    return good;
}

void store_db_rollback(StoreDb *db)
{
    if (!sqlite3_get_autocommit(db->sqlite))
        sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

void store_db_set_synced(StoreDb *db, bool synced)
{
    sqlite3_exec(db->sqlite, synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", NULL,
                 NULL, NULL);
}

guint store_db_commits(const StoreDb *db)
{
    return db->sync ? store_sync_commits(db->sync) : 0;
}

bool store_db_has_synced(const StoreDb *db, guint count)
{
    return db->sync && store_sync_done(db->sync) >= count;
}

enum { MANY_FREE = 1024 }; /* pages of 4 KiB */

void store_db_shrink(StoreDb *db)
{
    if (ask(db, "PRAGMA freelist_count") > MANY_FREE)
        sqlite3_exec(db->sqlite, "PRAGMA incremental_vacuum(256)", NULL, NULL, NULL);
}

void store_db_bind_value(sqlite3_stmt *statement, int first, const Reading *reading)
{
    const void *data = reading->data ? reading->data : "";

    switch (reading->kind) {
    case READING_NUMBER:
        sqlite3_bind_double(statement, first, reading->number);
        break;
    case READING_TEXT:
        sqlite3_bind_text(statement, first, data, (int) reading->length, SQLITE_STATIC);
        break;
    case READING_BYTES:
        sqlite3_bind_blob(statement, first, data, (int) reading->length, SQLITE_STATIC);
        break;
    }
    sqlite3_bind_text(statement, first + 1, reading->unit, -1, SQLITE_STATIC);
}

void store_db_column_value(sqlite3_stmt *statement, int first, Reading *reading)
{
    switch (sqlite3_column_type(statement, first)) {
    case SQLITE_TEXT:
        reading->kind = READING_TEXT;
        reading->data = sqlite3_column_text(statement, first);
        reading->length = (gsize) sqlite3_column_bytes(statement, first);
        break;
    case SQLITE_BLOB:
        reading->kind = READING_BYTES;
        reading->data = sqlite3_column_blob(statement, first);
        reading->length = (gsize) sqlite3_column_bytes(statement, first);
        break;
    default:
        reading->kind = READING_NUMBER;
        reading->number = sqlite3_column_double(statement, first);
    }
    reading->unit = store_db_column_text(statement, first + 1);
}

const char *store_db_column_text(sqlite3_stmt *statement, int column)
{
    const char *text = (const char *) sqlite3_column_text(statement, column);

    return text ? text : "";
}
