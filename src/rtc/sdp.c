/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The SDP codec. It looks for one thing, the data channel m-line, and reads
 * the attributes of the session and of that m-line; with BUNDLE also those of
 * the group's first m-line, because a bundle-only m-line may leave the
 * transport to it (RFC 9143 7.2.1).
 */

#include <config.h>

#include "rtc/sdp.h"

#include <string.h>

#include "common/fingerprint.h"
#include "rtc/error.h"
#include "rtc/sctp/opening-chunk.h"

#define SDP_MAX_LENGTH (128 * 1024)
#define SDP_MAX_MEDIA 64
#define SDP_MAX_CANDIDATES 256
#define SDP_MAX_FINGERPRINTS 16
#define SDP_FIRST_VERSION 2 /* as browsers begin */
#define SDP_TRANSPORT "UDP/DTLS/SCTP"
#define SDP_DEFAULT_MAX_MESSAGE_SIZE 65536 /* RFC 8841 6.1 */

static const char *const setup_names[] = {
    [SDP_SETUP_ACTPASS] = "actpass",
    [SDP_SETUP_ACTIVE] = "active",
    [SDP_SETUP_PASSIVE] = "passive",
};

const char *sdp_setup_to_string(SdpSetup setup)
{
    return setup_names[setup];
}

static void media_free(SdpMedia *media)
{
    if (!media)
        return;
    g_free(media->line);
    g_free(media->mid);
    g_free(media);
}

Sdp *sdp_new(void)
{
    Sdp *sdp = g_new0(Sdp, 1);

    sdp->candidates = g_ptr_array_new_with_free_func(g_free);
    sdp->fingerprints = g_ptr_array_new_with_free_func(g_free);
    sdp->media = g_ptr_array_new_with_free_func((GDestroyNotify) media_free);
    sdp->max_message_size = SDP_DEFAULT_MAX_MESSAGE_SIZE;
    sdp->sctp_port = 5000;
    sdp->version = SDP_FIRST_VERSION;
    return sdp;
}

Sdp *sdp_copy(const Sdp *sdp)
{
    Sdp *copy = g_memdup2(sdp, sizeof *sdp);

    copy->ufrag = g_strdup(sdp->ufrag);
    copy->password = g_strdup(sdp->password);
    copy->mid = g_strdup(sdp->mid);
    copy->answers = g_strdup(sdp->answers);
    copy->protocol = g_strdup(sdp->protocol);
    copy->transport = g_strdup(sdp->transport);
    copy->candidates = g_ptr_array_new_with_free_func(g_free);
    copy->end_of_candidates = false;
    if (sdp->sctp_init)
        g_bytes_ref(sdp->sctp_init);
    g_ptr_array_ref(copy->fingerprints);
    g_ptr_array_ref(copy->media);
    return copy;
}

void sdp_free(Sdp *sdp)
{
    g_free(sdp->ufrag);
    g_free(sdp->password);
    g_free(sdp->mid);
    g_free(sdp->answers);
    g_free(sdp->protocol);
    g_free(sdp->transport);
    g_clear_pointer(&sdp->sctp_init, g_bytes_unref);
    g_ptr_array_unref(sdp->candidates);
    g_ptr_array_unref(sdp->fingerprints);
    g_ptr_array_unref(sdp->media);
    g_free(sdp);
}

/* ---- reading ---- */

/* The attributes of the session or of one m-line, in order, as "name:value" */
typedef struct {
    char *line; /* behind "m="; NULL for the session */
    GPtrArray *attributes;
} Section;

static void section_free(Section *section)
{
    g_free(section->line);
    g_ptr_array_unref(section->attributes);
    g_free(section);
}

static Section *section_new(const char *line)
{
    Section *section = g_new0(Section, 1);

    section->line = g_strdup(line);
    section->attributes = g_ptr_array_new_with_free_func(g_free);
    return section;
}

