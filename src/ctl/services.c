/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "services": those that this peer offers, which are a property; or those that a remote offers
 * us, which it tells on a stream of its own (STREAM_SERVICES_LABEL).
 */

#include <config.h>

#include <fcntl.h>
#include <glib-unix.h>
#include <glib/gi18n.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/names.h"
#include "common/stream.h"
#include "ctl/command.h"
#include "ctl/services.h"
#include "ctl/shared-call.h"

enum { LIST_MAX = 64 * 1024 }; /* bytes of a list that we read */
enum { PATIENCE = 15 };        /* seconds until it must have come: older peers tell nothing */

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    SharedCall *call;
    Stream *stream;
    int store; /* a file in memory that the list goes to; -1: none */
    guint timer;
    const char *peer;
    GStrv names; /* NULL: not known */
    bool ended;
    int status;
} ServicesQuestion;

/* ---- our own ------------------------------------------------------------------------ */

static GVariant *own_services(GVariant *dict)
{
    return g_variant_lookup_value(dict, "Services", G_VARIANT_TYPE("a(sss)"));
}

void services_to_json(GVariant *dict, JsonBuilder *builder)
{
    static const char *const members[] = {"name", "connect", "allow", NULL};
    g_autoptr(GVariant) list = own_services(dict);

    json_add_records(builder, list, members);
}

guint services_names(GVariant *dict, GString *text)
{
    g_autoptr(GVariant) list = own_services(dict);
    gsize n = list ? g_variant_n_children(list) : 0;

    for (gsize i = 0; i < n; i++) {
        const char *name;

        g_variant_get_child(list, i, "(&s&s&s)", &name, NULL, NULL);
        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", name);
    }
    return (guint) n;
}

static void own_print(GVariant *dict)
{
    g_autoptr(GVariant) list = own_services(dict);
    g_autoptr(Table) table = table_new(0);

    if (!list || g_variant_n_children(list) == 0) {
        g_print("%s\n", _("No service is offered here; rtcbus-peer.conf(5) tells how to declare "
                          "one. \"rtcbusctl services PEER\" asks another peer for its own."));
        return;
    }
    table_row(table, _("NAME"), _("LEADS TO"), _("FOR"), NULL);
    for (gsize i = 0; i < g_variant_n_children(list); i++) {
        const char *name, *where, *allow;

        g_variant_get_child(list, i, "(&s&s&s)", &name, &where, &allow);
        table_row(table, name, where, *allow ? allow : _("nobody"), NULL);
    }
    table_print(table);
}

static int show_own(BusClient *client)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) dict =
        client_properties(client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE, &error);

    if (!dict)
        return client_fail(client, &peer_service, error);
    if (client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        services_to_json(dict, builder);
        json_print(builder);
    } else {
        own_print(dict);
    }
    return EXIT_SUCCESS;
}

/* ---- a remote's ---------------------------------------------------------------------- */

static void on_settled(gpointer data)
{
    g_main_loop_quit(((ServicesQuestion *) data)->loop);
}

/* Our channel is to be gone before it is asked whether somebody uses the call. */
static void asking_end(ServicesQuestion *asking, int status)
{
    if (asking->ended)
        return;
    asking->ended = true;
    asking->status = status;
    g_clear_handle_id(&asking->timer, g_source_remove);
    g_clear_pointer(&asking->stream, stream_free);
    shared_call_settle(asking->call, on_settled, asking);
}

