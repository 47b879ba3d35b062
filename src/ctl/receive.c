/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "receive": the files of one transfer (files/file-receiver) into a folder. Peers
 * that are known may send; about others a person is asked. After a cut the same
 * peer is waited for, and its channel takes the place of the one before.
 *
 * When a sender was ended and is run again, its new channel may be there before all that was on the
 * old one, and its end. So what the current peer offers besides is held until the current one ends.
 */

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/names.h"
#include "ctl/command.h"
#include "ctl/file-list.h"
#include "ctl/incoming.h"
#include "ctl/progress.h"
#include "ctl/shared-call.h"
#include "ctl/text.h"
#include "files/file-path.h"
#include "files/file-receiver.h"

enum {
    PENDING_MAX = 8,  /* channels that have not offered anything, or are held */
    HELD_MAX = 4,     /* of them */
    OFFER_TIME = 10,  /* seconds until they must have */
    REFUSED_MAX = 64, /* keys that are not asked about again */
};

typedef struct Receive Receive;

/* A channel, and who it is from */
typedef struct {
    Receive *receive;
    FileReceiver *receiver;
    char *name, *fingerprint;
    IncomingVerdict verdict;
    char *transfer; /* once it has offered something; it is held if it is pending then */
    guint64 files, bytes;
    char *first; /* what is offered is called so */
    guint timer; /* until then */
} Sender;

typedef enum {
    RECEIVE_WAITING,
    RECEIVE_ASKING, /* a person, about the current one */
    RECEIVE_RECEIVING,
    RECEIVE_CUT, /* waiting for the same peer */
    RECEIVE_ENDED,
} ReceiveState;

struct Receive {
    BusClient *client;
    GMainLoop *loop;
    int folder;
    ReceiveState state;
    GPtrArray *pending; /* of Sender, which it owns, the oldest first */
    Sender *current;
    char *peer, *fingerprint, *transfer, *first; /* of the current one, or the last */
    GHashTable *refused;                         /* fingerprints */
    guint done, unchecked;                       /* without a checksum of theirs */
    guint64 files, total;                        /* as it has offered */
    guint64 failed, settled, moved; /* bytes: settled are those of files that are over */
    guint answer;                   /* the source of the terminal */
    Progress *progress;
    gint64 began;
    int status; /* of the program */
};

static char *option_from;
static gboolean option_anyone, option_force, option_hidden;

const GOptionEntry receive_options[] = {
    {"from", 'f', 0, G_OPTION_ARG_STRING, &option_from, N_("Take files from this peer alone"),
     N_("PEER")},
    {"anyone", 0, 0, G_OPTION_ARG_NONE, &option_anyone,
     N_("Take what comes first, also from peers that are not known"), NULL},
    {"force", 0, 0, G_OPTION_ARG_NONE, &option_force,
     N_("Replace files that are there and have other contents"), NULL},
    {"hidden", 0, 0, G_OPTION_ARG_NONE, &option_hidden, N_("Take names that begin with a dot, too"),
     NULL},
    {},
};

static void receive_enter_state(Receive *receive, ReceiveState state)
{
    static const char *const names[] = {"waiting", "asking", "receiving", "cut", "ended"};

    g_debug("receive: %s -> %s", names[receive->state], names[state]);
    receive->state = state;
}

static void sender_free(gpointer data)
{
    Sender *sender = data;

    if (!sender)
        return;
    g_clear_handle_id(&sender->timer, g_source_remove);
    file_receiver_free(sender->receiver);
    g_free(sender->name);
    g_free(sender->fingerprint);
    g_free(sender->transfer);
    g_free(sender->first);
    g_free(sender);
}

static void G_GNUC_PRINTF(2, 3) receive_complain(const Receive *receive, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    progress_clear(receive->progress);
    client_complain("%s", text);
}

static void receive_end(Receive *receive, int status)
{
    receive->status = status;
    receive_enter_state(receive, RECEIVE_ENDED);
    g_clear_handle_id(&receive->answer, g_source_remove);
    g_main_loop_quit(receive->loop);
}

