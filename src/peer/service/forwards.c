/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/service/forwards.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/config-file.h"
#include "common/forward-port.h"
#include "common/listen-address.h"
#include "common/log.h"
#include "common/printable.h"
#include "common/random-id.h"
#include "common/stream.h"
#include "signaling/frame.h"

enum { BACKLOG = 256, OPENING_MAX = 32 };

/* One file */
typedef struct {
    char *listen, *peer, *service;
    guint64 max_connections;
} ForwardDeclaration;

typedef struct {
    Forwards *forwards;
    char *name, *label;
    ForwardDeclaration declared;
    ForwardPort *port;
    char *problem; /* why it does not listen; NULL: it does, or has not tried yet */
} DeclaredForward;

struct Forwards {
    char *folder;
    Calls *calls;
    KeptCalls *kept;
    const ForwardsOps *ops;
    gpointer data;
    GPtrArray *list; /* of DeclaredForward, by name */
    char **problems;
    guint retry_id;
};

/* ---- files ------------------------------------------------------------------ */

static bool refuse(GError **error, const char *right)
{
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE, right);
    return false;
}

static bool check_listen(const char *value, GError **error)
{
    g_autoptr(GSocketAddress) address = listen_address_parse(value);

    return address ||
           refuse(error, _("ADDRESS:PORT such as 127.0.0.1:2222 or [::1]:2222, or unix:/PATH"));
}

static bool check_name(const char *value, GError **error)
{
    return (*value && strlen(value) <= FRAME_MAX_NAME && is_printable(value) &&
            !is_random_id(value)) ||
           refuse(error, _("the name of a peer"));
}

static bool check_service(const char *value, GError **error)
{
    return (*value && strlen(value) <= FRAME_MAX_NAME && is_printable(value)) ||
           refuse(error, _("the name of a service that the peer has declared"));
}

#define KEY(name, type, member, ...)                                                               \
    {                                                                                              \
        "Forward", name, CONFIG_##type, offsetof(ForwardDeclaration, member), __VA_ARGS__          \
    }
static const ConfigKey keys[] = {
    KEY("Listen", STRING, listen, "", .check = check_listen),
    KEY("Peer", STRING, peer, "", .check = check_name),
    KEY("Service", STRING, service, "", .check = check_service),
    KEY("MaxConnections", UINT, max_connections, "64", 1, 1024),
    {},
};

void forwards_check(const char *folder, GPtrArray *problems)
{
    g_autoptr(GPtrArray) files = config_list(folder, NULL);

    for (guint i = 0; i < files->len; i++) {
        g_autoptr(GPtrArray) found = config_check(files->pdata[i], true, keys);

        while (found->len > 0) {
            ConfigProblem *problem = g_ptr_array_steal_index(found, 0);

            problem->is_warning = true;
            g_ptr_array_add(problems, problem);
        }
    }
}

/* ---- connections -------------------------------------------------------------- */

/* The kept call is asked for now, if it rests. */
static void on_dial(gpointer data)
{
    const DeclaredForward *forward = data;

    kept_calls_retry(forward->forwards->kept, forward->declared.peer);
}

static Call *find_call(const DeclaredForward *forward)
{
    Call *call = calls_find_to(forward->forwards->calls, forward->declared.peer);

    return call && call_state(call) == CALL_CONNECTED ? call : NULL;
}

static bool open_channel(Call *call, const char *label, int *packets, guint *max_packet,
                         GError **error)
{
    ChannelOptions options = CHANNEL_OPTIONS_DEFAULT;
    CallChannel *channel;

    options.protocol = STREAM_PROTOCOL;
    channel = call_open_channel(call, label, &options, error);
    return channel && call_channel_acquire(channel, MESSAGE_BINARY, packets, max_packet, error);
}

static void on_open(StreamLink *link, gpointer data)
{
    DeclaredForward *forward = data;
    Call *call = find_call(forward);
    g_autoptr(GError) error = NULL;
    guint max_packet = 0;
    int packets = -1;

    if (!call) /* its end is about to be told */
        forward_port_set_call(forward->port, 0);
    else if (!open_channel(call, forward->label, &packets, &max_packet, &error))
        packets = -1;
    if (!call)
        g_set_error_literal(&error, STREAM_ERROR, STREAM_ERROR_ENDED, "the call has ended");
    forward_port_opened(link, packets, max_packet, error);
}

