/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * GnuTLS between two Transports. Datagrams from below wait in a short inbox
 * from which GnuTLS pulls; after each of its steps the retransmission timer is
 * set again from gnutls_dtls_get_timeout().
 */

#include <config.h>

#include "rtc/dtls/dtls.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/dtls.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <string.h>

#include "common/clock.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "rtc/error.h"

/* 1200 bytes of UDP payload pass everywhere (RFC 8261 5). */
#define DTLS_MTU 1200
/* A lost flight is sent again after this long, then after twice that, …: a
 * second would stall lossy set-ups, 100 ms would repeat every flight on a path
 * with a round trip of 300 ms. */
#define RETRANSMIT_MS 400
#define HANDSHAKE_MS 30000
/* In an early handshake the timer is ours, and GnuTLS's is shorter. The first wait is for what
 * has perhaps come already, the others for the round trip and what the remote has to compute. */
#define GNUTLS_MS 5
#define FIRST_WAIT_MS 20
#define COMPUTING_MS 50
#define WAIT_MIN_MS 100
#define WAIT_MAX_MS 1000
#define HASTY_REPEATS 2 /* after the same time: with the round trip known that is no flood */
#define LAST_REPEATS 3
#define EARLY_HANDSHAKE_MS (3600 * 1000) /* until there is a path */
#define INBOX_MAX 64                     /* records */
#define RECORD_MAX 16384      /* of plaintext; GnuTLS takes it for the limit of a datagram too */
#define CHANGE_CIPHER_SPEC 20 /* type of a record */
#define RECORD_HEADER 13      /* its last two bytes: the length of what follows (RFC 6347 4.1) */

/* AES-128 first: AES-256 adds nothing against who can be met here, ChaCha20 is
 * half as fast where there is AES-NI. */
#define PRIORITY                                                                                   \
    "NORMAL:-VERS-ALL:+VERS-DTLS1.2:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:"                        \
    "+CHACHA20-POLY1305:+AES-128-CBC:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:"                             \
    "-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1"

struct Dtls {
    Transport transport;
    Transport *lower;
    gnutls_session_t session;
    Certificate *certificate;
    GPtrArray *fingerprints;
    bool client, early;
    bool ready; /* dtls_start() was called */
    bool (*verify)(const char *fingerprint, GError **error, gpointer data);
    gpointer data;

    GQueue inbox;          /* of GBytes, records */
    const guint8 *current; /* one that is being read without a copy */
    gsize current_length;
    guint timer;
    guint wait;         /* ms, of an early handshake: the next one */
    guint repeats;      /* since something came */
    GBytes *last;       /* the last flight, until the remote has shown that it has it; or NULL */
    bool last_kept;     /* once */
    bool sent;          /* something, in this step of the handshake */
    gint64 begun;       /* monotonic */
    GByteArray *flight; /* of an early handshake, what goes into one datagram; or NULL */
    char *remote_fingerprint;
    GBytes *remote_certificate;
    GError *verify_error;
    DtlsTraffic traffic;
    gint64 flight_sent; /* monotonic, of the flight that is not answered; 0: none */
    guint64 round_trip_usec;
};

Transport *dtls_transport(Dtls *dtls)
{
    return &dtls->transport;
}

const char *dtls_cipher(const Dtls *dtls)
{
    return dtls->transport.state == TRANSPORT_CONNECTED ? gnutls_ciphersuite_get(dtls->session)
                                                        : NULL;
}

GBytes *dtls_remote_certificate(const Dtls *dtls)
{
    return dtls->remote_certificate;
}

GBytes *dtls_local_certificate(const Dtls *dtls)
{
    const gnutls_datum_t *shown = dtls->session ? gnutls_certificate_get_ours(dtls->session) : NULL;

    return shown ? g_bytes_new(shown->data, shown->size)
                 : g_bytes_ref(certificate_der(dtls->certificate));
}

const char *dtls_remote_fingerprint(const Dtls *dtls)
{
    return dtls->remote_fingerprint;
}

const DtlsTraffic *dtls_traffic(const Dtls *dtls)
{
    return &dtls->traffic;
}

guint64 dtls_round_trip_usec(const Dtls *dtls)
{
    return dtls->round_trip_usec;
}

/* What fits into a datagram of SIZE bytes. GnuTLS itself is not to set a limit. */
static gsize dtls_data_mtu(Dtls *dtls, gsize size)
{
    gsize data;

    gnutls_dtls_set_mtu(dtls->session, MIN(size, RECORD_MAX));
    data = gnutls_dtls_get_data_mtu(dtls->session);
    gnutls_dtls_set_mtu(dtls->session, RECORD_MAX);
    return data;
}

