/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The gate before usrsctp: each rule by a packet that passes and by one that
 * does not. test-association.c has what usrsctp makes of them.
 */

#include <config.h>

#include "rtc/sctp/gate.h"

#include <string.h>

#define OURS 0x0a0b0c0d
#define HEADER                                                                                     \
    "13881389"                                                                                     \
    "0a0b0c0d"                                                                                     \
    "00000000"
#define HEADER_INIT                                                                                \
    "13881389"                                                                                     \
    "00000000"                                                                                     \
    "00000000"
/* Initiate tag, window, streams, TSN */
#define INIT_FIELDS                                                                                \
    "deadbeef"                                                                                     \
    "00020000"                                                                                     \
    "0010"                                                                                         \
    "0400"                                                                                         \
    "00000001"

static GByteArray *parse_hex(const char *hex)
{
    GByteArray *bytes = g_byte_array_new();

    for (const char *at = hex; *at; at += at[0] == ' ' ? 1 : 2) {
        guint8 byte;

        if (*at == ' ')
            continue;
        byte = g_ascii_xdigit_value(at[0]) << 4 | g_ascii_xdigit_value(at[1]);
        g_byte_array_append(bytes, &byte, 1);
    }
    return bytes;
}

static Gate standing_gate(void)
{
    return (Gate){.local_port = 0x1389, .remote_port = 0x1388, .tag = OURS, .connected = true};
}

typedef struct {
    const char *what, *packet;
    GateVerdict verdict;
    const char *edited; /* NULL: nothing is left, or all is */
} Case;

static void check_case(const Gate *gate, const Case *what)
{
    g_autoptr(GByteArray) packet = parse_hex(what->packet);
    g_autoptr(GByteArray) copy = parse_hex(what->packet);
    GateReport report;
    GateVerdict verdict = gate_check(gate, packet->data, packet->len, &report);
    gsize left;

    if (verdict != what->verdict)
        g_error("%s: %d, not %d (%s)", what->what, verdict, what->verdict,
                report.reason ? report.reason : "-");
    g_assert_true((verdict == GATE_PASS) == (report.reason == NULL));
    g_assert_cmpmem(packet->data, packet->len, copy->data, copy->len);
    left = gate_edit(gate, G_MAXUINT32, copy->data, copy->len);
    if (what->edited) {
        g_autoptr(GByteArray) edited = parse_hex(what->edited);

        g_assert_cmpmem(copy->data, left, edited->data, edited->len);
    } else {
        g_assert_cmpuint(left, ==, verdict == GATE_DROP ? 0 : packet->len);
    }
}

#define SACK "03000010 00000005 00100000 0000 0000"
#define DATA "00030014 00000009 0001 0000 00000033 61626364"

