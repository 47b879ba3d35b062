/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The kind of NAT before this machine. One socket asks each server that answers by UDP as what it
 * is seen (a STUN Binding request, RFC 8489 2; a TURN server answers it as well). A NAT that gives
 * each remote another port (RFC 4787 4.1) shows in answers that differ.
 */

#include <config.h>

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/random.h"
#include "ctl/doctor.h"

enum {
    STUN_PORT = 3478,
    HEADER = 20,
    BINDING_REQUEST = 0x0001,
    BINDING_SUCCESS = 0x0101,
    XOR_MAPPED_ADDRESS = 0x0020,
    FAMILY_IPV4 = 0x01,
    MAX_ANSWER = 1280,
    MAX_SERVERS = 8,
    SENDINGS = 3,
    PAUSE = 500, /* milliseconds from one sending to the next */
};

static const guint8 cookie[4] = {0x21, 0x12, 0xa4, 0x42}; /* RFC 8489 5 */

typedef struct {
    GSocketAddress *address;
    guint8 request[HEADER];
    char *seen; /* as what we are seen there, "192.0.2.1:4242"; NULL: no answer */
} Server;

typedef struct {
    GSocket *socket;
    Server servers[MAX_SERVERS];
    guint n;
} Survey;

static void survey_clear(Survey *survey)
{
    for (guint i = 0; i < survey->n; i++) {
        g_object_unref(survey->servers[i].address);
        g_free(survey->servers[i].seen);
    }
    g_clear_object(&survey->socket);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Survey, survey_clear)

/* ---- messages --------------------------------------------------------------------- */

static void write_request(guint8 *request)
{
    guint8 head[8] = {BINDING_REQUEST >> 8, BINDING_REQUEST & 0xff};

    memcpy(head + 4, cookie, sizeof cookie);
    memcpy(request, head, sizeof head);
    random_bytes(request + sizeof head, HEADER - sizeof head);
}

static guint read16(const guint8 *at)
{
    return at[0] << 8 | at[1];
}

/* The value of XOR-MAPPED-ADDRESS of IPv4 (RFC 8489 14.2), as text */
static char *read_address(const guint8 *value, gsize length)
{
    guint8 address[4];
    guint port;

    if (length != 8 || value[1] != FAMILY_IPV4)
        return NULL;
    port = read16(value + 2) ^ read16(cookie);
    for (guint i = 0; i < sizeof address; i++)
        address[i] = value[4 + i] ^ cookie[i];
    return g_strdup_printf("%u.%u.%u.%u:%u", address[0], address[1], address[2], address[3], port);
}

/* What an answer to REQUEST says; NULL: it is none. */
static char *read_answer(const guint8 *request, const guint8 *answer, gsize length)
{
    if (length < HEADER || read16(answer) != BINDING_SUCCESS ||
        memcmp(answer + 4, request + 4, HEADER - 4) != 0)
        return NULL;
    for (gsize at = HEADER; at + 4 <= length;) {
        gsize size = read16(answer + at + 2);

        if (at + 4 + size > length)
            return NULL;
        if (read16(answer + at) == XOR_MAPPED_ADDRESS)
            return read_address(answer + at + 4, size);
        at += 4 + ((size + 3) & ~(gsize) 3);
    }
    return NULL;
}

/* ---- who is asked ----------------------------------------------------------------- */

/* "turn:user@host:port?transport=udp" */
static GSocketAddress *find_address(const char *uri)
{
    const char *at = strrchr(uri, '@'), *colon = strchr(uri, ':');
    g_autofree char *host = g_strdup(at ? at + 1 : colon ? colon + 1 : "");
    g_autoptr(GSocketConnectable) place = NULL;
    g_autoptr(GSocketAddressEnumerator) list = NULL;
    GSocketAddress *address;

    *strchrnul(host, '?') = '\0';
    place = g_network_address_parse(host, STUN_PORT, NULL);
    list = place ? g_socket_connectable_enumerate(place) : NULL;
    while (list && (address = g_socket_address_enumerator_next(list, NULL, NULL))) {
        if (g_socket_address_get_family(address) == G_SOCKET_FAMILY_IPV4)
            return address;
        g_object_unref(address);
    }
    return NULL;
}

static bool is_there(const Survey *survey, GSocketAddress *address)
{
    for (guint i = 0; i < survey->n; i++) {
        GInetSocketAddress *one = G_INET_SOCKET_ADDRESS(survey->servers[i].address);
        GInetSocketAddress *other = G_INET_SOCKET_ADDRESS(address);

        if (g_inet_socket_address_get_port(one) == g_inet_socket_address_get_port(other) &&
            g_inet_address_equal(g_inet_socket_address_get_address(one),
                                 g_inet_socket_address_get_address(other)))
            return true;
    }
    return false;
}

static void survey_add(Survey *survey, const char *uri)
{
    g_autoptr(GSocketAddress) address = survey->n < MAX_SERVERS ? find_address(uri) : NULL;

    if (!address || is_there(survey, address))
        return;
    survey->servers[survey->n].address = g_steal_pointer(&address);
    write_request(survey->servers[survey->n].request);
    survey->n++;
}

/* ---- asking ----------------------------------------------------------------------- */

/* Whether all have answered */
static bool survey_take(Survey *survey, const guint8 *answer, gsize length)
{
    bool all = true;

    for (guint i = 0; i < survey->n; i++) {
        Server *server = &survey->servers[i];

        if (!server->seen)
            server->seen = read_answer(server->request, answer, length);
        all = all && server->seen;
    }
    return all;
}

