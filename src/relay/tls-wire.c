/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See tls-wire.h. What a socket gives is read into one buffer of the process, and GnuTLS
 * takes all of it at once: whole records come out of it, and the beginning of the
 * next one stays in the session. So a session whose other side is silent holds no
 * buffers, and one system call reads what by itself would be two for each record.
 *
 * What is written together becomes one record. A record that a full socket does not
 * take stays in the session, sealed, and counts as written: it must be the next
 * that is sent, and its bytes cannot be taken back.
 */

#include <config.h>

#include "relay/tls-wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RECORD_MAX (16 << 10) /* bytes, RFC 8446 section 5.1 */

G_STATIC_ASSERT(WIRE_BUFFER >= RECORD_MAX + WIRE_INPUT);

typedef enum {
    TLS_WIRE_BEGINNING, /* the handshake */
    TLS_WIRE_OPEN,
    TLS_WIRE_OVER, /* nothing is read any more */
} TlsWireState;

typedef struct {
    gnutls_session_t gnutls;     /* NULL if there was no memory for one */
    TlsCredentials *credentials; /* as long as the handshake needs them */
    TlsWireState state;
    bool owes;        /* GnuTLS has a sealed record that the socket has not taken */
    GByteArray *rest; /* what it was made of and what is still to be sealed after it, or NULL */
    GBytes *early;    /* what was read before TLS was begun, or NULL */
    gsize begun;      /* bytes of a record whose end has not come */
} TlsSession;

/* What has come for the session that is being read from. */
static struct {
    char data[WIRE_INPUT];
    gsize at, length;
    bool ended;  /* after it comes nothing more */
    gsize taken; /* by GnuTLS, since it gave the last whole record */
    char record[RECORD_MAX];
} input;

static void tls_enter_state(Wire *wire, TlsWireState state)
{
    TlsSession *self = wire->session;

    g_return_if_fail(state > self->state);
    self->state = state;
    if (state == TLS_WIRE_OVER) {
        /* The poll says so as well. */
        shutdown(wire->fd, SHUT_RD);
        return;
    }
    gnutls_credentials_clear(self->gnutls);
    g_clear_pointer(&self->credentials, tls_credentials_unref);
}

static gssize on_pull(gnutls_transport_ptr_t transport, void *buffer, size_t size)
{
    size = MIN(size, input.length - input.at);
    if (size == 0 && !input.ended) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(buffer, input.data + input.at, size);
    input.at += size;
    input.taken += size;
    return (gssize) size;
}

/* False if the socket is broken. */
static bool fill_input(TlsSession *self, int fd)
{
    g_autoptr(GBytes) early = g_steal_pointer(&self->early);
    gssize n;

    input.at = 0;
    if (early) {
        input.length = g_bytes_get_size(early);
        memcpy(input.data, g_bytes_get_data(early, NULL), input.length);
        input.ended = false;
        return true;
    }
    n = recv(fd, input.data, sizeof input.data, MSG_DONTWAIT);
    input.length = (gsize) MAX(n, 0);
    input.ended = n == 0;
    return n >= 0 || errno == EAGAIN || errno == EINTR;
}

/* The end, or an error that is as good as one. Who did it wrong is told. */
static void tls_end(Wire *wire, int status)
{
    TlsSession *self = wire->session;

    if (status == GNUTLS_E_REHANDSHAKE)
        gnutls_alert_send(self->gnutls, GNUTLS_AL_FATAL, GNUTLS_A_NO_RENEGOTIATION);
    else if (status < 0 && status != GNUTLS_E_PREMATURE_TERMINATION)
        gnutls_alert_send_appropriate(self->gnutls, status);
    tls_enter_state(wire, TLS_WIRE_OVER);
}

static bool is_over(int status)
{
    return status == 0 || gnutls_error_is_fatal(status) || status == GNUTLS_E_REHANDSHAKE;
}

static void tls_begin(Wire *wire)
{
    TlsSession *self = wire->session;
    int status;

    do
        status = gnutls_handshake(self->gnutls);
    while (status < 0 && status != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(status));
    self->owes = status == GNUTLS_E_AGAIN && gnutls_record_get_direction(self->gnutls) == 1;
    if (status == 0)
        tls_enter_state(wire, TLS_WIRE_OPEN);
    else if (status != GNUTLS_E_AGAIN)
        tls_end(wire, status);
}

static gsize tls_open_records(Wire *wire, char *buffer)
{
    TlsSession *self = wire->session;
    gsize size = 0;
    gssize n;

    do {
        n = gnutls_record_recv(self->gnutls, buffer + size, WIRE_BUFFER - size);
        if (n > 0) {
            size += (gsize) n;
            input.taken = 0;
        }
    } while (
        size < WIRE_BUFFER && n != GNUTLS_E_AGAIN && !is_over((int) MIN(n, 1)) &&
        (input.at < input.length || input.ended || gnutls_record_check_pending(self->gnutls) > 0));
    if (is_over((int) MIN(n, 1)))
        tls_end(wire, (int) n);
    return size;
}

