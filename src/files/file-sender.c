/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-sender.h"

#include <errno.h>
#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "common/random-id.h"
#include "files/file-folder.h"
#include "files/file-hash.h"
#include "files/file-path.h"
#include "files/file-wire.h"

/* Of a file that they have a part of, read in one step */
#define CHECK_STEP (4 * 1024 * 1024)
/* Chunks sent in one dispatch */
enum { TURN = 16 };

typedef enum {
    SENDER_CUT, /* there is no channel */
    SENDER_OFFERED,
    SENDER_SENDING,
    SENDER_FINISHING,
    SENDER_ENDED,
} SenderState;

/* Of a file or folder */
typedef enum {
    ENTRY_WAITING,
    ENTRY_TOLD,
    ENTRY_STARTED, /* they have asked for it */
    ENTRY_SENT,
    ENTRY_DONE,
    ENTRY_FAILED,
} EntryState;

/* What they have asked for */
typedef struct {
    guint number;
    guint64 offset;
    char *sha256; /* of what is before it */
} Start;

struct FileSender {
    FileSource *source;
    const FileSenderOps *ops;
    gpointer data;
    SenderState state;
    char transfer[RANDOM_ID_LENGTH + 1];
    bool was_accepted;
    FileWire *wire;
    guint8 *entries;   /* an EntryState each */
    guint next;        /* to be told */
    guint outstanding; /* told, and neither done nor failed */
    guint unheard;     /* failed, and they do not know */
    GQueue starts;     /* of Start */
    Start *current;    /* taken from them: what is read; NULL if none is */
    int fd;
    FileHash *hash;
    guint64 position;       /* in the current one */
    bool begun;             /* its data; else it is opened, or checked */
    guint checker;          /* looks whether it begins with what they have */
    guint64 sent, got;      /* on this channel */
    guint64 moved;          /* on those before */
    guint64 window, behind; /* behind: all that is settled, and what of the others was sent */
};

static void sender_enter_state(FileSender *sender, SenderState state)
{
    static const char *const names[] = {"cut", "offered", "sending", "finishing", "ended"};

    g_debug("files: %s -> %s", names[sender->state], names[state]);
    sender->state = state;
}

static void start_free(Start *start)
{
    g_free(start->sha256);
    g_free(start);
}

guint64 file_sender_moved(const FileSender *sender)
{
    return sender->moved + sender->got;
}

bool file_sender_was_accepted(const FileSender *sender)
{
    return sender->was_accepted;
}

guint64 file_sender_position(const FileSender *sender)
{
    return sender->behind - MIN(sender->behind, sender->sent - sender->got);
}

char *file_sender_path(const FileSender *sender)
{
    return sender->current ? file_source_path(sender->source, sender->current->number) : NULL;
}

/* ---- one file after the other -------------------------------------------------------- */

static void sender_go_on(FileSender *sender);

static void close_current(FileSender *sender)
{
    g_clear_handle_id(&sender->checker, g_source_remove);
    g_clear_pointer(&sender->hash, file_hash_free);
    if (sender->fd >= 0)
        close(g_steal_fd(&sender->fd));
    g_clear_pointer(&sender->current, start_free);
    sender->position = 0;
    sender->begun = false;
}

static void settle(FileSender *sender, guint number, EntryState state)
{
    if (sender->entries[number] > ENTRY_WAITING)
        sender->outstanding--;
    sender->entries[number] = state;
}

/* How much of it has not been sent, and will not be */
static void count_rest(FileSender *sender, guint number, bool current)
{
    guint64 sent = current && sender->begun ? sender->position : 0;

    sender->behind += file_source_entry(sender->source, number)->size - sent;
}

/* ERROR is ours: the current one cannot be sent. */
static void fail_current(FileSender *sender, const GError *error)
{
    guint number = sender->current->number;
    FileFrame frame = {.type = FILE_FRAME_FAILED, .file = number, .message = error->message};

    file_wire_send(sender->wire, &frame);
    count_rest(sender, number, true);
    settle(sender, number, ENTRY_FAILED);
    close_current(sender);
    sender->ops->failed(number, error->message, false, sender->data);
}

static void begin_data(FileSender *sender)
{
    const FileFrame frame = {
        .type = FILE_FRAME_DATA, .file = sender->current->number, .offset = sender->position};

    sender->begun = true;
    sender->behind += sender->position;
    file_wire_send(sender->wire, &frame);
}