static void on_failed(const GError *error, gpointer data)
{
    const DeclaredForward *forward = data;

    log_event(G_LOG_LEVEL_WARNING, (.topic = LOG_TOPIC_SERVICES, .source = forward->name),
              _("forward %s: %s"), forward->name, error->message);
}

static const ForwardPortOps port_ops = {
    .dial = on_dial,
    .open = on_open,
    .failed = on_failed,
};

/* ---- where they listen ----------------------------------------------------------- */

static void set_problem(DeclaredForward *forward, const char *problem)
{
    if (g_strcmp0(problem, forward->problem) == 0)
        return;
    if (problem)
        log_warning(_("forward %s does not listen on %s yet: %s"), forward->name,
                    forward->declared.listen, problem);
    else
        log_info(_("forward %s: %s leads to %s of %s"), forward->name, forward->declared.listen,
                 forward->declared.service, forward->declared.peer);
    g_free(forward->problem);
    forward->problem = g_strdup(problem);
}

static void forward_listen(DeclaredForward *forward)
{
    g_autoptr(GSocketAddress) address = listen_address_parse(forward->declared.listen);
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocket) socket = listen_address_open(address, BACKLOG, &error);

    if (!socket || !forward_port_listen(forward->port, socket, &error)) {
        set_problem(forward, error->message);
        return;
    }
    if (!forward->problem)
        forward->problem = g_strdup("");
    set_problem(forward, NULL);
}

static gboolean on_retry(gpointer data)
{
    Forwards *forwards = data;

    forwards->retry_id = 0;
    forwards_link_changed(forwards);
    return G_SOURCE_REMOVE;
}

void forwards_link_changed(Forwards *forwards)
{
    bool all = true, tried = false;

    for (guint i = 0; i < forwards->list->len; i++) {
        DeclaredForward *forward = forwards->list->pdata[i];

        if (forward_port_is_listening(forward->port))
            continue;
        forward_listen(forward);
        tried = true;
        all = all && forward_port_is_listening(forward->port);
    }
    if (!all && forwards->retry_id == 0)
        forwards->retry_id = clock_timer_add_seconds(FORWARD_RETRY, on_retry, forwards);
    if (tried)
        forwards->ops->changed(forwards->data);
}

/* ---- the list ------------------------------------------------------------------ */

static void forward_free(gpointer data)
{
    DeclaredForward *forward = data;

    forward_port_free(forward->port);
    config_clear(keys, &forward->declared);
    g_free(forward->problem);
    g_free(forward->name);
    g_free(forward->label);
    g_free(forward);
}

/* The name of the forward that is declared in the file PATH */
static char *file_forward(const char *path)
{
    g_autofree char *file = g_path_get_basename(path);
    g_autofree char *name = g_strndup(file, strlen(file) - strlen(CONFIG_SUFFIX));

    return g_utf8_make_valid(name, -1);
}

/* DECLARED is taken over. */
static DeclaredForward *forward_new(Forwards *forwards, const char *name,
                                    ForwardDeclaration *declared)
{
    DeclaredForward *forward = g_new0(DeclaredForward, 1);
    guint most = (guint) declared->max_connections;
    ForwardPortLimits limits = {
        .waiting = most, .connections = most, .opening = OPENING_MAX, .hold = FORWARD_HOLD};

    forward->forwards = forwards;
    forward->name = g_strdup(name);
    forward->label = g_strconcat(STREAM_SERVICE_PREFIX, declared->service, NULL);
    forward->declared = *declared;
    *declared = (ForwardDeclaration){};
    forward->port = forward_port_new(&limits, &port_ops, forward);
    return forward;
}

/* The forward that is there already, as DECLARED says, out of BEFORE. */
static DeclaredForward *take_same(GPtrArray *before, const char *name,
                                  const ForwardDeclaration *declared)
{
    for (guint i = 0; i < before->len; i++) {
        const DeclaredForward *forward = before->pdata[i];

        if (strcmp(forward->name, name) == 0 &&
            strcmp(forward->declared.listen, declared->listen) == 0 &&
            strcmp(forward->declared.peer, declared->peer) == 0 &&
            strcmp(forward->declared.service, declared->service) == 0 &&
            forward->declared.max_connections == declared->max_connections)
            return g_ptr_array_steal_index(before, i);
    }
    return NULL;
}

