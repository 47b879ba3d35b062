/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The way to the relay, a step at a time: its name, its addresses, what is behind the port. The
 * daemon says in the end whether it is in the room. These steps are tried from here, by this
 * user: a daemon that is kept from the network by something of its own shows in the difference.
 */

#include <config.h>

#include <glib/gi18n.h>
#include <gio/gio.h>
#include <gio/gnetworking.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/names.h"
#include "ctl/doctor.h"
#include "ctl/text.h"

enum {
    TIMEOUT = 5, /* seconds for each step */
    RELAY_PORT = 41337,
    MAX_ANSWER = 4096,
    PADDING = 2000,   /* bytes, more than a packet has */
    CLOCK_WARNS = 60, /* seconds */
    SMALL_MTU = 1280, /* IPv6 has at least that (RFC 8200 5) */
};

typedef struct {
    Doctor *doctor;
    bool connected;    /* the daemon is in the room */
    const char *fault; /* or why it is not: RELAY_FAULT_* */
    bool tls;
    char *host, *path;
    guint16 port;
    GList *addresses; /* of GInetAddress */
    GSocketConnection *stream;
} Way;

static void way_clear(Way *way)
{
    g_free(way->host);
    g_free(way->path);
    g_list_free_full(way->addresses, g_object_unref);
    g_clear_object(&way->stream);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Way, way_clear)

/* ---- where it is -------------------------------------------------------------------- */

static bool way_read(Way *way, const char *url)
{
    g_autoptr(GUri) uri = g_uri_parse(url, G_URI_FLAGS_ENCODED, NULL);
    int port = uri ? g_uri_get_port(uri) : -1;

    if (!uri || !g_uri_get_host(uri))
        return false;
    way->tls = g_str_equal(g_uri_get_scheme(uri), "wss");
    way->host = g_strdup(g_uri_get_host(uri));
    way->path = g_strdup(*g_uri_get_path(uri) ? g_uri_get_path(uri) : "/");
    way->port = port > 0 ? port : way->tls ? 443 : 80;
    if (port <= 0 && !way->tls)
        doctor_say(way->doctor, way->connected ? FINDING_OK : FINDING_WARNING, N_("URL"),
                   _("%s names no port, so it is 80; a relay listens on %d unless it is told "
                     "otherwise"),
                   url, RELAY_PORT);
    else
        doctor_say(way->doctor, FINDING_OK, N_("URL"), "%s", url);
    return true;
}

static char *addresses_to_text(GList *addresses)
{
    g_autoptr(GPtrArray) texts = g_ptr_array_new_with_free_func(g_free);

    for (GList *link = addresses; link; link = link->next)
        g_ptr_array_add(texts, g_inet_address_to_string(link->data));
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(", ", (char **) texts->pdata);
}

static bool way_resolve(Way *way)
{
    g_autoptr(GResolver) resolver = g_resolver_get_default();
    g_autoptr(GError) error = NULL;
    g_autofree char *found = NULL, *took = NULL;
    gint64 began = clock_monotonic();

    way->addresses = g_resolver_lookup_by_name(resolver, way->host, NULL, &error);
    if (!way->addresses) {
        if (g_error_matches(error, G_RESOLVER_ERROR, G_RESOLVER_ERROR_TEMPORARY_FAILURE))
            doctor_say(way->doctor, FINDING_FAILED, N_("name resolution"),
                       _("no name server answers for %s: see /etc/resolv.conf, and whether there "
                         "is a network at all"),
                       way->host);
        else
            doctor_say(way->doctor, FINDING_FAILED, N_("name resolution"),
                       _("%s has no address: see URL= in peer.conf (%s)"), way->host,
                       error->message);
        return false;
    }
    found = addresses_to_text(way->addresses);
    took = text_duration((guint64) (clock_monotonic() - began));
    doctor_say(way->doctor, FINDING_OK, N_("name resolution"), _("%s is %s (%s)"), way->host, found,
               took);
    return true;
}

/* ---- who is there --------------------------------------------------------------------- */

static const char *advice_for(const GError *error)
{
    if (error->domain != G_IO_ERROR)
        return "";
    switch (error->code) {
    case G_IO_ERROR_CONNECTION_REFUSED:
        return _("; nothing listens there: does the relay run, and is the port right?");
    case G_IO_ERROR_TIMED_OUT:
        return _("; a firewall drops what is sent there, or the machine is off");
    case G_IO_ERROR_HOST_UNREACHABLE:
    case G_IO_ERROR_NETWORK_UNREACHABLE:
        return _("; there is no route to it: see \"ip route\"");
    default:
        return "";
    }
}

static GSocketClient *create_client(void)
{
    GSocketClient *client = g_socket_client_new();

    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, TIMEOUT);
    return client;
}

