/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The signaling codec: what our kind and foreign clients write, what nobody
 * should, and random damage to both.
 */

#include <config.h>

#include "signaling/frame.h"

#include <string.h>

static Frame *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    Frame *frame = frame_parse(text, strlen(text), &error);

    g_assert_no_error(error);
    g_assert_nonnull(frame);
    return frame;
}

static void refuse(const char *text, FrameError code)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Frame) frame = frame_parse(text, strlen(text), &error);

    g_test_message("%.60s", text);
    g_assert_error(error, FRAME_ERROR, (int) code);
    g_assert_null(frame);
}

static void test_call(void)
{
    g_autoptr(Frame) bare = parse("{\"type\":\"call\"}");
    g_autoptr(Frame) full =
        parse("{\"type\":\"call\",\"from\":\"a\",\"to\":\"b\",\"session\":\"s\","
              "\"channel_id\":\"free text\",\"more\":[1,{}]}");

    g_assert_cmpint(bare->type, ==, FRAME_CALL);
    g_assert_null(bare->from);
    g_assert_null(bare->session);
    g_assert_null(bare->channel_id);
    g_assert_cmpint(full->type, ==, FRAME_CALL);
    g_assert_cmpstr(full->from, ==, "a");
    g_assert_cmpstr(full->to, ==, "b");
    g_assert_cmpstr(full->session, ==, "s");
    g_assert_cmpstr(full->channel_id, ==, "free text");
}

static void test_description(void)
{
    g_autoptr(Frame) object =
        parse("{\"type\":\"offer\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}}");
    g_autoptr(Frame) text = parse("{\"type\":\"answer\",\"sdp\":\"v=0\\r\\n\"}");
    g_autoptr(Frame) untyped = parse("{\"type\":\"answer\",\"sdp\":{\"sdp\":\"v=0\\r\\n\"}}");
    g_autoptr(Frame) other =
        parse("{\"type\":\"answer\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0\"}}");
    g_autoptr(Frame) none = parse("{\"type\":\"offer\"}");
    g_autoptr(Frame) number = parse("{\"type\":\"offer\",\"sdp\":7}");

    g_assert_cmpint(object->type, ==, FRAME_OFFER);
    g_assert_cmpstr(object->sdp, ==, "v=0\r\n");
    g_assert_cmpint(text->type, ==, FRAME_ANSWER);
    g_assert_cmpstr(text->sdp, ==, "v=0\r\n");
    g_assert_cmpstr(untyped->sdp, ==, "v=0\r\n");
    g_assert_null(other->sdp);
    g_assert_null(none->sdp);
    g_assert_null(number->sdp);
}

/* json-glib 1.6 keeps the memory of a string with half a surrogate pair, and reads on over
 * the quote that ends it: it never gets to see one. */
static void test_half_characters(void)
{
    g_autofree char *long_text = g_strnfill(60000, 'a');
    g_autofree char *leak =
        g_strdup_printf("{\"type\":\"x\",\"a\":\"%s\\udc00\\ud800\"}", long_text);
    const char *const frames[] = {
        leak,
        "{\"type\":\"call\",\"a\":\"\\ud800\",\"from\":\"\"}",
        "{\"type\":\"call\",\"a\":{\"b\":[\"\\ud800\\u0041\"]}}",
        "{\"type\":\"call\",\"\\udc00\":1}",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(frames); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(frame_parse(frames[i], strlen(frames[i]), &error));
        g_assert_error(error, FRAME_ERROR, FRAME_ERROR_SYNTAX);
        g_assert_cmpstr(error->message, ==, "half a surrogate pair in a string");
    }
}

#define HOST "candidate:1 1 UDP 2130706431 10.41.33.2 40000 typ host"

static void test_candidate(void)
{
    static const char *const ends[] = {
        "{\"type\":\"candidate\"}",
        "{\"type\":\"candidate\",\"candidate\":null}",
        "{\"type\":\"candidate\",\"candidate\":\"\"}",
        "{\"type\":\"candidate\",\"candidate\":{}}",
        "{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"\",\"sdpMid\":\"0\"}}",
        "{\"type\":\"candidate\",\"candidate\":{\"candidate\":null}}",
    };
    g_autoptr(Frame) object =
        parse("{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"" HOST "\","
              "\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"abcd\"}}");
    g_autoptr(Frame) text = parse("{\"type\":\"candidate\",\"candidate\":\"" HOST "\"}");
    g_autoptr(Frame) odd = parse("{\"type\":\"candidate\",\"candidate\":{\"candidate\":\"" HOST
                                 "\",\"sdpMid\":0,\"sdpMLineIndex\":-3}}");

    g_assert_cmpstr(object->candidate, ==, HOST);
    g_assert_cmpstr(object->mid, ==, "0");
    g_assert_cmpint(object->mline_index, ==, 0);
    g_assert_cmpstr(object->ufrag, ==, "abcd");
    g_assert_cmpstr(text->candidate, ==, HOST);
    g_assert_cmpint(text->mline_index, ==, -1);
    g_assert_null(odd->mid);
    g_assert_cmpint(odd->mline_index, ==, -1);
    for (guint i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autoptr(Frame) end = parse(ends[i]);

        g_assert_cmpint(end->type, ==, FRAME_CANDIDATE);
        g_assert_null(end->candidate);
    }
}

