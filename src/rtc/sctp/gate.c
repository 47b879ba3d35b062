/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One walk over the chunks of a packet (RFC 9260 3) judges each by the table
 * of rules. gate_check() only looks, gate_edit() does the same walk and writes
 * what the judgement says into the packet, so the two cannot differ.
 *
 * What RFC 9260 3.2 wants with chunks that are not known holds for all that are
 * not in the table, also for those that usrsctp knows: the two upper bits of
 * the type say whether the rest of the packet is read. Only reports to the
 * sender are left out.
 */

#include <config.h>

#include "rtc/sctp/gate.h"

#include <string.h>

#include "rtc/sctp/chunks.h"

#define TLV_HEADER 4 /* of a chunk, a parameter and an error cause alike */
#define PADDED(length) (((gsize) (length) + 3) & ~(gsize) 3)
#define TYPE_SKIP 0x80 /* an unknown chunk is passed over, and not the end of the packet */

#define FLAG_T 1 /* the tag is the sender's own (RFC 9260 8.5.1) */

/* usrsctp has so much of a chunk in one piece, and reads the causes of an error from that. */
#define CONTIGUOUS_MAX 512
/* What comes before the association is up cannot be in fragments of anything. */
#define SETUP_MAX 4096
/* The answer to a HEARTBEAT is as long as it is, and has to fit into a small packet. */
#define HEARTBEAT_MAX 1024

typedef enum {
    JUDGE_PASS,
    JUDGE_BLANK, /* becomes padding */
    JUDGE_BARE,  /* becomes a chunk without a value */
    JUDGE_STOP,  /* it and all behind it is not read */
    JUDGE_BAD,   /* nothing of the packet may pass */
} Judgement;

typedef struct {
    const Gate *gate;
    guint8 *edit; /* the packet, to be edited; NULL: only looked at */
    guint32 outstanding;
    GateReport report;
    bool edited; /* or would be */
    bool data;   /* DATA has come */
    bool first;  /* this is the first chunk */
} Walk;

typedef struct {
    guint16 least, most; /* of the length in the header; `most` 0: no limit of its own */
    bool alone;          /* in its packet */
    Judgement (*judge)(Walk *walk, const guint8 *chunk, gsize length);
} ChunkRule;

static Judgement judged(Walk *walk, Judgement judgement, const char *reason)
{
    if (!walk->report.reason)
        walk->report.reason = reason;
    return judgement;
}

/* ---- lists of parameters and of error causes ---- */

typedef struct {
    const guint8 *at; /* the next one; behind next_tlv(), where the one after that is */
    gsize left;
    guint16 type;
    gsize length; /* of the one that next_tlv() has found, header included */
    const guint8 *tlv;
} TlvList;

static TlvList tlv_list(const guint8 *chunk, gsize length, gsize header)
{
    return (TlvList){.at = chunk + header, .left = length - header};
}

/* False at the end of LIST, and where it is malformed: then something is left. */
static bool next_tlv(TlvList *list)
{
    gsize padded;

    if (list->left < TLV_HEADER)
        return false;
    list->tlv = list->at;
    list->type = get16(list->at);
    list->length = get16(list->at + 2);
    if (list->length < TLV_HEADER || list->length > list->left)
        return false;
    padded = MIN(PADDED(list->length), list->left); /* the last one need not be padded */
    list->at += padded;
    list->left -= padded;
    return true;
}

/* Those of RFC 9260 3.3.10: 1 to 13. usrsctp obeys some that it made up itself. */
static bool has_sane_causes(const guint8 *chunk, gsize length)
{
    TlvList list = tlv_list(chunk, length, TLV_HEADER);

    while (next_tlv(&list)) {
        if (list.type < 1 || list.type > 13)
            return false;
    }
    return list.left == 0 && length <= CONTIGUOUS_MAX;
}

static Judgement judge_abort(Walk *walk, const guint8 *chunk, gsize length)
{
    return has_sane_causes(chunk, length)
               ? JUDGE_PASS
               : judged(walk, JUDGE_BARE, "an ABORT with a cause that is not known");
}

static Judgement judge_error(Walk *walk, const guint8 *chunk, gsize length)
{
    return has_sane_causes(chunk, length)
               ? JUDGE_PASS
               : judged(walk, JUDGE_BLANK, "an ERROR with a cause that is not known");
}

/* ---- the set-up ---- */

