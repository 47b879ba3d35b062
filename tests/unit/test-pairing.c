/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * CPace against the vectors of draft-irtf-cfrg-cpace, appendix B.3 (group
 * ristretto255, hash SHA-512), and pairing runs against whoever is in between.
 */

#include <config.h>

#include <glib.h>
#include <string.h>

#include "peer/trust/cpace.h"
#include "peer/trust/pairing.h"

#define KEY_A                                                                                      \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                     \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define KEY_B                                                                                      \
    "sha-256 FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                     \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

/* ---- CPace ------------------------------------------------------------------ */

static void read_hex(const char *hex, guint8 *bytes, gsize length)
{
    g_assert_cmpuint(strlen(hex), ==, 2 * length);
    for (gsize i = 0; i < length; i++)
        bytes[i] =
            (guint8) (g_ascii_xdigit_value(hex[2 * i]) << 4 | g_ascii_xdigit_value(hex[2 * i + 1]));
}

#define ASSERT_HEX(bytes, hex)                                                                     \
    G_STMT_START                                                                                   \
    {                                                                                              \
        guint8 wanted_[sizeof(bytes)];                                                             \
        read_hex(hex, wanted_, sizeof wanted_);                                                    \
        g_assert_cmpmem(bytes, sizeof(bytes), wanted_, sizeof wanted_);                            \
    }                                                                                              \
    G_STMT_END

typedef struct {
    CpaceInput input;
    guint8 ya[CPACE_SCALAR], yb[CPACE_SCALAR];
    CpaceShare a, b;
} Vector;

static void vector_set_up(Vector *v, gconstpointer data)
{
    guint8 session[16];

    read_hex("7e4b4791d6a8ef019b936c79fb7f2c57", session, sizeof session);
    v->input.password = g_bytes_new_static("Password", 8);
    v->input.channel = g_bytes_new_static("\x0b"
                                          "A_initiator"
                                          "\x0b"
                                          "B_responder",
                                          24);
    v->input.session = g_bytes_new(session, sizeof session);
    read_hex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08", v->ya, 32);
    read_hex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d", v->yb, 32);
    read_hex("d6bac480f2c386c394efc7c47adb9925dcd2630b64f240c50f8d0eec482b9157", v->a.point, 32);
    read_hex("3ea7e0b19560d7c0b0f5734f63b955286dfa8232b5ebe63324e2d9e7433f7258", v->b.point, 32);
    v->a.data = g_bytes_new_static("ADa", 3);
    v->b.data = g_bytes_new_static("ADb", 3);
}

static void vector_tear_down(Vector *v, gconstpointer data)
{
    g_bytes_unref(v->input.password);
    g_bytes_unref(v->input.channel);
    g_bytes_unref(v->input.session);
    g_bytes_unref(v->a.data);
    g_bytes_unref(v->b.data);
}

static void test_generator(Vector *v, gconstpointer data)
{
    guint8 generator[CPACE_POINT];

    cpace_generator(&v->input, generator);
    ASSERT_HEX(generator, "222b6b195fe84b1652badb6f6a3ae3d24341e7306967f0b8115b40d5698c7e56");
}

static void test_key(Vector *v, gconstpointer data)
{
    static const char *const wanted =
        "b69effbf61b51d56401c0f65601abe428de8206feaaf0e32198896dcae7b35cd"
        "2b38950a39dfd5d4a79164614c2984f7daa460b588c1e80c3fa2068af7900447";
    guint8 key[CPACE_KEY];

    g_assert_true(cpace_finish(&v->input, v->ya, v->b.point, &v->a, &v->b, key));
    ASSERT_HEX(key, wanted);
    memset(key, 0, sizeof key);
    g_assert_true(cpace_finish(&v->input, v->yb, v->a.point, &v->a, &v->b, key));
    ASSERT_HEX(key, wanted);
}

/* The neutral element, and what is no encoding of a point (RFC 9496 A.3) */
static void test_bad_points(Vector *v, gconstpointer data)
{
    static const char *const bad[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        guint8 key[CPACE_KEY];

        read_hex(bad[i], v->b.point, CPACE_POINT);
        g_assert_false(cpace_finish(&v->input, v->ya, v->b.point, &v->a, &v->b, key));
    }
}

