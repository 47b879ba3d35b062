/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The scanner behind envelope.h. The UTF-8 check runs first and by itself:
 * it is a tight loop over what is nearly always ASCII, and the grammar can
 * then treat every byte above 0x7f as part of a string. The nesting is kept
 * in the bits of one 64-bit word, which is also what sets the depth limit.
 *
 * Frames are mostly long strings, so the inside of a string is gone over in
 * blocks of sixteen bytes. The vectors are the compiler's own, which makes SSE2
 * or NEON of them where there is such a thing, and plain words elsewhere.
 */

#include <config.h>

#include "signaling/envelope.h"

#include <string.h>

/* What the scanner expects next */
typedef enum {
    WANT_VALUE,
    WANT_VALUE_OR_END, /* after '[' */
    WANT_NAME,
    WANT_NAME_OR_END, /* after '{' */
    WANT_COMMA_OR_END,
    WANT_NOTHING,
} Want;

typedef struct {
    const char *frame, *at, *end;
    Envelope *out;
    EnvelopeCut *cuts; /* where the "from" members go, at most max_cuts */
    size_t max_cuts;
    guint64 objects; /* bit N: level N is an object */
    guint depth;
    bool bad_to, seen_to;
    /* of the top-level member being read */
    size_t member_begin; /* the '{' or ',' before it */
    EnvelopeText name;
    EnvelopeText value; /* data NULL unless it is a string */
    bool value_null;
} Scanner;

const char *envelope_result_to_string(EnvelopeResult result)
{
    static const char *const texts[] = {
        [ENVELOPE_OK] = "fine",
        [ENVELOPE_NOT_UTF8] = "not valid UTF-8",
        [ENVELOPE_NOT_JSON] = "not JSON",
        [ENVELOPE_NOT_OBJECT] = "not a JSON object",
        [ENVELOPE_TOO_DEEP] = "nested too deep",
        [ENVELOPE_HALF_CHARACTER] = "half a surrogate pair in a string",
        [ENVELOPE_BAD_TO] = "\"to\" must be one string",
    };
    return texts[result];
}

/* The well-formed byte sequences of RFC 3629 section 4; the length of the one
 * at S, 0 if there is none. S[0] is not ASCII. */
