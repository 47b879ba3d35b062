/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * "offer" and "answer": a call without a relay. Each side prints its description, with all its
 * candidates, and two people carry the one there and the other back, by whatever they have: a
 * chat, a mail, a camera. A description is a word (short-description.h), or SDP as it is, for a
 * browser's RTCPeerConnection.
 */

#include <config.h>

#include "common/names.h"

#include <glib-unix.h>
#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "ctl/call-watch.h"
#include "ctl/command.h"
#include "ctl/qr.h"
#include "ctl/short-description.h"
#include "ctl/text.h"

/* Servers that do not answer are not waited for longer, in milliseconds. */
enum { GATHERING_LIMIT = 10000 };
enum { MAX_DESCRIPTION = 64 * 1024 };

typedef enum {
    EXCHANGE_GATHERING, /* our description, and its candidates */
    EXCHANGE_READING,   /* the other one is waited for; who offers has printed ours */
    EXCHANGE_CONNECTING,
    EXCHANGE_CONNECTED,
    EXCHANGE_FAILED, /* it was said why */
} ExchangeState;

typedef struct {
    BusClient *client;
    GMainLoop *loop;
    ExchangeState state;
    bool answers;
    CallWatch *watch;
    char *path;
    char *sdp;           /* ours */
    GString *candidates; /* its lines */
    GString *input;      /* what has been read of the other one */
    guint input_id, limit_id;
} Exchange;

static char *option_name, *option_fingerprint;
static gboolean option_sdp, option_bare;

const GOptionEntry offer_options[] = {
    {"name", 'n', 0, G_OPTION_ARG_STRING, &option_name,
     N_("Who the other side is, so that its key is checked and remembered"), N_("NAME")},
    {"fingerprint", 'f', 0, G_OPTION_ARG_STRING, &option_fingerprint,
     N_("Talk only to whoever has this key"), N_("FINGERPRINT")},
    {"sdp", 's', 0, G_OPTION_ARG_NONE, &option_sdp,
     N_("Print SDP, for a browser or another program"), NULL},
    {"no-channel", 0, 0, G_OPTION_ARG_NONE, &option_bare,
     N_("Open no channel and publish no numbers in it"), NULL},
    {},
};

static const char *exchange_state_to_string(ExchangeState state)
{
    static const char *const names[] = {"gathering", "reading", "connecting", "connected",
                                        "failed"};

    return names[state];
}

/* The first end counts. */
static void exchange_enter_state(Exchange *exchange, ExchangeState state)
{
    if (exchange->state >= EXCHANGE_CONNECTED)
        return;
    g_debug("exchange: %s -> %s", exchange_state_to_string(exchange->state),
            exchange_state_to_string(state));
    exchange->state = state;
    if (state != EXCHANGE_GATHERING)
        g_clear_handle_id(&exchange->limit_id, g_source_remove);
    if (state != EXCHANGE_READING)
        g_clear_handle_id(&exchange->input_id, g_source_remove);
    if (state >= EXCHANGE_CONNECTED)
        g_main_loop_quit(exchange->loop);
}

static void exchange_fail(Exchange *exchange, const GError *error)
{
    if (exchange->state < EXCHANGE_CONNECTED)
        client_fail(exchange->client, &peer_service, error);
    exchange_enter_state(exchange, EXCHANGE_FAILED);
}

static GVariant *exchange_invoke(Exchange *exchange, const char *method, GVariant *parameters,
                                 GError **error)
{
    return client_call(exchange->client, &peer_service, exchange->path, CALL_INTERFACE, method,
                       parameters, "()", ACT, error);
}

/* ---- the other side's -------------------------------------------------------- */

static const char *other_type(const Exchange *exchange)
{
    return exchange->answers ? "offer" : "answer";
}

static const char *what_is_wrong(const Exchange *exchange, bool is_word)
{
    if (is_word)
        return exchange->answers
                   ? _("that is an answer: paste it where \"rtcbusctl offer\" waits for it")
                   : _("that is an offer: give it to \"rtcbusctl answer\" on the other machine, and "
                       "paste here what that prints");
    return exchange->answers
               ? _("that is not what \"rtcbusctl offer\" prints: is all of it there?")
               : _("that is not what \"rtcbusctl answer\" prints: is all of it there?");
}

/* TEXT, a word or SDP, as SDP. NULL if it is not what the other side has to give. */
static char *read_description(const Exchange *exchange, const char *text, GError **error)
{
    const char *type;
    g_autofree char *sdp = NULL;

    if (g_str_has_prefix(text, "v=0"))
        return g_strdup(text);
    sdp = short_description_read(text, &type);
    if (sdp && strcmp(type, other_type(exchange)) == 0)
        return g_steal_pointer(&sdp);
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                        what_is_wrong(exchange, sdp != NULL));
    return NULL;
}

static bool set_remote(Exchange *exchange, const char *text, GError **error)
{
    g_autofree char *sdp = read_description(exchange, text, error);
    g_autoptr(GVariant) reply = NULL;

    if (!sdp)
        return false;
    reply = exchange_invoke(exchange, "SetRemoteDescription",
                            g_variant_new("(ss)", other_type(exchange), sdp), error);
    return reply != NULL;
}