static ProgressPlace where(gpointer data)
{
    const Receive *receive = data;
    const FileReceiver *receiver = receive->current ? receive->current->receiver : NULL;

    return (ProgressPlace){.path = receiver ? g_strdup(file_receiver_path(receiver)) : NULL,
                           .position =
                               receive->settled + (receiver ? file_receiver_position(receiver) : 0),
                           .total = receive->total};
}

/* ---- one of those who offer becomes the current one ----------------------------------------- */

static bool is_current_peer(const Receive *receive, const char *fingerprint)
{
    return g_strcmp0(receive->fingerprint, fingerprint) == 0;
}

/* It is what was taken, or is asked about, and no more than that. */
static bool goes_on(const Receive *receive, const Sender *sender)
{
    bool begun = receive->state == RECEIVE_ASKING || receive->state == RECEIVE_RECEIVING ||
                 receive->state == RECEIVE_CUT;

    return begun && is_current_peer(receive, sender->fingerprint) &&
           g_strcmp0(receive->transfer, sender->transfer) == 0 && receive->files == sender->files &&
           receive->total == sender->bytes && g_strcmp0(receive->first, sender->first) == 0;
}

static void take_sender(Receive *receive, Sender *sender)
{
    bool same = goes_on(receive, sender);
    guint index;

    g_ptr_array_find(receive->pending, sender, &index);
    g_ptr_array_steal_index(receive->pending, index);
    if (receive->current)
        receive->moved += file_receiver_moved(receive->current->receiver);
    sender_free(receive->current);
    receive->current = sender;
    g_free(receive->peer);
    g_free(receive->fingerprint);
    g_free(receive->transfer);
    g_free(receive->first);
    receive->peer = text_safe(sender->name);
    receive->fingerprint = g_strdup(sender->fingerprint);
    receive->transfer = g_strdup(sender->transfer);
    receive->first = g_strdup(sender->first);
    receive->files = sender->files;
    receive->total = sender->bytes;
    if (!same)
        receive->settled = 0;
}

static void accept_current(Receive *receive)
{
    if (receive->began == 0)
        receive->began = clock_monotonic();
    receive_enter_state(receive, RECEIVE_RECEIVING);
    file_receiver_accept(receive->current->receiver);
    progress_pause(receive->progress, false);
}

/* The first line says who it is; a program gets it in an object of its own. */
static void announce(const Receive *receive, const Sender *sender)
{
    g_autofree char *word = fingerprint_word(sender->fingerprint);
    g_autofree char *size = g_format_size(sender->bytes);
    g_autofree char *first = text_safe(sender->first);

    if (receive->client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_object(builder);
        json_add_string(builder, "from", sender->name);
        json_add_string(builder, "fingerprint", word);
        json_add_uint(builder, "files", sender->files);
        json_add_uint(builder, "bytes", sender->bytes);
        json_builder_end_object(builder);
        json_print(builder);
        return;
    }
    progress_clear(receive->progress);
    g_print(ngettext("%s sends %" PRIu64 " file, %s: %s", "%s sends %" PRIu64 " files, %s: %s",
                     (gulong) sender->files),
            receive->peer, sender->files, size, first);
    g_print("\n");
}

static void weigh_held(Receive *receive);

static void drop_current(Receive *receive)
{
    g_clear_handle_id(&receive->answer, g_source_remove);
    g_clear_pointer(&receive->current, sender_free);
    receive_enter_state(receive, RECEIVE_WAITING);
    weigh_held(receive);
}

/* A sentence for whoever is refused, too. */
static void refuse_current(Receive *receive)
{
    if (g_hash_table_size(receive->refused) < REFUSED_MAX)
        g_hash_table_add(receive->refused, g_strdup(receive->fingerprint));
    file_receiver_refuse(receive->current->receiver, _("it was refused over there"));
    drop_current(receive);
}

/* A terminal gives a line at a time. */
static gboolean on_answer(int fd, GIOCondition condition, gpointer data)
{
    Receive *receive = data;
    char line[64];
    ssize_t length = read(fd, line, sizeof line - 1);

    line[MAX(length, 0)] = '\0';
    g_strstrip(line);
    receive->answer = 0;
    if (g_ascii_strcasecmp(line, "y") == 0 || g_ascii_strcasecmp(line, "yes") == 0) {
        announce(receive, receive->current);
        accept_current(receive);
    } else {
        refuse_current(receive);
    }
    return G_SOURCE_REMOVE;
}