static size_t utf8_sequence(const guchar *s, size_t left)
{
    guchar low = 0x80, high = 0xbf;
    size_t length;

    if (s[0] >= 0xc2 && s[0] <= 0xdf)
        length = 2;
    else if (s[0] >= 0xe0 && s[0] <= 0xef)
        length = 3;
    else if (s[0] >= 0xf0 && s[0] <= 0xf4)
        length = 4;
    else
        return 0;
    if (s[0] == 0xe0)
        low = 0xa0; /* overlong */
    else if (s[0] == 0xed)
        high = 0x9f; /* surrogates */
    else if (s[0] == 0xf0)
        low = 0x90; /* overlong */
    else if (s[0] == 0xf4)
        high = 0x8f; /* above U+10FFFF */
    if (left < length || s[1] < low || s[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    return length;
}

typedef guint8 Block __attribute__((vector_size(16)));
typedef guint64 BlockHalves __attribute__((vector_size(16)));

static inline Block block_load(const void *data)
{
    Block block;

    memcpy(&block, data, sizeof block);
    return block;
}

/* MARKS is what a comparison gives, 0 or 255 a byte. The index of the first that
 * is not 0, 16 if all are. */
static inline size_t block_first(Block marks)
{
#ifdef __SSE2__
    int bits = __builtin_ia32_pmovmskb128(
        (char __attribute__((vector_size(16)))) marks); /* the one thing vectors lack */

    return bits ? (size_t) __builtin_ctz((unsigned) bits) : sizeof marks;
#else
    BlockHalves halves = (BlockHalves) marks;

    if (G_LIKELY(!(halves[0] | halves[1])))
        return sizeof marks;
    if (halves[0])
        return (size_t) __builtin_ctzll(GUINT64_FROM_LE(halves[0])) / 8;
    return 8 + (size_t) __builtin_ctzll(GUINT64_FROM_LE(halves[1])) / 8;
#endif
}

/* How many of the first bytes of S are ASCII, LEFT of them there are. */
static size_t ascii_length(const guchar *s, size_t left)
{
    size_t i = 0;

    for (; left - i >= 2 * sizeof(Block); i += 2 * sizeof(Block)) {
        BlockHalves both = (BlockHalves) (block_load(s + i) | block_load(s + i + sizeof(Block)));

        if ((both[0] | both[1]) & G_GUINT64_CONSTANT(0x8080808080808080))
            break;
    }
    while (i < left && s[i] < 0x80)
        i++;
    return i;
}

static bool utf8_valid(const char *data, size_t length)
{
    const guchar *s = (const guchar *) data, *end = s + length;

    for (s += ascii_length(s, length); s < end;) {
        size_t n = utf8_sequence(s, (size_t) (end - s));

        if (n == 0)
            return false;
        s += n;
        if (s < end && *s < 0x80)
            s += ascii_length(s, (size_t) (end - s));
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The four digits after "\u"; -1 if they are not all there. */
static int hex4(const char *s, const char *end)
{
    int value = 0;

    if (end - s < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_value(s[i]);

        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static void skip_space(Scanner *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' || *s->at == '\n' || *s->at == '\r'))
        s->at++;
}

/* Moves on over what is nothing but text: to a quote, a backslash or a control
 * character, or to the end. */
static inline const char *skip_text(const char *p, const char *end)
{
    for (; (size_t) (end - p) >= sizeof(Block); p += sizeof(Block)) {
        Block b = block_load(p);
        size_t n = block_first((Block) ((b == '"') | (b == '\\') | (b < 0x20)));

        if (n < sizeof b)
            return p + n;
    }
    while (p < end && *p != '"' && *p != '\\' && (guchar) *p >= 0x20)
        p++;
    return p;
}

/* What may stand behind a backslash, but for "u" */
static inline bool is_escape(char c)
{
    return c == 'n' || c == 'r' || c == '"' || c == '\\' || c == '/' || c == 't' || c == 'b' ||
           c == 'f';
}

/*
 * The other half of a surrogate pair at P, behind the first one, HIGH. RFC 7493 section
 * 2.1 demands it: what a parser makes of a half is not defined, and json-glib 1.6 reads
 * on over the quote that ends the string.
 */
static const char *skip_other_half(const char *p, const char *end, int high, EnvelopeResult *result)
{
    int low = high < 0xdc00 && end - p >= 2 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2, end) : -1;

    if (low >= 0xdc00 && low <= 0xdfff)
        return p + 6;
    *result = ENVELOPE_HALF_CHARACTER;
    return NULL;
}

/* An escape, its backslash at P. Where it ends; NULL if it is none. */
static inline const char *skip_escape(const char *p, const char *end, EnvelopeResult *result)
{
    int code;

    if (end - p < 2)
        return NULL;
    if (is_escape(p[1]))
        return p + 2;
    code = p[1] == 'u' ? hex4(p + 2, end) : -1;
    if (code < 0)
        return NULL;
    return code >= 0xd800 && code <= 0xdfff ? skip_other_half(p + 6, end, code, result) : p + 6;
}

/* A string, the opening quote at S->at. RFC 8259 section 7. */
static bool scan_string(Scanner *s, EnvelopeText *text, EnvelopeResult *result)
{
    const char *p = s->at + 1;

    text->data = p;
    text->escaped = false;
    for (p = skip_text(p, s->end); p < s->end && *p == '\\'; p = skip_text(p, s->end)) {
        text->escaped = true;
        do { /* one seldom comes alone: \r\n */
            p = skip_escape(p, s->end, result);
            if (!p)
                return false;
        } while (p < s->end && *p == '\\');
    }
    if (p == s->end || *p != '"')
        return false;
    text->length = (size_t) (p - text->data);
    s->at = p + 1;
    return true;
}

static bool scan_digits(Scanner *s)
{
    const char *begin = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return s->at > begin;
}

/* RFC 8259 section 6 */
static bool scan_number(Scanner *s)
{
    if (*s->at == '-')
        s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!scan_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return scan_digits(s);
    }
    return true;
}

static bool scan_literal(Scanner *s, const char *word)
{
    size_t length = strlen(word);

    if ((size_t) (s->end - s->at) < length || memcmp(s->at, word, length) != 0)
        return false;
    s->at += length;
    return true;
}

/* Whether the string TEXT means the ASCII word WORD, up to a NUL if any. */
static bool text_means(const EnvelopeText *text, const char *word)
{
    const char *p = text->data, *end = p + text->length;

    if (!text->escaped)
        return text->length == strlen(word) && memcmp(p, word, text->length) == 0;
    while (p < end) {
        int c = (guchar) *p++;

        if (c == '\\') {
            c = (guchar) *p++;
            if (c == 'u') {
                c = hex4(p, end);
                p += 4;
            } else if (strchr("bfnrt", c)) {
                return false; /* no word of ours has those */
            }
        }
        if (c == 0)
            break;
        if (!*word || c != (guchar) *word)
            return false;
        word++;
    }
    return !*word;
}

/* A member of the outermost object is complete; S->at is just behind it. */
static void end_member(Scanner *s)
{
    Envelope *out = s->out;
    size_t end = (size_t) (s->at - s->frame);

    out->empty = false;
    if (text_means(&s->name, "from")) {
        if (out->n_from < s->max_cuts)
            s->cuts[out->n_from] = (EnvelopeCut){s->member_begin, end};
        out->n_from++;
        out->cut_size += end - s->member_begin;
        out->from = s->value;
    } else if (text_means(&s->name, "to")) {
        s->bad_to |= s->seen_to || (!s->value.data && !s->value_null);
        s->seen_to = true;
        out->to = s->value;
    } else if (text_means(&s->name, "type")) {
        out->type = s->value;
    } else if (text_means(&s->name, "session")) {
        out->session = s->value;
    }
}

static bool in_object(const Scanner *s)
{
    return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

static bool push(Scanner *s, bool object)
{
    guint64 bit;

    if (s->depth == ENVELOPE_MAX_DEPTH)
        return false;
    bit = G_GUINT64_CONSTANT(1) << s->depth++;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    s->at++;
    return true;
}

/* Behind a value, or behind the end of an object or array. */
static Want after_value(const Scanner *s)
{
    return s->depth == 0 ? WANT_NOTHING : WANT_COMMA_OR_END;
}

static bool scan_value(Scanner *s, Want *want, EnvelopeResult *result)
{
    EnvelopeText text = {};
    bool top = s->depth == 1, ok = true, null = false;

    switch (*s->at) {
    case '{':
    case '[':
        if (s->depth == 0 && *s->at == '[')
            *result = ENVELOPE_NOT_OBJECT;
        if (s->depth == 0)
            s->member_begin = s->out->open = (size_t) (s->at - s->frame);
        *want = *s->at == '{' ? WANT_NAME_OR_END : WANT_VALUE_OR_END;
        if (top) {
            s->value = text;
            s->value_null = false;
        }
        if (push(s, *want == WANT_NAME_OR_END))
            return true;
        *result = ENVELOPE_TOO_DEEP;
        return false;
    case '"':
        ok = scan_string(s, &text, result);
        break;
    case 't':
        ok = scan_literal(s, "true");
        break;
    case 'f':
        ok = scan_literal(s, "false");
        break;
    case 'n':
        ok = scan_literal(s, "null");
        null = true;
        break;
    default:
        ok = scan_number(s);
    }
    if (!ok)
        return false;
    if (s->depth == 0)
        *result = ENVELOPE_NOT_OBJECT;
    if (top) {
        s->value = text;
        s->value_null = null;
    }
    *want = after_value(s);
    return true;
}

static bool scan_name(Scanner *s, EnvelopeResult *result)
{
    EnvelopeText name;

    if (*s->at != '"' || !scan_string(s, &name, result))
        return false;
    if (s->depth == 1)
        s->name = name;
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return false;
    s->at++;
    return true;
}

/* One token. RESULT is changed only where there is more to say than "no JSON". */
static bool scan_token(Scanner *s, Want *want, EnvelopeResult *result)
{
    char c = *s->at;
    bool object = in_object(s);

    if ((c == '}' && object && (*want == WANT_NAME_OR_END || *want == WANT_COMMA_OR_END)) ||
        (c == ']' && !object && (*want == WANT_VALUE_OR_END || *want == WANT_COMMA_OR_END))) {
        if (s->depth == 1 && object && *want == WANT_COMMA_OR_END)
            end_member(s);
        s->at++;
        s->depth--;
        *want = after_value(s);
        return true;
    }
    switch (*want) {
    case WANT_VALUE:
    case WANT_VALUE_OR_END:
        return scan_value(s, want, result);
    case WANT_NAME:
    case WANT_NAME_OR_END:
        *want = WANT_VALUE;
        return scan_name(s, result);
    case WANT_COMMA_OR_END:
        if (c != ',')
            return false;
        if (s->depth == 1 && object) {
            end_member(s);
            s->member_begin = (size_t) (s->at - s->frame);
        }
        s->at++;
        *want = object ? WANT_NAME : WANT_VALUE;
        return true;
    case WANT_NOTHING:
        break;
    }
    return false;
}

static EnvelopeResult scan(const char *frame, size_t length, Envelope *out, EnvelopeCut *cuts,
                           size_t max_cuts)
{
    Scanner s = {
        .frame = frame,
        .at = frame,
        .end = frame + length,
        .out = out,
        .cuts = cuts,
        .max_cuts = max_cuts,
    };
    EnvelopeResult result = ENVELOPE_OK;
    Want want = WANT_VALUE;

    *out = (Envelope){.frame = frame, .length = length, .empty = true};
    for (skip_space(&s); s.at < s.end; skip_space(&s)) {
        if (!scan_token(&s, &want, &result))
            return result == ENVELOPE_OK || result == ENVELOPE_NOT_OBJECT ? ENVELOPE_NOT_JSON
                                                                          : result;
    }
    if (want != WANT_NOTHING)
        return ENVELOPE_NOT_JSON;
    if (result == ENVELOPE_OK && s.bad_to)
        return ENVELOPE_BAD_TO;
    return result;
}

EnvelopeResult envelope_scan(const char *frame, size_t length, Envelope *out)
{
    EnvelopeCut cuts[ENVELOPE_CUTS];
    EnvelopeResult result;

    if (!utf8_valid(frame, length))
        return ENVELOPE_NOT_UTF8;
    result = scan(frame, length, out, cuts, ENVELOPE_CUTS);
    if (result == ENVELOPE_OK)
        memcpy(out->cuts, cuts, MIN(out->n_from, ENVELOPE_CUTS) * sizeof *cuts);
    return result;
}

size_t envelope_stamped_size(const Envelope *envelope, size_t id_length)
{
    bool first_kept = envelope->n_from == 0 || envelope->cuts[0].begin != envelope->open;
    /* A '{' and "from":"ID" come in; the old '{' becomes the first comma if a
     * member follows it, and is one of the bytes cut out if a "from" does. */
    size_t size = envelope->length - envelope->cut_size + strlen("{\"from\":\"\"") + id_length;

    return first_kept && envelope->empty ? size - 1 : size;
}

static char *put(char *out, const void *data, size_t length)
{
    memcpy(out, data, length);
    return out + length;
}

size_t envelope_stamp(const Envelope *envelope, const char *id, size_t id_length, char *out)
{
    const EnvelopeCut *cuts = envelope->cuts;
    g_autofree EnvelopeCut *many = NULL;
    const char *frame = envelope->frame;
    size_t at = envelope->open;
    char *begin = out;

    if (envelope->n_from > ENVELOPE_CUTS) {
        Envelope again;

        cuts = many = g_new(EnvelopeCut, envelope->n_from);
        scan(frame, envelope->length, &again, many, envelope->n_from);
    }
    out = put(out, frame, at);
    out = put(out, "{\"from\":\"", strlen("{\"from\":\""));
    out = put(out, id, id_length);
    *out++ = '"';
    if (envelope->empty) {
        at++;
    } else if (envelope->n_from == 0 || cuts[0].begin != at) {
        *out++ = ',';
        at++;
    }
    for (size_t i = 0; i < envelope->n_from; i++) {
        out = put(out, frame + at, cuts[i].begin - at);
        at = cuts[i].end;
    }
    out = put(out, frame + at, envelope->length - at);
    return (size_t) (out - begin);
}

/* The character behind an escape's backslash at *P, which is moved past it. */
static gunichar decode_escape(const char **p, const char *end)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = *(*p)++;
    const char *found;
    int high, low;

    if (c != 'u') {
        found = strchr(from, c);
        return found ? (guchar) to[found - from] : (guchar) c;
    }
    high = hex4(*p, end);
    *p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return (gunichar) high;
    low = hex4(*p + 2, end); /* the scanner has seen that it is there */
    *p += 6;
    return 0x10000 + ((gunichar) (high - 0xd800) << 10) + (gunichar) (low - 0xdc00);
}

bool envelope_decode(const EnvelopeText *text, char *out, size_t size)
{
    const char *p = text->data, *end;
    char *limit = out + size;

    if (!p)
        return false;
    for (end = p + text->length; p < end;) {
        char bytes[6];
        int n = 1;

        if (*p != '\\') {
            bytes[0] = *p++;
        } else {
            gunichar c;

            p++;
            c = decode_escape(&p, end);
            if (c == 0)
                return false;
            n = g_unichar_to_utf8(c, bytes);
        }
        if (limit - out <= n)
            return false;
        out = put(out, bytes, (size_t) n);
    }
    if (out == limit)
        return false;
    *out = '\0';
    return true;
}