static void test_lengths(void)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    guint8 zeros[300] = {};

    cpace_append(out, NULL, 0);
    cpace_append(out, zeros, 127);
    cpace_append(out, zeros, 128);
    cpace_append(out, zeros, 300);
    g_assert_cmpuint(out->len, ==, 1 + 128 + 130 + 302);
    g_assert_cmpuint(out->data[0], ==, 0);
    g_assert_cmpuint(out->data[1], ==, 127);
    g_assert_cmpuint(out->data[129], ==, 0x80);
    g_assert_cmpuint(out->data[130], ==, 1);
    g_assert_cmpuint(out->data[259], ==, 0xac);
    g_assert_cmpuint(out->data[260], ==, 2);
}

/* ---- codes -------------------------------------------------------------------- */

static void test_codes(void)
{
    static const char *const good[] = {"123-4567-8901", "12345678901", " 123 4567 8901 ",
                                       "123–4567–8901", "１２３-４５６７-８９０１"};
    static const char *const bad[] = {
        "", "123", "1234567890", "123456789012", "123-4567-890x", "123.4567.8901"};
    g_autofree char *one = pairing_code_new(), *other = pairing_code_new();
    g_autofree char *digits = pairing_code_parse(one);

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *parsed = pairing_code_parse(good[i]);

        g_assert_cmpstr(parsed, ==, "12345678901");
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(pairing_code_parse(bad[i]));
    g_assert_cmpuint(strlen(one), ==, 13);
    g_assert_cmpuint(strlen(digits), ==, 11);
    g_assert_cmpstr(one, !=, other);
}

/* ---- runs --------------------------------------------------------------------- */

typedef struct {
    PairingRun *joiner, *host;
} Runs;

static void runs_begin(Runs *runs, const char *typed, const char *session)
{
    runs->host = pairing_run_new(PAIRING_HOST, "12345678901", "s", "host", KEY_A);
    runs->joiner = pairing_run_new(PAIRING_JOINER, typed, session, "joiner", KEY_B);
}

static void runs_end(Runs *runs)
{
    pairing_run_free(runs->host);
    pairing_run_free(runs->joiner);
}

/* Whether the host takes the joiner's tag, and then the joiner the host's. */
static bool runs_confirm(Runs *runs)
{
    g_autofree char *confirm = pairing_run_tag(runs->joiner);
    g_autofree char *done = pairing_run_tag(runs->host);
    bool host = pairing_run_take_tag(runs->host, confirm);
    bool joiner = pairing_run_take_tag(runs->joiner, done);

    g_assert_cmpint(host, ==, joiner);
    return host;
}

static void runs_share(Runs *runs, const char *ask, const char *answer)
{
    g_autofree char *own_ask = pairing_run_share(runs->joiner);
    g_autofree char *own_answer = pairing_run_share(runs->host);

    g_assert_true(pairing_run_take_share(runs->host, ask ? ask : own_ask));
    g_assert_true(pairing_run_take_share(runs->joiner, answer ? answer : own_answer));
}

static void test_run(void)
{
    Runs runs;
    g_autofree char *ask = NULL;

    runs_begin(&runs, "12345678901", "s");
    ask = pairing_run_share(runs.joiner);
    g_assert_true(pairing_ask_is_for(ask, "12300000000"));
    g_assert_false(pairing_ask_is_for(ask, "12400000000"));
    runs_share(&runs, NULL, NULL);
    g_assert_true(runs_confirm(&runs));
    g_assert_cmpstr(pairing_run_name(runs.host), ==, "joiner");
    g_assert_cmpstr(pairing_run_fingerprint(runs.host), ==, KEY_B);
    g_assert_cmpstr(pairing_run_name(runs.joiner), ==, "host");
    g_assert_cmpstr(pairing_run_fingerprint(runs.joiner), ==, KEY_A);
    runs_end(&runs);
}

static void test_wrong(void)
{
    static const char *const typed[] = {"12345678902", "12345678901"};
    static const char *const session[] = {"s", "t"};

    for (guint i = 0; i < 2; i++) {
        Runs runs;

        runs_begin(&runs, typed[i], session[i]);
        runs_share(&runs, NULL, NULL);
        g_assert_false(runs_confirm(&runs));
        runs_end(&runs);
    }
}