static bool survey_listen(Survey *survey)
{
    gint64 until = clock_monotonic() + PAUSE * G_GINT64_CONSTANT(1000);
    guint8 answer[MAX_ANSWER];
    gint64 rest;

    while ((rest = until - clock_monotonic()) > 0 &&
           g_socket_condition_timed_wait(survey->socket, G_IO_IN, rest, NULL, NULL)) {
        gssize n = g_socket_receive(survey->socket, (char *) answer, sizeof answer, NULL, NULL);

        if (n > 0 && survey_take(survey, answer, (gsize) n))
            return true;
    }
    return false;
}

static void survey_ask(Survey *survey)
{
    for (guint n = 0; n < SENDINGS; n++) {
        for (guint i = 0; i < survey->n; i++) {
            const Server *server = &survey->servers[i];

            if (!server->seen)
                g_socket_send_to(survey->socket, server->address, (const char *) server->request,
                                 HEADER, NULL, NULL);
        }
        if (survey_listen(survey))
            return;
    }
}

/* ---- what that means -------------------------------------------------------------- */

/* As what this machine sends to ADDRESS, from the port of our socket */
static char *own_address(const Survey *survey, GSocketAddress *address)
{
    g_autoptr(GSocket) other =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    g_autoptr(GSocketAddress) bound = g_socket_get_local_address(survey->socket, NULL);
    g_autoptr(GSocketAddress) local = NULL;
    g_autofree char *text = NULL;

    if (other && bound && g_socket_connect(other, address, NULL, NULL))
        local = g_socket_get_local_address(other, NULL);
    if (!local)
        return NULL;
    text =
        g_inet_address_to_string(g_inet_socket_address_get_address(G_INET_SOCKET_ADDRESS(local)));
    return g_strdup_printf("%s:%u", text,
                           g_inet_socket_address_get_port(G_INET_SOCKET_ADDRESS(bound)));
}

static bool has_same_port(const char *one, const char *other)
{
    return other && g_str_equal(strrchr(one, ':'), strrchr(other, ':'));
}

/* As what we are seen first, and as what else or, if there is nothing else, by a second server. */
static void survey_find(const Survey *survey, const char **first, const char **second, char **own)
{
    for (guint i = 0; i < survey->n; i++) {
        const char *seen = survey->servers[i].seen;

        if (seen && !*first) {
            *first = seen;
            *own = own_address(survey, survey->servers[i].address);
        } else if (seen && (!*second || g_str_equal(*second, *first))) {
            *second = seen;
        }
    }
}

/* Whether what we send to ourselves as SEEN from outside comes back (RFC 4787 6) */
static bool survey_comes_back(const Survey *survey, const char *seen)
{
    g_autoptr(GSocketConnectable) place = g_network_address_parse(seen, 0, NULL);
    g_autoptr(GSocketAddress) address = g_inet_socket_address_new_from_string(
        g_network_address_get_hostname(G_NETWORK_ADDRESS(place)),
        g_network_address_get_port(G_NETWORK_ADDRESS(place)));
    g_autoptr(GSocket) other =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    guint8 request[HEADER], echo[MAX_ANSWER];

    write_request(request);
    if (!other || g_socket_send_to(other, address, (const char *) request, HEADER, NULL, NULL) < 0)
        return false;
    while (g_socket_condition_timed_wait(survey->socket, G_IO_IN, PAUSE * G_GINT64_CONSTANT(1000),
                                         NULL, NULL)) {
        if (g_socket_receive(survey->socket, (char *) echo, sizeof echo, NULL, NULL) == HEADER &&
            memcmp(echo, request, HEADER) == 0)
            return true;
    }
    return false;
}

static Nat survey_judge(Doctor *doctor, const Survey *survey)
{
    const char *first = NULL, *second = NULL;
    g_autofree char *own = NULL;

    survey_find(survey, &first, &second, &own);
    if (!first)
        return NAT_UNKNOWN;
    if (second && !g_str_equal(first, second)) {
        doctor_say(
            doctor, FINDING_WARNING, N_("NAT"),
            _("it gives each remote another port (we are seen as %s and as %s), which is "
              "called symmetric: a peer behind a NAT is often reached by a TURN server only"),
            first, second);
        return NAT_EACH;
    }
    if (g_strcmp0(first, own) == 0)
        doctor_say(doctor, FINDING_OK, N_("NAT"), _("none: we are seen as %s, which we are"),
                   first);
    else if (second || has_same_port(first, own))
        doctor_say(doctor, FINDING_OK, N_("NAT"),
                   _("we are seen as %s, by all alike: direct calls are possible"), first);
    else
        doctor_say(doctor, FINDING_OK, N_("NAT"),
                   _("we are seen as %s; a second server in Servers= would tell whether others see "
                     "another port"),
                   first);
    if (g_strcmp0(first, own) == 0)
        return NAT_NONE;
    doctor->no_hairpin = !survey_comes_back(survey, first);
    return NAT_SAME;
}

Nat doctor_look_at_nat(Doctor *doctor, const char *const *uris)
{
    g_auto(Survey) survey = {};

    survey.socket =
        g_socket_new(G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_DATAGRAM, G_SOCKET_PROTOCOL_UDP, NULL);
    if (!survey.socket)
        return NAT_UNKNOWN;
    for (; *uris; uris++)
        survey_add(&survey, *uris);
    survey_ask(&survey);
    return survey_judge(doctor, &survey);
}