static gssize tls_receive(Wire *wire, char *buffer)
{
    TlsSession *self = wire->session;
    gsize size = 0;

    if (!self->gnutls || self->state == TLS_WIRE_OVER)
        return 0;
    if (!fill_input(self, wire->fd))
        return -1;
    input.taken = self->begun;
    if (self->state == TLS_WIRE_BEGINNING) {
        tls_begin(wire);
        input.taken = 0;
    }
    if (self->state == TLS_WIRE_OPEN)
        size = tls_open_records(wire, buffer);
    self->begun = input.taken;
    if (size == 0 && self->state == TLS_WIRE_OVER)
        return 0;
    errno = EAGAIN;
    return size > 0 ? (gssize) size : -1;
}

/* As much of PIECES as one record takes, in one piece. */
static struct iovec gather(const struct iovec *pieces, guint n)
{
    struct iovec whole = {input.record, 0};

    if (n == 1)
        return (struct iovec){pieces[0].iov_base, MIN(pieces[0].iov_len, RECORD_MAX)};
    for (guint i = 0; i < n && whole.iov_len < RECORD_MAX; i++) {
        gsize size = MIN(pieces[i].iov_len, RECORD_MAX - whole.iov_len);

        if (size == 0) /* and perhaps no address */
            continue;
        memcpy(input.record + whole.iov_len, pieces[i].iov_base, size);
        whole.iov_len += size;
    }
    return whole;
}

static gssize fail_with(int number)
{
    errno = number;
    return -1;
}

/*
 * Sends what was taken before. A client may have asked for records so small (RFC 6066 4, RFC
 * 8449) that the one that waits has only the beginning of it. 0, or what errno is to be.
 */
static int tls_settle(TlsSession *self)
{
    while (self->rest) {
        gssize sent = self->owes
                          ? gnutls_record_send(self->gnutls, NULL, 0)
                          : gnutls_record_send(self->gnutls, self->rest->data, self->rest->len);

        self->owes = sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED;
        if (sent == GNUTLS_E_AGAIN)
            return EAGAIN;
        if (sent == GNUTLS_E_INTERRUPTED)
            continue;
        if (sent < 0)
            return EPIPE;
        if ((gsize) sent < self->rest->len)
            g_byte_array_remove_range(self->rest, 0, (guint) sent);
        else
            g_clear_pointer(&self->rest, g_byte_array_unref);
    }
    return 0;
}

static gssize tls_send(Wire *wire, const struct iovec *pieces, guint n)
{
    TlsSession *self = wire->session;
    int settled = self->state == TLS_WIRE_BEGINNING ? EPIPE : tls_settle(self);
    struct iovec whole;
    gssize sent;

    if (settled != 0)
        return fail_with(settled);
    whole = gather(pieces, n);
    if (whole.iov_len == 0)
        return 0;
    sent = gnutls_record_send(self->gnutls, whole.iov_base, whole.iov_len);
    if (sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED) {
        self->owes = true;
        self->rest = g_byte_array_new();
        g_byte_array_append(self->rest, whole.iov_base, (guint) whole.iov_len);
        return (gssize) whole.iov_len;
    }
    return sent < 0 ? fail_with(EPIPE) : sent;
}

static bool tls_owes(const Wire *wire)
{
    return ((const TlsSession *) wire->session)->rest != NULL;
}

/* What waits to be sent is there twice, once of them sealed. */
static gsize tls_held(const Wire *wire)
{
    const TlsSession *self = wire->session;

    return self->begun + (self->rest ? 2 * self->rest->len : 0);
}

static void tls_finish(Wire *wire)
{
    TlsSession *self = wire->session;

    if (self->state != TLS_WIRE_BEGINNING && !self->rest)
        gnutls_bye(self->gnutls, GNUTLS_SHUT_WR);
    shutdown(wire->fd, SHUT_WR);
}

static void tls_clear(Wire *wire)
{
    TlsSession *self = wire->session;

    g_clear_pointer(&self->gnutls, gnutls_deinit);
    g_clear_pointer(&self->credentials, tls_credentials_unref);
    g_clear_pointer(&self->rest, g_byte_array_unref);
    g_clear_pointer(&self->early, g_bytes_unref);
    g_free(self);
}

Wire wire_tls(int fd, TlsCredentials *credentials, const char *early, gsize length)
{
    static const WireOps ops = {tls_receive, tls_send, tls_owes, tls_held, tls_finish, tls_clear};
    TlsSession *self = g_new0(TlsSession, 1);

    g_return_val_if_fail(length <= WIRE_INPUT, ((Wire){}));
    self->credentials = tls_credentials_ref(credentials);
    self->early = length > 0 ? g_bytes_new(early, length) : NULL;
    self->gnutls = tls_credentials_session(credentials);
    if (self->gnutls) {
        gnutls_transport_set_int(self->gnutls, fd);
        gnutls_transport_set_pull_function(self->gnutls, on_pull);
    }
    return (Wire){.ops = &ops, .fd = fd, .session = self};
}