/* TEXT with every byte of the decoded message flipped in turn */
static char *flip(const char *text, gsize i)
{
    gsize length;
    g_autofree guchar *bytes = g_base64_decode(text, &length);

    if (i >= length)
        return NULL;
    bytes[i] ^= 0x01;
    return g_base64_encode(bytes, length);
}

/* Whatever a relay changes in either share, in any byte, nobody is paired. */
static void test_every_byte_counts(void)
{
    bool more = true;

    for (gsize i = 0; more; i++) {
        for (guint side = 0; side < 2; side++) {
            Runs runs;
            g_autofree char *ask = NULL, *answer = NULL, *changed = NULL, *tag = NULL;
            bool taken;

            runs_begin(&runs, "12345678901", "s");
            ask = pairing_run_share(runs.joiner);
            answer = pairing_run_share(runs.host);
            changed = flip(side ? ask : answer, i);
            more = changed != NULL;
            taken = more && pairing_run_take_share(runs.host, side ? changed : ask) &&
                    pairing_run_take_share(runs.joiner, side ? answer : changed);
            /* The slot only says for whom it is. */
            if (taken && i > PAIRING_SLOT_DIGITS) {
                tag = pairing_run_tag(runs.joiner);
                g_assert_false(pairing_run_take_tag(runs.host, tag));
            }
            runs_end(&runs);
        }
    }
}

/* A relay that answers with the joiner's own message has no way to a tag. */
static void test_reflection(void)
{
    Runs runs;
    g_autofree char *ask = NULL, *tag = NULL;

    runs_begin(&runs, "12345678901", "s");
    ask = pairing_run_share(runs.joiner);
    g_assert_false(pairing_run_take_share(runs.joiner, ask));
    runs_end(&runs);

    runs_begin(&runs, "12345678901", "s");
    runs_share(&runs, NULL, NULL);
    tag = pairing_run_tag(runs.joiner);
    g_assert_false(pairing_run_take_tag(runs.joiner, tag));
    runs_end(&runs);
}

static void test_a_run_is_for_one_try(void)
{
    Runs runs;
    g_autofree char *good = NULL;

    runs_begin(&runs, "12345678901", "s");
    g_assert_false(pairing_run_take_tag(runs.host, "AAAA")); /* too early: no state is lost */
    runs_share(&runs, NULL, NULL);
    good = pairing_run_tag(runs.joiner);
    g_assert_false(pairing_run_take_tag(runs.host, "AAAA"));
    g_assert_false(pairing_run_take_tag(runs.host, good));
    runs_end(&runs);
}

static void test_nonsense(void)
{
    static const char *const nonsense[] = {
        "", "=", "AA==", "AzEyMw==", "//////////8=", "not base64 at all!"};

    for (guint i = 0; i < G_N_ELEMENTS(nonsense); i++) {
        Runs runs;

        runs_begin(&runs, "12345678901", "s");
        g_assert_false(pairing_run_take_share(runs.host, nonsense[i]));
        g_assert_false(pairing_run_take_share(runs.joiner, nonsense[i]));
        runs_end(&runs);
    }
    g_assert_false(pairing_ask_is_for("", "12345678901"));
}

#define ADD(path, function)                                                                        \
    g_test_add(path, Vector, NULL, vector_set_up, function, vector_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("/cpace/generator", test_generator);
    ADD("/cpace/key", test_key);
    ADD("/cpace/bad-points", test_bad_points);
    g_test_add_func("/cpace/lengths", test_lengths);
    g_test_add_func("/pairing/codes", test_codes);
    g_test_add_func("/pairing/run", test_run);
    g_test_add_func("/pairing/wrong", test_wrong);
    g_test_add_func("/pairing/every-byte-counts", test_every_byte_counts);
    g_test_add_func("/pairing/reflection", test_reflection);
    g_test_add_func("/pairing/a-run-is-for-one-try", test_a_run_is_for_one_try);
    g_test_add_func("/pairing/nonsense", test_nonsense);
    return g_test_run();
}