static bool can_ask(const Receive *receive)
{
    return !receive->client->json && isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* What was typed before the question is no answer. In the background none of it is for us, and we
 * would be stopped. */
static void forget_typed(void)
{
    pid_t front = tcgetpgrp(STDIN_FILENO);

    if (front < 0 || front == getpgrp())
        tcflush(STDIN_FILENO, TCIFLUSH);
}

static void ask(Receive *receive)
{
    Sender *sender = receive->current;
    g_autofree char *word = fingerprint_word(sender->fingerprint);
    g_autofree char *code = fingerprint_code(sender->fingerprint);
    g_autofree char *size = g_format_size(sender->bytes);
    g_autofree char *first = text_safe(sender->first);

    forget_typed();
    receive_enter_state(receive, RECEIVE_ASKING);
    file_receiver_ask(sender->receiver);
    g_printerr(_("Somebody who is not known here, and calls itself %s, has the key\n"
                 "    %s\n    %s\n"
                 "\"rtcbusctl fingerprint\" shows it over there.\n"),
               receive->peer, word, code ? code : "-");
    g_printerr(ngettext("It sends %" PRIu64 " file, %s: %s. Take it? [y/N] ",
                        "It sends %" PRIu64 " files, %s: %s. Take them? [y/N] ",
                        (gulong) sender->files),
               sender->files, size, first);
    if (receive->answer == 0)
        receive->answer = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_answer, receive);
}

static void refuse_pending(Receive *receive, Sender *sender, const char *why)
{
    file_receiver_refuse(sender->receiver, why);
    g_ptr_array_remove(receive->pending, sender);
}

static void refuse_unknown(Receive *receive, Sender *sender)
{
    const IncomingChannel channel = {.name = sender->name, .fingerprint = sender->fingerprint};
    g_autofree char *text = incoming_explain_unknown(&channel);

    if (!g_hash_table_contains(receive->refused, sender->fingerprint)) {
        receive_complain(receive, "%s", text);
        if (g_hash_table_size(receive->refused) < REFUSED_MAX)
            g_hash_table_add(receive->refused, g_strdup(sender->fingerprint));
    }
    refuse_pending(receive, sender,
                   _("you are not known over there; \"rtcbusctl pair\" on both machines makes you "
                     "known to each other"));
}

static void go_on(Receive *receive, Sender *sender)
{
    take_sender(receive, sender);
    if (receive->state == RECEIVE_ASKING)
        file_receiver_ask(sender->receiver);
    else
        accept_current(receive);
}

static void judge(Receive *receive, Sender *sender)
{
    if (sender->verdict == INCOMING_WELCOME) {
        take_sender(receive, sender);
        announce(receive, sender);
        accept_current(receive);
    } else if (can_ask(receive) && !g_hash_table_contains(receive->refused, sender->fingerprint)) {
        take_sender(receive, sender);
        ask(receive);
    } else {
        refuse_unknown(receive, sender);
    }
}

/* Whoever is waited for after a cut may have begun anew. */
static const char *why_not_now(const Receive *receive, const Sender *sender)
{
    switch (receive->state) {
    case RECEIVE_WAITING:
        return NULL;
    case RECEIVE_ASKING:
        return _("somebody else is being asked about over there");
    case RECEIVE_CUT:
        if (is_current_peer(receive, sender->fingerprint))
            return NULL;
        break;
    case RECEIVE_RECEIVING:
    case RECEIVE_ENDED:
        break;
    }
    return _("other files are being received over there");
}

static Sender *newest_held(const Receive *receive)
{
    for (guint i = receive->pending->len; i > 0; i--) {
        Sender *sender = receive->pending->pdata[i - 1];

        if (sender->transfer)
            return sender;
    }
    return NULL;
}

/* The end of the current one may be on its way. SENDER is among those that are counted. */
static bool may_hold(const Receive *receive, const Sender *sender)
{
    guint held = 0;

    for (guint i = 0; i < receive->pending->len; i++)
        held += ((const Sender *) receive->pending->pdata[i])->transfer ? 1 : 0;
    return receive->current && is_current_peer(receive, sender->fingerprint) && held <= HELD_MAX;
}

