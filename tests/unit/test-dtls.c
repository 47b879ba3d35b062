/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* When a handshake begins, in how many packets it goes, and what comes of those that are lost. */

#include <config.h>

#include <glib/gstdio.h>

#include "common/fingerprint.h"
#include "rtc/dtls/certificate.h"
#include "rtc/dtls/dtls.h"
#include "wait.h"

#define PACKET_MAX 1200

typedef struct {
    Transport lower;
    Dtls *dtls;
    GQueue sent; /* of GBytes */
    bool hasty;  /* sends when it is up */
    guint received;
} End;

typedef struct {
    Certificate *certificates[2];
    End client, server;
} Pair;

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    g_assert_cmpuint(length, <=, PACKET_MAX);
    g_queue_push_tail(&((End *) transport)->sent, g_bytes_new(packet, length));
    return true;
}

static void on_receive(guint8 *packet, gsize length, gpointer data)
{
    ((End *) data)->received++;
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    End *end = data;

    if (state == TRANSPORT_CONNECTED && end->hasty)
        transport_send(dtls_transport(end->dtls), (const guint8 *) "data", 4);
}

static const TransportUser user = {.receive = on_receive, .state = on_state};

static void end_open(End *end, bool client, bool early, Certificate *own, GPtrArray *fingerprints)
{
    g_autoptr(GError) error = NULL;
    DtlsConfig config = {
        .certificate = own, .client = client, .early = early, .fingerprints = fingerprints};

    transport_init(&end->lower, client ? "client's" : "server's", on_send);
    g_queue_init(&end->sent);
    end->dtls = dtls_new(&end->lower, &config, &error);
    g_assert_no_error(error);
    transport_set_user(dtls_transport(end->dtls), &user, end);
    dtls_start(end->dtls);
}

static void end_close(End *end)
{
    transport_set_user(dtls_transport(end->dtls), NULL, NULL);
    dtls_free(end->dtls);
    transport_clear(&end->lower);
    g_queue_clear_full(&end->sent, (GDestroyNotify) g_bytes_unref);
}

/* What a description has of the certificates; NAMES, each with a '-' before it that is wrong */
static GPtrArray *announce(Certificate *certificate, const char *const *names)
{
    GPtrArray *fingerprints = g_ptr_array_new_with_free_func(g_free);
    gsize size;
    const void *der = g_bytes_get_data(certificate_der(certificate), &size);

    for (; *names; names++) {
        const char *name = *names + (**names == '-');
        char *fingerprint = fingerprint_make(fingerprint_hash(name), der, size);
        char *digit = fingerprint + strlen(name) + 1;

        if (**names == '-')
            *digit = *digit == '0' ? '1' : '0';
        g_ptr_array_add(fingerprints, fingerprint);
    }
    return fingerprints;
}

static void open_both(Pair *pair, bool early, const char *const *names)
{
    static const char *const ours[] = {FINGERPRINT_OURS, NULL};
    g_autoptr(GPtrArray) servers = NULL, clients = NULL;

    for (guint i = 0; i < 2; i++)
        pair->certificates[i] = certificate_generate("test", NULL);
    servers = announce(pair->certificates[1], names ? names : ours);
    clients = announce(pair->certificates[0], ours);
    end_open(&pair->client, true, early, pair->certificates[0], servers);
    end_open(&pair->server, false, early, pair->certificates[1], clients);
}

static void set_up(Pair *pair, gconstpointer early)
{
    open_both(pair, early != NULL, NULL);
}

static void tear_down(Pair *pair, gconstpointer early)
{
    end_close(&pair->client);
    end_close(&pair->server);
    for (guint i = 0; i < 2; i++)
        certificate_unref(pair->certificates[i]);
}

static void connect_lower(End *end)
{
    transport_enter_state(&end->lower, TRANSPORT_CONNECTED, NULL);
}

/* All that FROM has sent comes; how many packets that were. */
static guint deliver(End *from, End *to)
{
    guint n = 0;
    GBytes *packet;

    for (; (packet = g_queue_pop_head(&from->sent)); n++) {
        gsize length;
        g_autofree guint8 *bytes = g_bytes_unref_to_data(packet, &length);

        transport_receive(&to->lower, bytes, length);
    }
    return n;
}