gsize dtls_mtu(Dtls *dtls)
{
    return dtls_data_mtu(dtls, DTLS_MTU);
}

gsize dtls_record_max(Dtls *dtls)
{
    return dtls_data_mtu(dtls, RECORD_MAX);
}

static void dtls_fail(Dtls *dtls, RtcError code, const char *format, ...) G_GNUC_PRINTF(3, 4);

static void dtls_fail(Dtls *dtls, RtcError code, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list ap;

    va_start(ap, format);
    error = g_error_new_valist(RTC_ERROR, code, format, ap);
    va_end(ap);
    g_clear_handle_id(&dtls->timer, g_source_remove);
    transport_enter_state(&dtls->transport, TRANSPORT_FAILED, error);
}

/* ---- GnuTLS's view of the network ---- */

/* A datagram that cannot be sent is lost like any other. */
static void send_datagram(Dtls *dtls, const guint8 *bytes, gsize length)
{
    if (transport_send(dtls->lower, bytes, length)) {
        dtls->traffic.packets_sent++;
        dtls->traffic.bytes_sent += length;
    }
    dtls->sent = true;
    if (dtls->transport.state == TRANSPORT_CONNECTING)
        dtls->flight_sent = clock_monotonic();
}

static void forget_last(Dtls *dtls)
{
    if (!dtls->last)
        return;
    g_clear_pointer(&dtls->last, g_bytes_unref);
    g_clear_handle_id(&dtls->timer, g_source_remove);
}

static gboolean on_last(gpointer data)
{
    Dtls *dtls = data;

    dtls->timer = 0;
    if (dtls->transport.state != TRANSPORT_CONNECTED)
        return G_SOURCE_REMOVE;
    send_datagram(dtls, g_bytes_get_data(dtls->last, NULL), g_bytes_get_size(dtls->last));
    dtls->wait *= 2;
    if (++dtls->repeats < LAST_REPEATS)
        dtls->timer = clock_timer_add(dtls->wait, on_last, dtls);
    else
        forget_last(dtls);
    return G_SOURCE_REMOVE;
}

/*
 * Nothing answers the last flight, so GnuTLS repeats it when the remote's comes again. That may be
 * lost, too, and GnuTLS leaves some out; and the data behind it would wait for SCTP's timer. Its
 * records come once more as they are: who has them takes them for what they are, duplicates.
 */
static void keep_last(Dtls *dtls)
{
    const guint round_trip = (guint) (dtls->lower->round_trip_usec / 1000);

    if (dtls->client || dtls->last_kept || round_trip == 0)
        return;
    dtls->last_kept = true;
    dtls->last = g_bytes_new(dtls->flight->data, dtls->flight->len);
    dtls->repeats = 0;
    dtls->wait = CLAMP(round_trip * 5 / 4 + FIRST_WAIT_MS, WAIT_MIN_MS, WAIT_MAX_MS);
    dtls->timer = clock_timer_add(dtls->wait, on_last, dtls);
}

static void send_flight(Dtls *dtls)
{
    if (!dtls->flight || dtls->flight->len == 0)
        return;
    send_datagram(dtls, dtls->flight->data, dtls->flight->len);
    if (dtls->transport.state == TRANSPORT_CONNECTED)
        keep_last(dtls);
    g_byte_array_set_size(dtls->flight, 0);
}

/*
 * GnuTLS has a datagram for each message, and one that is lost is as bad as all of them. The last
 * flight may have to be repeated when the handshake is done: it begins with ChangeCipherSpec, and
 * Finished is next.
 */
static ssize_t on_push(gnutls_transport_ptr_t pointer, const void *bytes, size_t length)
{
    Dtls *dtls = pointer;
    const bool last = dtls->early && *(const guint8 *) bytes == CHANGE_CIPHER_SPEC;

    if (!dtls->flight && !last) {
        send_datagram(dtls, bytes, length);
        return length;
    }
    if (!dtls->flight)
        dtls->flight = g_byte_array_new();
    if (dtls->flight->len + length > DTLS_MTU)
        send_flight(dtls);
    g_byte_array_append(dtls->flight, bytes, length);
    if (dtls->transport.state == TRANSPORT_CONNECTED && !last) {
        send_flight(dtls);
        g_clear_pointer(&dtls->flight, g_byte_array_unref);
    }
    return length;
}