static void weigh(Receive *receive, Sender *sender)
{
    const char *why = why_not_now(receive, sender);

    if (!why)
        judge(receive, sender);
    else if (!may_hold(receive, sender))
        refuse_pending(receive, sender, why);
}

/* There is no current one now. */
static void weigh_held(Receive *receive)
{
    Sender *sender;

    while (!receive->current && receive->state != RECEIVE_ENDED && (sender = newest_held(receive)))
        weigh(receive, sender);
}

static void on_offer(const FileFrame *offer, gpointer data)
{
    Sender *sender = data;
    Receive *receive = sender->receive;

    g_clear_handle_id(&sender->timer, g_source_remove);
    sender->transfer = g_strdup(offer->transfer);
    sender->files = offer->files;
    sender->bytes = offer->bytes;
    sender->first = g_strdup(offer->name ? offer->name : "");
    if (goes_on(receive, sender))
        go_on(receive, sender);
    else
        weigh(receive, sender);
}

/* ---- what the receiver tells ------------------------------------------------------------------- */

static void on_done(const char *path, guint64 size, const char *sha256, bool checked, gpointer data)
{
    Receive *receive = ((Sender *) data)->receive;

    receive->done++;
    if (sha256 && !checked)
        receive->unchecked++;
    receive->settled += size;
    if (receive->client->json) {
        file_to_json(path, size, sha256, NULL);
    } else if (sha256) {
        progress_clear(receive->progress);
        file_print(path, size);
    }
}

static void on_failed(const char *path, guint64 size, const char *why, bool theirs, gpointer data)
{
    Receive *receive = ((Sender *) data)->receive;

    receive->failed++;
    receive->settled += size;
    if (receive->client->json)
        file_to_json(path, size, NULL, why);
    else
        receive_complain(receive, "%s: %s", path, why);
}

static void on_cut(gpointer data)
{
    Sender *sender = data;
    Receive *receive = sender->receive;

    if (sender != receive->current) {
        g_ptr_array_remove(receive->pending, sender);
        return;
    }
    if (receive->state == RECEIVE_ASKING) {
        g_printerr("\n");
        receive_complain(receive, _("%s has gone"), receive->peer);
        drop_current(receive);
        return;
    }
    progress_pause(receive->progress, true);
    receive_complain(receive, _("cut off; it goes on when %s is there again"), receive->peer);
    receive->moved += file_receiver_moved(sender->receiver);
    g_clear_pointer(&receive->current, sender_free);
    receive_enter_state(receive, RECEIVE_CUT);
    weigh_held(receive);
}

static void print_sum(const Receive *receive, const GError *error)
{
    gint64 elapsed = receive->began ? clock_monotonic() - receive->began : 0;

    if (receive->client->json)
        files_sum_to_json(receive->done, receive->failed, receive->moved,
                          error ? error->message : NULL);
    else if (!error)
        files_print_sum(receive->done, receive->unchecked, receive->failed, receive->moved,
                        elapsed);
}