static void test_standing(void)
{
    static const Case cases[] = {
        {"DATA", HEADER DATA DATA, GATE_PASS},
        {"DATA that is not padded at the end", HEADER "00030011 00000009 0001 0000 00000033 61",
         GATE_PASS},
        {"DATA without user data is for usrsctp to abort at",
         HEADER "00030010 00000009 0001 0000 00000033", GATE_PASS},
        {"DATA shorter than its header", HEADER "0003000f 00000009 0001 0000 00000033", GATE_DROP},
        {"SACK and DATA", HEADER SACK DATA, GATE_PASS},
        {"SACK behind DATA", HEADER DATA SACK, GATE_DROP},
        {"no chunk", HEADER, GATE_DROP},
        {"half a chunk", HEADER "0003", GATE_DROP},
        {"a chunk of length 0", HEADER "03000000", GATE_DROP},
        {"a chunk of length 3", HEADER "0b000003", GATE_DROP},
        {"a chunk beyond the packet", HEADER "00030015 00000009 0001 0000 00000033 61626364",
         GATE_DROP},
        {"bytes behind the last chunk", HEADER SACK "0000", GATE_DROP},
        {"another source port",
         "13871389"
         "0a0b0c0d"
         "00000000" DATA,
         GATE_DROP},
        {"another destination port",
         "13881388"
         "0a0b0c0d"
         "00000000" DATA,
         GATE_DROP},
        {"another tag",
         "13881389"
         "0a0b0c0e"
         "00000000" DATA,
         GATE_DROP},
        {"tag 0", HEADER_INIT DATA, GATE_DROP},
        {"ABORT with the remote's own tag",
         "13881389"
         "01010101"
         "00000000"
         "06010004",
         GATE_PASS},
        {"ABORT with another tag",
         "13881389"
         "01010101"
         "00000000"
         "06000004",
         GATE_DROP},
        {"HEARTBEAT", HEADER "0400000c 00010008 01020304", GATE_PASS},
        {"HEARTBEAT-ACK, its information not padded", HEADER "0500000b 00010007 010203", GATE_PASS},
        {"HEARTBEAT without information", HEADER "04000004", GATE_DROP},
        {"HEARTBEAT with information of length 0", HEADER "04000008 00010000", GATE_DROP},
        {"HEARTBEAT with information beyond it", HEADER "04000008 00010008", GATE_DROP},
        {"HEARTBEAT with something else", HEADER "04000008 00020004", GATE_DROP},
        {"SHUTDOWN", HEADER "07000008 00000001", GATE_PASS},
        {"SHUTDOWN without a TSN", HEADER "07000004", GATE_DROP},
        {"SHUTDOWN-ACK", HEADER "08000004", GATE_PASS},
        {"SHUTDOWN-ACK with a value", HEADER "08000008 00000001", GATE_DROP},
        {"SHUTDOWN-COMPLETE", HEADER "0e000004", GATE_PASS},
        {"SHUTDOWN-COMPLETE beside DATA", HEADER "0e000004" DATA, GATE_DROP},
        {"SHUTDOWN-COMPLETE behind a SACK", HEADER SACK "0e000004", GATE_DROP},
        {"COOKIE-ACK and DATA", HEADER "0b000004" DATA, GATE_PASS},
        {"padding",
         HEADER "0400000c 00010008 01020304"
                "84000008 00000000",
         GATE_PASS},
        {"padding behind DATA", HEADER DATA "84000008 00000000", GATE_PASS},
        {"FORWARD-TSN", HEADER "c0000008 00000009", GATE_PASS},
        {"FORWARD-TSN with streams", HEADER "c0000010 00000009 00010001 00020002", GATE_PASS},
        {"FORWARD-TSN with half a stream", HEADER "c000000a 00000009 00010000", GATE_DROP},
        {"FORWARD-TSN without a TSN", HEADER "c0000004", GATE_DROP},
    };
    Gate gate = standing_gate();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
}

/* What is not negotiated is treated as what is not known (RFC 9260 3.2). */
static void test_unknown_chunks(void)
{
    static const Case cases[] = {
        {"to be passed over, in front", HEADER "bf000006 01020000" DATA, GATE_EDIT,
         HEADER "84000006 01020000" DATA},
        {"to be passed over and reported, behind", HEADER DATA "ff000004", GATE_EDIT,
         HEADER DATA "84000004"},
        {"the end of the packet", HEADER SACK "3f000004" DATA, GATE_EDIT, HEADER SACK},
        {"the end, to be reported", HEADER SACK "7f000004" DATA, GATE_EDIT, HEADER SACK},
        {"the end at the beginning", HEADER "3f000004" DATA, GATE_DROP},
        {"AUTH", HEADER "0f000008 00000001" DATA, GATE_DROP},
        {"ECN echo", HEADER SACK "0c000008 00000001" DATA, GATE_EDIT, HEADER SACK},
        {"NR-SACK", HEADER "10000004" DATA, GATE_DROP},
        {"I-DATA", HEADER "40030018 00000009 0001 0000 00000000 00000033 61626364", GATE_DROP},
        {"ASCONF-ACK", HEADER "80000008 00000001" DATA, GATE_EDIT, HEADER "84000008 00000001" DATA},
        {"packet dropped", HEADER "81000004" DATA, GATE_EDIT, HEADER "84000004" DATA},
        {"ASCONF", HEADER "c1000008 00000001" DATA, GATE_EDIT, HEADER "84000008 00000001" DATA},
        {"I-FORWARD-TSN", HEADER "c2000008 00000001" DATA, GATE_EDIT,
         HEADER "84000008 00000001" DATA},
    };
    Gate gate = standing_gate();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
}

