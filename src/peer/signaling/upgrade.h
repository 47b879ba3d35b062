/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The client's half of a WebSocket's opening handshake (RFC 6455 section 4.1) as
 * text: what is sent, and what came back. It does no I/O.
 */

#pragma once

#include <gio/gio.h>
#include <stdbool.h>

/* URL as in the configuration, with what may be put into an HTTP request escaped; NULL if it is
 * no ws: or wss: URL. Transfer full. */
GUri *upgrade_uri(const char *url);

guint upgrade_port(GUri *uri); /* the URL's, else its scheme's */

/* A new Sec-WebSocket-Key. Transfer full. */
char *upgrade_key(void);

/* What is said beside the URL; each may be NULL, and "" stands for NULL. */
typedef struct {
    const char *origin, *subprotocol;
    const char *token;  /* shown to the relay alone */
    const char *resume; /* and this, what the last `welcome` of this relay had */
    const char *ca;     /* a file of authorities to believe beside the system's; never sent */
} UpgradeOffer;

#define UPGRADE_MAX_TOKEN 4096 /* bytes */

/* Whether TEXT can be sent as a token (RFC 6750 section 2.1): not all relays have ours. */
bool upgrade_check_token(const char *text);

/* Transfer full. */
char *upgrade_request(GUri *uri, const char *key, const UpgradeOffer *offer);

typedef struct {
    guint status;
    char *reason;      /* the phrase beside it */
    char *protocol;    /* the subprotocol that the server has selected, or NULL */
    char *location;    /* where a redirect goes, or NULL */
    bool retry;        /* Retry-After is there */
    guint retry_after; /* its seconds; 0 if it says something else */
    bool html;         /* the body is a page */
    gint64 length;     /* of the body; -1: until the end */
} UpgradeAnswer;

/* HEAD goes up to the empty line. False with ERROR (G_IO_ERROR_INVALID_DATA) if it is not
 * HTTP. Cleared by upgrade_answer_clear() in either case. */
bool upgrade_parse(const char *head, gsize length, UpgradeAnswer *answer, GError **error);
void upgrade_answer_clear(UpgradeAnswer *answer);

/* Whether a HEAD with status 101 is the answer to KEY and SUBPROTOCOL (RFC 6455 4.1). ERROR:
 * G_IO_ERROR_INVALID_DATA, and what is wrong. */
bool upgrade_verify(const char *head, gsize length, const char *key, const char *subprotocol,
                    GError **error);

/* The server's own words: the first line of BODY that says something, printable and bounded, or
 * NULL. Transfer full. */
char *upgrade_words(const UpgradeAnswer *answer, const char *body);