/* The value if ATTRIBUTE is NAME ("" for a flag), else NULL. */
static const char *attribute_value(const char *attribute, const char *name)
{
    gsize length = strlen(name);

    if (strncmp(attribute, name, length) != 0)
        return NULL;
    if (attribute[length] == ':')
        return attribute + length + 1;
    return attribute[length] ? NULL : "";
}

static const char *section_get(const Section *section, const char *name)
{
    for (guint i = 0; i < section->attributes->len; i++) {
        const char *value = attribute_value(section->attributes->pdata[i], name);

        if (value)
            return value;
    }
    return NULL;
}

static bool fail(GError **error, RtcError code, const char *message)
{
    g_set_error_literal(error, RTC_ERROR, code, message);
    return false;
}

/* Splits TEXT; [0] is the session. Lines may end in CRLF or LF (RFC 8866 5). */
static GPtrArray *split_sections(const char *text, GError **error)
{
    g_autoptr(GPtrArray) sections = g_ptr_array_new_with_free_func((GDestroyNotify) section_free);
    g_auto(GStrv) lines = NULL;

    if (strlen(text) > SDP_MAX_LENGTH) {
        fail(error, RTC_ERROR_INVALID, "the SDP is too long");
        return NULL;
    }
    if (!g_str_has_prefix(text, "v=0")) {
        fail(error, RTC_ERROR_INVALID, "the SDP does not begin with v=0");
        return NULL;
    }
    g_ptr_array_add(sections, section_new(NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        Section *last = sections->pdata[sections->len - 1];

        g_strchomp(*line);
        if (g_str_has_prefix(*line, "m="))
            g_ptr_array_add(sections, section_new(*line + 2));
        else if (g_str_has_prefix(*line, "a="))
            g_ptr_array_add(last->attributes, g_strdup(*line + 2));
        else if (**line && (!g_ascii_isalpha((*line)[0]) || (*line)[1] != '=')) {
            fail(error, RTC_ERROR_INVALID, "the SDP has a line that is not type=value");
            return NULL;
        }
    }
    if (sections->len > SDP_MAX_MEDIA) {
        fail(error, RTC_ERROR_INVALID, "the SDP has too many m-lines");
        return NULL;
    }
    return g_steal_pointer(&sections);
}

/*
 * "application 9 UDP/DTLS/SCTP webrtc-datachannel" (RFC 8841 4), the older "application 9 DTLS/SCTP
 * 5000" with its a=sctpmap, and what drafts in between had: either transport with either format.
 */
static bool is_data(const Section *section, Sdp *sdp)
{
    static const char *const transports[] = {SDP_TRANSPORT, "TCP/DTLS/SCTP", "DTLS/SCTP", NULL};
    g_auto(GStrv) words = g_strsplit(section->line, " ", -1);

    if (g_strv_length(words) < 4 || strcmp(words[0], "application") != 0 ||
        !g_strv_contains(transports, words[2]))
        return false;
    if (strcmp(words[1], "0") == 0 && !section_get(section, "bundle-only"))
        return false; /* rejected */
    sdp->old_format = strcmp(words[3], "webrtc-datachannel") != 0;
    if (sdp->old_format && !g_ascii_isdigit(words[3][0]))
        return false;
    g_free(sdp->transport);
    sdp->transport = g_strdup(words[2]);
    return true;
}

static const Section *find_data(const GPtrArray *sections, Sdp *sdp)
{
    for (guint i = 1; i < sections->len; i++) {
        if (is_data(sections->pdata[i], sdp)) {
            sdp->mline_index = i - 1;
            return sections->pdata[i];
        }
    }
    return NULL;
}

static const Section *find_mid(const GPtrArray *sections, const char *mid)
{
    for (guint i = 1; i < sections->len; i++) {
        const char *value = section_get(sections->pdata[i], "mid");

        if (value && strcmp(value, mid) == 0)
            return sections->pdata[i];
    }
    return NULL;
}

/* The first m-line of the BUNDLE group that MID is in; NULL: it is in none. */
static const Section *find_bundle_tag(const GPtrArray *sections, const char *mid)
{
    const Section *session = sections->pdata[0];

    for (guint i = 0; mid && i < session->attributes->len; i++) {
        const char *group = attribute_value(session->attributes->pdata[i], "group");
        g_auto(GStrv) words = group ? g_strsplit(group, " ", -1) : NULL;

        if (words && words[0] && strcmp(words[0], "BUNDLE") == 0 &&
            g_strv_contains((const char *const *) words + 1, mid))
            return find_mid(sections, words[1]);
    }
    return NULL;
}

/* Looks in the m-line, then in its bundle's first, then in the session. */
typedef struct {
    const Section *scopes[3];
} Scopes;

static const char *scopes_get(const Scopes *scopes, const char *name)
{
    for (int i = 0; i < 3; i++) {
        const char *value = scopes->scopes[i] ? section_get(scopes->scopes[i], name) : NULL;

        if (value)
            return value;
    }
    return NULL;
}

static bool is_fingerprint(const char *text)
{
    const char *hex = strchr(text, ' ');

    if (!hex || hex == text || strlen(hex + 1) < 2)
        return false;
    for (const char *p = hex + 1;; p += 3) {
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1]))
            return false;
        if (p[2] == '\0')
            return true;
        if (p[2] != ':')
            return false;
    }
}