static void test_causes(void)
{
    static const Case cases[] = {
        {"ABORT", HEADER "06000004", GATE_PASS},
        {"ABORT by the user", HEADER "0600000b 000c0007 627965", GATE_PASS},
        {"ABORT by a NAT, which usrsctp does not take for one", HEADER "06000008 00b00004" DATA,
         GATE_EDIT, HEADER "06000004"},
        {"ABORT with a cause of length 0", HEADER "06000008 000c0000", GATE_EDIT,
         HEADER "06000004"},
        {"ERROR", HEADER "0900000c 00010008 00010000", GATE_PASS},
        {"ERROR with two causes", HEADER "09000010 00060008 0f000004 000d0004", GATE_PASS},
        {"ERROR by a NAT", HEADER "09000008 00b10004" DATA, GATE_EDIT,
         HEADER "84000008 00b10004" DATA},
        {"ERROR with a cause of length 0", HEADER "09000008 00010000" DATA, GATE_EDIT,
         HEADER "84000008 00010000" DATA},
        {"ERROR with a cause beyond it", HEADER "09000008 00010008" DATA, GATE_EDIT,
         HEADER "84000008 00010008" DATA},
    };
    g_autoptr(GByteArray) large = parse_hex(HEADER "0900020c 00010208");
    Gate gate = standing_gate();
    GateReport report;

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
    /* usrsctp has 512 bytes of it. */
    g_byte_array_set_size(large, 12 + 0x20c);
    g_assert_cmpint(gate_check(&gate, large->data, large->len, &report), ==, GATE_EDIT);
}

static void test_sacks(void)
{
    static const Case cases[] = {
        {"blocks and duplicates",
         HEADER "0300001c 00000005 00100000 0002 0001 00020003 00050009 00000004", GATE_PASS},
        {"counts beyond the chunk", HEADER "03000014 00000005 00100000 0002 0000 00020003",
         GATE_DROP},
        {"counts short of the chunk",
         HEADER "03000018 00000005 00100000 0001 0000 00020003 00050006", GATE_DROP},
        {"blocks that begin anew, as where TSNs do",
         HEADER "03000018 00000005 00100000 0002 0000 00050009 00020003", GATE_PASS},
        {"blocks that begin anew each time",
         HEADER "0300002c 00000005 00100000 0007 0000 00060009 00050009 00040009 00030009"
                "00020009 00010009 00020009" DATA,
         GATE_EDIT,
         HEADER "8400002c 00000005 00100000 0007 0000 00060009 00050009 00040009 00030009"
                "00020009 00010009 00020009" DATA},
        {"a block that ends before it begins",
         HEADER "03000014 00000005 00100000 0001 0000 00050002", GATE_EDIT},
        {"a block that begins at the acknowledged",
         HEADER "03000014 00000005 00100000 0001 0000 00000002", GATE_EDIT},
    };
    g_autoptr(GByteArray) packet = parse_hex(cases[0].packet);
    Gate gate = standing_gate();
    GateReport report;

    for (gsize i = 0; i < G_N_ELEMENTS(cases) - 2; i++)
        check_case(&gate, &cases[i]);
    for (gsize i = G_N_ELEMENTS(cases) - 2; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GByteArray) copy = parse_hex(cases[i].packet);

        g_assert_cmpint(gate_check(&gate, copy->data, copy->len, &report), ==, GATE_EDIT);
        gate_edit(&gate, 100, copy->data, copy->len);
        g_assert_cmphex(copy->data[12], ==, 0x84);
    }
    gate_check(&gate, packet->data, packet->len, &report);
    g_assert_cmpuint(report.gap_end, ==, 9);
    g_assert_cmpuint(gate_edit(&gate, 9, packet->data, packet->len), ==, packet->len);
    g_assert_cmphex(packet->data[12], ==, 3);
    g_assert_cmpuint(gate_edit(&gate, 8, packet->data, packet->len), ==, packet->len);
    g_assert_cmphex(packet->data[12], ==, 0x84); /* the ninth has not been sent */
}

