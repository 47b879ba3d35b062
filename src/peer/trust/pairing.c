/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/pairing.h"

#include <string.h>

#include "common/fingerprint.h"
#include "common/printable.h"
#include "peer/trust/cpace.h"

#define CHANNEL "rtcbus pairing 1"
enum { DIGITS = PAIRING_SLOT_DIGITS + PAIRING_SECRET_DIGITS, MAX_NAME = 64 };

typedef enum {
    RUN_WAITS_FOR_SHARE,
    RUN_WAITS_FOR_TAG,
    RUN_OVER,
} RunState;

struct PairingRun {
    PairingRole role;
    RunState state;
    char *slot;
    CpaceInput input;
    guint8 scalar[CPACE_SCALAR], mac_key[CPACE_KEY];
    CpaceShare own, other;
    char *name, *fingerprint; /* the other's */
};

/* ---- codes ---------------------------------------------------------------- */

char *pairing_code_new(void)
{
    guint32 slot = cpace_random(1000);
    guint32 high = cpace_random(10000);

    return g_strdup_printf("%03u-%04u-%04u", slot, high, cpace_random(10000));
}

char *pairing_code_parse(const char *text)
{
    g_autoptr(GString) digits = g_string_new(NULL);

    for (const char *p = text; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (g_unichar_isdigit(c)) /* full-width ones, too */
            g_string_append_c(digits, (char) ('0' + g_unichar_digit_value(c)));
        else if (!g_unichar_isspace(c) && g_unichar_type(c) != G_UNICODE_DASH_PUNCTUATION)
            return NULL;
    }
    return digits->len == DIGITS ? g_strdup(digits->str) : NULL;
}

char *pairing_code_slot(const char *digits)
{
    return g_strndup(digits, PAIRING_SLOT_DIGITS);
}

/* ---- messages: fields with a byte of length each, in base64 ------------------ */

static void add_field(GByteArray *out, const void *bytes, gsize length)
{
    guint8 n = (guint8) length;

    g_return_if_fail(length <= G_MAXUINT8);
    g_byte_array_append(out, &n, 1);
    g_byte_array_append(out, bytes, (guint) length);
}

static void add_text(GByteArray *out, const char *text)
{
    add_field(out, text, strlen(text));
}

typedef struct {
    guchar *bytes;
    gsize length, position;
} Reader;

static void reader_clear(Reader *reader)
{
    g_free(reader->bytes);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Reader, reader_clear)

static void reader_open(Reader *reader, const char *data)
{
    reader->bytes = g_base64_decode(data, &reader->length);
}

static const guint8 *take_field(Reader *reader, gsize *length)
{
    const guint8 *field = reader->bytes + reader->position + 1;

    if (reader->position >= reader->length ||
        reader->length - reader->position - 1 < reader->bytes[reader->position])
        return NULL;
    *length = reader->bytes[reader->position];
    reader->position += *length + 1;
    return field;
}

static char *take_text(Reader *reader)
{
    gsize length = 0;
    const guint8 *field = take_field(reader, &length);

    if (!field || !g_utf8_validate((const char *) field, (gssize) length, NULL))
        return NULL;
    return g_strndup((const char *) field, length);
}

bool pairing_ask_is_for(const char *data, const char *digits)
{
    g_auto(Reader) reader = {};
    g_autofree char *slot = pairing_code_slot(digits), *asked = NULL;

    reader_open(&reader, data);
    asked = take_text(&reader);
    return g_strcmp0(asked, slot) == 0;
}

/* ---- shares --------------------------------------------------------------- */

/* What the point goes with, and what the tags make sure of. */
static GBytes *make_data(const char *name, const char *fingerprint)
{
    GByteArray *out = g_byte_array_new();

    cpace_append(out, name, strlen(name));
    cpace_append(out, fingerprint, strlen(fingerprint));
    return g_byte_array_free_to_bytes(out);
}

PairingRun *pairing_run_new(PairingRole role, const char *digits, const char *session,
                            const char *name, const char *fingerprint)
{
    PairingRun *run = g_new0(PairingRun, 1);

    run->role = role;
    run->slot = pairing_code_slot(digits);
    run->input.password = g_bytes_new(digits, strlen(digits));
    run->input.channel = g_bytes_new_static(CHANNEL, strlen(CHANNEL));
    run->input.session = g_bytes_new(session, strlen(session));
    run->own.data = make_data(name, fingerprint);
    cpace_begin(&run->input, run->scalar, run->own.point);
    run->name = g_strdup(name); /* ours until the other's is there */
    run->fingerprint = g_strdup(fingerprint);
    return run;
}

char *pairing_run_share(const PairingRun *run)
{
    g_autoptr(GByteArray) out = g_byte_array_new();
    gsize length;
    const guint8 *data = g_bytes_get_data(run->own.data, &length);

    add_text(out, run->slot);
    add_field(out, run->own.point, CPACE_POINT);
    add_field(out, data, length);
    return g_base64_encode(out->data, out->len);
}