static bool connect_to(Way *way, GInetAddress *address, bool last)
{
    g_autoptr(GSocketClient) client = create_client();
    g_autoptr(GSocketAddress) end = g_inet_socket_address_new(address, way->port);
    g_autofree char *text = g_inet_address_to_string(address);
    g_autoptr(GError) error = NULL;
    gint64 began = clock_monotonic();

    way->stream = g_socket_client_connect(client, G_SOCKET_CONNECTABLE(end), NULL, &error);
    if (way->stream) {
        g_autofree char *took = text_duration((guint64) (clock_monotonic() - began));

        doctor_say(way->doctor, FINDING_OK, N_("TCP"), _("%s port %u answers (%s)"), text,
                   way->port, took);
        return true;
    }
    doctor_say(way->doctor, last ? FINDING_FAILED : FINDING_WARNING, N_("TCP"),
               _("%s port %u: %s%s"), text, way->port, error->message, advice_for(error));
    return false;
}

static bool way_connect(Way *way)
{
    for (GList *link = way->addresses; link; link = link->next) {
        if (connect_to(way, link->data, !link->next))
            return true;
    }
    return false;
}

static void way_measure(Way *way)
{
    GSocket *socket = g_socket_connection_get_socket(way->stream);
    bool v6 = g_socket_get_family(socket) == G_SOCKET_FAMILY_IPV6;
    int mtu = 0;

    if (!g_socket_get_option(socket, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu,
                             NULL))
        return;
    if (mtu < SMALL_MTU)
        doctor_say(way->doctor, FINDING_WARNING, N_("MTU"),
                   _("%d bytes, which is less than IPv6 needs: calls still work, but slower"), mtu);
    else
        doctor_say(way->doctor, FINDING_OK, N_("MTU"), _("%d bytes"), mtu);
}

/* ---- what answers ----------------------------------------------------------------------- */

static const char *certificate_words(GTlsCertificateFlags flags)
{
    if (flags & G_TLS_CERTIFICATE_EXPIRED)
        return _("its certificate has expired");
    if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
        return _("its certificate is not valid yet: see what the clock of this machine says");
    if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
        return _("its certificate is for another name");
    return _("its certificate is signed by nobody whom this machine knows (CA= in peer.conf names "
             "an authority of your own)");
}

typedef struct {
    bool believed; /* by the daemon */
    GTlsCertificateFlags flags;
} Verdict;

static gboolean on_certificate(GTlsConnection *tls, GTlsCertificate *certificate,
                               GTlsCertificateFlags flags, gpointer data)
{
    Verdict *verdict = data;

    verdict->flags = flags;
    return flags == G_TLS_CERTIFICATE_UNKNOWN_CA && verdict->believed;
}

/* Whether the daemon has come further than to TLS */
static bool is_beyond_tls(const Way *way)
{
    static const char *const before[] = {"", RELAY_FAULT_RESOLUTION, RELAY_FAULT_TCP,
                                         RELAY_FAULT_TLS, NULL};

    return !g_strv_contains(before, way->fault);
}

/* The daemon knows authorities that this program does not (CA= in peer.conf): what it has not
 * complained of is good. */
static GIOStream *way_secure(Way *way)
{
    g_autoptr(GSocketConnectable) name = g_network_address_new(way->host, way->port);
    g_autoptr(GIOStream) tls = NULL;
    g_autoptr(GError) error = NULL;
    Verdict verdict = {.believed = is_beyond_tls(way)};

    if (way->connected || !g_tls_backend_supports_tls(g_tls_backend_get_default())) {
        doctor_say(way->doctor, way->connected ? FINDING_OK : FINDING_SKIPPED, N_("TLS"),
                   way->connected ? _("the daemon has verified the relay's certificate")
                                  : _("this program has no TLS (glib-networking); the step "
                                      "\"relay\" has what the daemon says"));
        return NULL;
    }
    tls = g_tls_client_connection_new(G_IO_STREAM(way->stream), name, &error);
    if (tls) {
        g_signal_connect(tls, "accept-certificate", G_CALLBACK(on_certificate), &verdict);
        if (g_tls_connection_handshake(G_TLS_CONNECTION(tls), NULL, &error)) {
            doctor_say(way->doctor, FINDING_OK, N_("TLS"), _("its certificate is good"));
            return g_steal_pointer(&tls);
        }
    }
    doctor_say(way->doctor, FINDING_FAILED, N_("TLS"), "%s: %s",
               verdict.flags ? certificate_words(verdict.flags)
                             : _("what answers there speaks no TLS: see URL="),
               error->message);
    return NULL;
}

/*
 * A WebSocket of a version that there never was (RFC 6455 4.4): who speaks WebSocket says so, and
 * nobody comes into a room. Some bytes more than a packet holds, to see whether such get through.
 */