static guint lose(End *from)
{
    guint n = g_queue_get_length(&from->sent);

    g_queue_clear_full(&from->sent, (GDestroyNotify) g_bytes_unref);
    return n;
}

static bool is_up(const End *end)
{
    return dtls_transport(end->dtls)->state == TRANSPORT_CONNECTED;
}

/* A flight, a packet; two before anybody has a path. */
static void test_early(Pair *pair, gconstpointer early)
{
    g_assert_cmpuint(deliver(&pair->client, &pair->server), ==, 1);
    connect_lower(&pair->client);
    g_assert_cmpuint(deliver(&pair->server, &pair->client), ==, 1);
    connect_lower(&pair->server);
    g_assert_cmpuint(deliver(&pair->client, &pair->server), ==, 1);
    g_assert_true(is_up(&pair->server));
    g_assert_cmpuint(deliver(&pair->server, &pair->client), ==, 1);
    g_assert_true(is_up(&pair->client));
}

/* It is small enough for an address that has shown nothing (early-flight.h), and the answer for one
 * that has shown the ClientHello and a check. */
static void test_sizes(Pair *pair, gconstpointer early)
{
    gsize hello = g_bytes_get_size(g_queue_peek_head(&pair->client.sent));

    g_assert_cmpuint(hello, <=, 320);
    deliver(&pair->client, &pair->server);
    g_assert_cmpuint(g_bytes_get_size(g_queue_peek_head(&pair->server.sent)), <=,
                     320 + 3 * (hello + 100));
}

/* Who does not announce it is not sent anything, and keeps what comes until there is a path. */
static void test_late(Pair *pair, gconstpointer early)
{
    g_assert_cmpuint(lose(&pair->client), ==, 0);
    connect_lower(&pair->client);
    g_assert_cmpuint(deliver(&pair->client, &pair->server), ==, 1);
    g_assert_cmpuint(lose(&pair->server), ==, 0);
    connect_lower(&pair->server);
    while (!is_up(&pair->client)) {
        deliver(&pair->server, &pair->client);
        deliver(&pair->client, &pair->server);
    }
    g_assert_true(is_up(&pair->server));
}

/* A flood before there is a path is kept with a limit, and hurts nobody. */
static void test_flood(Pair *pair, gconstpointer early)
{
    static guint8 junk[PACKET_MAX] = {22, 254, 253};

    for (guint i = 0; i < 10000; i++)
        transport_receive(&pair->server.lower, junk, sizeof junk);
    g_assert_cmpuint(lose(&pair->server), ==, 0);
    test_early(pair, early);
}

/* Each of the four flights is lost once. The time is that of GnuTLS, so it is the real one. */
static void test_lost(Pair *pair, gconstpointer early)
{
    pair->client.lower.round_trip_usec = pair->server.lower.round_trip_usec = 1000;
    g_assert_cmpuint(lose(&pair->client), ==, 1);
    connect_lower(&pair->client);
    wait_until(deliver(&pair->client, &pair->server) > 0);
    g_assert_cmpuint(lose(&pair->server), >, 0);
    connect_lower(&pair->server);
    wait_until(deliver(&pair->server, &pair->client) > 0);
    g_assert_cmpuint(lose(&pair->client), >, 0);
    wait_until((deliver(&pair->client, &pair->server), is_up(&pair->server)));
    g_assert_cmpuint(lose(&pair->server), >, 0);
    wait_until((deliver(&pair->client, &pair->server), deliver(&pair->server, &pair->client),
                is_up(&pair->client)));
}

/* The server is up, and the client does not know of it. */
static void lose_last_flight(Pair *pair)
{
    pair->client.lower.round_trip_usec = pair->server.lower.round_trip_usec = 1000;
    connect_lower(&pair->client);
    connect_lower(&pair->server);
    wait_until((deliver(&pair->client, &pair->server),
                is_up(&pair->server) || (deliver(&pair->server, &pair->client), false)));
    g_assert_cmpuint(lose(&pair->server), >, 0);
}