/* Reads LENGTH bytes at most of the current file: none with ERROR. */
static gsize read_some(FileSender *sender, guint8 *bytes, gsize length, GError **error)
{
    ssize_t n;

    do {
        n = read(sender->fd, bytes, length);
    } while (n < 0 && errno == EINTR);
    if (n <= 0) {
        g_autofree char *path = file_sender_path(sender);

        if (n < 0)
            file_set_error(error, path);
        else
            g_set_error(error, FILES_ERROR, FILES_ERROR_IO,
                        _("%s has become shorter; send it again"), path);
        return 0;
    }
    file_hash_update(sender->hash, bytes, (gsize) n);
    sender->position += (guint64) n;
    return (gsize) n;
}

static guint8 *chunk(void)
{
    static guint8 bytes[1 + FILE_DATA_MAX]; /* one for all: there is one thread */

    return bytes + 1;
}

/* The part that they have is of our file, or it is sent from its beginning. */
static void end_check(FileSender *sender)
{
    const Start *start = sender->current;
    g_autofree char *digits = file_hash_digits(sender->hash);

    if (strcmp(digits, start->sha256) != 0) {
        lseek(sender->fd, 0, SEEK_SET);
        sender->position = 0;
        file_hash_free(sender->hash);
        sender->hash = file_hash_new();
        sender->ops->restarted(start->number, sender->data);
    }
    begin_data(sender);
}

static gboolean on_check(gpointer data)
{
    FileSender *sender = data;
    const Start *start = sender->current;
    guint64 stop = MIN(start->offset, sender->position + CHECK_STEP);
    g_autoptr(GError) error = NULL;

    while (!error && sender->position < stop)
        read_some(sender, chunk(), MIN(FILE_DATA_MAX, stop - sender->position), &error);
    if (!error && sender->position < start->offset)
        return G_SOURCE_CONTINUE;
    sender->checker = 0;
    if (error)
        fail_current(sender, error);
    else
        end_check(sender);
    sender_go_on(sender);
    return G_SOURCE_REMOVE;
}

/* Opens the next one that they have asked for. False if there is none. */
static bool begin_next(FileSender *sender)
{
    Start *start = g_queue_pop_head(&sender->starts);
    g_autoptr(GError) error = NULL;

    if (!start)
        return false;
    sender->current = start;
    sender->position = 0;
    sender->fd = file_source_open(sender->source, start->number, &error);
    if (sender->fd < 0) {
        fail_current(sender, error);
        return true;
    }
    sender->hash = file_hash_new();
    if (start->offset > 0)
        sender->checker = g_idle_add(on_check, sender);
    else
        begin_data(sender);
    return true;
}

static void end_data(FileSender *sender)
{
    const Start *start = sender->current;
    g_autofree char *digits = file_hash_digits(sender->hash);
    FileFrame frame = {.type = FILE_FRAME_END, .file = start->number, .sha256 = digits};
    g_autoptr(GError) error = NULL;

    if (!file_source_is_same(sender->source, start->number, sender->fd, &error)) {
        fail_current(sender, error);
        return;
    }
    file_wire_send(sender->wire, &frame);
    sender->entries[start->number] = ENTRY_SENT;
    close_current(sender);
}

/* Sends a piece of the current file, or its end. False if that has to wait. */
static bool send_some(FileSender *sender)
{
    const Start *start = sender->current;
    guint64 left = file_source_entry(sender->source, start->number)->size - sender->position;
    guint64 room = sender->window - MIN(sender->window, sender->sent - sender->got);
    gsize length = MIN(MIN(left, room), file_wire_max_data(sender->wire));
    g_autoptr(GError) error = NULL;

    if (left == 0) {
        end_data(sender);
        return true;
    }
    if (length == 0 || file_wire_is_full(sender->wire))
        return false;
    length = read_some(sender, chunk(), length, &error);
    if (error) {
        fail_current(sender, error);
        return true;
    }
    sender->sent += length;
    sender->behind += length;
    file_wire_send_data(sender->wire, chunk(), length);
    return true;
}

/* ---- what there is ------------------------------------------------------------------ */

static void tell(FileSender *sender, guint number)
{
    const FileSourceEntry *entry = file_source_entry(sender->source, number);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = file_source_path(sender->source, number);
    g_autofree char *safe = file_path_safe(path, &error);
    const FileFrame frame = {
        .type = entry->folder ? FILE_FRAME_FOLDER : FILE_FRAME_FILE,
        .file = number,
        .path = safe,
        .size = entry->size,
        .mtime = MIN(entry->mtime, FILE_NUMBER_MAX),
        .executable = entry->executable,
        .private = entry->private,
    };

    if (!safe) {
        sender->unheard++;
        sender->behind += entry->size;
        settle(sender, number, ENTRY_FAILED);
        sender->ops->failed(number, error->message, false, sender->data);
        return;
    }
    sender->entries[number] = ENTRY_TOLD;
    sender->outstanding++;
    file_wire_send(sender->wire, &frame);
}

