/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A wire of the relay, plain and through TLS, with the other end in our hands: what comes in pieces,
 * what a full socket does not take, and ends of all kinds. */

#include <config.h>

#include <errno.h>
#include <glib/gstdio.h>
#include <gnutls/x509.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/config-file.h"
#include "relay/tls-wire.h"

#define DAY 86400

typedef struct {
    char *folder, *certificate, *key;
    TlsCredentials *credentials;
    int far; /* the other end's socket */
    Wire wire;
    gnutls_session_t client; /* over FAR; NULL for the plain one */
    gnutls_certificate_credentials_t trust;
    char buffer[WIRE_BUFFER];
} Ends;

static void write_pair(Ends *ends)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t certificate;
    gnutls_datum_t pem;

    gnutls_x509_privkey_init(&key);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_set_version(certificate, 3);
    gnutls_x509_crt_set_serial(certificate, "\1", 1);
    gnutls_x509_crt_set_activation_time(certificate, time(NULL) - DAY);
    gnutls_x509_crt_set_expiration_time(certificate, time(NULL) + 3 * DAY);
    gnutls_x509_crt_set_dn(certificate, "CN=localhost", NULL);
    gnutls_x509_crt_set_key(certificate, key);
    g_assert_cmpint(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA256, 0), ==,
                    0);
    gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_PEM, &pem);
    g_assert_true(g_file_set_contents(ends->certificate, (char *) pem.data, pem.size, NULL));
    gnutls_free(pem.data);
    gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem);
    g_assert_true(g_file_set_contents(ends->key, (char *) pem.data, pem.size, NULL));
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(certificate);
    gnutls_x509_privkey_deinit(key);
}

static TlsCredentials *load(const char *certificate, const char *key, const char **blamed,
                            GError **error)
{
    char *certificates[] = {(char *) certificate, NULL}, *keys[] = {(char *) key, NULL};

    return tls_credentials_load(certificates, keys, blamed, error);
}

static void setup(Ends *ends, gconstpointer data)
{
    int sockets[2];
    const char *blamed;

    ends->folder = g_dir_make_tmp("rtcbus-test-XXXXXX", NULL);
    ends->certificate = g_build_filename(ends->folder, "certificate.pem", NULL);
    ends->key = g_build_filename(ends->folder, "key.pem", NULL);
    write_pair(ends);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), ==, 0);
    ends->far = sockets[1];
    ends->credentials = load(ends->certificate, ends->key, &blamed, NULL);
    g_assert_nonnull(ends->credentials);
    ends->wire = data ? wire_tls(sockets[0], ends->credentials, NULL, 0) : wire_plain(sockets[0]);
    if (!data)
        return;
    gnutls_certificate_allocate_credentials(&ends->trust);
    gnutls_init(&ends->client, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL);
    gnutls_priority_set_direct(ends->client, data, NULL);
    gnutls_credentials_set(ends->client, GNUTLS_CRD_CERTIFICATE, ends->trust);
    gnutls_transport_set_int(ends->client, ends->far);
}

static void teardown(Ends *ends, gconstpointer data)
{
    g_clear_pointer(&ends->client, gnutls_deinit);
    g_clear_pointer(&ends->trust, gnutls_certificate_free_credentials);
    tls_credentials_unref(ends->credentials);
    wire_clear(&ends->wire);
    close(ends->far);
    g_unlink(ends->certificate);
    g_unlink(ends->key);
    g_rmdir(ends->folder);
    g_free(ends->certificate);
    g_free(ends->key);
    g_free(ends->folder);
}

/* Nothing has come that anybody is to see. */
static void nothing(Ends *ends)
{
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), ==, -1);
    g_assert_cmpint(errno, ==, EAGAIN);
}

static void begin(Ends *ends)
{
    int status = GNUTLS_E_AGAIN;

    for (int i = 0; ends->client && status == GNUTLS_E_AGAIN && i < 10; i++) {
        status = gnutls_handshake(ends->client);
        nothing(ends);
    }
    if (ends->client)
        g_assert_cmpint(status, ==, 0);
    g_assert_false(wire_owes(&ends->wire));
}

static gssize far_send(Ends *ends, const void *data, gsize size)
{
    return ends->client ? gnutls_record_send(ends->client, data, size)
                        : write(ends->far, data, size);
}

/* What is there for the other end, at most SIZE; 0 if it is over, -1 if there is nothing. */
static gssize far_receive(Ends *ends, void *data, gsize size)
{
    gssize n;

    if (!ends->client)
        return read(ends->far, data, size);
    do
        n = gnutls_record_recv(ends->client, data, size);
    while (n == GNUTLS_E_AGAIN && gnutls_record_check_pending(ends->client) > 0);
    return MAX(n, -1);
}

