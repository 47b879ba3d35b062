/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/signaling/refusal.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/clock.h"
#include "common/names.h"
#include "common/printable.h"
#include "common/url.h"

enum { MAX_LOCATION = 200 }; /* bytes */

static bool is_tls(GUri *uri)
{
    return strcmp(g_uri_get_scheme(uri), "wss") == 0;
}

/* A URL without a port means one that nobody thinks of. Takes TEXT. */
static char *with_port(GUri *uri, char *text)
{
    g_autofree char *owned = text;

    if (g_uri_get_port(uri) > 0 || is_tls(uri))
        return g_steal_pointer(&owned);
    return g_strdup_printf(_("%s; URL= names no port, which means 80, while a relay listens on "
                             "41337 unless it is told otherwise"),
                           owned);
}

const char *refusal_fault_of_phase(DialPhase phase)
{
    static const char *const faults[] = {
        [DIAL_RESOLVING] = RELAY_FAULT_RESOLUTION,
        [DIAL_CONNECTING] = RELAY_FAULT_TCP,
        [DIAL_SECURING] = RELAY_FAULT_TLS,
        [DIAL_ASKING] = RELAY_FAULT_HTTP,
    };

    return faults[phase];
}

const char *refusal_fault_of_status(guint status)
{
    switch (status) {
    case 401:
        return RELAY_FAULT_TOKEN;
    case 407:
    case 511:
        return RELAY_FAULT_PROXY;
    case 409:
        return RELAY_FAULT_NAME;
    case 502:
    case 504:
        return RELAY_FAULT_GATEWAY;
    default:
        break;
    }
    return status < 300   ? RELAY_FAULT_WEBSOCKET
           : status < 400 ? RELAY_FAULT_REDIRECT
                          : RELAY_FAULT_REFUSED;
}

/* ---- certificates ----------------------------------------------------------- */

static char *date_text(GDateTime *date)
{
    g_autoptr(GDateTime) local = date ? g_date_time_to_local(date) : NULL;

    return local ? g_date_time_format(local, "%F %R") : g_strdup("?");
}

static char *now_text(void)
{
    g_autoptr(GDateTime) now = g_date_time_new_from_unix_local(clock_wall() / G_USEC_PER_SEC);

    return date_text(now);
}

static void add(GPtrArray *parts, char *text)
{
    g_ptr_array_add(parts, text);
}

static void add_dates(GPtrArray *parts, GTlsCertificate *certificate, GTlsCertificateFlags flags)
{
    g_autoptr(GDateTime) before = g_tls_certificate_get_not_valid_before(certificate);
    g_autoptr(GDateTime) after = g_tls_certificate_get_not_valid_after(certificate);
    g_autofree char *from = date_text(before), *until = date_text(after), *now = now_text();

    if (flags & G_TLS_CERTIFICATE_EXPIRED)
        add(parts, g_strdup_printf(_("it has expired on %s and our clock says %s: have it renewed, "
                                     "or set the clock"),
                                   until, now));
    if (flags & G_TLS_CERTIFICATE_NOT_ACTIVATED)
        add(parts, g_strdup_printf(_("it is not valid before %s and our clock says %s: set the "
                                     "clock"),
                                   from, now));
}

char *refusal_of_certificate(GUri *uri, GTlsCertificate *certificate, GTlsCertificateFlags flags)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    const char *host = g_uri_get_host(uri);
    g_autofree char *all = NULL;

    add_dates(parts, certificate, flags);
    if (flags & G_TLS_CERTIFICATE_BAD_IDENTITY)
        add(parts, g_strdup_printf(_("it is for another host than %s: write the name that it is "
                                     "for into URL="),
                                   host));
    if (flags & G_TLS_CERTIFICATE_REVOKED)
        add(parts, g_strdup(_("it is revoked: ask who runs the relay for a new one")));
    if (flags & G_TLS_CERTIFICATE_INSECURE)
        add(parts,
            g_strdup(_("it is made with an algorithm that is not secure: have it made anew")));
    if (flags & G_TLS_CERTIFICATE_UNKNOWN_CA)
        add(parts, g_strdup(_("it is signed by an authority that is unknown here: put that one's "
                              "certificate into /usr/local/share/ca-certificates and run "
                              "\"update-ca-certificates\", or its file into CA= of [Relay] in "
                              "peer.conf.d")));
    if (parts->len == 0)
        add(parts, g_strdup(_("it cannot be verified: have it made anew")));
    g_ptr_array_add(parts, NULL);
    all = g_strjoinv("; ", (char **) parts->pdata);
    return g_strdup_printf(_("the certificate of %s is refused: %s"), host, all);
}

/* ---- the way there ---------------------------------------------------------- */

static char *refusal_of_tls(GUri *uri, const GError *error)
{
    if (g_error_matches(error, G_TLS_ERROR, G_TLS_ERROR_UNAVAILABLE))
        return g_strdup(_("TLS is not available: install the package glib-networking"));
    return g_strdup_printf(_("no TLS with %s port %u (%s): see that it is the port for wss:// in "
                             "URL=, or write ws:// if the relay has no TLS"),
                           g_uri_get_host(uri), upgrade_port(uri), error->message);
}

static char *refusal_of_name(GUri *uri, const GError *error)
{
    if (error->code == G_RESOLVER_ERROR_NOT_FOUND)
        return g_strdup_printf(_("the host name %s does not exist: see that URL= is right"),
                               g_uri_get_host(uri));
    return g_strdup_printf(_("the host name %s cannot be looked up (%s): see this machine's "
                             "network and its name server"),
                           g_uri_get_host(uri), error->message);
}

