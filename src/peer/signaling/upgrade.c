/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* libsoup takes the header fields apart; what they mean for us is read here. */

#include <config.h>

#include "peer/signaling/upgrade.h"

#include <libsoup/soup.h>
#include <string.h>

#include "common/printable.h"
#include "common/random.h"

#define HANDSHAKE_GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 1.3 */
enum { MAX_WORDS = 200 };                                     /* characters */

/* ---- the request ------------------------------------------------------------ */

/* Whatever is no visible ASCII would break the request line. */
static char *escape_target(const char *text)
{
    GString *out = g_string_sized_new(strlen(text));

    for (const char *p = text; *p; p++) {
        if (*p > ' ' && *p < 0x7f)
            g_string_append_c(out, *p);
        else
            g_string_append_printf(out, "%%%02X", (guchar) *p);
    }
    return g_string_free(out, FALSE);
}

GUri *upgrade_uri(const char *url)
{
    g_autofree char *escaped = escape_target(url);
    /* Not normalized: then the port would always be there. */
    GUri *uri = g_uri_parse(escaped, G_URI_FLAGS_ENCODED_PATH | G_URI_FLAGS_ENCODED_QUERY, NULL);
    const char *scheme = uri ? g_uri_get_scheme(uri) : "";

    if (uri && (strcmp(scheme, "ws") == 0 || strcmp(scheme, "wss") == 0) && g_uri_get_host(uri) &&
        *g_uri_get_host(uri))
        return uri;
    g_clear_pointer(&uri, g_uri_unref);
    return NULL;
}

guint upgrade_port(GUri *uri)
{
    int port = g_uri_get_port(uri);

    if (port > 0)
        return (guint) port;
    return strcmp(g_uri_get_scheme(uri), "wss") == 0 ? 443 : 80;
}

char *upgrade_key(void)
{
    guint8 random[16];

    random_bytes(random, sizeof random);
    return g_base64_encode(random, sizeof random);
}

static char *host_field(GUri *uri)
{
    const char *host = g_uri_get_host(uri);
    g_autofree char *ascii = g_hostname_to_ascii(host);
    g_autofree char *shown =
        strchr(host, ':') ? g_strdup_printf("[%s]", host) : g_strdup(ascii ? ascii : host);

    if (g_uri_get_port(uri) <= 0)
        return g_steal_pointer(&shown);
    return g_strdup_printf("%s:%d", shown, g_uri_get_port(uri));
}

bool upgrade_check_token(const char *text)
{
    const char *p = text;

    while (g_ascii_isalnum(*p) || (*p && strchr("-._~+/=", *p)))
        p++;
    return *p == '\0' && p > text && p - text <= UPGRADE_MAX_TOKEN;
}

static void append_field(GString *text, const char *name, const char *value)
{
    if (value && *value)
        g_string_append_printf(text, "%s%s\r\n", name, value);
}

char *upgrade_request(GUri *uri, const char *key, const UpgradeOffer *offer)
{
    g_autofree char *host = host_field(uri);
    const char *path = g_uri_get_path(uri), *query = g_uri_get_query(uri);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "GET %s%s%s HTTP/1.1\r\n", *path ? path : "/", query ? "?" : "",
                           query ? query : "");
    g_string_append_printf(text,
                           "Host: %s\r\n"
                           "Upgrade: websocket\r\n"
                           "Connection: Upgrade\r\n"
                           "Sec-WebSocket-Key: %s\r\n"
                           "Sec-WebSocket-Version: 13\r\n",
                           host, key);
    append_field(text, "Sec-WebSocket-Protocol: ", offer->subprotocol);
    append_field(text, "Origin: ", offer->origin);
    append_field(text, "Authorization: Bearer ", offer->token);
    if (offer->resume && upgrade_check_token(offer->resume))
        append_field(text, "Rtcbus-Resume: ", offer->resume);
    g_string_append(text, "User-Agent: " PACKAGE "-peer/" PACKAGE_VERSION "\r\n\r\n");
    return g_string_free(text, FALSE);
}

/* ---- the answer ------------------------------------------------------------- */

static bool refuse(GError **error, const char *what)
{
    g_set_error_literal(error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, what);
    return false;
}