static void test_re_config(void)
{
    static const Case cases[] = {
        {"reset of two streams", HEADER "82000018 000d0014 00000001 00000002 00000003 00010003",
         GATE_PASS},
        {"reset of one", HEADER "82000016 000d0012 00000001 00000002 00000003 00010000", GATE_PASS},
        {"reset with half a stream", HEADER "82000015 000d0011 00000001 00000002 00000003 00000000",
         GATE_DROP},
        {"reset that is too short", HEADER "82000010 000d000c 00000001 00000002", GATE_DROP},
        {"answer and reset",
         HEADER "82000022 0010000c 00000001 00000001 000d0012 00000001 00000002 00000003 00010000",
         GATE_PASS},
        {"more streams", HEADER "82000010 0011000c 00000001 00100000", GATE_PASS},
        {"answer with TSNs", HEADER "82000018 00100014 00000001 00000001 00000001 00000002",
         GATE_PASS},
        {"answer that is too short", HEADER "82000010 00100008 00000001 00000000", GATE_DROP},
        {"length 0", HEADER "82000010 000d0000 00000001 00000002", GATE_DROP},
        {"three parameters",
         HEADER "82000028 0010000c 00000001 00000001 0010000c 00000001 00000001"
                "0010000c 00000001 00000001",
         GATE_DROP},
        {"half of one of our streams", HEADER "8200000d 000e0009 00000001 00000000", GATE_DROP},
        {"reset of the TSNs that is too long", HEADER "82000010 000f000c 00000001 00000000",
         GATE_DROP},
        {"a request that nobody knows", HEADER "82000010 0013000c 00000001 00100000" DATA,
         GATE_EDIT, HEADER "84000010 0013000c 00000001 00100000" DATA},
    };
    Gate gate = standing_gate();

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
}

/* They pass, and are to be denied. */
static void test_denied(void)
{
    static const char *const packets[] = {
        HEADER "8200000e 000e000a 00000001 00010000" DATA, /* reset of our streams */
        HEADER "8200000c 000f0008 00000001" DATA,          /* of all TSNs */
        HEADER "82000010 0012000c 00000001 00100000" DATA, /* more streams of ours */
        HEADER "82000010 0011000c 00000001 00100000" DATA, /* of theirs: may be done */
    };
    Gate gate = standing_gate();

    for (gsize i = 0; i < G_N_ELEMENTS(packets); i++) {
        g_autoptr(GByteArray) packet = parse_hex(packets[i]);
        GateReport report;

        g_assert_cmpint(gate_check(&gate, packet->data, packet->len, &report), ==, GATE_PASS);
        g_assert_cmpint(report.denied, ==, i < 3);
    }
}

/* Resets that usrsctp keeps are counted by its answers. */
static void test_kept_resets(void)
{
    Gate gate = standing_gate();
    g_autoptr(GByteArray) request =
        parse_hex(HEADER "82000016 000d0012 00000009 00000002 ffffffff 00010000");
    g_autoptr(GByteArray) answer = parse_hex(HEADER "82000010 0010000c 00000009 00000006");
    GateReport report;

    for (guint i = 0; i < GATE_RESETS_MAX; i++) {
        request->data[23] = answer->data[23] = i;
        g_assert_cmpint(gate_check(&gate, request->data, request->len, &report), ==, GATE_PASS);
        gate_sent(&gate, answer->data, answer->len);
        gate_sent(&gate, answer->data, answer->len);
    }
    g_assert_cmpuint(gate.n_resets, ==, GATE_RESETS_MAX);
    /* The same again is not another one. */
    g_assert_cmpint(gate_check(&gate, request->data, request->len, &report), ==, GATE_PASS);
    request->data[23] = GATE_RESETS_MAX;
    g_assert_cmpint(gate_check(&gate, request->data, request->len, &report), ==, GATE_EDIT);
    answer->data[27] = 1; /* the last has been carried out */
    gate_sent(&gate, answer->data, answer->len);
    g_assert_cmpint(gate_check(&gate, request->data, request->len, &report), ==, GATE_PASS);
}