static char *create_request(const Way *way, gsize padding)
{
    g_autofree char *pad = g_strnfill(padding, '-');

    return g_strdup_printf("GET %s HTTP/1.1\r\nHost: %s:%u\r\nUser-Agent: rtcbusctl\r\n"
                           "Connection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 0\r\nX-Padding: %s\r\n\r\n",
                           way->path, way->host, way->port, pad);
}

/* The head of the answer, and what has come with it */
static char *ask(const Way *way, GIOStream *stream, gsize padding, GError **error)
{
    g_autofree char *request = create_request(way, padding);
    GInputStream *input = g_io_stream_get_input_stream(stream);
    char answer[MAX_ANSWER + 1] = "";
    gssize n = 1;

    if (!g_output_stream_write_all(g_io_stream_get_output_stream(stream), request, strlen(request),
                                   NULL, NULL, error))
        return NULL;
    for (gsize length = 0; n > 0 && length < MAX_ANSWER && !strstr(answer, "\r\n\r\n");) {
        n = g_input_stream_read(input, answer + length, MAX_ANSWER - length, NULL, error);
        length += MAX(n, 0);
    }
    if (!*answer && n == 0)
        g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_CLOSED, _("the connection was closed"));
    if (!*answer)
        return NULL;
    g_clear_error(error);
    return g_strdup(answer);
}

static char *find_field(const char *answer, const char *name)
{
    g_autofree char *pattern = g_strdup_printf("^%s:[ \t]*([^\r\n]*)", name);
    g_autoptr(GRegex) regex =
        g_regex_new(pattern, G_REGEX_CASELESS | G_REGEX_MULTILINE | G_REGEX_RAW, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    return g_regex_match(regex, answer, 0, &match) ? g_match_info_fetch(match, 1) : NULL;
}

/* "Fri, 27 Nov 2026 06:30:00 GMT" (RFC 9110 5.6.7); 0: it is none. */
static gint64 parse_date(const char *text)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    g_auto(GStrv) words = g_strsplit_set(text, " :", -1);
    g_autoptr(GDateTime) date = NULL;

    if (g_strv_length(words) != 8)
        return 0;
    for (guint i = 0; i < G_N_ELEMENTS(months) && !date; i++) {
        if (g_str_equal(words[2], months[i]))
            date = g_date_time_new_utc(atoi(words[3]), i + 1, atoi(words[1]), atoi(words[4]),
                                       atoi(words[5]), atoi(words[6]));
    }
    return date ? g_date_time_to_unix(date) : 0;
}

static void look_at_clock(Way *way, const char *answer)
{
    g_autofree char *field = find_field(answer, "Date");
    gint64 theirs = field ? parse_date(field) : 0;
    gint64 ahead = clock_wall() / G_USEC_PER_SEC - theirs;
    g_autofree char *apart = text_duration((guint64) ABS(ahead) * G_USEC_PER_SEC);

    if (theirs == 0)
        return;
    if (ABS(ahead) < CLOCK_WARNS)
        doctor_say(way->doctor, FINDING_OK, N_("clock"), _("agrees with the relay's"));
    else
        doctor_say(way->doctor, FINDING_WARNING, N_("clock"),
                   ahead > 0 ? _("%s ahead of the relay's: certificates, tokens and the times of "
                                 "readings need a right one")
                             : _("%s behind the relay's: certificates, tokens and the times of "
                                 "readings need a right one"),
                   apart);
}

/* A number that HTTP has for what stands between us and the relay; NULL: it is none of these. */
static const char *status_words(int status)
{
    switch (status) {
    case 407:
    case 511:
        return _("a proxy or a portal of this network wants a login");
    case 502:
    case 504:
        return _("a proxy answers, but no relay behind it: see that the relay runs, and where the "
                 "proxy looks for it");
    default:
        return NULL;
    }
}

static void look_at_websocket(Way *way, int status)
{
    if (status >= 200 && status < 300)
        doctor_say(way->doctor, FINDING_FAILED, N_("WebSocket"),
                   _("what answers is a page and no relay: see URL=, and whether a portal of this "
                     "network wants a login"));
    else if (status == 404)
        doctor_say(way->doctor, FINDING_FAILED, N_("WebSocket"),
                   _("there is nothing at %s: see the path in URL="), way->path);
    else if (status == 426)
        doctor_say(way->doctor, FINDING_OK, N_("WebSocket"), _("is spoken there"));
}