/* A word is a line, or as many as it was broken into; SDP, and what is only the beginning of a word,
 * ends with an empty line, or with the input. */
static bool is_complete(const char *text, bool at_end)
{
    const char *type;
    g_autofree char *sdp = NULL;

    if (at_end || strstr(text, "\n\n") || strstr(text, "\n\r\n"))
        return true;
    if (g_str_has_prefix(text, "v=0") || !g_str_has_suffix(text, "\n"))
        return false;
    sdp = short_description_read(text, &type);
    return sdp || !short_description_is_begun(text);
}

static void exchange_gather(Exchange *exchange);

static void take_input(Exchange *exchange)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = g_strdup(exchange->input->str);

    g_string_truncate(exchange->input, 0);
    if (set_remote(exchange, text, &error)) {
        if (exchange->answers)
            exchange_gather(exchange);
        else
            exchange_enter_state(exchange, EXCHANGE_CONNECTING);
    } else if (isatty(STDIN_FILENO)) {
        g_autofree char *words = client_explain(exchange->client, &peer_service, error);

        client_complain("%s", words);
    } else {
        exchange_fail(exchange, error);
    }
}

static gboolean on_input(int fd, GIOCondition condition, gpointer data)
{
    Exchange *exchange = data;
    char buffer[4096];
    ssize_t length = read(fd, buffer, sizeof buffer);

    if (length > 0)
        g_string_append_len(exchange->input, buffer, length);
    if (length <= 0 || exchange->input->len > MAX_DESCRIPTION)
        exchange->input_id = 0;
    if (is_complete(exchange->input->str, exchange->input_id == 0))
        take_input(exchange);
    else if (short_description_is_begun(exchange->input->str) && isatty(STDIN_FILENO))
        g_printerr("%s\n",
                   _("That is how it begins. The rest, or an empty line to paste it again:"));
    if (exchange->state == EXCHANGE_READING && exchange->input_id == 0)
        exchange_enter_state(exchange, EXCHANGE_FAILED);
    return exchange->input_id != 0;
}

static void exchange_read(Exchange *exchange)
{
    exchange_enter_state(exchange, EXCHANGE_READING);
    exchange->input_id = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP, on_input, exchange);
}

/* ---- ours -------------------------------------------------------------------- */

static char *make_description(const Exchange *exchange)
{
    g_autofree char *sdp =
        g_strconcat(exchange->sdp, exchange->candidates->str, "a=end-of-candidates\r\n", NULL);

    if (option_sdp)
        return g_steal_pointer(&sdp);
    return short_description_make(exchange->answers ? "answer" : "offer", sdp);
}

static void print_json(const char *text)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_add_string(builder, "description", text);
    json_builder_end_object(builder);
    json_print(builder);
}

/* On a terminal there is a hint what to do with it, and a picture for a camera. */
static void print_description(const Exchange *exchange, const char *text)
{
    bool terminal = isatty(STDOUT_FILENO);

    if (exchange->client->json) {
        print_json(text);
        return;
    }
    if (terminal)
        g_print("%s\n\n", exchange->answers
                              ? _("Give this to the other side, which is waiting for it:")
                              : _("On the other machine, give this to \"rtcbusctl answer\":"));
    g_print("%s\n", text);
    if (terminal && !option_sdp)
        qr_print(text);
    if (terminal && !exchange->answers)
        g_print("\n%s\n", _("Then paste what it prints here:"));
    fflush(stdout);
}

static void exchange_gathered(Exchange *exchange)
{
    g_autofree char *text = exchange->sdp ? make_description(exchange) : NULL;

    if (!text) {
        client_complain(_("rtcbus-peer has made no description"));
        exchange_enter_state(exchange, EXCHANGE_FAILED);
        return;
    }
    print_description(exchange, text);
    if (exchange->answers)
        exchange_enter_state(exchange, EXCHANGE_CONNECTING);
    else
        exchange_read(exchange);
}

static gboolean on_gathering_limit(gpointer data)
{
    Exchange *exchange = data;

    exchange->limit_id = 0;
    exchange_gathered(exchange);
    return G_SOURCE_REMOVE;
}

static void exchange_gather(Exchange *exchange)
{
    exchange_enter_state(exchange, EXCHANGE_GATHERING);
    exchange->limit_id = clock_timer_add(GATHERING_LIMIT, on_gathering_limit, exchange);
}

static void on_signal(GDBusConnection *bus, const char *sender, const char *path,
                      const char *interface, const char *signal, GVariant *parameters,
                      gpointer data)
{
    Exchange *exchange = data;
    const char *text;

    if (exchange->state != EXCHANGE_GATHERING || g_strcmp0(path, exchange->path) != 0 ||
        !g_variant_is_of_type(parameters, G_VARIANT_TYPE("(ss)")))
        return;
    if (g_str_equal(signal, "LocalDescription")) {
        g_free(exchange->sdp);
        g_variant_get(parameters, "(ss)", NULL, &exchange->sdp);
    } else if (g_str_equal(signal, "LocalCandidate")) {
        g_variant_get(parameters, "(&s&s)", &text, NULL);
        if (*text)
            g_string_append_printf(exchange->candidates, "a=%s\r\n", text);
        else
            exchange_gathered(exchange);
    }
}