static void test_relay(void)
{
    g_autoptr(Frame) welcome =
        parse("{\"type\":\"welcome\",\"id\":\"me\",\"room\":\"r\",\"peers\":["
              "{\"id\":\"a\",\"name\":\"kitchen\"},{\"id\":\"b\"},{\"name\":\"no id\"},7,null],"
              "\"iceServers\":[{\"urls\":\"stun:s\"},{\"urls\":[\"turn:t\",3,\"turns:u\"],"
              "\"username\":\"n\",\"credential\":\"p\"},\"x\"]}");
    g_autoptr(Frame) empty = parse("{\"type\":\"welcome\",\"id\":7,\"peers\":{}}");
    g_autoptr(Frame) left = parse("{\"type\":\"left\",\"id\":\"a\",\"name\":\"kitchen\"}");
    g_autoptr(Frame) error = parse("{\"type\":\"error\",\"code\":\"no-such-peer\","
                                   "\"message\":\"gone\",\"to\":\"a\"}");
    const FramePeer *peer = welcome->peers->pdata[0];
    const FrameIceServer *server = welcome->ice_servers->pdata[1];

    g_assert_cmpstr(welcome->id, ==, "me");
    g_assert_cmpstr(welcome->room, ==, "r");
    g_assert_cmpuint(welcome->peers->len, ==, 2);
    g_assert_cmpstr(peer->id, ==, "a");
    g_assert_cmpstr(peer->name, ==, "kitchen");
    g_assert_cmpuint(welcome->ice_servers->len, ==, 2);
    g_assert_cmpuint(g_strv_length(server->urls), ==, 2);
    g_assert_cmpstr(server->urls[1], ==, "turns:u");
    g_assert_cmpstr(server->credential, ==, "p");
    g_assert_null(empty->id);
    g_assert_cmpuint(empty->peers->len, ==, 0);
    g_assert_cmpint(left->type, ==, FRAME_LEFT);
    g_assert_cmpstr(left->name, ==, "kitchen");
    g_assert_cmpint(error->type, ==, FRAME_RELAY_ERROR);
    g_assert_cmpstr(error->code, ==, "no-such-peer");
    g_assert_cmpstr(error->to, ==, "a");
}

static void test_unknown(void)
{
    static const char *const texts[] = {
        "{}",
        "{\"type\":\"dance\",\"sdp\":7}",
        "{\"type\":null}",
        "{\"type\":[\"call\"]}",
        "{\"type\":\"Call\"}",
        "{\"type\":\"unknown\"}",
        " { \"type\" : \"ping\" , \"x\" : [ [ [ ] ] ] } ",
    };

    for (guint i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(Frame) frame = parse(texts[i]);

        g_assert_cmpint(frame->type, ==, FRAME_UNKNOWN);
    }
}

static void test_refused(void)
{
    g_autofree char *deep = g_strnfill(100000, '[');
    g_autofree char *deep_member = g_strconcat("{\"type\":\"call\",\"x\":", deep, NULL);
    g_autofree char *name = g_strnfill(FRAME_MAX_NAME + 1, 'n');
    g_autofree char *long_name = g_strdup_printf("{\"type\":\"bye\",\"session\":\"%s\"}", name);
    g_autofree char *sdp = g_strnfill(FRAME_MAX_SDP + 1, 's');
    g_autofree char *long_sdp = g_strdup_printf("{\"type\":\"offer\",\"sdp\":\"%s\"}", sdp);
    g_autofree char *long_frame = g_strnfill(FRAME_MAX_LENGTH + 1, ' ');

    refuse("", FRAME_ERROR_SYNTAX);
    refuse("call", FRAME_ERROR_SYNTAX);
    refuse("[]", FRAME_ERROR_SYNTAX);
    refuse("42", FRAME_ERROR_SYNTAX);
    refuse("null", FRAME_ERROR_SYNTAX);
    refuse("{\"type\":\"call\"", FRAME_ERROR_SYNTAX);
    refuse("{\"type\":\"call\",}", FRAME_ERROR_SYNTAX);
    refuse("{\"type\":\"call\"} x", FRAME_ERROR_SYNTAX);
    refuse("{type:'call'}", FRAME_ERROR_SYNTAX);
    refuse("{\"type\":\"call\",\"x\":\"\xff\"}", FRAME_ERROR_SYNTAX);
    refuse(deep, FRAME_ERROR_SYNTAX);
    refuse(deep_member, FRAME_ERROR_SYNTAX);
    refuse(long_frame, FRAME_ERROR_SYNTAX);
    refuse(long_name, FRAME_ERROR_CONTENT);
    refuse(long_sdp, FRAME_ERROR_CONTENT);
}

