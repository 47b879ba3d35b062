/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What browsers of other years say first, as it was recorded: flights/README. */

#include <config.h>

#include <string.h>

#include "association-ends.h"
#include "rtc/dtls/certificate.h"
#include "rtc/dtls/dtls.h"
#include "rtc/ice/stun-check.h"
#include "rtc/sctp/gate.h"
#include "rtc/sdp.h"

#define DTLS_HANDSHAKE 22
#define SERVER_HELLO 2
#define RECORD_HEADER 13

typedef struct {
    const char *browser;
    bool old_format;          /* of its SDP */
    guint64 max_message_size; /* that its offer means */
} Flight;

static char *read_file(const char *browser, const char *suffix)
{
    g_autofree char *path = g_strconcat(FLIGHTS "/", browser, suffix, NULL);
    g_autoptr(GError) error = NULL;
    char *text;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return text;
}

/* The bytes in the line NAME of the recording */
static GByteArray *read_bytes(const char *browser, const char *name)
{
    g_autofree char *text = read_file(browser, ".hex");
    g_autofree char *start = g_strconcat("\n", name, " ", NULL);
    const char *hex = strstr(text, start);
    GByteArray *bytes = g_byte_array_new();

    g_assert_nonnull(hex);
    for (hex += strlen(start); g_ascii_isxdigit(hex[0]); hex += 2) {
        guint8 byte = (guint8) (g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

        g_byte_array_append(bytes, &byte, 1);
    }
    g_assert_cmpuint(bytes->len, >, 0);
    return bytes;
}

static void test_offer(gconstpointer data)
{
    const Flight *flight = data;
    g_autofree char *text = read_file(flight->browser, ".sdp");
    g_autoptr(GError) error = NULL;
    g_autoptr(Sdp) sdp = sdp_parse(text, &error);

    g_assert_no_error(error);
    g_assert_cmpint(sdp->old_format, ==, flight->old_format);
    g_assert_cmpuint(sdp->max_message_size, ==, flight->max_message_size);
    g_assert_cmpuint(sdp->sctp_port, ==, PORT);
    g_assert_cmpint(sdp->setup, ==, SDP_SETUP_ACTPASS);
    g_assert_true(sdp->trickle);
    g_assert_cmpuint(sdp->fingerprints->len, ==, 1);
}

static void test_check(gconstpointer data)
{
    const Flight *flight = data;
    g_autoptr(GByteArray) message = read_bytes(flight->browser, "check");
    StunCheck check;

    g_assert_true(stun_check_read(message->data, message->len, &check));
    g_assert_cmpint(check.kind, ==, STUN_CHECK_REQUEST);
    g_assert_nonnull(memchr(check.user, ':', check.user_length));
    g_assert_false(check.relayed);
}

/* The first message of DTLS that we have sent; 0: none yet */
static guint8 answer;

static bool on_send(Transport *transport, const guint8 *packet, gsize length)
{
    g_assert_cmpuint(length, >, RECORD_HEADER);
    if (answer == 0 && packet[0] == DTLS_HANDSHAKE)
        answer = packet[RECORD_HEADER];
    return true;
}

static void on_receive(guint8 *packet, gsize length, gpointer data)
{
    g_assert_not_reached();
}

static void on_state(TransportState state, const GError *reason, gpointer data)
{
    g_assert_no_error(reason);
}

/* What it offers is enough for us to go on. */
static void test_client_hello(gconstpointer data)
{
    static const TransportUser user = {.receive = on_receive, .state = on_state};
    const Flight *flight = data;
    g_autoptr(GByteArray) hello = read_bytes(flight->browser, "client-hello");
    g_autoptr(GPtrArray) fingerprints = g_ptr_array_new();
    Certificate *certificate = certificate_generate("test", NULL);
    DtlsConfig config = {.certificate = certificate, .fingerprints = fingerprints};
    g_autoptr(GError) error = NULL;
    Transport lower = {};
    Dtls *dtls;

    answer = 0;
    transport_init(&lower, "browser's", on_send);
    dtls = dtls_new(&lower, &config, &error);
    g_assert_no_error(error);
    transport_set_user(dtls_transport(dtls), &user, NULL);
    dtls_start(dtls);
    transport_enter_state(&lower, TRANSPORT_CONNECTED, NULL);
    transport_receive(&lower, hello->data, hello->len);
    g_assert_cmpuint(answer, ==, SERVER_HELLO);
    transport_set_user(dtls_transport(dtls), NULL, NULL);
    dtls_free(dtls);
    transport_clear(&lower);
    certificate_unref(certificate);
}

/* The INIT is one that our gate lets through and usrsctp answers. */
static void test_init(gconstpointer data)
{
    const Flight *flight = data;
    GByteArray *packet = read_bytes(flight->browser, "init");
    Gate gate = {.local_port = PORT, .remote_port = PORT};
    GateReport report;

    g_assert_cmpint(gate_check(&gate, packet->data, packet->len, &report), ==, GATE_PASS);
    begin_by(&(EndDescription){}, &(EndDescription){});
    drop_out(&ours);
    inject(packet);
    g_assert_cmpuint(count_chunks(ANSWER_INIT), ==, 1);
    tear_down();
}

int main(int argc, char **argv)
{
    static const Flight flights[] = {
        {"chromium-75", true, 65536},
        {"chromium-90", false, 262144},
    };
    static const struct {
        const char *name;
        GTestDataFunc function;
    } tests[] = {
        {"offer", test_offer},
        {"check", test_check},
        {"client-hello", test_client_hello},
        {"init", test_init},
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(flights); i++) {
        for (guint j = 0; j < G_N_ELEMENTS(tests); j++) {
            g_autofree char *path =
                g_strdup_printf("/flights/%s/%s", flights[i].browser, tests[j].name);

            g_test_add_data_func(path, &flights[i], tests[j].function);
        }
    }
    return g_test_run();
}