static ssize_t on_pull(gnutls_transport_ptr_t pointer, void *bytes, size_t size)
{
    Dtls *dtls = pointer;
    g_autoptr(GBytes) datagram = NULL;
    const guint8 *from = dtls->current;
    gsize length = dtls->current_length;

    if (!from) {
        datagram = g_queue_pop_head(&dtls->inbox);
        if (!datagram) {
            gnutls_transport_set_errno(dtls->session, EAGAIN);
            return -1;
        }
        from = g_bytes_get_data(datagram, &length);
    }
    dtls->current = NULL;
    length = MIN(length, size);
    memcpy(bytes, from, length);
    return length;
}

static int on_pull_timeout(gnutls_transport_ptr_t pointer, unsigned int milliseconds)
{
    Dtls *dtls = pointer;

    return dtls->current || !g_queue_is_empty(&dtls->inbox);
}

/* ---- the certificate ---- */

/* The longest hash of those that the description has: the others say nothing (RFC 8122 5.1). */
static const FingerprintHash *best_hash(const GPtrArray *fingerprints)
{
    const FingerprintHash *best = NULL;

    for (guint i = 0; i < fingerprints->len; i++) {
        const FingerprintHash *hash = fingerprint_hash(fingerprints->pdata[i]);

        if (hash && (!best || hash->bytes > best->bytes))
            best = hash;
    }
    return best;
}

/* Whether it is one of those that the remote may show. */
static bool is_announced(const GPtrArray *fingerprints, const gnutls_datum_t *der)
{
    const FingerprintHash *hash = best_hash(fingerprints);
    g_autofree char *theirs = hash ? fingerprint_make(hash, der->data, der->size) : NULL;

    for (guint i = 0; theirs && i < fingerprints->len; i++) {
        if (strcmp(fingerprints->pdata[i], theirs) == 0)
            return true;
    }
    return false;
}

/* Called within the handshake, before the Finished messages. */
static int on_verify(gnutls_session_t session)
{
    Dtls *dtls = gnutls_session_get_ptr(session);
    unsigned int count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    g_autofree char *fingerprint = NULL;

    g_clear_error(&dtls->verify_error);
    if (!chain || count == 0) {
        g_set_error_literal(&dtls->verify_error, RTC_ERROR, RTC_ERROR_SECURITY,
                            "the remote has no certificate");
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    fingerprint = certificate_fingerprint_der(&chain[0]);
    if (!is_announced(dtls->fingerprints, &chain[0])) {
        g_set_error(&dtls->verify_error, RTC_ERROR, RTC_ERROR_SECURITY,
                    "the remote's certificate (%s) is not the one its description announced",
                    fingerprint);
        return GNUTLS_E_CERTIFICATE_ERROR;
    }
    if (dtls->verify && !dtls->verify(fingerprint, &dtls->verify_error, dtls->data))
        return GNUTLS_E_CERTIFICATE_ERROR;
    g_free(dtls->remote_fingerprint);
    dtls->remote_fingerprint = g_steal_pointer(&fingerprint);
    g_clear_pointer(&dtls->remote_certificate, g_bytes_unref);
    dtls->remote_certificate = g_bytes_new(chain[0].data, chain[0].size);
    return 0;
}

/* ---- the session ---- */

static void dtls_handshake(Dtls *dtls);

static gboolean on_timer(gpointer data)
{
    Dtls *dtls = data;

    dtls->timer = 0;
    if (++dtls->repeats > HASTY_REPEATS)
        dtls->wait *= 2;
    dtls_handshake(dtls);
    return G_SOURCE_REMOVE;
}

/* An early flight is repeated by the checks that it goes behind, until there is a path. */
static void set_timer(Dtls *dtls, guint wait)
{
    g_clear_handle_id(&dtls->timer, g_source_remove);
    if (dtls->lower->state == TRANSPORT_CONNECTED)
        dtls->timer = clock_timer_add(MAX(wait, 1), on_timer, dtls);
}

/* What comes does not put ours off: it may be behind a flight of the remote's that is lost. */
static void set_next_timer(Dtls *dtls)
{
    if (!dtls->early)
        set_timer(dtls, gnutls_dtls_get_timeout(dtls->session));
    else if (dtls->sent || dtls->timer == 0)
        set_timer(dtls, dtls->wait);
}

static guint first_wait(const Dtls *dtls)
{
    guint64 round_trip = dtls->lower->round_trip_usec / 1000;

    if (dtls->lower->round_trip_usec == 0)
        return RETRANSMIT_MS;
    return (guint) CLAMP(round_trip * 3 / 2 + COMPUTING_MS, WAIT_MIN_MS, WAIT_MAX_MS);
}

/* The answer to the early flight may be on its way, or the flight was lost. */
static void note_path(Dtls *dtls)
{
    guint64 round_trip = dtls->lower->round_trip_usec / 1000;
    guint64 elapsed = (clock_monotonic() - dtls->begun) / 1000;

    gnutls_dtls_set_timeouts(dtls->session, GNUTLS_MS, (guint) elapsed + HANDSHAKE_MS);
    dtls->wait = first_wait(dtls);
    set_timer(dtls, (guint) MIN(round_trip / 2, WAIT_MAX_MS) + FIRST_WAIT_MS);
}

/* GnuTLS says that it needs more when it has thrown a record away, RECORDS times at most. */
static bool has_more(Dtls *dtls, guint *records)
{
    return !g_queue_is_empty(&dtls->inbox) && (*records)-- > 0;
}

static void dtls_handshake_failed(Dtls *dtls, int result)
{
    gnutls_alert_send_appropriate(dtls->session, result);
    send_flight(dtls);
    if (dtls->verify_error)
        dtls_fail(dtls, dtls->verify_error->code, "%s", dtls->verify_error->message);
    else if (result == GNUTLS_E_TIMEDOUT)
        dtls_fail(dtls, RTC_ERROR_TIMEOUT, "the other side did not finish the DTLS handshake");
    else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED &&
             gnutls_alert_get(dtls->session) == GNUTLS_A_BAD_CERTIFICATE)
        dtls_fail(dtls, RTC_ERROR_REFUSED, "the other side does not trust our certificate");
    else if (result == GNUTLS_E_FATAL_ALERT_RECEIVED)
        dtls_fail(dtls, RTC_ERROR_SECURITY, "the other side refused the DTLS handshake: %s",
                  gnutls_alert_get_name(gnutls_alert_get(dtls->session)));
    else
        dtls_fail(dtls, RTC_ERROR_FAILED, "the DTLS handshake failed: %s", gnutls_strerror(result));
}