/* ---- the call ---------------------------------------------------------------- */

static void on_state(const char *state, gpointer data)
{
    if (g_str_equal(state, "connected"))
        exchange_enter_state(data, EXCHANGE_CONNECTED);
}

static void on_ended(const char *reason, gpointer data)
{
    Exchange *exchange = data;

    if (exchange->state < EXCHANGE_CONNECTED)
        client_complain(_("the call ended: %s"), reason ? _(reason) : _("no reason was given"));
    exchange_enter_state(exchange, EXCHANGE_FAILED);
}

static const CallWatchOps watch_ops = {
    .state = on_state,
    .ended = on_ended,
};

static gboolean on_interrupt(gpointer data)
{
    exchange_enter_state(data, EXCHANGE_FAILED);
    return G_SOURCE_CONTINUE;
}

static bool create_call(Exchange *exchange, GError **error)
{
    g_autoptr(GVariant) reply = NULL;
    GVariantBuilder options;

    g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
    if (option_name)
        g_variant_builder_add(&options, "{sv}", "name", g_variant_new_string(option_name));
    if (option_fingerprint)
        g_variant_builder_add(&options, "{sv}", "fingerprint",
                              g_variant_new_string(option_fingerprint));
    if (option_bare)
        g_variant_builder_add(&options, "{sv}", "channels", g_variant_new_boolean(FALSE));
    reply = client_call(exchange->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                        "CreateCall", g_variant_new("(a{sv})", &options), "(o)", ACT, error);
    if (reply)
        g_variant_get(reply, "(o)", &exchange->path);
    return reply != NULL;
}

/* An offer to answer stands on the command line, or is the standard input's first. */
static bool exchange_begin(Exchange *exchange, const char *argument, GError **error)
{
    g_autoptr(GVariant) reply = NULL;

    if (exchange->answers && !argument) {
        if (isatty(STDIN_FILENO))
            g_printerr("%s\n", _("Paste what \"rtcbusctl offer\" prints on the other machine:"));
        exchange_read(exchange);
        return true;
    }
    if (exchange->answers && !set_remote(exchange, argument, error))
        return false;
    if (!exchange->answers && !(reply = exchange_invoke(exchange, "CreateOffer", NULL, error)))
        return false;
    exchange_gather(exchange);
    return true;
}

static int exchange_descriptions(Exchange *exchange, const char *argument)
{
    g_autoptr(GError) error = NULL;

    if (!create_call(exchange, &error))
        return client_fail(exchange->client, &peer_service, error);
    call_watch_begin(exchange->watch, exchange->path);
    if (exchange_begin(exchange, argument, &error))
        g_main_loop_run(exchange->loop);
    else
        exchange_fail(exchange, error);
    if (exchange->state == EXCHANGE_CONNECTED)
        return call_report(exchange->client, exchange->path);
    call_hang_up(exchange->client, exchange->path);
    return EXIT_FAILURE;
}

static void exchange_clear(Exchange *exchange)
{
    g_clear_handle_id(&exchange->limit_id, g_source_remove);
    g_clear_handle_id(&exchange->input_id, g_source_remove);
    call_watch_free(exchange->watch);
    g_main_loop_unref(exchange->loop);
    g_string_free(exchange->candidates, TRUE);
    g_string_free(exchange->input, TRUE);
    g_free(exchange->path);
    g_free(exchange->sdp);
}

static int exchange_run(BusClient *client, bool answers, const char *argument)
{
    Exchange exchange = {.client = client,
                         .loop = g_main_loop_new(NULL, FALSE),
                         .answers = answers,
                         .candidates = g_string_new(NULL),
                         .input = g_string_new(NULL)};
    guint interrupts[] = {
        g_unix_signal_add(SIGINT, on_interrupt, &exchange),
        g_unix_signal_add(SIGTERM, on_interrupt, &exchange),
    };
    guint signal = g_dbus_connection_signal_subscribe(client->bus, PEER_BUS_NAME, CALL_INTERFACE,
                                                      NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                      on_signal, &exchange, NULL);
    int status;

    exchange.watch = call_watch_new(client, &watch_ops, &exchange);
    status = exchange_descriptions(&exchange, argument);
    g_dbus_connection_signal_unsubscribe(client->bus, signal);
    for (size_t i = 0; i < G_N_ELEMENTS(interrupts); i++)
        g_source_remove(interrupts[i]);
    exchange_clear(&exchange);
    return status;
}

int offer_check(char **arguments)
{
    g_autofree char *fingerprint =
        option_fingerprint ? fingerprint_parse(option_fingerprint) : NULL;

    if (option_fingerprint && !fingerprint)
        return client_usage(_("--fingerprint must be \"sha-256:\" and 64 hexadecimal digits"));
    return 0;
}

int offer_run(BusClient *client, char **arguments)
{
    return exchange_run(client, false, NULL);
}

int answer_run(BusClient *client, char **arguments)
{
    return exchange_run(client, true, arguments[0]);
}