static bool is_name(const char *name)
{
    return *name && strlen(name) <= MAX_NAME && is_printable(name);
}

/* Splits what make_data() has put together; canonical, since both sides make a MAC of it. */
static bool read_data(PairingRun *run, const guint8 *bytes, gsize length)
{
    g_auto(Reader) reader = {.bytes = g_memdup2(bytes, length), .length = length};
    g_autofree char *name = take_text(&reader);
    g_autofree char *fingerprint = take_text(&reader);
    g_autofree char *canonical = fingerprint ? fingerprint_parse(fingerprint) : NULL;

    if (!name || !is_name(name) || reader.position != length ||
        g_strcmp0(canonical, fingerprint) != 0)
        return false;
    g_free(run->name);
    g_free(run->fingerprint);
    run->name = g_steal_pointer(&name);
    run->fingerprint = g_steal_pointer(&fingerprint);
    run->other.data = g_bytes_new(bytes, length);
    return true;
}

static bool read_share(PairingRun *run, const char *data)
{
    g_auto(Reader) reader = {};
    g_autofree char *slot = NULL;
    const guint8 *point, *rest;
    gsize length = 0;

    reader_open(&reader, data);
    slot = take_text(&reader);
    point = take_field(&reader, &length);
    if (!slot || !point || length != CPACE_POINT)
        return false;
    memcpy(run->other.point, point, CPACE_POINT);
    rest = take_field(&reader, &length);
    return rest && reader.position == reader.length && read_data(run, rest, length);
}

bool pairing_run_take_share(PairingRun *run, const char *data)
{
    bool joiner = run->role == PAIRING_JOINER;
    guint8 key[CPACE_KEY];
    bool good;

    if (run->state != RUN_WAITS_FOR_SHARE)
        return false;
    run->state = RUN_OVER;
    /* A point sent back to us would make a secret that we alone know. */
    if (!read_share(run, data) || memcmp(run->own.point, run->other.point, CPACE_POINT) == 0)
        return false;
    good = cpace_finish(&run->input, run->scalar, run->other.point,
                        joiner ? &run->own : &run->other, joiner ? &run->other : &run->own, key);
    if (good) {
        cpace_mac_key(&run->input, key, run->mac_key);
        run->state = RUN_WAITS_FOR_TAG;
    }
    cpace_wipe(key, sizeof key);
    cpace_wipe(run->scalar, sizeof run->scalar);
    return good;
}

/* ---- tags ----------------------------------------------------------------- */

static void make_tag(const PairingRun *run, PairingRole role, guint8 tag[CPACE_TAG])
{
    const char *who = role == PAIRING_JOINER ? "joiner" : "host";
    const CpaceShare *a = run->role == PAIRING_JOINER ? &run->own : &run->other;
    const CpaceShare *b = run->role == PAIRING_JOINER ? &run->other : &run->own;
    g_autoptr(GByteArray) out = g_byte_array_new();

    cpace_append(out, who, strlen(who));
    for (const CpaceShare *share = a; share; share = share == a ? b : NULL) {
        gsize length;
        const void *data = g_bytes_get_data(share->data, &length);

        cpace_append(out, share->point, CPACE_POINT);
        cpace_append(out, data, length);
    }
    cpace_tag(run->mac_key, out->data, out->len, tag);
}

char *pairing_run_tag(const PairingRun *run)
{
    guint8 tag[CPACE_TAG];

    g_return_val_if_fail(run->other.data, NULL);
    make_tag(run, run->role, tag);
    return g_base64_encode(tag, sizeof tag);
}

bool pairing_run_take_tag(PairingRun *run, const char *data)
{
    guint8 right[CPACE_TAG];
    gsize length;
    g_autofree guchar *tag = NULL;

    if (run->state != RUN_WAITS_FOR_TAG)
        return false;
    run->state = RUN_OVER;
    tag = g_base64_decode(data, &length);
    make_tag(run, run->role == PAIRING_JOINER ? PAIRING_HOST : PAIRING_JOINER, right);
    return length == CPACE_TAG && cpace_tags_equal(tag, right);
}

const char *pairing_run_name(const PairingRun *run)
{
    return run->name;
}

const char *pairing_run_fingerprint(const PairingRun *run)
{
    return run->fingerprint;
}

void pairing_run_free(PairingRun *run)
{
    if (!run)
        return;
    g_bytes_unref(run->input.password);
    g_bytes_unref(run->input.channel);
    g_bytes_unref(run->input.session);
    g_bytes_unref(run->own.data);
    g_clear_pointer(&run->other.data, g_bytes_unref);
    cpace_wipe(run->scalar, sizeof run->scalar);
    cpace_wipe(run->mac_key, sizeof run->mac_key);
    g_free(run->slot);
    g_free(run->name);
    g_free(run->fingerprint);
    g_free(run);
}