static bool load_file(Forwards *forwards, GPtrArray *before, const char *path, GError **error)
{
    g_autofree char *name = file_forward(path);
    ForwardDeclaration declared = {};
    DeclaredForward *forward;

    if (!config_load(path, true, keys, &declared, error))
        return false;
    forward = take_same(before, name, &declared);
    if (!forward)
        forward = forward_new(forwards, name, &declared);
    g_ptr_array_add(forwards->list, forward);
    config_clear(keys, &declared);
    return true;
}

static void note_problem(GStrvBuilder *problems, char *text)
{
    log_warning("%s", text);
    g_strv_builder_add(problems, text);
    g_free(text);
}

static void load_folder(Forwards *forwards, GPtrArray *before)
{
    g_autoptr(GError) unreadable = NULL;
    g_autoptr(GPtrArray) files = config_list(forwards->folder, &unreadable);
    g_autoptr(GStrvBuilder) problems = g_strv_builder_new();

    for (guint i = 0; i < files->len; i++) {
        g_autoptr(GError) wrong = NULL;

        if (!load_file(forwards, before, files->pdata[i], &wrong)) {
            g_autofree char *name = file_forward(files->pdata[i]);

            note_problem(problems, g_strdup_printf(_("there is no forward %s, for its file is "
                                                     "wrong: %s"),
                                                   name, wrong->message));
        }
    }
    if (unreadable)
        note_problem(problems, g_strdup_printf(_("there is no forward until this is repaired and "
                                                 "read again: %s"),
                                               unreadable->message));
    g_strfreev(forwards->problems);
    forwards->problems = g_strv_builder_end(problems);
}

static void forward_find_call(DeclaredForward *forward)
{
    const Call *call = find_call(forward);

    forward_port_set_call(forward->port, call ? call_number(call) : 0);
}

/* The addresses of what has gone may be those of what has come. */
void forwards_load(Forwards *forwards)
{
    GPtrArray *before = forwards->list;
    g_autoptr(GPtrArray) peers = g_ptr_array_new();

    forwards->list = g_ptr_array_new_with_free_func(forward_free);
    load_folder(forwards, before);
    g_ptr_array_unref(before);
    for (guint i = 0; i < forwards->list->len; i++) {
        forward_find_call(forwards->list->pdata[i]);
        g_ptr_array_add(peers, ((DeclaredForward *) forwards->list->pdata[i])->declared.peer);
    }
    g_ptr_array_add(peers, NULL);
    kept_calls_set_forwarded(forwards->kept, (const char *const *) peers->pdata);
    forwards_link_changed(forwards);
    forwards->ops->changed(forwards->data);
}

void forwards_call_changed(Forwards *forwards, const Call *call)
{
    if (call_direction(call) != CALL_OUTGOING)
        return;
    for (guint i = 0; i < forwards->list->len; i++)
        forward_find_call(forwards->list->pdata[i]);
}

/* ---- the object ------------------------------------------------------------------ */

guint forwards_count(const Forwards *forwards)
{
    return forwards->list->len;
}

ForwardReport forwards_report(const Forwards *forwards, guint i)
{
    const DeclaredForward *forward = forwards->list->pdata[i];

    return (ForwardReport){.name = forward->name,
                           .listen = forward->declared.listen,
                           .peer = forward->declared.peer,
                           .service = forward->declared.service,
                           .problem = forward->problem ? forward->problem : ""};
}

const char *const *forwards_problems(const Forwards *forwards)
{
    return (const char *const *) forwards->problems;
}

Forwards *forwards_new(const char *folder, Calls *calls, KeptCalls *kept, const ForwardsOps *ops,
                       gpointer data)
{
    Forwards *forwards = g_new0(Forwards, 1);

    forwards->folder = g_strdup(folder);
    forwards->calls = calls;
    forwards->kept = kept;
    forwards->ops = ops;
    forwards->data = data;
    forwards->list = g_ptr_array_new_with_free_func(forward_free);
    forwards->problems = g_new0(char *, 1);
    return forwards;
}

void forwards_free(Forwards *forwards)
{
    if (!forwards)
        return;
    g_clear_handle_id(&forwards->retry_id, g_source_remove);
    g_ptr_array_unref(forwards->list);
    g_strfreev(forwards->problems);
    g_free(forwards->folder);
    g_free(forwards);
}
