/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-receiver.h"

#include <glib/gi18n.h>
#include <string.h>
#include <unistd.h>

#include "files/file-folder.h"
#include "files/file-part.h"
#include "files/file-path.h"
#include "files/file-wire.h"

/* What may be on its way to us: as much as SCTP has room for. We tell in steps that are few and
 * yet keep it going. */
#define WINDOW (4 * 1024 * 1024)
#define GOT_STEP (WINDOW / 16)

typedef enum {
    RECEIVER_WAITING, /* for the offer */
    RECEIVER_OFFERED,
    RECEIVER_RECEIVING,
    RECEIVER_ENDED,
} ReceiverState;

/* A file that the other side has told us of, until it is done or failed */
typedef struct {
    guint64 number, size;
    char *path;
    FileAttributes attributes;
    FilePart *part; /* NULL: it is still to be looked for */
    enum {
        INCOMING_UNDECIDED,
        INCOMING_STARTED,
        INCOMING_RECEIVING, /* the first one alone */
    } state;
} IncomingFile;

struct FileReceiver {
    FileWire *wire;
    int folder;
    FileReceiverFlags flags;
    const FileReceiverOps *ops;
    gpointer data;
    ReceiverState state;
    GQueue entries;       /* of IncomingFile, by their numbers */
    guint64 files, bytes; /* as much as was offered, less what we were told of */
    guint64 next;         /* no smaller number may come */
    guint64 taken, told;  /* bytes of data on this channel, and what we have said of them */
    guint checker;        /* reads what there is of the first undecided one */
};

static void receiver_enter_state(FileReceiver *receiver, ReceiverState state)
{
    static const char *const names[] = {"waiting", "offered", "receiving", "ended"};

    g_debug("files: %s -> %s", names[receiver->state], names[state]);
    receiver->state = state;
}

static void entry_free(IncomingFile *entry)
{
    file_part_free(entry->part);
    g_free(entry->path);
    g_free(entry);
}

static IncomingFile *receiving(const FileReceiver *receiver)
{
    IncomingFile *entry = receiver->entries.head ? receiver->entries.head->data : NULL;

    return entry && entry->state == INCOMING_RECEIVING ? entry : NULL;
}

const char *file_receiver_path(const FileReceiver *receiver)
{
    const IncomingFile *entry = receiving(receiver);

    return entry ? entry->path : NULL;
}

guint64 file_receiver_position(const FileReceiver *receiver)
{
    const IncomingFile *entry = receiving(receiver);

    return entry ? file_part_position(entry->part) : 0;
}

guint64 file_receiver_moved(const FileReceiver *receiver)
{
    return receiver->taken;
}

/* ---- the end ------------------------------------------------------------------------ */

static void receiver_stop(FileReceiver *receiver)
{
    g_clear_handle_id(&receiver->checker, g_source_remove);
    g_queue_clear_full(&receiver->entries, (GDestroyNotify) entry_free);
    g_clear_pointer(&receiver->wire, file_wire_free);
    receiver_enter_state(receiver, RECEIVER_ENDED);
}

/* RECEIVER may be gone afterwards. */
static void receiver_end(FileReceiver *receiver, const GError *error, guint64 left_out)
{
    receiver_stop(receiver);
    receiver->ops->ended(error, left_out, receiver->data);
}

static void end_with(FileReceiver *receiver, FileFrameType type, const char *why)
{
    FileFrame frame = {.type = type, .message = (char *) why};

    if (receiver->wire)
        file_wire_send(receiver->wire, &frame);
    receiver_stop(receiver);
}

void file_receiver_refuse(FileReceiver *receiver, const char *why)
{
    end_with(receiver, FILE_FRAME_REFUSE, why);
}

void file_receiver_cancel(FileReceiver *receiver, const char *why)
{
    end_with(receiver, FILE_FRAME_CANCEL, why);
}

/* ERROR is ours, and of all that is still to come. */
static void receiver_give_up(FileReceiver *receiver, const GError *error)
{
    file_receiver_cancel(receiver, error->message);
    receiver->ops->ended(error, 0, receiver->data);
}

static void receiver_violated(FileReceiver *receiver, const char *what)
{
    g_autoptr(GError) error =
        g_error_new(FILES_ERROR, FILES_ERROR_CANCELED, _("the other side does not keep to %s: %s"),
                    "rtcbus-files(7)", what);

    receiver_give_up(receiver, error);
}

/* ---- what one file comes to ---------------------------------------------------------- */

