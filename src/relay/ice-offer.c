/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See ice-offer.h. What is the same for all clients is written once, at load: the
 * objects of servers without credentials, or with their own. The rest is one more
 * object, of the servers that share the secret.
 */

#include <config.h>

#include "relay/ice-offer.h"

#include <inttypes.h>
#include <string.h>

#include "common/secret-file.h"
#include "relay/json-text.h"

struct IceOffer {
    char *fixed;  /* objects, with a comma between them; "" */
    char *shared; /* the URLs of those that share the secret, likewise; "" */
    char *secret; /* NULL: there is none */
    gint64 lifetime;
    guint generation;
};

typedef struct {
    const char *scheme; /* "stun:" */
    char *user, *password;
    const char *place; /* HOST and what follows */
} OfferUri;

static void offer_uri_clear(OfferUri *uri)
{
    g_clear_pointer(&uri->user, g_free);
    g_clear_pointer(&uri->password, g_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(OfferUri, offer_uri_clear)

/* ---- URIs --------------------------------------------------------------------- */

/* What needs no escape in JSON, and is no trap for a person who reads it. */
static bool is_clean(const char *text)
{
    return g_utf8_validate(text, -1, NULL) && !strpbrk(text, "\"\\ ") && g_str_is_ascii(text);
}

/* What json_text_append() takes. */
static bool is_speakable(const char *text)
{
    const char *p = text;

    while ((guchar) *p >= 0x20 && *p != 0x7f)
        p++;
    return *p == '\0' && g_utf8_validate(text, -1, NULL);
}

/* HOST, [ADDRESS], with :PORT perhaps, of LENGTH bytes. */
static bool is_host(const char *text, gsize length)
{
    gsize n = 0;

    if (*text == '[') {
        n = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
        if (n < 3 || text[n++] != ']')
            return false;
    } else {
        while (g_ascii_isalnum(text[n]) || (text[n] && strchr("-._", text[n])))
            n++;
    }
    if (n > 0 && n < length && text[n] == ':') {
        guint64 port = 0;
        g_autofree char *digits = g_strndup(text + n + 1, length - n - 1);

        return g_ascii_string_to_unsigned(digits, 10, 1, 65535, &port, NULL);
    }
    return n > 0 && n == length;
}

/* TRANSPORT: what stands behind "?", or NULL. */
static bool is_transport(const char *scheme, const char *transport)
{
    if (!transport)
        return true;
    if (strcmp(transport, "transport=tcp") == 0)
        return strcmp(scheme, "stun:") != 0;
    return strcmp(transport, "transport=udp") == 0 && strcmp(scheme, "turn:") == 0;
}

/* USER and PASSWORD may hold any character percent-encoded. */
static bool parse_user(const char *text, gsize length, OfferUri *out)
{
    g_autofree char *both = g_strndup(text, length);
    char *colon = strchr(both, ':');

    if (!colon || strcmp(out->scheme, "stun:") == 0)
        return false;
    *colon = '\0';
    out->user = g_uri_unescape_string(both, NULL);
    out->password = g_uri_unescape_string(colon + 1, NULL);
    return out->user && *out->user && out->password && is_speakable(out->user) &&
           is_speakable(out->password);
}

static bool parse_uri(const char *uri, OfferUri *out)
{
    static const char *const schemes[] = {"stun:", "turn:", "turns:"};
    const char *at = strrchr(uri, '@'), *query;

    if (!is_clean(uri))
        return false;
    for (gsize i = 0; i < G_N_ELEMENTS(schemes); i++) {
        if (g_str_has_prefix(uri, schemes[i]))
            out->scheme = schemes[i];
    }
    if (!out->scheme)
        return false;
    uri += strlen(out->scheme);
    if (at && !parse_user(uri, (gsize) (at - uri), out))
        return false;
    out->place = at ? at + 1 : uri;
    query = strchr(out->place, '?');
    return is_host(out->place, query ? (gsize) (query - out->place) : strlen(out->place)) &&
           is_transport(out->scheme, query ? query + 1 : NULL);
}

bool ice_offer_check_uri(const char *uri)
{
    g_auto(OfferUri) parsed = {};

    return parse_uri(uri, &parsed);
}

bool ice_offer_needs_secret(const char *uri)
{
    g_auto(OfferUri) parsed = {};

    return parse_uri(uri, &parsed) && !parsed.user && strcmp(parsed.scheme, "stun:") != 0;
}

/* ---- the offer ------------------------------------------------------------------ */

IceOffer *ice_offer_new(void)
{
    IceOffer *offer = g_new0(IceOffer, 1);

    offer->fixed = g_strdup("");
    offer->shared = g_strdup("");
    return offer;
}

static void offer_clear(IceOffer *offer)
{
    g_clear_pointer(&offer->fixed, g_free);
    g_clear_pointer(&offer->shared, g_free);
    g_clear_pointer(&offer->secret, secret_free);
}

void ice_offer_free(IceOffer *offer)
{
    if (!offer)
        return;
    offer_clear(offer);
    g_free(offer);
}

static void append_member(GString *out, const char *name, const char *value)
{
    g_string_append_printf(out, ",\"%s\":", name);
    json_text_append(out, value);
}

/* URI is in the configuration, and right. */
static void add_server(const char *text, GString *fixed, GString *shared)
{
    g_auto(OfferUri) uri = {};
    GString *out = ice_offer_needs_secret(text) ? shared : fixed;

    if (!parse_uri(text, &uri))
        return;
    if (out->len > 0)
        g_string_append_c(out, ',');
    g_string_append_printf(out, "%s\"%s%s\"", out == fixed ? "{\"urls\":" : "", uri.scheme,
                           uri.place);
    if (uri.user) {
        append_member(out, "username", uri.user);
        append_member(out, "credential", uri.password);
    }
    if (out == fixed)
        g_string_append_c(out, '}');
}

bool ice_offer_load(IceOffer *offer, const RelayConfig *config, GError **error)
{
    g_autoptr(GString) fixed = g_string_new(NULL), shared = g_string_new(NULL);
    char *secret = NULL;

    if (*config->turn_secret) {
        secret = secret_file_read(config->turn_secret, SECRET_FILE_HIDDEN, 1, ICE_OFFER_MAX_SECRET,
                                  error);
        if (!secret)
            return false;
    }
    for (char **uri = config->ice_servers; *uri; uri++)
        add_server(*uri, fixed, shared);
    if (strcmp(offer->fixed, fixed->str) != 0 || strcmp(offer->shared, shared->str) != 0 ||
        g_strcmp0(offer->secret, secret) != 0 || offer->lifetime != (gint64) config->ice_lifetime)
        offer->generation++;
    offer_clear(offer);
    offer->fixed = g_strdup(fixed->str);
    offer->shared = g_strdup(shared->str);
    offer->secret = secret;
    offer->lifetime = (gint64) config->ice_lifetime;
    return true;
}

/* What coturn calls the REST API: the password is the base64 of an HMAC-SHA1 of the user. */
static char *password_of(const IceOffer *offer, const char *user)
{
    g_autoptr(GHmac) hmac =
        g_hmac_new(G_CHECKSUM_SHA1, (const guchar *) offer->secret, strlen(offer->secret));
    guint8 digest[20];
    gsize length = sizeof digest;

    g_hmac_update(hmac, (const guchar *) user, -1);
    g_hmac_get_digest(hmac, digest, &length);
    return g_base64_encode(digest, length);
}

char *ice_offer_to_json(const IceOffer *offer, const char *who, gint64 wall)
{
    g_autofree char *user = NULL, *password = NULL;
    GString *out = g_string_new("[");

    g_string_append(out, offer->fixed);
    if (offer->secret && *offer->shared) {
        user = g_strdup_printf("%" PRId64 ":%s", (wall + offer->lifetime) / G_USEC_PER_SEC, who);
        password = password_of(offer, user);
        g_string_append_printf(out, "%s{\"urls\":[%s]", *offer->fixed ? "," : "", offer->shared);
        append_member(out, "username", user);
        append_member(out, "credential", password);
        g_string_append_c(out, '}');
    }
    g_string_append_c(out, ']');
    return g_string_free(out, FALSE);
}

guint ice_offer_generation(const IceOffer *offer)
{
    return offer->generation;
}

gint64 ice_offer_renewal(const IceOffer *offer)
{
    return offer->secret && *offer->shared ? offer->lifetime / 2 : G_MAXINT64;
}