char *refusal_of_error(GUri *uri, DialPhase phase, const GError *error)
{
    const char *host = g_uri_get_host(uri);
    guint port = upgrade_port(uri);

    if (error->domain == G_RESOLVER_ERROR)
        return refusal_of_name(uri, error);
    if (error->domain == G_TLS_ERROR || phase == DIAL_SECURING)
        return refusal_of_tls(uri, error);
    if (phase == DIAL_ASKING)
        return with_port(uri, g_strdup_printf(_("%s port %u has closed the connection without an "
                                                "answer: see that it is a relay and runs well"),
                                              host, port));
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
        return with_port(uri, g_strdup_printf(_("nothing listens at %s port %u: see that the relay "
                                                "runs there and that URL= is right"),
                                              host, port));
    return with_port(uri, g_strdup_printf(_("%s port %u cannot be reached (%s): see the network, "
                                            "and what firewalls let through"),
                                          host, port, error->message));
}

char *refusal_of_silence(GUri *uri, DialPhase phase, guint seconds)
{
    const char *host = g_uri_get_host(uri);
    guint port = upgrade_port(uri);

    if (phase == DIAL_RESOLVING)
        return g_strdup_printf(_("the name server has not told the address of %s within %u s: see "
                                 "this machine's network"),
                               host, seconds);
    if (phase == DIAL_CONNECTING)
        return with_port(uri, g_strdup_printf(_("%s port %u does not answer within %u s: see the "
                                                "network, and what firewalls let through"),
                                              host, port, seconds));
    return with_port(uri, g_strdup_printf(_("%s port %u takes the connection, but says nothing for "
                                            "%u s: see that it is a relay and runs well"),
                                          host, port, seconds));
}

char *refusal_of_token(const char *what)
{
    return g_strdup_printf(_("the token for the relay cannot be read: %s"), what);
}

char *refusal_of_taken(const char *name, const char *words)
{
    if (words)
        return g_strdup_printf(_("the name %s is taken in the room: write another one into Name= "
                                 "in peer.conf.d (the relay says “%s”)"),
                               name, words);
    return g_strdup_printf(_("the name %s is taken in the room: write another one into Name= in "
                             "peer.conf.d"),
                           name);
}

/* ---- the answer ------------------------------------------------------------- */

/* The first byte of a TLS alert or handshake record (RFC 8446 5.1) */
static bool looks_like_tls(const char *bytes, gsize length)
{
    return length >= 2 && (bytes[0] == 0x15 || bytes[0] == 0x16) && bytes[1] == 0x03;
}

char *refusal_of_bytes(GUri *uri, const char *bytes, gsize length)
{
    if (!is_tls(uri) && looks_like_tls(bytes, length))
        return g_strdup_printf(_("%s port %u speaks TLS: write wss:// into URL="),
                               g_uri_get_host(uri), upgrade_port(uri));
    return with_port(uri, g_strdup_printf(_("what answers at %s port %u is no relay, for it speaks "
                                            "no HTTP: see that URL= is right"),
                                          g_uri_get_host(uri), upgrade_port(uri)));
}

char *refusal_of_upgrade(GUri *uri, const char *what)
{
    return g_strdup_printf(_("%s port %u answers with %s: see that it is a relay, and what stands "
                             "before it"),
                           g_uri_get_host(uri), upgrade_port(uri), what);
}

static char *refusal_of_redirect(const UpgradeAnswer *answer)
{
    g_autofree char *bare = url_for_people(answer->location ? answer->location : "");
    g_autofree char *shown = NULL, *text = NULL;

    if (!*bare)
        return g_strdup_printf(_("the relay refused: %u %s, and does not say where to go: see that "
                                 "URL= is right"),
                               answer->status, answer->reason);
    text = g_strndup(bare, MAX_LOCATION);
    shown = printable(text);
    return g_strdup_printf(_("the relay sends us to %s (%u), which is not followed: put that into "
                             "URL=, with ws:// or wss://, if it is right"),
                           shown, answer->status);
}

static const char *advice(const UpgradeAnswer *answer)
{
    switch (answer->status) {
    case 401:
        return _("ask who runs it for one, and write it into Token= or TokenFile= in peer.conf.d");
    case 403:
        return _("see that this peer may connect there (Token=, Name= and Origin= in peer.conf, "
                 "AllowedOrigins= in relay.conf)");
    case 404:
        return _("see that the path in URL= is right");
    case 429:
    case 503:
        return _("it may take us later");
    default:
        break;
    }
    if (answer->status < 300)
        return _("that is a page and no relay: see that URL= is right, and whether this network "
                 "wants a log-in first");
    if (answer->status < 500)
        return _("see that URL= is a relay's, and what stands before it");
    return _("see that the relay runs behind the server that says so");
}

char *refusal_of_answer(GUri *uri, const UpgradeAnswer *answer, const char *words)
{
    if (answer->status >= 300 && answer->status < 400)
        return refusal_of_redirect(answer);
    if (answer->status == 401 && words)
        return g_strdup_printf(_("the relay wants a token: “%s” (%u %s); %s"), words,
                               answer->status, answer->reason, advice(answer));
    if (words)
        return with_port(uri,
                         g_strdup_printf(_("the relay refused: %u %s, “%s”; %s"), answer->status,
                                         answer->reason, words, advice(answer)));
    return with_port(uri, g_strdup_printf(_("the relay refused: %u %s; %s"), answer->status,
                                          answer->reason, advice(answer)));
}