/* "SHA-256 ab:cd" → "sha-256 AB:CD" (RFC 8122 5: both compare without case) */
static char *normalize_fingerprint(const char *text)
{
    char *copy = g_strdup(text);
    bool hex = false;

    for (char *p = copy; *p; p++) {
        hex = hex || *p == ' ';
        *p = hex ? g_ascii_toupper(*p) : g_ascii_tolower(*p);
    }
    return copy;
}

/* Half a hash is too weak, too. */
static bool is_strong(const char *normalized)
{
    const FingerprintHash *hash = fingerprint_hash(normalized);

    return hash && strlen(normalized) == strlen(hash->name) + hash->bytes * 3;
}

static bool read_fingerprints(Sdp *sdp, const Scopes *scopes, GError **error)
{
    bool weak = false;

    for (int i = 0; i < 3 && sdp->fingerprints->len == 0 && !weak; i++) {
        const Section *section = scopes->scopes[i];

        for (guint j = 0; section && j < section->attributes->len; j++) {
            const char *value = attribute_value(section->attributes->pdata[j], "fingerprint");
            g_autofree char *normalized = NULL;

            if (!value)
                continue;
            if (!is_fingerprint(value))
                return fail(error, RTC_ERROR_INVALID, "the SDP has a bad a=fingerprint");
            normalized = normalize_fingerprint(value);
            if (!is_strong(normalized))
                weak = true;
            else if (sdp->fingerprints->len < SDP_MAX_FINGERPRINTS)
                g_ptr_array_add(sdp->fingerprints, g_steal_pointer(&normalized));
        }
    }
    if (sdp->fingerprints->len == 0 && weak)
        return fail(error, RTC_ERROR_UNSUPPORTED,
                    "the SDP has no a=fingerprint of sha-256, sha-384 or sha-512");
    if (sdp->fingerprints->len == 0)
        return fail(error, RTC_ERROR_INVALID, "the SDP has no a=fingerprint");
    return true;
}

/* RFC 8839 5.4: ufrag 4 to 256, password 22 to 256 ice-chars */
static bool is_ice_string(const char *text, gsize least)
{
    gsize length = strlen(text);

    for (const char *p = text; *p; p++) {
        if (!g_ascii_isalnum(*p) && *p != '+' && *p != '/' && *p != '-' && *p != '_' && *p != '=')
            return false;
    }
    return length >= least && length <= 256;
}