#define PARAMETER_COOKIE 7
#define PARAMETER_PADDING 0x8005 /* RFC 4820 4: nobody reads what is in it */
#define PARAMETER_SKIP 0x8000    /* it is passed over where it is not known */
#define PARAMETER_REPORT 0x4000
#define INIT_LENGTH 20
#define INIT_WINDOW_MIN 1500 /* RFC 9260 3.3.2 */

/* The parameters that usrsctp reads; MOST 0: not in an INIT of a WebRTC endpoint */
static const struct {
    guint16 type, least, most;
} init_parameters[] = {
    {5, 8, 8},   /* IPv4 address */
    {6, 20, 20}, /* IPv6 address */
    {PARAMETER_COOKIE, 8, SETUP_MAX},
    {8, 8, SETUP_MAX}, /* Unrecognized Parameter */
    {9, 8, 8},         /* Cookie Preservative */
    {11, 0, 0},        /* Host Name Address, which RFC 9260 3.3.2.4 deprecates */
    {12, 4, 12},       /* Supported Address Types */
    {0x8000, 4, 4},    /* ECN Capable */
    {0x8002, 36, 36},  /* Random (RFC 4895 3) */
    {0x8003, 4, 260},  /* Chunk List */
    {0x8004, 6, 260},  /* Requested HMAC Algorithm */
    {0x8008, 4, 260},  /* Supported Extensions (RFC 5061 4.2.7) */
    {0xc000, 4, 4},    /* Forward-TSN-Supported */
    {0xc006, 8, 8},    /* Adaptation Layer Indication */
};

/* Unknown ones, that usrsctp would skip and report, become padding: it acts upon some of them. */
static bool is_sane_parameter(Walk *walk, const TlvList *list)
{
    for (gsize i = 0; i < G_N_ELEMENTS(init_parameters); i++) {
        if (init_parameters[i].type == list->type)
            return list->length >= init_parameters[i].least &&
                   list->length <= init_parameters[i].most;
    }
    if (list->type & PARAMETER_SKIP && list->type & PARAMETER_REPORT) {
        judged(walk, JUDGE_PASS, "a parameter that is not known");
        walk->edited = true;
        if (walk->edit)
            put16(walk->edit + (list->tlv - walk->edit), PARAMETER_PADDING);
    }
    return list->type > 4;
}

static Judgement judge_init(Walk *walk, const guint8 *chunk, gsize length)
{
    TlvList list = tlv_list(chunk, length, INIT_LENGTH);
    guint cookies = 0;

    if (walk->gate->connected)
        return judged(walk, JUDGE_BAD, "an INIT or INIT-ACK on a standing association");
    if (get32(chunk + 4) == 0 || get32(chunk + 8) < INIT_WINDOW_MIN || get16(chunk + 12) == 0 ||
        get16(chunk + 14) == 0)
        return judged(walk, JUDGE_BAD, "an INIT or INIT-ACK with a tag, window or streams of 0");
    while (next_tlv(&list)) {
        if (!is_sane_parameter(walk, &list))
            return judged(walk, JUDGE_BAD, "an INIT or INIT-ACK with a bad parameter");
        if (list.type == PARAMETER_COOKIE)
            cookies++;
    }
    if (list.left > 0)
        return judged(walk, JUDGE_BAD, "an INIT or INIT-ACK whose parameters do not add up");
    if (cookies != (chunk[0] == CHUNK_INIT_ACK))
        return judged(walk, JUDGE_BAD, "a cookie too many or too few");
    return JUDGE_PASS;
}

/* The same again has had its COOKIE-ACK lost. Whatever else it was, its DATA may pass. */
static Judgement judge_cookie_echo(Walk *walk, const guint8 *chunk, gsize length)
{
    const GByteArray *cookie = walk->gate->cookie;

    if (!walk->first)
        return judged(walk, JUDGE_BAD, "a COOKIE-ECHO behind another chunk");
    if (walk->gate->connected &&
        (!cookie || cookie->len != length || memcmp(cookie->data, chunk, length) != 0))
        return judged(walk, JUDGE_BLANK, "another COOKIE-ECHO on a standing association");
    return JUDGE_PASS;
}

/* ---- the standing association ---- */

#define SACK_LENGTH 16
#define SACK_RESTARTS_MAX 4

