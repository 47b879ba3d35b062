/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/short-description.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/candidate.h"
#include "common/fingerprint.h"

enum {
    FORM_VERSION = 1,
    HASH_BYTES = 32,
    CHECK_BYTES = 4,
    MAX_CANDIDATES = 30,
    MAX_TEXT = 4096, /* of a word that is read */
    DEFAULT_PORT = 5000,
    DEFAULT_MAX_MESSAGE = 65536, /* where SDP says none (RFC 8841 6.1) */
    IPV6 = 4,                    /* beside a candidate's type */
};

static const char *const types[] = {"offer", "answer", NULL};
static const char *const roles[] = {"actpass", "active", "passive", NULL};
static const char *const kinds[] = {"host", "srflx", "prflx", "relay", NULL};

static int find_word(const char *const *words, const char *word)
{
    for (int i = 0; word && words[i]; i++) {
        if (strcmp(words[i], word) == 0)
            return i;
    }
    return -1;
}

/* ---- SDP to bytes ----------------------------------------------------------- */

/* The value of the first "a=NAME:" in LINES, or NULL. */
static const char *find_attribute(char **lines, const char *name)
{
    g_autofree char *start = g_strdup_printf("a=%s:", name);

    for (guint i = 0; lines[i]; i++) {
        if (g_str_has_prefix(lines[i], start))
            return lines[i] + strlen(start);
    }
    return NULL;
}

static guint64 find_number(char **lines, const char *name, guint64 max, guint64 otherwise)
{
    const char *text = find_attribute(lines, name);
    guint64 value;

    return text && g_ascii_string_to_unsigned(text, 10, 0, max, &value, NULL) ? value : otherwise;
}

static void put_number(GByteArray *bytes, guint64 value, guint size)
{
    for (guint i = size; i-- > 0;) {
        guint8 byte = value >> (8 * i);

        g_byte_array_append(bytes, &byte, 1);
    }
}

static bool put_text(GByteArray *bytes, const char *text)
{
    if (!text || !*text || strlen(text) > G_MAXUINT8)
        return false;
    put_number(bytes, strlen(text), 1);
    g_byte_array_append(bytes, (const guint8 *) text, strlen(text));
    return true;
}

static bool put_fingerprint(GByteArray *bytes, const char *text)
{
    g_autofree char *fingerprint = text ? fingerprint_parse(text) : NULL;

    if (!fingerprint)
        return false;
    for (const char *digits = strchr(fingerprint, ' '); digits && *digits;
         digits = strchr(digits + 1, ':')) {
        guint8 byte = g_ascii_xdigit_value(digits[1]) << 4 | g_ascii_xdigit_value(digits[2]);

        g_byte_array_append(bytes, &byte, 1);
    }
    return true;
}

static bool put_candidate(GByteArray *bytes, const char *text)
{
    g_auto(GStrv) words = candidate_split(text);
    int kind = words ? find_word(kinds, words[CANDIDATE_TYPE]) : -1;
    guint8 address[sizeof(struct in6_addr)];
    guint64 port, priority;
    bool v6;

    if (kind < 0 || g_ascii_strcasecmp(words[CANDIDATE_TRANSPORT], "udp") != 0 ||
        !g_ascii_string_to_unsigned(words[CANDIDATE_PORT], 10, 1, G_MAXUINT16, &port, NULL) ||
        !g_ascii_string_to_unsigned(words[CANDIDATE_PRIORITY], 10, 1, G_MAXUINT32, &priority, NULL))
        return false;
    v6 = inet_pton(AF_INET6, words[CANDIDATE_ADDRESS], address) == 1;
    if (!v6 && inet_pton(AF_INET, words[CANDIDATE_ADDRESS], address) != 1)
        return false;
    put_number(bytes, kind | (v6 ? IPV6 : 0), 1);
    g_byte_array_append(bytes, address, v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    put_number(bytes, port, 2);
    put_number(bytes, priority, 4);
    return true;
}

static void put_candidates(GByteArray *bytes, char **lines)
{
    guint place = bytes->len, count = 0;

    put_number(bytes, 0, 1);
    for (guint i = 0; lines[i] && count < MAX_CANDIDATES; i++) {
        if (g_str_has_prefix(lines[i], "a=candidate:") && put_candidate(bytes, lines[i]))
            count++;
    }
    bytes->data[place] = count;
}

static void put_check(GByteArray *bytes)
{
    guint8 hash[HASH_BYTES];
    gsize size = sizeof hash;
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);

    g_checksum_update(checksum, bytes->data, bytes->len);
    g_checksum_get_digest(checksum, hash, &size);
    g_byte_array_append(bytes, hash, CHECK_BYTES);
}