static void on_ended(const GError *error, guint64 left_out, gpointer data)
{
    Sender *sender = data;
    Receive *receive = sender->receive;

    if (sender != receive->current) {
        g_ptr_array_remove(receive->pending, sender);
        return;
    }
    progress_pause(receive->progress, true);
    if (g_error_matches(error, FILES_ERROR, FILES_ERROR_DISK))
        receive_complain(receive,
                         _("%s; what has come stays, and goes on when the same is sent again"),
                         error->message);
    else if (error)
        receive_complain(receive, "%s: %s", receive->peer, error->message);
    if (receive->state == RECEIVE_ASKING) {
        drop_current(receive);
        return;
    }
    receive->failed += left_out;
    receive->moved += file_receiver_moved(sender->receiver);
    print_sum(receive, error);
    receive_end(receive, error || receive->failed > 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static const FileReceiverOps receiver_ops = {
    .offer = on_offer,
    .done = on_done,
    .failed = on_failed,
    .cut = on_cut,
    .ended = on_ended,
};

/* ---- channels ----------------------------------------------------------------------------------- */

static gboolean on_no_offer(gpointer data)
{
    Sender *sender = data;

    sender->timer = 0;
    g_ptr_array_remove(sender->receive->pending, sender);
    return G_SOURCE_REMOVE;
}

/* Who is left alone is kept by the daemon for some time, for another program or for later. */
static bool may_be_looked_at(const Receive *receive, const IncomingChannel *channel)
{
    if (receive->state == RECEIVE_ENDED || receive->pending->len >= PENDING_MAX)
        return false;
    return receive->state == RECEIVE_WAITING || is_current_peer(receive, channel->fingerprint);
}

static void on_found(const IncomingChannel *channel, gpointer data)
{
    Receive *receive = data;
    IncomingVerdict verdict = incoming_judge(channel, option_from, option_anyone);
    FileReceiverFlags flags =
        (option_force ? FILE_RECEIVER_REPLACE : 0) | (option_hidden ? FILE_RECEIVER_HIDDEN : 0);
    g_autoptr(GError) error = NULL;
    gsize max_packet;
    Sender *sender;
    int fd;

    if (verdict == INCOMING_OTHER || !may_be_looked_at(receive, channel))
        return;
    fd = channel_acquire(receive->client, channel->path, &max_packet, &error);
    if (fd < 0) {
        g_debug("receive: %s", error->message);
        return;
    }
    sender = g_new0(Sender, 1);
    sender->receive = receive;
    sender->name = g_strdup(channel->name);
    sender->fingerprint = g_strdup(channel->fingerprint);
    sender->verdict = verdict;
    sender->receiver =
        file_receiver_new(fd, max_packet, receive->folder, flags, &receiver_ops, sender);
    sender->timer = clock_timer_add_seconds(OFFER_TIME, on_no_offer, sender);
    g_ptr_array_add(receive->pending, sender);
}

/* ---- the command ---------------------------------------------------------------------------------- */

static gboolean on_interrupt(gpointer data)
{
    Receive *receive = data;

    if (receive->current)
        file_receiver_cancel(receive->current->receiver, _("interrupted over there"));
    progress_pause(receive->progress, true);
    if (receive->state == RECEIVE_RECEIVING || receive->state == RECEIVE_CUT)
        receive_complain(receive,
                         _("interrupted; what has come stays, and goes on when the same is "
                           "sent again"));
    receive_end(receive, EXIT_FAILURE);
    return G_SOURCE_CONTINUE;
}

int receive_check(char **arguments)
{
    if (option_from && !*option_from)
        return client_usage(_("--from must be a name"));
    return 0;
}

static void receive_run_loop(Receive *receive)
{
    IncomingWatch *watch =
        incoming_watch_new(receive->client, FILES_PROTOCOL, NULL, on_found, receive);
    g_autoptr(GError) error = NULL;
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, receive),
        g_unix_signal_add(SIGTERM, on_interrupt, receive),
    };

    if (incoming_watch_begin(watch, &error)) {
        incoming_hint(receive->client, "send FILE...", true, NULL);
        g_main_loop_run(receive->loop);
    } else {
        client_fail(receive->client, &peer_service, error);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    incoming_watch_free(watch);
}

int receive_run(BusClient *client, char **arguments)
{
    const char *folder = arguments[0] ? arguments[0] : ".";
    Receive receive = {.client = client, .status = EXIT_FAILURE};

    signal(SIGXFSZ, SIG_IGN); /* a file that may not become so long is an error like any other */
    receive.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (receive.folder < 0) {
        client_complain("%s: %s", folder, g_strerror(errno));
        return EXIT_FAILURE;
    }
    receive.loop = g_main_loop_new(NULL, FALSE);
    receive.pending = g_ptr_array_new_with_free_func(sender_free);
    receive.refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    receive.progress = progress_new(!client->json, where, &receive);
    receive_run_loop(&receive);
    g_clear_pointer(&receive.progress, progress_free);
    sender_free(receive.current);
    g_ptr_array_unref(receive.pending);
    g_hash_table_unref(receive.refused);
    g_free(receive.peer);
    g_free(receive.fingerprint);
    g_free(receive.transfer);
    g_free(receive.first);
    g_main_loop_unref(receive.loop);
    close(receive.folder);
    return receive.status;
}