static gboolean on_data(gpointer data)
{
    End *server = data;

    transport_send(dtls_transport(server->dtls), (const guint8 *) "data", 4);
    return G_SOURCE_CONTINUE;
}

/* What the server sends behind its last flight, which is lost, does not put off the repetition. */
static void test_lost_before_data(Pair *pair, gconstpointer early)
{
    guint source;

    lose_last_flight(pair);
    source = g_timeout_add(5, on_data, &pair->server);
    wait_until((deliver(&pair->client, &pair->server), deliver(&pair->server, &pair->client),
                is_up(&pair->client)));
    g_source_remove(source);
}

/* The first packet of the layer above goes with the last flight. */
static void test_data(Pair *pair, gconstpointer early)
{
    pair->server.hasty = true;
    test_early(pair, early);
    g_assert_cmpuint(pair->client.received, ==, 1);
}

#define CHANGE_CIPHER_SPEC 14 /* bytes */

/* The client's last flight is lost, and the server's comes again and again before that is repeated. */
static void test_repeated(Pair *pair, gconstpointer early)
{
    g_autoptr(GByteArray) packet = NULL;

    pair->client.lower.round_trip_usec = pair->server.lower.round_trip_usec = 1000;
    connect_lower(&pair->client);
    connect_lower(&pair->server);
    g_assert_cmpuint(deliver(&pair->client, &pair->server), >, 0);
    g_assert_cmpuint(deliver(&pair->server, &pair->client), >, 0);
    g_assert_cmpuint(lose(&pair->client), >, 0);
    wait_until(!g_queue_is_empty(&pair->server.sent));
    packet = g_bytes_unref_to_array(g_queue_pop_head(&pair->server.sent));
    for (guint i = 0; i < 50; i++)
        transport_receive(&pair->client.lower, packet->data, packet->len);
    wait_until((deliver(&pair->client, &pair->server), deliver(&pair->server, &pair->client),
                is_up(&pair->client)));
}

/* So is the last flight of all, when its sender is up, and in one packet, too. GnuTLS does not
 * answer what comes too soon behind another repetition. */
static void test_last(Pair *pair, gconstpointer early)
{
    lose_last_flight(pair);
    wait_until((deliver(&pair->client, &pair->server), !g_queue_is_empty(&pair->server.sent)));
    g_assert_cmpuint(g_bytes_get_size(g_queue_peek_head(&pair->server.sent)), >,
                     CHANGE_CIPHER_SPEC);
    deliver(&pair->server, &pair->client);
    g_assert_true(is_up(&pair->client));
}

/* It comes again with the first data, though nothing of the client's arrives any more. */
static void test_last_with_data(Pair *pair, gconstpointer early)
{
    pair->server.hasty = true;
    lose_last_flight(pair);
    wait_until((deliver(&pair->server, &pair->client), is_up(&pair->client)));
    g_assert_cmpuint(pair->client.received, ==, 1);
    wait_until(deliver(&pair->server, &pair->client) > 0);
    g_assert_cmpuint(pair->client.received, ==, 1);
    transport_send(dtls_transport(pair->client.dtls), (const guint8 *) "data", 4);
    wait_until((deliver(&pair->client, &pair->server), pair->server.received > 0));
}

/* RFC 8122 5, 5.1: of several certificates and hashes, one of the best hash has to be right. */
static void test_fingerprints(void)
{
    static const struct {
        const char *names[4];
        bool good;
    } cases[] = {
        {{"-sha-256", "sha-256"}, true},
        {{"sha-256", "-sha-256", "-sha-256"}, true},
        {{"-sha-256", "-sha-256"}, false},
        {{"sha-256", "sha-512"}, true},
        {{"-sha-256", "sha-512"}, true},
        {{"sha-256", "-sha-512"}, false},
        {{"sha-384", "-sha-256", "-sha-384"}, true},
        {{"sha-384", "-sha-512", "sha-256"}, false},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        Pair pair = {};

        open_both(&pair, true, cases[i].names);
        connect_lower(&pair.client);
        connect_lower(&pair.server);
        wait_until((deliver(&pair.client, &pair.server), deliver(&pair.server, &pair.client),
                    dtls_transport(pair.client.dtls)->state >= TRANSPORT_CONNECTED));
        g_assert_cmpint(is_up(&pair.client), ==, cases[i].good);
        tear_down(&pair, NULL);
    }
}