/* What is written reads back the same. */
static void round_trip(const Frame *frame)
{
    g_autofree char *text = frame_write(frame);
    g_autoptr(Frame) back = parse(text);

    g_assert_cmpint(back->type, ==, frame->type);
    g_assert_null(back->from);
    g_assert_cmpstr(back->to, ==, frame->to);
    g_assert_cmpstr(back->session, ==, frame->session);
    g_assert_cmpstr(back->channel_id, ==, frame->channel_id);
    g_assert_cmpstr(back->sdp, ==, frame->sdp);
    g_assert_cmpstr(back->candidate, ==, frame->candidate);
    g_assert_cmpstr(back->mid, ==, frame->mid);
    g_assert_cmpint(back->mline_index, ==, frame->mline_index);
    g_assert_cmpstr(back->ufrag, ==, frame->ufrag);
    g_assert_cmpstr(back->reason, ==, frame->reason);
    g_assert_cmpstr(back->message, ==, frame->message);
}

static void test_write(void)
{
    g_autoptr(Frame) call = frame_new(FRAME_CALL);
    g_autoptr(Frame) offer = frame_new(FRAME_OFFER);
    g_autoptr(Frame) candidate = frame_new(FRAME_CANDIDATE);
    g_autoptr(Frame) end = frame_new(FRAME_CANDIDATE);
    g_autoptr(Frame) bye = frame_new(FRAME_BYE);
    g_autoptr(Frame) copy = NULL;
    g_autofree char *text = NULL;

    call->channel_id = g_strdup("\"quoted\" \\ \n ü");
    round_trip(call);
    offer->to = g_strdup("kitchen");
    offer->session = g_strdup("s1");
    offer->sdp = g_strdup("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n");
    round_trip(offer);
    candidate->candidate = g_strdup(HOST);
    candidate->mid = g_strdup("0");
    candidate->mline_index = 0;
    candidate->ufrag = g_strdup("abcd");
    round_trip(candidate);
    round_trip(end);
    round_trip(bye);
    bye->reason = g_strdup(FRAME_REASON_FAILED);
    bye->message = g_strdup("it did not work");
    round_trip(bye);
    copy = frame_copy(candidate);
    round_trip(copy);

    /* This is what foreign programs hand to RTCPeerConnection. */
    text = frame_write(offer);
    g_assert_nonnull(strstr(text, "\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0"));
}

/* A name is for people; what is compared or echoed is not ours to change. */
static void test_printable(void)
{
    static const char from_nobody[] = "{\"type\":\"bye\",\"from\":\"\\u001b[2J\"}";
    g_autoptr(Frame) joined =
        parse("{\"type\":\"joined\",\"id\":\"i\",\"name\":\"\\u001b[31ma\\n\\u202eb\\u009b\"}");
    g_autoptr(Frame) welcome =
        parse("{\"type\":\"welcome\",\"id\":\"me\",\"room\":\"r\\u2028\",\"peers\":["
              "{\"id\":\"i\",\"name\":\"\\ufeffx\"},{\"id\":\"\\n\",\"name\":\"y\"}]}");
    g_autoptr(Frame) call = parse(
        "{\"type\":\"call\",\"to\":\"\\u001b\",\"session\":\"\\n\",\"channel_id\":\"\\u202e\"}");
    g_autoptr(Frame) bad = frame_parse(from_nobody, strlen(from_nobody), NULL);

    g_assert_cmpstr(joined->name, ==, "\uFFFD[31ma\uFFFD\uFFFDb\uFFFD");
    g_assert_cmpstr(welcome->room, ==, "r\uFFFD");
    g_assert_cmpuint(welcome->peers->len, ==, 1);
    g_assert_cmpstr(((const FramePeer *) welcome->peers->pdata[0])->name, ==, "\uFFFDx");
    g_assert_cmpstr(call->to, ==, "\033");
    g_assert_cmpstr(call->session, ==, "\n");
    g_assert_cmpstr(call->channel_id, ==, "\u202e");
    g_assert_null(bad);
}