static bool read_ice(Sdp *sdp, const Scopes *scopes, GError **error)
{
    const char *ufrag = scopes_get(scopes, "ice-ufrag");
    const char *password = scopes_get(scopes, "ice-pwd");
    const char *options = scopes_get(scopes, "ice-options");

    if (!ufrag || !password)
        return fail(error, RTC_ERROR_INVALID, "the SDP has no a=ice-ufrag and a=ice-pwd");
    if (!is_ice_string(ufrag, 4) || !is_ice_string(password, 22))
        return fail(error, RTC_ERROR_INVALID, "the SDP has a bad a=ice-ufrag or a=ice-pwd");
    sdp->ufrag = g_strdup(ufrag);
    sdp->password = g_strdup(password);
    sdp->ice_lite = scopes_get(scopes, "ice-lite") != NULL;
    sdp->trickle = options && strstr(options, "trickle");
    for (int i = 0; i < 2; i++) {
        const Section *section = scopes->scopes[i];

        for (guint j = 0; section && j < section->attributes->len; j++) {
            const char *attribute = section->attributes->pdata[j];

            if (g_str_has_prefix(attribute, "candidate:") &&
                sdp->candidates->len < SDP_MAX_CANDIDATES)
                g_ptr_array_add(sdp->candidates, g_strdup(attribute));
        }
    }
    sdp->end_of_candidates = scopes_get(scopes, "end-of-candidates") != NULL;
    return true;
}

static bool read_setup(Sdp *sdp, const Scopes *scopes, GError **error)
{
    const char *value = scopes_get(scopes, "setup");

    if (!value)
        return true; /* actpass: what offerers who say nothing mean */
    for (guint i = 0; i < G_N_ELEMENTS(setup_names); i++) {
        if (strcmp(value, setup_names[i]) == 0) {
            sdp->setup = i;
            return true;
        }
    }
    return fail(error, RTC_ERROR_INVALID, "the SDP has an a=setup that is not known");
}

static bool read_number(const char *text, guint64 max, guint64 *number)
{
    g_autofree char *word = g_strndup(text, strcspn(text, " "));

    return g_ascii_string_to_unsigned(word, 10, 0, max, number, NULL);
}

static gsize read_max_packet(const char *ufrag, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 3);
    guint64 size;

    return g_strv_length(words) == 2 && strcmp(words[1], ufrag) == 0 &&
                   read_number(words[0], SDP_MAX_PACKET_SIZE, &size)
               ? size
               : 0;
}

static char *read_protocol(const char *ufrag, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 3);

    return g_strv_length(words) == 2 && strcmp(words[1], ufrag) == 0 ? g_strdup(words[0]) : NULL;
}

static bool read_ability(const char *ufrag, const char *value)
{
    return g_str_has_prefix(value, "1 ") && strcmp(value + 2, ufrag) == 0;
}

static GBytes *read_sctp_init(const char *ufrag, const char *value)
{
    g_auto(GStrv) words = g_strsplit(value, " ", 3);
    g_autofree guint8 *chunk = NULL;
    gsize length;

    if (g_strv_length(words) != 2 || strcmp(words[1], ufrag) != 0 ||
        strlen(words[0]) > 2 * OPENING_CHUNK_SIZE)
        return NULL;
    chunk = g_base64_decode(words[0], &length);
    return opening_chunk_is_ours(chunk, length) ? g_bytes_new(chunk, length) : NULL;
}

/* Of any size: what is more than memory can hold is as good as no limit. */
static bool read_message_size(const char *text, gsize *size)
{
    gsize digits = strspn(text, "0123456789");

    if (digits == 0 || (text[digits] != '\0' && text[digits] != ' '))
        return false;
    *size = MIN(g_ascii_strtoull(text, NULL, 10), G_MAXSSIZE);
    return true;
}

/* The format of an m-line: its fourth word */
static const char *format_of(const Section *data)
{
    const char *at = data->line;

    for (int i = 0; i < 3; i++)
        at = strchr(at, ' ') + 1;
    return at;
}