static void look_at_answer(Way *way, const char *answer)
{
    int status = g_str_has_prefix(answer, "HTTP/1.") && strlen(answer) > 12 ? atoi(answer + 9) : 0;
    g_autofree char *place = find_field(answer, "Location");
    const char *words = status_words(status);

    if (status == 0)
        doctor_say(way->doctor, FINDING_FAILED, N_("HTTP"),
                   _("what answers there speaks no HTTP: see host and port of URL="));
    else if (status >= 300 && status < 400)
        doctor_say(way->doctor, FINDING_FAILED, N_("HTTP"),
                   _("it sends us to %s: a portal of this network that wants a login, or a URL "
                     "that has moved"),
                   place ? place : "?");
    else if (words)
        doctor_say(way->doctor, FINDING_FAILED, N_("HTTP"), _("%s (status %d)"), words, status);
    else
        doctor_say(way->doctor, FINDING_OK, N_("HTTP"), _("a server answers (status %d)"), status);
    look_at_websocket(way, status);
}

static bool is_silence(const GError *error)
{
    return g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT);
}

/* After silence: whether less than a packet gets through */
static char *way_ask_again(Way *way, GError **error)
{
    g_autoptr(GSocketClient) client = create_client();
    g_autoptr(GSocketAddress) end = g_socket_connection_get_remote_address(way->stream, error);
    g_autoptr(GSocketConnection) stream =
        end ? g_socket_client_connect(client, G_SOCKET_CONNECTABLE(end), NULL, error) : NULL;
    char *answer = stream ? ask(way, G_IO_STREAM(stream), 0, error) : NULL;

    if (answer)
        doctor_say(
            way->doctor, FINDING_FAILED, N_("MTU"),
            _("long packets to the relay are lost on the way, and nobody says so: let ICMP "
              "pass there, or give this machine's interface a smaller MTU (\"ip link set dev "
              "… mtu 1280\")"));
    return answer;
}

static void way_ask(Way *way)
{
    g_autoptr(GIOStream) stream =
        way->tls ? way_secure(way) : G_IO_STREAM(g_object_ref(way->stream));
    g_autoptr(GError) error = NULL, last = NULL;
    g_autofree char *answer = stream ? ask(way, stream, PADDING, &error) : NULL;

    if (!stream)
        return;
    if (!answer && is_silence(error) && !way->tls)
        answer = way_ask_again(way, &last);
    if (!answer) {
        doctor_say(way->doctor, FINDING_FAILED, N_("HTTP"), _("no answer: %s"), error->message);
        return;
    }
    look_at_answer(way, answer);
    look_at_clock(way, answer);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* What the relay itself does not like, by its name */
static void look_at_refusal(Doctor *doctor, const char *fault)
{
    if (g_str_equal(fault, RELAY_FAULT_TOKEN))
        doctor_say(doctor, FINDING_FAILED, N_("token"),
                   _("the relay wants another one: see Token= or TokenFile= in peer.conf"));
    else if (g_str_equal(fault, RELAY_FAULT_NAME))
        doctor_say(doctor, FINDING_FAILED, N_("name"),
                   _("somebody in the room has it: see Name= in peer.conf"));
}

static void look_at_room(Doctor *doctor, const Way *way)
{
    const char *url = dict_string(doctor->peer, "RelayUrl");
    const char *error = dict_string(doctor->peer, "RelayError");
    g_autoptr(GVariant) peers =
        g_variant_lookup_value(doctor->peer, "Peers", G_VARIANT_TYPE("a(ss)"));
    guint others = peers ? (guint) g_variant_n_children(peers) : 0;

    look_at_refusal(doctor, way->fault);
    if (!way->connected)
        doctor_say(doctor, FINDING_FAILED, N_("relay"), _("the daemon is not connected to %s: %s"),
                   url, *error ? error : _("it is trying"));
    else if (g_str_equal(way->fault, RELAY_FAULT_FOREIGN))
        doctor_say(
            doctor, FINDING_WARNING, N_("relay"),
            _("%s is no relay of rtcbus: it tells no names, and calls are with one peer at once "
              "(or is URL= another server's?)"),
            url);
    else
        doctor_say(doctor, FINDING_OK, N_("relay"),
                   ngettext("we are \"%s\" in the room, with %u other",
                            "we are \"%s\" in the room, with %u others", others),
                   dict_string(doctor->peer, "Name"), others);
}

void doctor_look_at_relay(Doctor *doctor)
{
    g_auto(Way) way = {
        .doctor = doctor,
        .connected = g_str_equal(dict_string(doctor->peer, "RelayState"), "connected"),
        .fault = dict_string(doctor->peer, "RelayFault"),
    };

    if (!way_read(&way, dict_string(doctor->peer, "RelayUrl")))
        doctor_say(doctor, FINDING_FAILED, N_("URL"), _("\"%s\" is no URL of a relay"),
                   dict_string(doctor->peer, "RelayUrl"));
    else if (way_resolve(&way) && way_connect(&way)) {
        way_measure(&way);
        way_ask(&way);
    }
    look_at_room(doctor, &way);
}