/* What a remote says of its failure is for people; too much of it is left out, and the rest heeded. */
static void test_message(void)
{
    g_autofree char *words = g_strnfill(FRAME_MAX_CANDIDATE + 1, 'w');
    g_autofree char *wordy =
        g_strdup_printf("{\"type\":\"bye\",\"reason\":\"failed\",\"message\":\"%s\"}", words);
    g_autoptr(Frame) bye = parse("{\"type\":\"bye\",\"message\":\"a\\u001b[2J\"}");
    g_autoptr(Frame) other = parse(wordy);

    g_assert_cmpstr(bye->message, ==, "a\uFFFD[2J");
    g_assert_null(other->message);
    g_assert_cmpstr(other->reason, ==, "failed");
}

static void describe(const char *text, const char *wanted)
{
    g_autoptr(Frame) frame = parse(text);
    g_autofree char *description = frame_describe(frame);

    g_assert_cmpstr(description, ==, wanted);
}

static void test_describe(void)
{
    describe("{\"type\":\"call\"}", "call");
    describe("{\"type\":\"offer\",\"sdp\":\"v=0 secret\"}", "offer");
    describe("{\"type\":\"candidate\"}", "end of candidates");
    describe("{\"type\":\"candidate\",\"candidate\":\"" HOST "\"}",
             "candidate host 10.41.33.2:40000 udp");
    describe("{\"type\":\"candidate\",\"candidate\":\"candidate:1 1 tcp 1 fd00::1 9 typ srflx "
             "raddr ::\"}",
             "candidate srflx [fd00::1]:9 tcp");
    describe("{\"type\":\"candidate\",\"candidate\":\"nonsense\"}",
             "candidate that makes no sense");
    describe("{\"type\":\"candidate\",\"candidate\":\"c 1 udp 1 \\u001b[31m 2 typ host\"}",
             "candidate host \uFFFD[31m:2 udp");
    describe("{\"type\":\"error\",\"code\":\"bad\\nframe\",\"message\":\"m\"}",
             "error bad\uFFFDframe: m");
}

/* Damaged frames are refused or read, never worse. */
static void test_mutations(void)
{
    static const char *const seeds[] = {
        ("{\"type\":\"candidate\",\"from\":\"a\",\"session\":\"s\",\"candidate\":{\"candidate\":"
         "\"" HOST "\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0,\"usernameFragment\":\"abcd\"}}"),
        "{\"type\":\"offer\",\"to\":\"b\",\"sdp\":{\"type\":\"offer\",\"sdp\":\"v=0\\r\\n\"}}",
        ("{\"type\":\"welcome\",\"id\":\"me\",\"peers\":[{\"id\":\"a\",\"name\":null}],"
         "\"iceServers\":[{\"urls\":[\"stun:s\"],\"username\":\"\\u00fc\"}]}"),
    };
    static const char bytes[] = "{}[]\",:\\u0 -1e9.ntf\xff\xc3";

    for (guint n = 0; n < 20000; n++) {
        g_autofree char *text = g_strdup(seeds[n % G_N_ELEMENTS(seeds)]);
        gsize length = strlen(text);
        g_autoptr(Frame) frame = NULL;

        for (int i = g_test_rand_int_range(1, 4); i > 0; i--)
            text[g_test_rand_int_range(0, length)] =
                bytes[g_test_rand_int_range(0, sizeof(bytes) - 1)];
        frame = frame_parse(text, g_test_rand_int_range(0, 8) ? length : length / 2, NULL);
        if (frame) {
            g_autofree char *description = frame_describe(frame);

            g_assert_true(g_utf8_validate(description, -1, NULL));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/call", test_call);
    g_test_add_func("/frame/description", test_description);
    g_test_add_func("/frame/half-characters", test_half_characters);
    g_test_add_func("/frame/candidate", test_candidate);
    g_test_add_func("/frame/relay", test_relay);
    g_test_add_func("/frame/unknown", test_unknown);
    g_test_add_func("/frame/refused", test_refused);
    g_test_add_func("/frame/write", test_write);
    g_test_add_func("/frame/printable", test_printable);
    g_test_add_func("/frame/message", test_message);
    g_test_add_func("/frame/describe", test_describe);
    g_test_add_func("/frame/mutations", test_mutations);
    return g_test_run();
}