static void tell_more(FileSender *sender)
{
    guint count = file_source_count(sender->source);

    for (; sender->next < count && sender->outstanding < FILE_LOOKAHEAD; sender->next++) {
        if (sender->entries[sender->next] == ENTRY_WAITING)
            tell(sender, sender->next);
    }
}

/* Whether the current one waits for the channel alone */
static bool has_room(const FileSender *sender)
{
    return sender->begun && sender->sent - sender->got < sender->window;
}

static void sender_go_on(FileSender *sender)
{
    const FileFrame finish = {.type = FILE_FRAME_FINISH, .failed = sender->unheard};
    bool more = true;

    if (sender->state != SENDER_SENDING)
        return;
    tell_more(sender);
    for (int turn = 0; more && turn < TURN && sender->checker == 0; turn++)
        more = sender->current ? send_some(sender) : begin_next(sender);
    tell_more(sender);
    if (sender->next == file_source_count(sender->source) && sender->outstanding == 0) {
        sender_enter_state(sender, SENDER_FINISHING);
        file_wire_send(sender->wire, &finish);
    }
    file_wire_want(sender->wire, sender->checker == 0 && (more || has_room(sender)));
}

/* ---- what they say ------------------------------------------------------------------- */

static void sender_end(FileSender *sender, const GError *error)
{
    sender_enter_state(sender, SENDER_ENDED);
    g_clear_pointer(&sender->wire, file_wire_free);
    sender->ops->ended(error, sender->data);
}

static void sender_end_for(FileSender *sender, FilesError code, const char *message)
{
    g_autoptr(GError) error = NULL;

    g_set_error_literal(&error, FILES_ERROR, code, message ? message : _("no reason was given"));
    sender_end(sender, error);
}

static void on_accept(FileSender *sender, const FileFrame *frame)
{
    if (sender->state != SENDER_OFFERED)
        return;
    sender->window = frame->window;
    sender->was_accepted = true;
    sender_enter_state(sender, SENDER_SENDING);
    sender->ops->accepted(sender->data);
}

static void on_start(FileSender *sender, const FileFrame *frame)
{
    guint number = (guint) frame->file;
    const FileSourceEntry *entry = file_source_entry(sender->source, number);
    Start *start;

    if (sender->entries[number] != ENTRY_TOLD || entry->folder || frame->offset > entry->size)
        return;
    sender->entries[number] = ENTRY_STARTED;
    start = g_new0(Start, 1);
    start->number = number;
    start->offset = frame->sha256 ? frame->offset : 0;
    start->sha256 = g_strdup(frame->sha256);
    g_queue_push_tail(&sender->starts, start);
}

static void on_done(FileSender *sender, guint number)
{
    bool folder = file_source_entry(sender->source, number)->folder;

    if (sender->entries[number] != (folder ? ENTRY_TOLD : ENTRY_SENT))
        return;
    settle(sender, number, ENTRY_DONE);
    sender->ops->done(number, sender->data);
}

static int compare_number(gconstpointer start, gconstpointer number)
{
    return ((const Start *) start)->number == GPOINTER_TO_UINT(number) ? 0 : 1;
}

static bool is_current(const FileSender *sender, guint number)
{
    return sender->current && sender->current->number == number;
}

/* Whatever of it waits to be sent is left out. */
static void drop_start(FileSender *sender, guint number)
{
    GList *link = g_queue_find_custom(&sender->starts, GUINT_TO_POINTER(number), compare_number);

    if (is_current(sender, number))
        close_current(sender);
    if (link) {
        start_free(link->data);
        g_queue_delete_link(&sender->starts, link);
    }
}

static void on_failed(FileSender *sender, guint number, const char *message)
{
    EntryState state = (EntryState) sender->entries[number];

    if (state < ENTRY_TOLD || state > ENTRY_SENT)
        return;
    if (state != ENTRY_SENT)
        count_rest(sender, number, is_current(sender, number));
    drop_start(sender, number);
    settle(sender, number, ENTRY_FAILED);
    sender->ops->failed(number, message ? message : _("no reason was given"), true, sender->data);
}