/*
 * usrsctp looks for each TSN of each Gap Ack Block in its queue, from where it
 * found the last one; for one that is not there it walks all of it twice. So
 * they name only what has been sent, and go upwards. A stack that sorts them by
 * TSN begins anew where TSNs do: that is let pass, a few times.
 */
static Judgement judge_sack(Walk *walk, const guint8 *chunk, gsize length)
{
    const guint gaps = get16(chunk + 12), duplicates = get16(chunk + 14);
    guint last = 0, restarts = 0, highest = 0;

    if (length != SACK_LENGTH + (gsize) gaps * 4 + (gsize) duplicates * 4)
        return judged(walk, JUDGE_BAD, "a SACK whose counts do not add up");
    for (guint i = 0; i < gaps; i++) {
        const guint8 *block = chunk + SACK_LENGTH + (gsize) i * 4;
        guint start = get16(block), end = get16(block + 2);

        restarts += start <= last;
        if (start == 0 || start > end || restarts > SACK_RESTARTS_MAX)
            return judged(walk, JUDGE_BLANK, "a SACK whose blocks are not in order");
        last = end;
        highest = MAX(highest, end);
    }
    walk->report.gap_end = MAX(walk->report.gap_end, highest);
    return highest > walk->outstanding ? judged(walk, JUDGE_BLANK, "a SACK of what was never sent")
                                       : JUDGE_PASS;
}

/* One Heartbeat Information, and nothing else (RFC 9260 3.3.5) */
static Judgement judge_heartbeat(Walk *walk, const guint8 *chunk, gsize length)
{
    TlvList list = tlv_list(chunk, length, TLV_HEADER);

    return next_tlv(&list) && list.type == 1 && list.left == 0
               ? JUDGE_PASS
               : judged(walk, JUDGE_BAD, "a HEARTBEAT or HEARTBEAT-ACK without its information");
}

#define RESET_OUTGOING 13
#define RESET_INCOMING 14
#define RESET_TSNS 15
#define RESET_RESPONSE 16
#define RESET_ADD_OUTGOING 17
#define RESET_ADD_INCOMING 18
#define RESET_OUTGOING_LENGTH 16
#define RESET_TSNS_LENGTH 8
#define RESET_PARAMETERS_MAX 2 /* RFC 6525 3.1 */
#define RESULT_IN_PROGRESS 6

/* usrsctp keeps what it cannot carry out yet in a list that has no end. */
static bool has_room_for_reset(const Gate *gate, guint32 request)
{
    for (guint i = 0; i < gate->n_resets; i++) {
        if (gate->resets[i] == request)
            return true;
    }
    return gate->n_resets < GATE_RESETS_MAX;
}

/* Whether what is asked of us is whole */
static bool is_sane_request(const TlvList *list)
{
    switch (list->type) {
    case RESET_INCOMING:
        return list->length >= RESET_TSNS_LENGTH && list->length % 2 == 0;
    case RESET_TSNS:
        return list->length == RESET_TSNS_LENGTH;
    default:
        return list->length == 12;
    }
}

/*
 * What data channels need is that the sender's own streams end, or become more
 * (RFC 8831 6.7, 6525 4). Other requests have to be answered by a denial (RFC
 * 6525 5.2.1), which usrsctp has to give, for it counts the requests.
 */
static Judgement judge_re_config(Walk *walk, const guint8 *chunk, gsize length)
{
    TlvList list = tlv_list(chunk, length, TLV_HEADER);
    guint n = 0;

    while (next_tlv(&list)) {
        switch (list.type) {
        case RESET_OUTGOING:
            if (list.length < RESET_OUTGOING_LENGTH || list.length % 2 != 0)
                return judged(walk, JUDGE_BAD, "a RE-CONFIG with a bad list of streams");
            if (!has_room_for_reset(walk->gate, get32(list.tlv + 4)))
                return judged(walk, JUDGE_BLANK, "one more reset that cannot be carried out yet");
            break;
        case RESET_RESPONSE:
        case RESET_ADD_OUTGOING:
            if (list.length != 12 && (list.type != RESET_RESPONSE || list.length != 20))
                return judged(walk, JUDGE_BAD, "a RE-CONFIG with a bad length");
            break;
        case RESET_INCOMING:
        case RESET_TSNS:
        case RESET_ADD_INCOMING:
            if (!is_sane_request(&list))
                return judged(walk, JUDGE_BAD, "a RE-CONFIG with a bad length");
            walk->report.denied = true;
            break;
        default:
            return judged(walk, JUDGE_BLANK, "a RE-CONFIG with a request that is not answered");
        }
        n++;
    }
    return list.left == 0 && n >= 1 && n <= RESET_PARAMETERS_MAX
               ? JUDGE_PASS
               : judged(walk, JUDGE_BAD, "a RE-CONFIG whose parameters do not add up");
}

