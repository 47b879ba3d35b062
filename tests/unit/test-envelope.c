/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The envelope of a frame: what is valid, whom it is for, and that nobody can
 * say who it is from. The second half mutates a corpus from a fixed seed and
 * compares with json-glib, which is more lenient but agrees where it matters.
 */

#include <config.h>

#include <json-glib/json-glib.h>
#include <string.h>

#include "signaling/envelope.h"

#define ID "0123456789abcdef0123456789abcdef"

static EnvelopeResult scan_text(const char *text)
{
    g_autofree char *exact = g_memdup2(text, strlen(text)); /* so that ASan sees an overrun */
    Envelope envelope;

    return envelope_scan(exact, strlen(text), &envelope);
}

static void test_valid(void)
{
    static const char *const frames[] = {
        "{}",
        " \t\r\n{ \n} ",
        "{\"a\":1}",
        "{\"a\":-0.5e+10,\"b\":0,\"c\":1E5,\"d\":-0}",
        "{\"a\":[],\"b\":[1,2,[3,{}]],\"c\":{\"d\":{}}}",
        "{\"a\":true,\"b\":false,\"c\":null}",
        "{\"\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\"}",
        "{\"\xc3\xa4\":\"\xe2\x82\xac\xf0\x9f\x98\x80\"}",
        "{\"to\":null}",
        "{\"x\":{\"to\":1,\"to\":2}}",
        "{\"a\":1,\"a\":2}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        g_test_message("%s", frames[i]);
        g_assert_cmpint(scan_text(frames[i]), ==, ENVELOPE_OK);
    }
}

static void test_invalid(void)
{
    static const struct {
        const char *frame;
        EnvelopeResult result;
    } cases[] = {
        {"", ENVELOPE_NOT_JSON},
        {" ", ENVELOPE_NOT_JSON},
        {"{", ENVELOPE_NOT_JSON},
        {"}", ENVELOPE_NOT_JSON},
        {"{}}", ENVELOPE_NOT_JSON},
        {"{} {}", ENVELOPE_NOT_JSON},
        {"{]", ENVELOPE_NOT_JSON},
        {"{\"a\"}", ENVELOPE_NOT_JSON},
        {"{\"a\":}", ENVELOPE_NOT_JSON},
        {"{\"a\":1,}", ENVELOPE_NOT_JSON},
        {"{,\"a\":1}", ENVELOPE_NOT_JSON},
        {"{\"a\":1 \"b\":2}", ENVELOPE_NOT_JSON},
        {"{\"a\":[1,]}", ENVELOPE_NOT_JSON},
        {"{\"a\":[1}", ENVELOPE_NOT_JSON},
        {"{a:1}", ENVELOPE_NOT_JSON},
        {"{'a':1}", ENVELOPE_NOT_JSON},
        {"{\"a\":01}", ENVELOPE_NOT_JSON},
        {"{\"a\":1.}", ENVELOPE_NOT_JSON},
        {"{\"a\":.5}", ENVELOPE_NOT_JSON},
        {"{\"a\":1e}", ENVELOPE_NOT_JSON},
        {"{\"a\":+1}", ENVELOPE_NOT_JSON},
        {"{\"a\":-}", ENVELOPE_NOT_JSON},
        {"{\"a\":NaN}", ENVELOPE_NOT_JSON},
        {"{\"a\":tru}", ENVELOPE_NOT_JSON},
        {"{\"a\":nulll}", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\n\"}", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\\x\"}", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\\u12g4\"}", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\\u12", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\\", ENVELOPE_NOT_JSON},
        {"{\"a\":\"b", ENVELOPE_NOT_JSON},
        {"{/**/}", ENVELOPE_NOT_JSON},
        {"\xef\xbb\xbf{}", ENVELOPE_NOT_JSON},
        {"[]", ENVELOPE_NOT_OBJECT},
        {"[{\"to\":1}]", ENVELOPE_NOT_OBJECT},
        {"\"text\"", ENVELOPE_NOT_OBJECT},
        {"17", ENVELOPE_NOT_OBJECT},
        {"null", ENVELOPE_NOT_OBJECT},
        {"[", ENVELOPE_NOT_JSON},
        {"{\"a\":\"\x80\"}", ENVELOPE_NOT_UTF8},
        {"{\"a\":\"\xc0\xaf\"}", ENVELOPE_NOT_UTF8},
        {"{\"a\":\"\xed\xa0\x80\"}", ENVELOPE_NOT_UTF8},
        {"{\"a\":\"\xf4\x90\x80\x80\"}", ENVELOPE_NOT_UTF8},
        {"{\"a\":\"\xe2\x82\"}", ENVELOPE_NOT_UTF8},
        {"no JSON and no UTF-8 \xff", ENVELOPE_NOT_UTF8},
        {"{\"a\":\"\\ud800\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\udbff", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\ud83dx\\ude00\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\ud83d\\n\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\ud83d\\u0041\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\ud83d\\ud83d\\ude00\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\uDC00\\uD800\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":\"\\ud83d\\ude00\\udfff\"}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\\udc00\":1}", ENVELOPE_HALF_CHARACTER},
        {"{\"a\":[{\"b\":[\"\\udead\"]}]}", ENVELOPE_HALF_CHARACTER},
        {"\"\\udc00\"", ENVELOPE_HALF_CHARACTER},
        {"{\"to\":1}", ENVELOPE_BAD_TO},
        {"{\"to\":{}}", ENVELOPE_BAD_TO},
        {"{\"to\":[\"a\"]}", ENVELOPE_BAD_TO},
        {"{\"to\":true}", ENVELOPE_BAD_TO},
        {"{\"to\":\"a\",\"to\":\"b\"}", ENVELOPE_BAD_TO},
        {"{\"to\":null,\"t\\u006f\":\"b\"}", ENVELOPE_BAD_TO},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s", cases[i].frame);
        g_assert_cmpint(scan_text(cases[i].frame), ==, cases[i].result);
    }
}