static void answer(FileReceiver *receiver, FileFrameType type, guint64 number, const char *message)
{
    FileFrame frame = {.type = type, .file = number, .message = (char *) message};

    file_wire_send(receiver->wire, &frame);
}

static void tell_got(FileReceiver *receiver)
{
    const FileFrame frame = {.type = FILE_FRAME_GOT, .bytes = receiver->taken};

    if (receiver->told == receiver->taken)
        return;
    receiver->told = receiver->taken;
    file_wire_send(receiver->wire, &frame);
}

/* The entry at LINK is not taken, for ERROR. False if that is the end of all. */
static bool fail_entry(FileReceiver *receiver, GList *link, const GError *error)
{
    IncomingFile *entry = link->data;

    if (g_error_matches(error, FILES_ERROR, FILES_ERROR_DISK)) {
        receiver_give_up(receiver, error);
        return false;
    }
    answer(receiver, FILE_FRAME_FAILED, entry->number, error->message);
    receiver->ops->failed(entry->path, entry->size, error->message, false, receiver->data);
    g_queue_delete_link(&receiver->entries, link);
    entry_free(entry);
    return true;
}

static void start_entry(FileReceiver *receiver, IncomingFile *entry)
{
    guint64 position = file_part_position(entry->part);
    g_autofree char *digits = position ? file_part_digits(entry->part) : NULL;
    const FileFrame frame = {
        .type = FILE_FRAME_START, .file = entry->number, .offset = position, .sha256 = digits};

    entry->state = INCOMING_STARTED;
    file_wire_send(receiver->wire, &frame);
}

static GList *first_undecided(FileReceiver *receiver)
{
    GList *link = receiver->entries.head;

    while (link && ((IncomingFile *) link->data)->state != INCOMING_UNDECIDED)
        link = link->next;
    return link;
}

static void decide(FileReceiver *receiver);

static gboolean on_check(gpointer data)
{
    FileReceiver *receiver = data;
    GList *link = first_undecided(receiver);
    IncomingFile *entry = link->data;
    g_autoptr(GError) error = NULL;

    if (file_part_check_more(entry->part, &error))
        return G_SOURCE_CONTINUE;
    receiver->checker = 0;
    if (!error)
        start_entry(receiver, entry);
    else if (!fail_entry(receiver, link, error))
        return G_SOURCE_REMOVE;
    decide(receiver);
    return G_SOURCE_REMOVE;
}

/* One after the other, for the answers go in this order. */
static void decide(FileReceiver *receiver)
{
    GList *link;

    while (receiver->checker == 0 && (link = first_undecided(receiver))) {
        IncomingFile *entry = link->data;
        g_autoptr(GError) error = NULL;

        entry->part = file_part_open(receiver->folder, entry->path, entry->size,
                                     receiver->flags & FILE_RECEIVER_REPLACE, &error);
        if (!entry->part) {
            if (!fail_entry(receiver, link, error))
                return;
        } else if (file_part_position(entry->part) > 0) {
            receiver->checker = g_idle_add(on_check, receiver);
        } else {
            start_entry(receiver, entry);
        }
    }
}

/* ---- what they say -------------------------------------------------------------------- */

/* The path that FRAME has in our folder, or NULL with ERROR */
static char *take_path(const FileReceiver *receiver, const FileFrame *frame, GError **error)
{
    g_autofree char *path = file_path_safe(frame->path, error);

    if (!path || path[0] != '.' || (receiver->flags & FILE_RECEIVER_HIDDEN))
        return g_steal_pointer(&path);
    g_set_error(error, FILES_ERROR, FILES_ERROR_PATH,
                _("this name begins with a dot: \"rtcbusctl receive --hidden\" takes it"));
    return NULL;
}

static bool make_folder(const FileReceiver *receiver, const char *path, GError **error)
{
    const char *name;
    int parent = file_folder_open_parent(receiver->folder, path, true, &name, error);
    int folder = parent >= 0 ? file_folder_open(parent, name, true, error) : -1;

    if (parent >= 0)
        close(parent);
    if (folder >= 0)
        close(folder);
    return folder >= 0;
}

/* What is not taken for its name alone */
static void refuse_name(FileReceiver *receiver, const FileFrame *frame, const GError *error)
{
    if (g_error_matches(error, FILES_ERROR, FILES_ERROR_DISK)) {
        receiver_give_up(receiver, error);
        return;
    }
    answer(receiver, FILE_FRAME_FAILED, frame->file, error->message);
    receiver->ops->failed(frame->path, frame->size, error->message, false, receiver->data);
}