static bool read_sctp(Sdp *sdp, const Section *data, GError **error)
{
    const char *port = section_get(data, "sctp-port");
    const char *size = section_get(data, "max-message-size");
    const char *packet = section_get(data, "x-rtcbus-max-packet-size");
    const char *protocol = section_get(data, "x-rtcbus-protocol");
    const char *init = section_get(data, "x-rtcbus-sctp-init");
    const char *hello = section_get(data, "x-rtcbus-early-hello");
    const char *parts = section_get(data, "x-rtcbus-packet-parts");
    guint64 number;

    if (!port)
        port = section_get(data, "sctpmap");
    if (!port && sdp->old_format)
        port = format_of(data);
    if (port) {
        if (!read_number(port, G_MAXUINT16, &number) || number == 0)
            return fail(error, RTC_ERROR_INVALID, "the SDP has a bad SCTP port");
        sdp->sctp_port = number;
    }
    if (size && !read_message_size(size, &sdp->max_message_size))
        return fail(error, RTC_ERROR_INVALID, "the SDP has a bad a=max-message-size");
    if (packet)
        sdp->max_packet_size = read_max_packet(sdp->ufrag, packet);
    if (protocol)
        sdp->protocol = read_protocol(sdp->ufrag, protocol);
    if (init)
        sdp->sctp_init = read_sctp_init(sdp->ufrag, init);
    sdp->early_hello = hello && read_ability(sdp->ufrag, hello);
    sdp->packet_parts = parts && read_ability(sdp->ufrag, parts);
    sdp->answers = g_strdup(section_get(data, "x-rtcbus-answers"));
    return true;
}

static void read_media(Sdp *sdp, const GPtrArray *sections)
{
    for (guint i = 1; i < sections->len; i++) {
        const Section *section = sections->pdata[i];
        SdpMedia *media = NULL;

        if (i - 1 != sdp->mline_index) {
            media = g_new0(SdpMedia, 1);
            media->line = g_strdup(section->line);
            media->mid = g_strdup(section_get(section, "mid"));
        }
        g_ptr_array_add(sdp->media, media);
    }
}

/* "o=- 4611731400430051336 2 IN IP4 127.0.0.1" */
static void read_origin(Sdp *sdp, const char *text)
{
    const char *origin = strstr(text, "\no=");
    const char *id = origin ? strchr(origin, ' ') : NULL;
    char *end;

    sdp->session_id = id ? g_ascii_strtoull(id + 1, &end, 10) : 0;
    sdp->version = id ? g_ascii_strtoull(end, NULL, 10) : 0;
}

Sdp *sdp_parse(const char *text, GError **error)
{
    g_autoptr(GPtrArray) sections = split_sections(text, error);
    g_autoptr(Sdp) sdp = NULL;
    const Section *data, *tag;
    Scopes scopes;

    if (!sections)
        return NULL;
    sdp = sdp_new();
    data = find_data(sections, sdp);
    if (!data) {
        fail(error, RTC_ERROR_UNSUPPORTED, "the SDP has no m-line for data channels");
        return NULL;
    }
    read_origin(sdp, text);
    sdp->mid = g_strdup(section_get(data, "mid"));
    tag = find_bundle_tag(sections, sdp->mid);
    sdp->bundled = tag != NULL;
    scopes = (Scopes){{data, tag == data ? NULL : tag, sections->pdata[0]}};
    if (!read_ice(sdp, &scopes, error) || !read_fingerprints(sdp, &scopes, error) ||
        !read_setup(sdp, &scopes, error) || !read_sctp(sdp, data, error))
        return NULL;
    read_media(sdp, sections);
    return g_steal_pointer(&sdp);
}

/* ---- writing ---- */

static void write_transport(GString *text, const Sdp *sdp)
{
    g_string_append_printf(text, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=ice-options:trickle\r\n",
                           sdp->ufrag, sdp->password);
    for (guint i = 0; i < sdp->fingerprints->len; i++)
        g_string_append_printf(text, "a=fingerprint:%s\r\n", (char *) sdp->fingerprints->pdata[i]);
    g_string_append_printf(text, "a=setup:%s\r\n", setup_names[sdp->setup]);
}