static char *to_word(const GByteArray *bytes)
{
    char *word = g_base64_encode(bytes->data, bytes->len);

    g_strdelimit(word, "+", '-');
    g_strdelimit(word, "/", '_');
    word[strcspn(word, "=")] = '\0';
    return word;
}

char *short_description_make(const char *type, const char *sdp)
{
    g_auto(GStrv) lines = g_regex_split_simple("\r?\n", sdp, 0, 0);
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    int kind = find_word(types, type), role = find_word(roles, find_attribute(lines, "setup"));

    if (kind < 0 || role < 0)
        return NULL;
    put_number(bytes, FORM_VERSION << 4 | kind, 1);
    put_number(bytes, role, 1);
    if (!put_text(bytes, find_attribute(lines, "ice-ufrag")) ||
        !put_text(bytes, find_attribute(lines, "ice-pwd")) ||
        !put_fingerprint(bytes, find_attribute(lines, "fingerprint")))
        return NULL;
    put_number(bytes, find_number(lines, "sctp-port", G_MAXUINT16, DEFAULT_PORT), 2);
    put_number(bytes, find_number(lines, "max-message-size", G_MAXUINT32, DEFAULT_MAX_MESSAGE), 4);
    put_candidates(bytes, lines);
    put_check(bytes);
    return to_word(bytes);
}

/* ---- bytes to SDP ----------------------------------------------------------- */

typedef struct {
    const guint8 *at;
    gsize left;
    bool short_of; /* more was asked for than there is */
} WordReader;

static const guint8 *take(WordReader *reader, gsize size)
{
    const guint8 *at = reader->at;

    reader->short_of = reader->short_of || size > reader->left;
    if (reader->short_of)
        return NULL;
    reader->at += size;
    reader->left -= size;
    return at;
}