static void test_set_up(void)
{
    static const Case cases[] = {
        {"INIT", HEADER_INIT "01000014" INIT_FIELDS, GATE_PASS},
        {"INIT-ACK", HEADER "0200001c" INIT_FIELDS "00070008 01020304", GATE_PASS},
        {"INIT of a browser",
         HEADER_INIT "01000024" INIT_FIELDS "c0000004"
                     "80080009 c0 82 40 82 c0 000000",
         GATE_PASS},
        {"INIT with a tag", HEADER "01000014" INIT_FIELDS, GATE_DROP},
        {"INIT-ACK without a tag", HEADER_INIT "0200001c" INIT_FIELDS "00070008 01020304",
         GATE_DROP},
        {"INIT beside DATA", HEADER_INIT "01000014" INIT_FIELDS DATA, GATE_DROP},
        {"INIT behind DATA", HEADER DATA "01000014" INIT_FIELDS, GATE_DROP},
        {"INIT that is too short",
         HEADER_INIT "01000010"
                     "deadbeef 00020000 00100400",
         GATE_DROP},
        {"tag of 0",
         HEADER_INIT "01000014"
                     "00000000 00020000 00100400 00000001",
         GATE_DROP},
        {"window of 0",
         HEADER_INIT "01000014"
                     "deadbeef 00000000 00100400 00000001",
         GATE_DROP},
        {"no streams out",
         HEADER_INIT "01000014"
                     "deadbeef 00020000 00000400 00000001",
         GATE_DROP},
        {"no streams in",
         HEADER_INIT "01000014"
                     "deadbeef 00020000 00100000 00000001",
         GATE_DROP},
        {"a parameter of length 0", HEADER_INIT "01000018" INIT_FIELDS "c0ff0000", GATE_DROP},
        {"a parameter of length 3", HEADER_INIT "01000018" INIT_FIELDS "80080003", GATE_DROP},
        {"a parameter beyond the chunk", HEADER_INIT "01000018" INIT_FIELDS "80080008", GATE_DROP},
        {"half a parameter", HEADER_INIT "01000016" INIT_FIELDS "80080000", GATE_DROP},
        {"an IPv4 address", HEADER_INIT "0100001c" INIT_FIELDS "00050008 0a000001", GATE_PASS},
        {"an IPv4 address of 6 bytes",
         HEADER_INIT "0100001e" INIT_FIELDS "0005000a 0a000001 00000000", GATE_DROP},
        {"a host name", HEADER_INIT "0100001c" INIT_FIELDS "000b0008 61620000", GATE_DROP},
        {"a cookie in an INIT", HEADER_INIT "0100001c" INIT_FIELDS "00070008 01020304", GATE_DROP},
        {"no cookie in an INIT-ACK", HEADER "02000014" INIT_FIELDS, GATE_DROP},
        {"a random number of 4 bytes", HEADER_INIT "0100001c" INIT_FIELDS "80020008 01020304",
         GATE_DROP},
        {"zero checksum, to be passed over", HEADER_INIT "0100001c" INIT_FIELDS "80010008 00000001",
         GATE_PASS},
        {"NAT support, of which usrsctp would hear",
         HEADER_INIT "0100001c" INIT_FIELDS "c0070004 c0000004", GATE_EDIT,
         HEADER_INIT "0100001c" INIT_FIELDS "80050004 c0000004"},
        {"COOKIE-ECHO and DATA", HEADER "0a000008 01020304" DATA, GATE_PASS},
        {"COOKIE-ECHO behind another", HEADER SACK "0a000008 01020304", GATE_DROP},
        {"COOKIE-ECHO without a cookie", HEADER "0a000004", GATE_DROP},
    };
    Gate gate = standing_gate();

    gate.connected = false;
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
}