static void dtls_handshake(Dtls *dtls)
{
    guint records = g_queue_get_length(&dtls->inbox);
    int result;

    dtls->sent = false;
    do
        result = gnutls_handshake(dtls->session);
    while (result == GNUTLS_E_INTERRUPTED ||
           (result == GNUTLS_E_AGAIN && has_more(dtls, &records)) ||
           (result < 0 && result != GNUTLS_E_AGAIN && !gnutls_error_is_fatal(result)));

    if (result == GNUTLS_E_AGAIN) {
        send_flight(dtls);
        set_next_timer(dtls);
        return;
    }
    g_clear_handle_id(&dtls->timer, g_source_remove);
    if (result == GNUTLS_E_SUCCESS) { /* what is sent now is of no use without the last flight */
        transport_enter_state(&dtls->transport, TRANSPORT_CONNECTED, NULL);
        send_flight(dtls);
        g_clear_pointer(&dtls->flight, g_byte_array_unref);
    } else {
        dtls_handshake_failed(dtls, result);
    }
}

/*
 * A datagram may hold several (RFC 6347 4.1.1). GnuTLS is given one at a time: what it leaves behind
 * a record that it throws away, it would read in place of the next datagram, and repeat no flight
 * meanwhile. All of it if it is cut short.
 */
static gsize first_record(const guint8 *packet, gsize length)
{
    if (length < RECORD_HEADER)
        return length;
    return MIN(length, (gsize) (RECORD_HEADER + (packet[11] << 8 | packet[12])));
}

/*
 * Gives up everything that GnuTLS can decrypt now. To find that there is
 * nothing more costs GnuTLS a buffer for the largest record, so it is not asked
 * after the ONLY one.
 */