/* A new certificate with its key, in PEM */
static char *make_pem(void)
{
    g_autofree char *folder = g_dir_make_tmp("rtcbus-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "certificate.pem", NULL);
    g_autoptr(Certificate) certificate = NULL;
    char *pem = NULL;
    bool made;

    certificate = certificate_load(folder, "test", &made, NULL);
    g_assert_nonnull(certificate);
    g_assert_true(g_file_get_contents(path, &pem, NULL, NULL));
    g_assert_cmpint(g_remove(path), ==, 0);
    g_assert_cmpint(g_rmdir(folder), ==, 0);
    return pem;
}

/* Several are one: descriptions have all of them, and either end shows the first one. */
static void test_certificates(void)
{
    g_autofree char *first = make_pem(), *second = make_pem();
    g_autofree char *text = g_strconcat(first, second, NULL);
    g_autofree char *cut = g_strndup(text, strlen(first) + strlen(second) / 2);
    g_autofree char *five = g_strconcat(text, first, text, NULL);
    g_autofree char *ten = g_strconcat(five, five, NULL);
    g_autoptr(Certificate) one = certificate_from_pem(first, NULL);
    g_autoptr(Certificate) both = certificate_from_pem(text, NULL);
    g_autoptr(Certificate) most = certificate_from_pem(five, NULL);
    g_autoptr(GPtrArray) fingerprints = g_ptr_array_new_with_free_func(g_free);
    Pair pair = {.certificates = {certificate_ref(both), certificate_ref(both)}};

    g_assert_true(one && both && most);
    g_assert_null(certificate_from_pem(cut, NULL));
    g_assert_null(certificate_from_pem(ten, NULL));
    g_assert_cmpstr(certificate_fingerprint(both), ==, certificate_fingerprint(one));
    certificate_list_fingerprints(both, fingerprints);
    g_assert_cmpuint(fingerprints->len, ==, 2);
    g_assert_cmpstr(fingerprints->pdata[0], ==, certificate_fingerprint(one));
    end_open(&pair.client, true, true, both, fingerprints);
    end_open(&pair.server, false, true, both, fingerprints);
    connect_lower(&pair.client);
    connect_lower(&pair.server);
    wait_until((deliver(&pair.client, &pair.server), deliver(&pair.server, &pair.client),
                is_up(&pair.client) && is_up(&pair.server)));
    g_assert_cmpstr(dtls_remote_fingerprint(pair.server.dtls), ==, certificate_fingerprint(one));
    g_assert_cmpstr(dtls_remote_fingerprint(pair.client.dtls), ==, certificate_fingerprint(one));
    tear_down(&pair, NULL);
}

static void add_test(const char *name, bool early, void (*test)(Pair *, gconstpointer))
{
    g_test_add(name, Pair, GINT_TO_POINTER(early), set_up, test, tear_down);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    add_test("/dtls/last-with-data", true, test_last_with_data);
    add_test("/dtls/early", true, test_early);
    add_test("/dtls/data", true, test_data);
    add_test("/dtls/sizes", true, test_sizes);
    add_test("/dtls/late", false, test_late);
    add_test("/dtls/flood", true, test_flood);
    add_test("/dtls/lost", true, test_lost);
    add_test("/dtls/lost-before-data", true, test_lost_before_data);
    add_test("/dtls/repeated", true, test_repeated);
    add_test("/dtls/last", true, test_last);
    g_test_add_func("/dtls/fingerprints", test_fingerprints);
    g_test_add_func("/dtls/certificates", test_certificates);
    return g_test_run();
}