static SoupMessageHeaders *parse_fields(const char *head, gsize length, guint *status,
                                        char **reason)
{
    g_autoptr(SoupMessageHeaders) fields = soup_message_headers_new(SOUP_MESSAGE_HEADERS_RESPONSE);
    SoupHTTPVersion version;

    if (length > G_MAXINT || memchr(head, '\0', length) ||
        !soup_headers_parse_response(head, (int) length, fields, &version, status, reason))
        return NULL;
    return g_steal_pointer(&fields);
}

static gint64 body_length(SoupMessageHeaders *fields, guint status)
{
    switch (status < 200 || status == 204 || status == 304
                ? SOUP_ENCODING_NONE
                : soup_message_headers_get_encoding(fields)) {
    case SOUP_ENCODING_NONE:
        return 0;
    case SOUP_ENCODING_CONTENT_LENGTH:
        return MAX(soup_message_headers_get_content_length(fields), 0);
    default:
        return -1;
    }
}

bool upgrade_parse(const char *head, gsize length, UpgradeAnswer *answer, GError **error)
{
    g_autofree char *reason = NULL;
    g_autoptr(SoupMessageHeaders) fields = NULL;
    const char *retry;
    guint64 seconds;

    *answer = (UpgradeAnswer){};
    fields = parse_fields(head, length, &answer->status, &reason);
    if (!fields)
        return refuse(error, "no HTTP");
    retry = soup_message_headers_get_one(fields, "Retry-After");
    answer->reason = printable(reason ? reason : "");
    answer->protocol = g_strdup(soup_message_headers_get_one(fields, "Sec-WebSocket-Protocol"));
    answer->location = g_strdup(soup_message_headers_get_one(fields, "Location"));
    answer->html = g_strcmp0(soup_message_headers_get_content_type(fields, NULL), "text/html") == 0;
    answer->length = body_length(fields, answer->status);
    answer->retry = retry != NULL;
    if (retry && g_ascii_string_to_unsigned(retry, 10, 0, G_MAXUINT64, &seconds, NULL))
        answer->retry_after = (guint) MIN(seconds, G_MAXUINT);
    return true;
}

void upgrade_answer_clear(UpgradeAnswer *answer)
{
    g_clear_pointer(&answer->reason, g_free);
    g_clear_pointer(&answer->protocol, g_free);
    g_clear_pointer(&answer->location, g_free);
}

static char *accept_value(const char *key)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA1);
    guint8 digest[20];
    gsize length = sizeof digest;

    g_checksum_update(sum, (const guchar *) key, -1);
    g_checksum_update(sum, (const guchar *) HANDSHAKE_GUID, -1);
    g_checksum_get_digest(sum, digest, &length);
    return g_base64_encode(digest, length);
}

bool upgrade_verify(const char *head, gsize length, const char *key, const char *subprotocol,
                    GError **error)
{
    guint status = 0;
    g_autoptr(SoupMessageHeaders) fields = parse_fields(head, length, &status, NULL);
    g_autofree char *wanted = accept_value(key);
    const char *accept, *selected;

    if (!fields)
        return refuse(error, "no HTTP");
    if (!soup_message_headers_header_equals(fields, "Upgrade", "websocket") ||
        !soup_message_headers_header_contains(fields, "Connection", "Upgrade"))
        return refuse(error, "no upgrade to a WebSocket");
    accept = soup_message_headers_get_one(fields, "Sec-WebSocket-Accept");
    if (g_strcmp0(accept, wanted) != 0)
        return refuse(error, "a wrong Sec-WebSocket-Accept");
    selected = soup_message_headers_get_one(fields, "Sec-WebSocket-Protocol");
    if (selected && g_strcmp0(selected, subprotocol) != 0)
        return refuse(error, "a subprotocol that was not offered");
    if (soup_message_headers_get_list(fields, "Sec-WebSocket-Extensions"))
        return refuse(error, "an extension that was not offered");
    return true;
}

char *upgrade_words(const UpgradeAnswer *answer, const char *body)
{
    g_autofree char *valid = NULL, *shown = NULL;
    const char *start;

    if (answer->html)
        return NULL;
    valid = g_utf8_make_valid(body, -1);
    start = valid + strspn(valid, " \t\r\n");
    if (*start == '\0' || *start == '<') /* a page */
        return NULL;
    shown = g_strndup(start, strcspn(start, "\r\n"));
    g_strchomp(shown);
    if (g_utf8_strlen(shown, -1) > MAX_WORDS)
        strcpy(g_utf8_offset_to_pointer(shown, MAX_WORDS), "");
    return printable(shown);
}