/* What only rtcbus reads. */
static void write_own(GString *text, const Sdp *sdp)
{
    if (sdp->max_packet_size > 0)
        g_string_append_printf(text, "a=x-rtcbus-max-packet-size:%" G_GSIZE_FORMAT " %s\r\n",
                               sdp->max_packet_size, sdp->ufrag);
    if (sdp->packet_parts)
        g_string_append_printf(text, "a=x-rtcbus-packet-parts:1 %s\r\n", sdp->ufrag);
    if (sdp->protocol)
        g_string_append_printf(text, "a=x-rtcbus-protocol:%s %s\r\n", sdp->protocol, sdp->ufrag);
    if (sdp->sctp_init) {
        gsize length;
        const guint8 *chunk = g_bytes_get_data(sdp->sctp_init, &length);
        g_autofree char *base64 = g_base64_encode(chunk, length);

        g_string_append_printf(text, "a=x-rtcbus-sctp-init:%s %s\r\n", base64, sdp->ufrag);
    }
    if (sdp->early_hello)
        g_string_append_printf(text, "a=x-rtcbus-early-hello:1 %s\r\n", sdp->ufrag);
    if (sdp->answers)
        g_string_append_printf(text, "a=x-rtcbus-answers:%s\r\n", sdp->answers);
}

static void write_data(GString *text, const Sdp *sdp)
{
    g_string_append_printf(text, "m=application 9 %s ",
                           sdp->transport ? sdp->transport : SDP_TRANSPORT);
    if (sdp->old_format)
        g_string_append_printf(text, "%u\r\n", sdp->sctp_port);
    else
        g_string_append(text, "webrtc-datachannel\r\n");
    g_string_append(text, "c=IN IP4 0.0.0.0\r\n");
    if (sdp->mid)
        g_string_append_printf(text, "a=mid:%s\r\n", sdp->mid);
    write_transport(text, sdp);
    if (sdp->old_format)
        g_string_append_printf(text, "a=sctpmap:%u webrtc-datachannel 1024\r\n", sdp->sctp_port);
    else
        g_string_append_printf(text, "a=sctp-port:%u\r\n", sdp->sctp_port);
    g_string_append_printf(text, "a=max-message-size:%" G_GSIZE_FORMAT "\r\n",
                           sdp->max_message_size);
    write_own(text, sdp);
    for (guint i = 0; i < sdp->candidates->len; i++)
        g_string_append_printf(text, "a=%s\r\n", (char *) sdp->candidates->pdata[i]);
    if (sdp->end_of_candidates)
        g_string_append(text, "a=end-of-candidates\r\n");
}

/*
 * Port 0 rejects an m-line; its formats count no more, but there has to be one
 * (RFC 3264 6): of media it is 0, as Chromium writes it, for pion wants an
 * a=rtpmap of every other. It needs no transport, but webrtcbin insists on a
 * fingerprint in every one, and browsers write all of it.
 */
static void write_rejected(GString *text, const Sdp *sdp, const SdpMedia *media)
{
    g_auto(GStrv) words = g_strsplit(media->line, " ", 4);
    const bool whole = g_strv_length(words) == 4;

    if (whole && strstr(words[2], "RTP/"))
        g_string_append_printf(text, "m=%s 0 %s 0\r\n", words[0], words[2]);
    else
        g_string_append_printf(text, "m=%s 0 %s %s\r\n", words[0], whole ? words[2] : "",
                               whole ? words[3] : "");
    g_string_append(text, "c=IN IP4 0.0.0.0\r\n");
    if (media->mid)
        g_string_append_printf(text, "a=mid:%s\r\n", media->mid);
    write_transport(text, sdp);
    g_string_append(text, "a=inactive\r\n");
}

char *sdp_to_text(const Sdp *sdp)
{
    GString *text = g_string_new("v=0\r\n");

    g_string_append_printf(text,
                           "o=- %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
                           " IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n",
                           sdp->session_id, sdp->version);
    if (sdp->bundled && sdp->mid)
        g_string_append_printf(text, "a=group:BUNDLE %s\r\n", sdp->mid);
    for (guint i = 0; i < MAX(sdp->media->len, 1); i++) {
        const SdpMedia *media = i < sdp->media->len ? sdp->media->pdata[i] : NULL;

        if (media)
            write_rejected(text, sdp, media);
        else
            write_data(text, sdp);
    }
    return g_string_free(text, FALSE);
}