/* {"a":[[[…]]]}, DEPTH levels in all */
static char *nested(guint depth)
{
    GString *text = g_string_new("{\"a\":");

    for (guint i = 1; i < depth; i++)
        g_string_append_c(text, '[');
    for (guint i = 1; i < depth; i++)
        g_string_append_c(text, ']');
    if (depth == 1)
        g_string_append_c(text, '0');
    g_string_append_c(text, '}');
    return g_string_free(text, FALSE);
}

static void test_depth(void)
{
    g_autofree char *least = nested(1);
    g_autofree char *most = nested(ENVELOPE_MAX_DEPTH);
    g_autofree char *more = nested(ENVELOPE_MAX_DEPTH + 1);
    g_autofree char *huge = nested(100000);

    g_assert_cmpint(scan_text(least), ==, ENVELOPE_OK);
    g_assert_cmpint(scan_text(most), ==, ENVELOPE_OK);
    g_assert_cmpint(scan_text(more), ==, ENVELOPE_TOO_DEEP);
    g_assert_cmpint(scan_text(huge), ==, ENVELOPE_TOO_DEEP);
}

static char *text_of(const EnvelopeText *text)
{
    return text->data ? g_strndup(text->data, text->length) : g_strdup("(none)");
}

static void test_members(void)
{
    static const struct {
        const char *frame, *to, *type, *session;
    } cases[] = {
        {"{}", "(none)", "(none)", "(none)"},
        {"{\"to\":null,\"type\":5}", "(none)", "(none)", "(none)"},
        {"{\"type\":\"call\",\"t\\u0079pe\":\"bye\"}", "(none)", "bye", "(none)"},
        {"{\"type\":\"call\",\"type\":5}", "(none)", "(none)", "(none)"},
        {"{\"session\":\"a\",\"session\":{}}", "(none)", "(none)", "(none)"},
        {"{\"type\":\"call\",\"to\":\"kitchen\",\"session\":\"s1\"}", "kitchen", "call", "s1"},
        {"{\"t\\u006f\" : \"k\\u0069\"}", "k\\u0069", "(none)", "(none)"},
        {"{\"x\":{\"to\":\"no\",\"type\":\"no\"},\"type\":\"yes\"}", "(none)", "yes", "(none)"},
        {"{\"x\":[\"to\",\"type\"],\"to\":\"\"}", "", "(none)", "(none)"},
        {"{\"sdp\":{\"type\":\"offer\"},\"to\":\"a\"}", "a", "(none)", "(none)"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        Envelope envelope;
        g_autofree char *to = NULL, *type = NULL, *session = NULL;

        g_test_message("%s", cases[i].frame);
        g_assert_cmpint(envelope_scan(cases[i].frame, strlen(cases[i].frame), &envelope), ==,
                        ENVELOPE_OK);
        to = text_of(&envelope.to);
        type = text_of(&envelope.type);
        session = text_of(&envelope.session);
        g_assert_cmpstr(to, ==, cases[i].to);
        g_assert_cmpstr(type, ==, cases[i].type);
        g_assert_cmpstr(session, ==, cases[i].session);
    }
}

static char *stamp(const char *frame, size_t length)
{
    Envelope envelope;
    g_autofree char *out = NULL;
    size_t size;

    g_assert_cmpint(envelope_scan(frame, length, &envelope), ==, ENVELOPE_OK);
    size = envelope_stamped_size(&envelope, strlen(ID));
    out = g_malloc(size);
    g_assert_cmpuint(envelope_stamp(&envelope, ID, strlen(ID), out), ==, size);
    return g_strndup(out, size);
}

static void test_stamp(void)
{
    static const struct {
        const char *frame, *stamped;
    } cases[] = {
        {"{}", "{\"from\":\"" ID "\"}"},
        {" { } ", " {\"from\":\"" ID "\" } "},
        {"{\"a\":1}", "{\"from\":\"" ID "\",\"a\":1}"},
        {"{ \"b\" : 1.50e+1 ,\t\"a\":1e0 }",
         "{\"from\":\"" ID "\", \"b\" : 1.50e+1 ,\t\"a\":1e0 }"},
        {"{\"from\":\"x\"}", "{\"from\":\"" ID "\"}"},
        {"{\"from\":\"x\",\"a\":1}", "{\"from\":\"" ID "\",\"a\":1}"},
        {"{\"a\":1,\"from\":\"x\"}", "{\"from\":\"" ID "\",\"a\":1}"},
        {"{\"a\":1 , \"from\" : \"x\" , \"b\":2}", "{\"from\":\"" ID "\",\"a\":1 , \"b\":2}"},
        {"{\"from\":1,\"from\":[2],\"a\":3,\"from\":{}}", "{\"from\":\"" ID "\",\"a\":3}"},
        {"{\"\\u0066rom\":1,\"a\":3,\"fr\\u006Fm\":2}", "{\"from\":\"" ID "\",\"a\":3}"},
        {"{\"from\\u0000x\":1,\"a\":3}", "{\"from\":\"" ID "\",\"a\":3}"},
        {"{\"x\":{\"from\":\"kept\"},\"y\":[\"from\"]}",
         "{\"from\":\"" ID "\",\"x\":{\"from\":\"kept\"},\"y\":[\"from\"]}"},
        {"{\"From\":1,\"from \":2,\"fromage\":3,\"fro\":4,\"\\from\":5}",
         "{\"from\":\"" ID "\",\"From\":1,\"from \":2,\"fromage\":3,\"fro\":4,\"\\from\":5}"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *stamped = stamp(cases[i].frame, strlen(cases[i].frame));

        g_assert_cmpstr(stamped, ==, cases[i].stamped);
    }
}

/* More forged members than the scanner has places for */
static void test_stamp_many(void)
{
    for (guint n = 1; n < 40; n++) {
        g_autoptr(GString) frame = g_string_new("{\"a\":0");
        g_autoptr(GString) wanted = g_string_new("{\"from\":\"" ID "\",\"a\":0");
        g_autofree char *stamped = NULL;

        for (guint i = 0; i < n; i++) {
            g_string_append_printf(frame, ",\"from\":%u,\"b%u\":1", i, i);
            g_string_append_printf(wanted, ",\"b%u\":1", i);
        }
        g_string_append_c(frame, '}');
        g_string_append_c(wanted, '}');
        stamped = stamp(frame->str, frame->len);
        g_assert_cmpstr(stamped, ==, wanted->str);
    }
}

static void check_decode(const char *json, const char *wanted, size_t size)
{
    g_autofree char *frame = g_strdup_printf("{\"to\":\"%s\"}", json);
    Envelope envelope;
    char out[16];

    g_test_message("%s", json);
    g_assert_cmpint(envelope_scan(frame, strlen(frame), &envelope), ==, ENVELOPE_OK);
    if (wanted) {
        g_assert_true(envelope_decode(&envelope.to, out, size));
        g_assert_cmpstr(out, ==, wanted);
    } else {
        g_assert_false(envelope_decode(&envelope.to, out, size));
    }
}

static void test_decode(void)
{
    static const EnvelopeText none = {};
    char out[4];

    check_decode("", "", 1);
    check_decode("abc", "abc", 4);
    check_decode("abcd", NULL, 4);
    check_decode("\\u00e4\\n\\/", "\xc3\xa4\n/", 16);
    check_decode("\\ud83d\\uDE00", "\xf0\x9f\x98\x80", 5);
    check_decode("\\ud83d\\uDE00", NULL, 4);
    check_decode("a\\u0000b", NULL, 16);
    g_assert_false(envelope_decode(&none, out, sizeof out));
}

static const char *const corpus[] = {
    "{\"type\":\"call\",\"channel_id\":\"msg_channel\"}",
    "{\"type\":\"offer\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\no=- 1 2 IN IP4 0\\r\\n\"}}",
    ("{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"candidate:1 1 UDP 2 ::1 9 typ host\","
     "\"sdpMid\":\"0\",\"sdpMLineIndex\":0}}"),
    "{\"from\":\"x\",\"to\":\"y\",\"from\":[1,-2.5e3,true,null,{\"from\":{}}]}",
    "{ \"\\u0066rom\" : 1 , \"to\":null, \"a\":\"\\ud83d\\ude00\xc3\xa4\" }",
};

static GByteArray *mutate(GRand *random, const char *seed)
{
    static const char interesting[] = "{}[]\",:\\ufrom0123456789eE+-. \t\n\"\"tonul\xc3\xa4\xff";
    GByteArray *bytes = g_byte_array_new();
    gint32 changes = g_rand_int_range(random, 1, 6);

    g_byte_array_append(bytes, (const guint8 *) seed, (guint) strlen(seed));
    while (changes-- > 0 && bytes->len > 0) {
        guint at = (guint) g_rand_int_range(random, 0, (gint32) bytes->len);
        guint8 byte =
            (guint8) interesting[g_rand_int_range(random, 0, (gint32) sizeof interesting - 1)];

        switch (g_rand_int_range(random, 0, 4)) {
        case 0:
            bytes->data[at] = byte;
            break;
        case 1:
            g_byte_array_remove_index(bytes, at);
            break;
        case 2:
            g_byte_array_append(bytes, &byte, 1);
            memmove(bytes->data + at + 1, bytes->data + at, bytes->len - 1 - at);
            bytes->data[at] = byte;
            break;
        default:
            g_byte_array_set_size(bytes, at);
            break;
        }
    }
    return bytes;
}

static bool json_glib_object(const char *data, size_t length, JsonParser *parser)
{
    return json_parser_load_from_data(parser, data, (gssize) length, NULL) &&
           json_parser_get_root(parser) && JSON_NODE_HOLDS_OBJECT(json_parser_get_root(parser));
}

static void check_mutant(const char *data, size_t length)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autofree char *stamped = NULL;
    Envelope envelope, again;

    EnvelopeResult result = envelope_scan(data, length, &envelope);

    if (result == ENVELOPE_NOT_UTF8) {
        g_assert_false(g_utf8_validate(data, (gssize) length, NULL));
        return;
    }
    if (result != ENVELOPE_OK)
        return; /* json-glib takes more than the RFC does */
    g_assert_true(g_utf8_validate(data, (gssize) length, NULL));
    g_assert_true(json_glib_object(data, length, parser));
    stamped = stamp(data, length);
    g_assert_cmpint(envelope_scan(stamped, strlen(stamped), &again), ==, ENVELOPE_OK);
    g_assert_cmpuint(again.n_from, ==, 1);
    g_assert_cmpmem(again.from.data, again.from.length, ID, strlen(ID));
    g_assert_cmpuint(again.to.length, ==, envelope.to.length);
    g_assert_true(json_glib_object(stamped, strlen(stamped), parser));
    g_assert_cmpstr(
        json_object_get_string_member(json_node_get_object(json_parser_get_root(parser)), "from"),
        ==, ID);
}

static void test_mutants(void)
{
    g_autoptr(GRand) random = g_rand_new_with_seed(41337);

    for (guint i = 0; i < 40000; i++) {
        g_autoptr(GByteArray) bytes = mutate(random, corpus[i % G_N_ELEMENTS(corpus)]);
        g_autofree char *exact = g_memdup2(bytes->data, bytes->len);

        check_mutant(exact ? exact : "", bytes->len);
    }
}

/* Every beginning of a valid frame is refused, and none is read beyond. */
static void test_beginnings(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(corpus); i++) {
        for (size_t length = 0; length < strlen(corpus[i]); length++) {
            g_autofree char *exact = g_memdup2(corpus[i], length);
            Envelope envelope;
            EnvelopeResult result = envelope_scan(exact ? exact : "", length, &envelope);

            g_assert_true(result == ENVELOPE_NOT_JSON || result == ENVELOPE_NOT_UTF8 ||
                          result == ENVELOPE_HALF_CHARACTER);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/envelope/valid", test_valid);
    g_test_add_func("/envelope/invalid", test_invalid);
    g_test_add_func("/envelope/depth", test_depth);
    g_test_add_func("/envelope/members", test_members);
    g_test_add_func("/envelope/stamp", test_stamp);
    g_test_add_func("/envelope/stamp-many", test_stamp_many);
    g_test_add_func("/envelope/decode", test_decode);
    g_test_add_func("/envelope/mutants", test_mutants);
    g_test_add_func("/envelope/beginnings", test_beginnings);
    return g_test_run();
}