static gssize say(Ends *ends, const char *a, const char *b)
{
    struct iovec pieces[2] = {{(char *) a, strlen(a)}, {(char *) b, strlen(b)}};

    return wire_send(&ends->wire, pieces, 2);
}

static void test_there_and_back(Ends *ends, gconstpointer data)
{
    char got[16] = "";

    begin(ends);
    g_assert_cmpint(far_send(ends, "hello", 5), ==, 5);
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), ==, 5);
    g_assert_cmpmem(ends->buffer, 5, "hello", 5);
    nothing(ends);
    wire_put_back(&ends->wire, "lo", 2);
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), ==, 2);
    nothing(ends);
    g_assert_cmpint(say(ends, "good ", "day"), ==, 8);
    while (far_receive(ends, got, sizeof got) != 8) /* tickets come before */
        ;
    g_assert_cmpstr(got, ==, "good day");
}

/* Everything that has come is given, however it was cut: what waits would wait for no event. */
static void test_many_records(Ends *ends, gconstpointer data)
{
    guint8 large[12000];
    gsize sent = 0, received = 0;
    gssize n;

    memset(large, 'x', sizeof large);
    begin(ends);
    for (gsize i = 0; i < 40; i++) {
        g_assert_cmpint(far_send(ends, large, 1 + i * 100), >, 0);
        sent += 1 + i * 100;
    }
    g_assert_cmpint(far_send(ends, large, sizeof large), ==, sizeof large);
    sent += sizeof large;
    while ((n = wire_receive(&ends->wire, ends->buffer)) > 0 ||
           recv(ends->wire.fd, large, 1, MSG_PEEK) > 0)
        received += (gsize) MAX(n, 0);
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_cmpuint(received, ==, sent);
}

/* What a full socket does not take comes whole once there is room, also if nothing follows. */
static void test_full_socket(Ends *ends, gconstpointer data)
{
    g_autofree char *piece = g_malloc0(10000), *got = g_malloc(1 << 16);
    struct iovec pieces = {piece, 10000};
    gsize sent = 0, received = 0;
    gssize n;

    begin(ends);
    while ((n = wire_send(&ends->wire, &pieces, 1)) > 0) {
        sent += (gsize) n;
        memset(piece, ++piece[0], 10000);
    }
    g_assert_cmpint(errno, ==, EAGAIN);
    g_assert_true(wire_owes(&ends->wire) == (ends->client != NULL));
    for (int i = 0; i < 10000 && received < sent; i++) {
        n = far_receive(ends, got, 1 << 16);
        received += (gsize) MAX(n, 0);
        if (n <= 0 && wire_owes(&ends->wire))
            g_assert_true(wire_send(&ends->wire, NULL, 0) == 0 || errno == EAGAIN);
    }
    g_assert_cmpuint(received, ==, sent);
    g_assert_false(wire_owes(&ends->wire));
}

/* The last words of the other end, and our answer to them */
static void test_half_close(Ends *ends, gconstpointer data)
{
    char got[16];
    gssize n;

    begin(ends);
    g_assert_cmpint(far_send(ends, "question", 8), ==, 8);
    if (ends->client)
        gnutls_bye(ends->client, GNUTLS_SHUT_WR);
    else
        shutdown(ends->far, SHUT_WR);
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), ==, 8);
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), ==, 0);
    g_assert_cmpint(recv(ends->wire.fd, got, 1, 0), ==, 0); /* a poll says so too */
    g_assert_cmpint(say(ends, "ans", "wer"), ==, 6);
    wire_finish(&ends->wire);
    while ((n = far_receive(ends, got, sizeof got)) == -1)
        ;
    g_assert_cmpmem(got, n, "answer", 6);
    g_assert_cmpint(far_receive(ends, got, sizeof got), ==, 0);
}

static void test_ends(Ends *ends, gconstpointer data)
{
    begin(ends);
    wire_kill(&ends->wire);
    g_assert_cmpint(wire_receive(&ends->wire, ends->buffer), <=, 0);
    g_assert_cmpint(say(ends, "any", "body"), ==, -1);
    g_assert_cmpint(errno, !=, EAGAIN);
}

/* A record whose end does not come, and one that the far end does not read, are kept; it is known how
 * much that is, and charged until the end. */