static void on_folder(FileReceiver *receiver, const FileFrame *frame, const char *path)
{
    g_autoptr(GError) error = NULL;

    if (make_folder(receiver, path, &error)) {
        answer(receiver, FILE_FRAME_DONE, frame->file, NULL);
        receiver->ops->done(path, 0, NULL, false, receiver->data);
    } else {
        refuse_name(receiver, frame, error);
    }
}

static void on_file(FileReceiver *receiver, const FileFrame *frame, char *path)
{
    IncomingFile *entry = g_new0(IncomingFile, 1);

    entry->number = frame->file;
    entry->size = frame->size;
    entry->attributes = (FileAttributes){frame->mtime, frame->executable, frame->private};
    entry->path = path;
    g_queue_push_tail(&receiver->entries, entry);
    decide(receiver);
}

static const char *why_too_much(const FileReceiver *receiver, const FileFrame *frame)
{
    if (frame->file < receiver->next)
        return "a number comes again";
    if (receiver->entries.length >= FILE_LOOKAHEAD)
        return "too many files at once";
    /* Somebody may have been asked whether to take that much. */
    if (receiver->files == 0 || frame->size > receiver->bytes)
        return "more than was offered";
    return NULL;
}

static void on_told(FileReceiver *receiver, const FileFrame *frame)
{
    const char *too_much = why_too_much(receiver, frame);
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;

    if (too_much) {
        receiver_violated(receiver, too_much);
        return;
    }
    receiver->next = frame->file + 1;
    receiver->files--;
    receiver->bytes -= frame->size;
    path = take_path(receiver, frame, &error);
    if (!path)
        refuse_name(receiver, frame, error);
    else if (frame->type == FILE_FRAME_FOLDER)
        on_folder(receiver, frame, path);
    else
        on_file(receiver, frame, g_steal_pointer(&path));
}

/* Those before it are started, too, and so it is not its turn. */
static IncomingFile *first_started(const FileReceiver *receiver, guint64 number)
{
    IncomingFile *entry = receiver->entries.head ? receiver->entries.head->data : NULL;

    return entry && entry->number == number && entry->state == INCOMING_STARTED ? entry : NULL;
}

/* Whether NUMBER may be one that failed while they did not know */
static bool has_ended(const FileReceiver *receiver, guint64 number)
{
    for (const GList *link = receiver->entries.head; link; link = link->next) {
        if (((const IncomingFile *) link->data)->number == number)
            return false;
    }
    return number < receiver->next;
}

static void on_data_begins(FileReceiver *receiver, const FileFrame *frame)
{
    IncomingFile *entry = first_started(receiver, frame->file);
    g_autoptr(GError) error = NULL;

    if (!receiving(receiver) && has_ended(receiver, frame->file))
        return;
    if (!entry || (frame->offset != 0 && frame->offset != file_part_position(entry->part))) {
        receiver_violated(receiver, "data that were not asked for");
        return;
    }
    if (file_part_begin(entry->part, frame->offset, &error))
        entry->state = INCOMING_RECEIVING;
    else
        fail_entry(receiver, receiver->entries.head, error);
}

static void on_data(const guint8 *bytes, gsize length, gpointer data)
{
    FileReceiver *receiver = data;
    IncomingFile *entry = receiving(receiver);
    g_autoptr(GError) error = NULL;

    if (receiver->state != RECEIVER_RECEIVING) {
        receiver_violated(receiver, "data before they were accepted");
        return;
    }
    if (entry && file_part_position(entry->part) + length > entry->size) {
        receiver_violated(receiver, "more data than the file has");
        return;
    }
    receiver->taken += length;
    if (entry && !file_part_write(entry->part, bytes, length, &error) &&
        !fail_entry(receiver, receiver->entries.head, error))
        return;
    if (receiver->taken - receiver->told >= GOT_STEP)
        tell_got(receiver);
}

static void on_data_ends(FileReceiver *receiver, const FileFrame *frame)
{
    IncomingFile *entry = receiving(receiver);
    g_autofree char *digits = NULL;
    g_autoptr(GError) error = NULL;

    if (!entry || entry->number != frame->file) {
        if (entry || !has_ended(receiver, frame->file))
            receiver_violated(receiver, "the end of another file");
        return;
    }
    tell_got(receiver);
    digits = file_part_digits(entry->part);
    if (!file_part_finish(entry->part, frame->sha256, &entry->attributes, &error)) {
        fail_entry(receiver, receiver->entries.head, error);
        return;
    }
    answer(receiver, FILE_FRAME_DONE, entry->number, NULL);
    receiver->ops->done(entry->path, entry->size, digits, frame->sha256 != NULL, receiver->data);
    entry_free(g_queue_pop_head(&receiver->entries));
}