static void on_done(Stream *stream, const GError *error, gpointer data)
{
    ServicesQuestion *asking = data;
    g_autofree char *text = g_malloc0(LIST_MAX + 1), *valid = NULL;
    gsize length;

    g_clear_pointer(&asking->stream, stream_free);
    if (error) {
        if (lseek(asking->store, 0, SEEK_CUR) == LIST_MAX)
            client_complain(_("%s: the list of services is too long"), asking->peer);
        else
            client_complain("%s", error->message);
        asking_end(asking, EXIT_FAILURE);
        return;
    }
    if (pread(asking->store, text, LIST_MAX, 0) < 0)
        text[0] = '\0';
    length = strlen(text);
    if (length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    valid = g_utf8_make_valid(text, -1);
    asking->names = g_strsplit(valid, "\n", -1);
    asking_end(asking, EXIT_SUCCESS);
}

static void on_opened(int fd, gsize max_packet, const GError *error, gpointer data)
{
    ServicesQuestion *asking = data;
    int nothing, store;

    if (asking->ended) { /* interrupted */
        if (fd >= 0)
            close(fd);
        return;
    }
    if (fd < 0) {
        asking_end(asking, client_fail(asking->client, &peer_service, error));
        return;
    }
    nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    store = fcntl(asking->store, F_DUPFD_CLOEXEC, 0);
    asking->stream = stream_new(fd, max_packet, nothing, store, on_done, asking);
}

static gboolean on_patience(gpointer data)
{
    ServicesQuestion *asking = data;

    asking->timer = 0;
    client_complain(_("%s has told no list of services"), asking->peer);
    asking_end(asking, EXIT_FAILURE);
    return G_SOURCE_REMOVE;
}

static void on_call_connected(gpointer data)
{
    ServicesQuestion *asking = data;

    asking->timer = clock_timer_add_seconds(PATIENCE, on_patience, asking);
    shared_call_open(asking->call, STREAM_SERVICES_LABEL, STREAM_PROTOCOL, on_opened, asking);
}

static void on_call_ended(const GError *error, gpointer data)
{
    ServicesQuestion *asking = data;

    asking_end(asking, client_fail(asking->client, &peer_service, error));
}

static const SharedCallOps call_ops = {
    .connected = on_call_connected,
    .ended = on_call_ended,
};

static gboolean on_interrupt(gpointer data)
{
    asking_end(data, EXIT_FAILURE);
    return G_SOURCE_CONTINUE;
}

static void remote_print(const ServicesQuestion *asking)
{
    if (asking->client->json) {
        g_autoptr(JsonBuilder) builder = json_builder_new();

        json_builder_begin_array(builder);
        for (char **name = asking->names; *name; name++)
            json_builder_add_string_value(builder, *name);
        json_builder_end_array(builder);
        json_print(builder);
        return;
    }
    if (!*asking->names)
        g_print(_("%s offers us no service"), asking->peer);
    for (char **name = asking->names; *name; name++) {
        g_autofree char *shown = text_safe(*name);

        g_print("%s%s", name == asking->names ? "" : "\n", shown);
    }
    g_print("\n");
}

/* As long as it may be from the start: a remote's list cannot make it longer. */
static int store_new(void)
{
    int store = memfd_create("services", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (store >= 0 && ftruncate(store, LIST_MAX) == 0 &&
        fcntl(store, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK) == 0)
        return store;
    if (store >= 0)
        close(store);
    return -1;
}

static int show_remote(BusClient *client, const char *peer)
{
    ServicesQuestion asking = {.client = client,
                               .peer = peer,
                               .loop = g_main_loop_new(NULL, FALSE),
                               .store = store_new(),
                               .status = EXIT_FAILURE};
    g_autoptr(GError) error = NULL;
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &asking),
        g_unix_signal_add(SIGTERM, on_interrupt, &asking),
    };

    signal(SIGPIPE, SIG_IGN); /* of the stream; what is printed comes afterwards */
    asking.call = shared_call_new(client, peer, &call_ops, &asking, &error);
    if (asking.call)
        g_main_loop_run(asking.loop);
    else
        client_fail(client, &peer_service, error);
    if (asking.names)
        remote_print(&asking);

    g_clear_handle_id(&asking.timer, g_source_remove);
    g_clear_pointer(&asking.stream, stream_free);
    shared_call_free(asking.call);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    g_main_loop_unref(asking.loop);
    g_strfreev(asking.names);
    close(asking.store);
    return asking.status;
}

int services_run(BusClient *client, char **arguments)
{
    return arguments[0] ? show_remote(client, arguments[0]) : show_own(client);
}