static guint64 take_number(WordReader *reader, guint size)
{
    const guint8 *bytes = take(reader, size);
    guint64 value = 0;

    for (guint i = 0; bytes && i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

/* What ICE may have in credentials (RFC 8839 5.4), and SDP takes harmlessly. */
static char *take_text(WordReader *reader)
{
    gsize size = take_number(reader, 1);
    const char *bytes = (const char *) take(reader, size);

    for (gsize i = 0; bytes && i < size; i++)
        reader->short_of =
            reader->short_of || !(g_ascii_isalnum(bytes[i]) || bytes[i] == '+' || bytes[i] == '/');
    return bytes ? g_strndup(bytes, size) : NULL;
}

static void add_candidate(GString *sdp, guint number, WordReader *reader)
{
    guint flags = take_number(reader, 1);
    bool v6 = flags & IPV6;
    const guint8 *bytes = take(reader, v6 ? sizeof(struct in6_addr) : sizeof(struct in_addr));
    guint port = take_number(reader, 2);
    guint32 priority = take_number(reader, 4);
    char address[INET6_ADDRSTRLEN];

    reader->short_of = reader->short_of || flags > (IPV6 | 3) || port == 0 || priority == 0;
    if (reader->short_of)
        return;
    inet_ntop(v6 ? AF_INET6 : AF_INET, bytes, address, sizeof address);
    g_string_append_printf(sdp, "a=candidate:%u 1 udp %u %s %u typ %s", number, priority, address,
                           port, kinds[flags & 3]);
    if ((flags & 3) != 0) /* where it is seen from is nobody's business (RFC 8839 5.1) */
        g_string_append(sdp, v6 ? " raddr :: rport 9" : " raddr 0.0.0.0 rport 9");
    g_string_append(sdp, "\r\n");
}

static void add_fingerprint(GString *sdp, const guint8 *bytes)
{
    g_string_append(sdp, "a=fingerprint:sha-256 ");
    for (guint i = 0; bytes && i < HASH_BYTES; i++)
        g_string_append_printf(sdp, "%s%02X", i ? ":" : "", bytes[i]);
    g_string_append(sdp, "\r\n");
}

static char *read_body(WordReader *reader, const char **type)
{
    guint head = take_number(reader, 1), role = take_number(reader, 1);
    g_autofree char *ufrag = take_text(reader), *password = take_text(reader);
    const guint8 *hash = take(reader, HASH_BYTES);
    guint port = take_number(reader, 2);
    guint32 max_message = take_number(reader, 4);
    guint count = take_number(reader, 1);
    g_autoptr(GString) sdp = g_string_new(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n"
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n");

    if (reader->short_of || head >> 4 != FORM_VERSION || (head & 15) > 1 || role > 2)
        return NULL;
    g_string_append_printf(sdp, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, password);
    add_fingerprint(sdp, hash);
    g_string_append_printf(sdp, "a=setup:%s\r\na=sctp-port:%u\r\na=max-message-size:%u\r\n",
                           roles[role], port, max_message);
    for (guint i = 0; i < count; i++)
        add_candidate(sdp, i + 1, reader);
    g_string_append(sdp, "a=end-of-candidates\r\n");
    if (reader->short_of || reader->left > 0)
        return NULL;
    *type = types[head & 15];
    return g_string_free(g_steal_pointer(&sdp), FALSE);
}

/* Whether the last bytes of BYTES, which go, are right for the rest. */
static bool strip_check(GByteArray *bytes)
{
    g_autoptr(GByteArray) copy = g_byte_array_new();

    if (bytes->len < CHECK_BYTES)
        return false;
    g_byte_array_append(copy, bytes->data, bytes->len - CHECK_BYTES);
    put_check(copy);
    if (memcmp(copy->data, bytes->data, bytes->len) != 0)
        return false;
    g_byte_array_set_size(bytes, bytes->len - CHECK_BYTES);
    return true;
}

/* TEXT in one piece; NULL if something else is in it. */
static char *make_whole(const char *text)
{
    GString *word = g_string_new(NULL);

    for (; *text && word->len <= MAX_TEXT; text++) {
        if (g_ascii_isalnum(*text) || *text == '-' || *text == '_')
            g_string_append_c(word, *text);
        else if (!g_ascii_isspace(*text) && *text != '>')
            break;
    }
    return g_string_free(word, *text != '\0');
}

/* The first six bits are the version and two of the type's four. */
bool short_description_is_begun(const char *text)
{
    g_autofree char *word = make_whole(text);

    return word && word[0] == 'E' && strlen(word) < MAX_TEXT;
}

char *short_description_read(const char *text, const char **type)
{
    g_autofree char *word = make_whole(text), *padded = NULL;
    gsize length = word ? strlen(word) : 0;
    g_autoptr(GByteArray) bytes = NULL;
    guint8 *decoded;
    gsize size;

    if (length == 0 || length > MAX_TEXT || length % 4 == 1)
        return NULL;
    padded = g_strconcat(word, &"==="[(length + 3) % 4], NULL);
    g_strdelimit(padded, "-", '+');
    g_strdelimit(padded, "_", '/');
    decoded = g_base64_decode(padded, &size);
    bytes = g_byte_array_new_take(decoded, size);
    if (!strip_check(bytes))
        return NULL;
    return read_body(&(WordReader){.at = bytes->data, .left = bytes->len}, type);
}