static Judgement judge_forward_tsn(Walk *walk, const guint8 *chunk, gsize length)
{
    return length % 4 == 0 ? JUDGE_PASS
                           : judged(walk, JUDGE_BAD, "a FORWARD-TSN with a bad list of streams");
}

/* A DATA of 16 bytes has no user data; usrsctp answers it by an ABORT, as it must (9260 6.2). */
static const ChunkRule rules[256] = {
    [CHUNK_DATA] = {.least = 16},
    [CHUNK_INIT] = {INIT_LENGTH, SETUP_MAX, true, judge_init},
    [CHUNK_INIT_ACK] = {INIT_LENGTH, SETUP_MAX, true, judge_init},
    [CHUNK_SACK] = {.least = SACK_LENGTH, .judge = judge_sack},
    [CHUNK_HEARTBEAT] = {8, HEARTBEAT_MAX, false, judge_heartbeat},
    [CHUNK_HEARTBEAT_ACK] = {8, HEARTBEAT_MAX, false, judge_heartbeat},
    [CHUNK_ABORT] = {.least = TLV_HEADER, .judge = judge_abort},
    [CHUNK_SHUTDOWN] = {.least = 8, .most = 8},
    [CHUNK_SHUTDOWN_ACK] = {.least = 4, .most = 4},
    [CHUNK_ERROR] = {.least = TLV_HEADER, .judge = judge_error},
    [CHUNK_COOKIE_ECHO] = {8, SETUP_MAX, false, judge_cookie_echo},
    [CHUNK_COOKIE_ACK] = {.least = 4, .most = 4},
    [CHUNK_SHUTDOWN_COMPLETE] = {.least = 4, .most = 4, .alone = true},
    [CHUNK_RE_CONFIG] = {.least = 12, .judge = judge_re_config},
    [CHUNK_PAD] = {.least = TLV_HEADER},
    [CHUNK_FORWARD_TSN] = {.least = 8, .judge = judge_forward_tsn},
};

/* ---- the walk ---- */

static Judgement judge_chunk(Walk *walk, const guint8 *chunk, gsize length, gsize left)
{
    const ChunkRule *rule = &rules[chunk[0]];

    if (rule->least == 0)
        return judged(walk, chunk[0] & TYPE_SKIP ? JUDGE_BLANK : JUDGE_STOP,
                      "a chunk of a type that is not negotiated");
    if (length < rule->least || (rule->most > 0 && length > rule->most))
        return judged(walk, JUDGE_BAD, "a chunk of a wrong length");
    if (rule->alone && (!walk->first || left > PADDED(length)))
        return judged(walk, JUDGE_BAD, "a chunk beside one that has to be alone");
    if (walk->data && chunk[0] != CHUNK_DATA && chunk[0] != CHUNK_PAD)
        return judged(walk, JUDGE_BAD, "a chunk behind DATA"); /* RFC 9260 6.10 */
    return rule->judge ? rule->judge(walk, chunk, length) : JUDGE_PASS;
}

/* Writes JUDGEMENT into the packet. */
static void carry_out(Walk *walk, Judgement judgement, gsize at)
{
    walk->edited = true;
    if (!walk->edit)
        return;
    if (judgement == JUDGE_BLANK)
        walk->edit[at] = CHUNK_PAD;
    else
        put16(walk->edit + at + 2, TLV_HEADER);
}

/* How much of PACKET may pass; 0: nothing */
static gsize walk_chunks(Walk *walk, const guint8 *packet, gsize length)
{
    gsize at = COMMON_HEADER;

    for (walk->first = true; at < length; walk->first = false) {
        const guint8 *chunk = packet + at;
        gsize chunk_length = length - at < TLV_HEADER ? 0 : get16(chunk + 2);
        Judgement judgement = JUDGE_BAD;

        if (chunk_length >= TLV_HEADER && chunk_length <= length - at)
            judgement = judge_chunk(walk, chunk, chunk_length, length - at);
        else
            judged(walk, judgement, "chunks that do not add up");
        if (judgement == JUDGE_BAD)
            return 0;
        if (judgement == JUDGE_STOP) {
            walk->edited = true;
            return walk->first ? 0 : at;
        }
        if (judgement != JUDGE_PASS)
            carry_out(walk, judgement, at);
        walk->data = walk->data || chunk[0] == CHUNK_DATA;
        if (judgement == JUDGE_BARE)
            return at + TLV_HEADER; /* an ABORT is the last that is read */
        at += PADDED(chunk_length);
    }
    return length;
}