static void dtls_read(Dtls *dtls, bool only)
{
    guint records = only ? 0 : g_queue_get_length(&dtls->inbox);
    guint8 record[RECORD_MAX];

    while (dtls->transport.state == TRANSPORT_CONNECTED) {
        ssize_t n = gnutls_record_recv(dtls->session, record, sizeof record);

        if (n > 0) {
            forget_last(dtls);
            transport_vouch(dtls->lower);
            transport_receive(&dtls->transport, record, n);
            if (only)
                break;
        } else if (n == 0)
            transport_enter_state(&dtls->transport, TRANSPORT_CLOSED, NULL);
        else if (n == GNUTLS_E_AGAIN && !has_more(dtls, &records))
            break;
        else if (n == GNUTLS_E_REHANDSHAKE) /* RFC 8827 6.5: no renegotiation */
            gnutls_alert_send(dtls->session, GNUTLS_AL_WARNING, GNUTLS_A_NO_RENEGOTIATION);
        else if (gnutls_error_is_fatal(n))
            dtls_fail(dtls, RTC_ERROR_FAILED, "DTLS failed: %s", gnutls_strerror(n));
    }
}

static void read_datagram(Dtls *dtls, const guint8 *packet, gsize length)
{
    gsize record;

    for (; length > 0; packet += record, length -= record) {
        record = first_record(packet, length);
        dtls->current = packet;
        dtls->current_length = record;
        dtls_read(dtls, true);
        dtls->current = NULL;
    }
}

static void keep_datagram(Dtls *dtls, const guint8 *packet, gsize length)
{
    gsize record;

    for (; length > 0 && g_queue_get_length(&dtls->inbox) < INBOX_MAX;
         packet += record, length -= record) {
        record = first_record(packet, length);
        g_queue_push_tail(&dtls->inbox, g_bytes_new(packet, record));
    }
}

static void on_lower_receive(guint8 *packet, gsize length, gpointer data)
{
    Dtls *dtls = data;

    /* Only 20…63 are DTLS (RFC 7983 7). */
    if (length == 0 || packet[0] < 20 || packet[0] > 63)
        return;
    dtls->traffic.packets_received++;
    dtls->traffic.bytes_received += length;
    if (dtls->transport.state == TRANSPORT_CONNECTED)
        read_datagram(dtls, packet, length);
    if (dtls->transport.state >= TRANSPORT_CONNECTED)
        return;
    keep_datagram(dtls, packet, length);
    if (dtls->transport.state == TRANSPORT_NEW && dtls->ready)
        dtls_start(dtls);
    else if (dtls->transport.state == TRANSPORT_CONNECTING) {
        dtls->wait = first_wait(dtls);
        dtls->repeats = 0;
        if (dtls->flight_sent)
            dtls->round_trip_usec = clock_monotonic() - dtls->flight_sent;
        dtls->flight_sent = 0;
        dtls_handshake(dtls);
        dtls_read(dtls, false); /* what came behind the last flight */
    }
}

static void on_lower_state(TransportState state, const GError *reason, gpointer data)
{
    Dtls *dtls = data;

    if (state == TRANSPORT_CONNECTED && dtls->transport.state == TRANSPORT_NEW)
        dtls_start(dtls);
    else if (state == TRANSPORT_CONNECTED && dtls->transport.state == TRANSPORT_CONNECTING)
        note_path(dtls);
    else if (state >= TRANSPORT_FAILED)
        transport_enter_state(&dtls->transport, state, reason);
}

static void on_lower_path(const gsize *sizes, guint n_sizes, gpointer data)
{
    Dtls *dtls = data;
    gsize records[TRANSPORT_SIZES_MAX];

    if (dtls->transport.state != TRANSPORT_CONNECTED)
        return;
    n_sizes = MIN(n_sizes, TRANSPORT_SIZES_MAX);
    for (guint i = 0; i < n_sizes; i++)
        records[i] = dtls_data_mtu(dtls, sizes[i]);
    transport_path(&dtls->transport, records, n_sizes);
}

static const TransportUser lower_user = {
    .receive = on_lower_receive,
    .state = on_lower_state,
    .path = on_lower_path,
};

void dtls_start(Dtls *dtls)
{
    const bool path = dtls->lower->state == TRANSPORT_CONNECTED;

    dtls->ready = true;
    if (dtls->transport.state != TRANSPORT_NEW || dtls->lower->state > TRANSPORT_CONNECTED ||
        (!path && !(dtls->early && (dtls->client || !g_queue_is_empty(&dtls->inbox)))))
        return;
    dtls->begun = clock_monotonic();
    dtls->wait = first_wait(dtls);
    if (dtls->early) {
        dtls->flight = g_byte_array_new();
        gnutls_dtls_set_timeouts(dtls->session, GNUTLS_MS,
                                 path ? HANDSHAKE_MS : EARLY_HANDSHAKE_MS);
    }
    transport_enter_state(&dtls->transport, TRANSPORT_CONNECTING, NULL);
    dtls_handshake(dtls);
    dtls_read(dtls, false);
}