static void on_file_frame(FileSender *sender, const FileFrame *frame)
{
    if (sender->state != SENDER_SENDING || frame->file >= file_source_count(sender->source))
        return;
    if (frame->type == FILE_FRAME_START)
        on_start(sender, frame);
    else if (frame->type == FILE_FRAME_DONE)
        on_done(sender, (guint) frame->file);
    else if (frame->type == FILE_FRAME_FAILED)
        on_failed(sender, (guint) frame->file, frame->message);
}

static void on_frame(const FileFrame *frame, gpointer data)
{
    FileSender *sender = data;

    switch (frame->type) {
    case FILE_FRAME_ASKING:
        sender->ops->asking(sender->data);
        return;
    case FILE_FRAME_REFUSE:
        sender_end_for(sender, FILES_ERROR_REFUSED, frame->message);
        return;
    case FILE_FRAME_CANCEL:
        sender_end_for(sender, FILES_ERROR_CANCELED, frame->message);
        return;
    case FILE_FRAME_FINISHED:
        if (sender->state == SENDER_FINISHING)
            sender_end(sender, NULL);
        return;
    case FILE_FRAME_ACCEPT:
        on_accept(sender, frame);
        break;
    case FILE_FRAME_GOT:
        sender->got = CLAMP(frame->bytes, sender->got, sender->sent);
        break;
    default:
        on_file_frame(sender, frame);
    }
    sender_go_on(sender);
}

static void on_writable(gpointer data)
{
    sender_go_on(data);
}

static void on_broken(const GError *error, gpointer data)
{
    sender_end_for(data, FILES_ERROR_CANCELED, error->message);
}

/* What was not settled is told anew over the next channel. */
static void sender_detach(FileSender *sender)
{
    guint count = file_source_count(sender->source);

    g_clear_pointer(&sender->wire, file_wire_free);
    close_current(sender);
    g_queue_clear_full(&sender->starts, (GDestroyNotify) start_free);
    sender->moved += sender->got;
    sender->sent = sender->got = sender->behind = 0;
    sender->next = sender->outstanding = 0;
    for (guint i = 0; i < count; i++) {
        if (sender->entries[i] < ENTRY_DONE)
            sender->entries[i] = ENTRY_WAITING;
        else
            sender->behind += file_source_entry(sender->source, i)->size;
    }
}

static void on_cut(gpointer data)
{
    FileSender *sender = data;

    if (sender->state == SENDER_FINISHING) { /* they have all of it */
        sender_end(sender, NULL);
        return;
    }
    sender_detach(sender);
    sender_enter_state(sender, SENDER_CUT);
    sender->ops->cut(sender->data);
}

static const FileWireOps wire_ops = {
    .frame = on_frame,
    .writable = on_writable,
    .broken = on_broken,
    .cut = on_cut,
};

/* ---- the object ---------------------------------------------------------------------- */

static void send_offer(FileSender *sender)
{
    g_autofree char *path = file_source_path(sender->source, 0);
    const FileFrame offer = {.type = FILE_FRAME_OFFER,
                             .transfer = sender->transfer,
                             .files = file_source_count(sender->source),
                             .bytes = MIN(file_source_bytes(sender->source), FILE_NUMBER_MAX),
                             .name = path};

    path[strcspn(path, "/")] = '\0';
    file_wire_send(sender->wire, &offer);
}

void file_sender_attach(FileSender *sender, int packets, gsize max_packet)
{
    g_return_if_fail(sender->state == SENDER_CUT);
    sender_enter_state(sender, SENDER_OFFERED);
    sender->wire = file_wire_new(packets, max_packet, &wire_ops, sender);
    if (file_wire_max_data(sender->wire) > 0)
        send_offer(sender);
    else
        sender_end_for(sender, FILES_ERROR_CANCELED,
                       _("the other side takes messages that are too short for files"));
}

void file_sender_cancel(FileSender *sender, const char *why)
{
    FileFrame cancel = {.type = FILE_FRAME_CANCEL, .message = (char *) why};

    if (sender->wire)
        file_wire_send(sender->wire, &cancel);
    sender_detach(sender);
    sender_enter_state(sender, SENDER_ENDED);
}

FileSender *file_sender_new(FileSource *source, guint left_out, const FileSenderOps *ops,
                            gpointer data)
{
    FileSender *sender = g_new0(FileSender, 1);

    sender->source = source;
    sender->unheard = left_out;
    sender->ops = ops;
    sender->data = data;
    sender->fd = -1;
    random_id(sender->transfer);
    sender->entries = g_new0(guint8, file_source_count(source) + 1);
    g_queue_init(&sender->starts);
    return sender;
}

void file_sender_free(FileSender *sender)
{
    if (!sender)
        return;
    sender_detach(sender);
    g_free(sender->entries);
    g_free(sender);
}