/* Only the whole same COOKIE-ECHO again, and no INIT (RFC 9260 5.2.4). */
static void test_restart(void)
{
    static const Case cases[] = {
        {"the same", HEADER "0a00000c 01020304 05060708" DATA, GATE_PASS},
        {"another", HEADER "0a00000c 01020304 05060709" DATA, GATE_EDIT,
         HEADER "8400000c 01020304 05060709" DATA},
        {"a shorter one", HEADER "0a000008 01020304", GATE_EDIT, HEADER "84000008 01020304"},
        {"a longer one", HEADER "0a000010 01020304 05060708 00000000", GATE_EDIT,
         HEADER "84000010 01020304 05060708 00000000"},
        {"another flag", HEADER "0a01000c 01020304 05060708", GATE_EDIT,
         HEADER "8401000c 01020304 05060708"},
        {"INIT", HEADER_INIT "01000014" INIT_FIELDS, GATE_DROP},
        {"INIT-ACK", HEADER "0200001c" INIT_FIELDS "00070008 01020304", GATE_DROP},
    };
    g_autoptr(GByteArray) stale = parse_hex(HEADER "0a000008 01020304");
    g_autoptr(GByteArray) good = parse_hex(HEADER "0a00000c 01020304 05060708" DATA);
    g_autoptr(GByteArray) late = parse_hex(HEADER "0a000008 ffffffff");
    Gate gate = standing_gate();

    gate.connected = false;
    gate_passed(&gate, stale->data, stale->len);
    gate_passed(&gate, good->data, good->len);
    gate.connected = true;
    gate_passed(&gate, late->data, late->len);
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++)
        check_case(&gate, &cases[i]);
    gate_clear(&gate);
    g_assert_null(gate.cookie);
    check_case(&gate, &cases[2]); /* there was none: the remote took ours */
}

/* Our tag is that of our INIT. */
static void test_tag(void)
{
    g_autoptr(GByteArray) init = parse_hex("13891388"
                                           "00000000"
                                           "00000000"
                                           "01000014"
                                           "01020304"
                                           "00020000"
                                           "0010"
                                           "0400"
                                           "00000001");
    g_autoptr(GByteArray) data = parse_hex(HEADER DATA);
    Gate gate = standing_gate();
    GateReport report;

    gate.tag = 0;
    g_assert_cmpint(gate_check(&gate, data->data, data->len, &report), ==, GATE_PASS);
    gate_sent(&gate, init->data, init->len);
    g_assert_cmphex(gate.tag, ==, 0x01020304);
    g_assert_cmpint(gate_check(&gate, data->data, data->len, &report), ==, GATE_DROP);
}

/* Whatever comes: what is left passes, and nothing behind the packet is touched. */
static void test_noise(void)
{
    static const guint8 types[] = {0, 1, 2, 3, 4, 5, 6, 9, 10, 11, 14, 130, 132, 192, 15, 200};
    g_autoptr(GRand) random = g_rand_new_with_seed(7);

    for (guint i = 0; i < 200000; i++) {
        Gate gate = standing_gate();
        gsize length = g_rand_int_range(random, 12, 120);
        g_autofree guint8 *packet = g_malloc(length);
        GateReport report;
        gsize left;

        for (gsize j = 0; j < length; j++)
            packet[j] = g_rand_int_range(random, 0, 256) & g_rand_int_range(random, 0, 256);
        memcpy(packet, "\x13\x88\x13\x89\x0a\x0b\x0c\x0d", 8);
        for (gsize at = 12; at + 4 <= length;) {
            guint chunk = g_rand_int_range(random, 4, 40);

            packet[at] = types[g_rand_int_range(random, 0, sizeof types)];
            packet[at + 2] = 0;
            packet[at + 3] = chunk;
            at += (chunk + 3) & ~3u;
        }
        gate.connected = i % 2;
        left = gate_edit(&gate, 50, packet, length);
        g_assert_cmpuint(left, <=, length);
        if (left > 0 && (packet[12] != 1 || gate.connected))
            g_assert_cmpint(gate_check(&gate, packet, left, &report), ==, GATE_PASS);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gate/standing", test_standing);
    g_test_add_func("/gate/unknown-chunks", test_unknown_chunks);
    g_test_add_func("/gate/causes", test_causes);
    g_test_add_func("/gate/sacks", test_sacks);
    g_test_add_func("/gate/re-config", test_re_config);
    g_test_add_func("/gate/denied", test_denied);
    g_test_add_func("/gate/kept-resets", test_kept_resets);
    g_test_add_func("/gate/set-up", test_set_up);
    g_test_add_func("/gate/restart", test_restart);
    g_test_add_func("/gate/tag", test_tag);
    g_test_add_func("/gate/noise", test_noise);
    return g_test_run();
}