static bool dtls_send(Transport *transport, const guint8 *packet, gsize length)
{
    Dtls *dtls = (Dtls *) transport;

    return transport->state == TRANSPORT_CONNECTED &&
           gnutls_record_send(dtls->session, packet, length) == (ssize_t) length;
}

static bool check(int result, GError **error)
{
    if (result >= 0)
        return true;
    g_set_error(error, RTC_ERROR, RTC_ERROR_FAILED, "GnuTLS: %s", gnutls_strerror(result));
    return false;
}

/*
 * SRTP keys are never asked for. But browsers offer use_srtp (RFC 5764) always,
 * and there are stacks that take its absence for a failed handshake.
 */
static bool dtls_init(Dtls *dtls, GError **error)
{
    static gnutls_priority_t priority; /* one for all: 8 KiB */
    gnutls_certificate_credentials_t credentials =
        certificate_credentials(dtls->certificate, dtls->client, error);
    unsigned int flags = GNUTLS_DATAGRAM | GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS | GNUTLS_NO_SIGNAL |
                         (dtls->client ? GNUTLS_CLIENT : GNUTLS_SERVER);

    if (!credentials ||
        (!priority && !check(gnutls_priority_init(&priority, PRIORITY, NULL), error)) ||
        !check(gnutls_init(&dtls->session, flags), error) ||
        !check(gnutls_priority_set(dtls->session, priority), error) ||
        !check(gnutls_credentials_set(dtls->session, GNUTLS_CRD_CERTIFICATE, credentials), error) ||
        !check(gnutls_srtp_set_profile(dtls->session, GNUTLS_SRTP_AES128_CM_HMAC_SHA1_80), error))
        return false;
    gnutls_session_set_ptr(dtls->session, dtls);
    gnutls_session_set_verify_function(dtls->session, on_verify);
    if (!dtls->client) {
        gnutls_certificate_server_set_request(dtls->session, GNUTLS_CERT_REQUIRE);
        gnutls_certificate_send_x509_rdn_sequence(dtls->session, 1);
    }
    gnutls_transport_set_ptr(dtls->session, dtls);
    gnutls_transport_set_push_function(dtls->session, on_push);
    gnutls_transport_set_pull_function(dtls->session, on_pull);
    gnutls_transport_set_pull_timeout_function(dtls->session, on_pull_timeout);
    gnutls_dtls_set_mtu(dtls->session, DTLS_MTU);
    gnutls_dtls_set_timeouts(dtls->session, RETRANSMIT_MS, HANDSHAKE_MS);
    return true;
}

Dtls *dtls_new(Transport *lower, const DtlsConfig *config, GError **error)
{
    g_autoptr(Dtls) dtls = g_new0(Dtls, 1);

    transport_init(&dtls->transport, "DTLS", dtls_send);
    g_queue_init(&dtls->inbox);
    dtls->certificate = certificate_ref(config->certificate);
    dtls->fingerprints = g_ptr_array_ref(config->fingerprints);
    dtls->client = config->client;
    dtls->early = config->early;
    dtls->verify = config->verify;
    dtls->data = config->data;
    if (!dtls_init(dtls, error))
        return NULL;
    dtls->lower = lower;
    transport_set_user(lower, &lower_user, dtls);
    return g_steal_pointer(&dtls);
}

void dtls_free(Dtls *dtls)
{
    g_clear_handle_id(&dtls->timer, g_source_remove);
    if (dtls->session) {
        if (dtls->transport.state == TRANSPORT_CONNECTED)
            gnutls_bye(dtls->session, GNUTLS_SHUT_WR);
        gnutls_deinit(dtls->session);
    }
    if (dtls->lower)
        transport_set_user(dtls->lower, NULL, NULL);
    transport_clear(&dtls->transport);
    g_queue_clear_full(&dtls->inbox, (GDestroyNotify) g_bytes_unref);
    if (dtls->flight)
        g_byte_array_unref(dtls->flight);
    g_clear_pointer(&dtls->last, g_bytes_unref);
    g_ptr_array_unref(dtls->fingerprints);
    certificate_unref(dtls->certificate);
    g_clear_pointer(&dtls->remote_certificate, g_bytes_unref);
    g_free(dtls->remote_fingerprint);
    g_clear_error(&dtls->verify_error);
    g_free(dtls);
}