static void on_failed(FileReceiver *receiver, const FileFrame *frame)
{
    for (GList *link = receiver->entries.head; link; link = link->next) {
        IncomingFile *entry = link->data;

        if (entry->number != frame->file || entry->state == INCOMING_UNDECIDED)
            continue;
        receiver->ops->failed(entry->path, entry->size,
                              frame->message ? frame->message : _("no reason was given"), true,
                              receiver->data);
        g_queue_delete_link(&receiver->entries, link);
        entry_free(entry);
        return;
    }
}

static void on_finish(FileReceiver *receiver, const FileFrame *frame)
{
    const FileFrame finished = {.type = FILE_FRAME_FINISHED};

    if (!g_queue_is_empty(&receiver->entries)) {
        receiver_violated(receiver, "an end before that of the files");
        return;
    }
    file_wire_send(receiver->wire, &finished);
    receiver_end(receiver, NULL, frame->failed);
}

static void on_transfer_frame(FileReceiver *receiver, const FileFrame *frame)
{
    switch (frame->type) {
    case FILE_FRAME_FILE:
    case FILE_FRAME_FOLDER:
        on_told(receiver, frame);
        break;
    case FILE_FRAME_DATA:
        on_data_begins(receiver, frame);
        break;
    case FILE_FRAME_END:
        on_data_ends(receiver, frame);
        break;
    case FILE_FRAME_FAILED:
        on_failed(receiver, frame);
        break;
    case FILE_FRAME_FINISH:
        on_finish(receiver, frame);
        break;
    default:
        break;
    }
}

static void on_frame(const FileFrame *frame, gpointer data)
{
    FileReceiver *receiver = data;
    g_autoptr(GError) error = NULL;

    if (frame->type == FILE_FRAME_CANCEL) {
        g_set_error_literal(&error, FILES_ERROR, FILES_ERROR_CANCELED,
                            frame->message ? frame->message : _("no reason was given"));
        receiver_end(receiver, error, 0);
    } else if (receiver->state == RECEIVER_RECEIVING) {
        on_transfer_frame(receiver, frame);
    } else if (receiver->state == RECEIVER_WAITING && frame->type == FILE_FRAME_OFFER) {
        receiver_enter_state(receiver, RECEIVER_OFFERED);
        receiver->files = frame->files;
        receiver->bytes = frame->bytes;
        receiver->ops->offer(frame, receiver->data);
    } else if (frame->type != FILE_FRAME_UNKNOWN) {
        receiver_violated(receiver, "an offer comes first, and then our answer");
    }
}

static void on_broken(const GError *error, gpointer data)
{
    receiver_violated(data, error->message);
}

static void on_cut(gpointer data)
{
    FileReceiver *receiver = data;

    receiver_stop(receiver);
    receiver->ops->cut(receiver->data);
}

static const FileWireOps wire_ops = {
    .frame = on_frame,
    .data = on_data,
    .broken = on_broken,
    .cut = on_cut,
};

/* ---- the object ------------------------------------------------------------------------ */

void file_receiver_ask(FileReceiver *receiver)
{
    const FileFrame frame = {.type = FILE_FRAME_ASKING};

    file_wire_send(receiver->wire, &frame);
}

void file_receiver_accept(FileReceiver *receiver)
{
    const FileFrame frame = {.type = FILE_FRAME_ACCEPT, .window = WINDOW};

    receiver_enter_state(receiver, RECEIVER_RECEIVING);
    file_wire_send(receiver->wire, &frame);
}

FileReceiver *file_receiver_new(int packets, gsize max_packet, int folder, FileReceiverFlags flags,
                                const FileReceiverOps *ops, gpointer data)
{
    FileReceiver *receiver = g_new0(FileReceiver, 1);

    receiver->folder = folder;
    receiver->flags = flags;
    receiver->ops = ops;
    receiver->data = data;
    g_queue_init(&receiver->entries);
    receiver->wire = file_wire_new(packets, max_packet, &wire_ops, receiver);
    return receiver;
}

void file_receiver_free(FileReceiver *receiver)
{
    if (!receiver)
        return;
    receiver_stop(receiver);
    g_free(receiver);
}