/* Ports and verification tag (RFC 9260 8.5) */
bool gate_is_addressed(const Gate *gate, const guint8 *packet, gsize length)
{
    const guint8 *chunk = packet + COMMON_HEADER;
    guint32 tag;

    if (length < COMMON_HEADER + TLV_HEADER || get16(packet) != gate->remote_port ||
        get16(packet + 2) != gate->local_port)
        return false;
    tag = get32(packet + 4);
    if (chunk[0] == CHUNK_INIT || tag == 0)
        return chunk[0] == CHUNK_INIT && tag == 0;
    if (chunk[1] & FLAG_T && (chunk[0] == CHUNK_ABORT || chunk[0] == CHUNK_SHUTDOWN_COMPLETE))
        return true; /* the remote's own tag, which usrsctp knows */
    return gate->tag == 0 || tag == gate->tag;
}

GateVerdict gate_check(const Gate *gate, const guint8 *packet, gsize length, GateReport *report)
{
    Walk walk = {.gate = gate, .outstanding = G_MAXUINT32};
    gsize passes = 0;

    if (gate_is_addressed(gate, packet, length))
        passes = walk_chunks(&walk, packet, length);
    else
        judged(&walk, JUDGE_BAD, "a wrong port or verification tag");
    *report = walk.report;
    if (passes == 0)
        return GATE_DROP;
    return walk.edited ? GATE_EDIT : GATE_PASS;
}

gsize gate_edit(const Gate *gate, guint32 outstanding, guint8 *packet, gsize length)
{
    Walk walk = {.gate = gate, .outstanding = outstanding, .edit = packet};

    return gate_is_addressed(gate, packet, length) ? walk_chunks(&walk, packet, length) : 0;
}

/* ---- what happened ---- */

void gate_passed(Gate *gate, const guint8 *packet, gsize length)
{
    const guint8 *chunk = packet + COMMON_HEADER;

    if (gate->connected || length < COMMON_HEADER + TLV_HEADER || chunk[0] != CHUNK_COOKIE_ECHO)
        return;
    if (!gate->cookie)
        gate->cookie = g_byte_array_new();
    g_byte_array_set_size(gate->cookie, 0);
    g_byte_array_append(gate->cookie, chunk, MIN(get16(chunk + 2), length - COMMON_HEADER));
}

/* usrsctp keeps the request that it says is in progress, until it says anything else of it. */
static void note_response(Gate *gate, guint32 request, guint32 result)
{
    guint i = 0;

    while (i < gate->n_resets && gate->resets[i] != request)
        i++;
    if (result == RESULT_IN_PROGRESS && i == gate->n_resets && i < GATE_RESETS_MAX)
        gate->resets[gate->n_resets++] = request;
    else if (result != RESULT_IN_PROGRESS && i < gate->n_resets)
        gate->resets[i] = gate->resets[--gate->n_resets];
}

void gate_sent(Gate *gate, const guint8 *packet, gsize length)
{
    gsize at = COMMON_HEADER;

    while (at + TLV_HEADER <= length && packet[at] != CHUNK_DATA) {
        const guint8 *chunk = packet + at;
        gsize chunk_length = get16(chunk + 2);

        if (chunk_length < TLV_HEADER || chunk_length > length - at)
            return;
        if (chunk[0] == CHUNK_INIT && chunk_length >= INIT_LENGTH) {
            gate->tag = get32(chunk + 4);
        } else if (chunk[0] == CHUNK_RE_CONFIG) {
            TlvList list = tlv_list(chunk, chunk_length, TLV_HEADER);

            while (next_tlv(&list)) {
                if (list.type == RESET_RESPONSE && list.length >= 12)
                    note_response(gate, get32(list.tlv + 4), get32(list.tlv + 8));
            }
        }
        at += PADDED(chunk_length);
    }
}

void gate_clear(Gate *gate)
{
    g_clear_pointer(&gate->cookie, g_byte_array_unref);
}