static void test_held(Ends *ends, gconstpointer data)
{
    static char text[64 * 1024];
    struct iovec piece = {text, sizeof text};
    g_autoptr(Quota) quota = quota_new(&(QuotaLimits){.max_bytes = 1});
    char sealed[9000];
    gssize n;

    begin(ends);
    while (wire_receive(&ends->wire, ends->buffer) >= 0)
        ;
    wire_charge_to(&ends->wire, quota);
    g_assert_cmpuint(wire_held(&ends->wire), ==, 0);
    for (guint i = 0; i < 1000 && !wire_owes(&ends->wire); i++)
        wire_send(&ends->wire, &piece, 1);
    g_assert_true(wire_owes(&ends->wire));
    g_assert_cmpuint(wire_held(&ends->wire), >=, 16 * 1024);
    g_assert_cmpuint(quota_bytes(quota), ==, wire_held(&ends->wire));
    while (wire_owes(&ends->wire)) {
        while (far_receive(ends, text, sizeof text) > 0)
            ;
        wire_send(&ends->wire, &piece, 0);
    }
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
    /* The beginning of a record, and nothing after it */
    memset(sealed, 0, sizeof sealed);
    memcpy(sealed, "\x17\x03\x03\x40\x00", 5);
    g_assert_cmpint(write(ends->far, sealed, sizeof sealed), ==, (gssize) sizeof sealed);
    do
        n = wire_receive(&ends->wire, ends->buffer);
    while (n > 0 || quota_bytes(quota) < sizeof sealed);
    g_assert_cmpuint(quota_bytes(quota), ==, sizeof sealed);
    wire_clear(&ends->wire);
    g_assert_cmpuint(quota_bytes(quota), ==, 0);
}

/* Every beginning that a stranger can make, cut at each byte or bent there */
static void test_broken_hello(Ends *ends, gconstpointer data)
{
    guint8 hello[1024];
    gssize size;

    g_assert_cmpint(gnutls_handshake(ends->client), ==, GNUTLS_E_AGAIN);
    size = recv(ends->wire.fd, hello, sizeof hello, 0);
    g_assert_cmpint(size, >, 100);
    for (gssize i = 0; i < size; i++) {
        int sockets[2];
        Wire wire;

        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sockets), ==, 0);
        wire = wire_tls(sockets[0], ends->credentials, NULL, 0);
        g_assert_cmpint(write(sockets[1], hello, (gsize) i), ==, i);
        g_assert_cmpint(wire_receive(&wire, ends->buffer), <=, 0);
        hello[i] ^= 0x55;
        g_assert_cmpint(write(sockets[1], hello + i, (gsize) (size - i)), ==, size - i);
        hello[i] ^= 0x55;
        g_assert_cmpint(wire_receive(&wire, ends->buffer), <=, 0);
        close(sockets[1]);
        g_assert_cmpint(wire_receive(&wire, ends->buffer), <=, 0);
        wire_clear(&wire);
    }
}

static void test_credentials(Ends *ends, gconstpointer data)
{
    g_autofree char *warning = NULL, *expired = NULL;
    g_autoptr(GError) error = NULL;
    const char *blamed;
    gint64 now = time(NULL);

    g_assert_null(load(ends->certificate, ends->certificate, &blamed, &error));
    g_assert_error(error, CONFIG_ERROR, CONFIG_ERROR_VALUE);
    g_assert_nonnull(strstr(error->message, ends->certificate));
    g_assert_cmpstr(blamed, ==, "Key");
    g_clear_error(&error);
    g_assert_null(load(ends->key, ends->key, &blamed, NULL));
    g_assert_cmpstr(blamed, ==, "Certificate");
    g_assert_cmpint(ABS(tls_credentials_expire(ends->credentials) - now - 3 * DAY), <, 60);
    warning = tls_credentials_warning(ends->credentials, now);
    g_assert_nonnull(strstr(warning, ends->certificate));
    g_assert_null(tls_credentials_warning(ends->credentials, now - 20 * DAY));
    expired = tls_credentials_warning(ends->credentials, now + 4 * DAY);
    g_assert_nonnull(strstr(expired, "expired"));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name, *priorities;
    } kinds[] = {
        {"plain", NULL},
        {"tls-1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2"},
        {"tls-1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3"},
    };
    static const struct {
        const char *name;
        void (*function)(Ends *ends, gconstpointer data);
    } tests[] = {
        {"there-and-back", test_there_and_back},
        {"many-records", test_many_records},
        {"full-socket", test_full_socket},
        {"half-close", test_half_close},
        {"ends", test_ends},
    };

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(kinds); i++) {
        for (gsize j = 0; j < G_N_ELEMENTS(tests); j++) {
            g_autofree char *path = g_strdup_printf("/wire/%s/%s", kinds[i].name, tests[j].name);

            g_test_add(path, Ends, kinds[i].priorities, setup, tests[j].function, teardown);
        }
    }
    g_test_add("/wire/held", Ends, "NORMAL", setup, test_held, teardown);
    g_test_add("/wire/broken-hello", Ends, "NORMAL", setup, test_broken_hello, teardown);
    g_test_add("/wire/credentials", Ends, NULL, setup, test_credentials, teardown);
    return g_test_run();
}
