/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The envelope's scanner, the JSON of RFC 8259 and json-glib are of one mind:
 *
 *   - the scanner takes what the reference reader takes, and nothing else, but
 *     for the rule about "to", which is ours;
 *   - json-glib takes what the scanner takes, and finds the same "to", "from",
 *     "type" and "session" in it;
 *   - what json-glib takes and the scanner does not has one of the reasons of the
 *     table below;
 *   - a stamped frame is the same frame, with one "from", which is ours.
 */

#include <config.h>

#include "fuzz.h"

#include <json-glib/json-glib.h>
#include <stdbool.h>
#include <string.h>

#include "json-reference.h"
#include "signaling/envelope.h"

#define ID "0123456789abcdef0123456789abcdef"

/* Where json-glib is more lenient than we are, and why we do not follow it. A string of
 * NULL: it is not, and a frame that proves the contrary is a finding. */
static const char *const lenient[JSON_REASONS] = {
    [JSON_NUL] = "it stops reading at a NUL, whatever stands behind",
    [JSON_BYTE_ORDER_MARK] = "RFC 8259 section 8.1 forbids to send one",
    [JSON_COMMENT] = "JSON has no comments; a browser refuses them",
    [JSON_CONTROL] = "section 7: they are escaped",
    [JSON_ESCAPE] = "it has those of C, and takes what it does not know for the letter",
    [JSON_SURROGATE] = "RFC 7493 section 2.1; it reads on over the end of the string",
    [JSON_NUMBER] = "section 6: no leading zeros, no hexadecimal, no bare point",
    [JSON_SEPARATOR] = "it does without commas in objects",
    [JSON_WORD] = "it takes TRUE and var x = {}",
    [JSON_QUOTE] = "section 7: strings are in double quotes",
    [JSON_TRAILING] = "it takes some of what stands behind the value, and forgets it",
    [JSON_DEPTH] = "it recurses; a frame has no use for more than 64 levels",
};

/* json-glib keeps the memory of some of what it refuses, and asserts things of half a
 * surrogate pair: it is only asked about what ends for another reason. */
static bool may_ask(JsonReason reason)
{
    return reason != JSON_SURROGATE && reason != JSON_DEPTH;
}

static EnvelopeResult wanted_result(JsonReason reason, const char *data, size_t size)
{
    switch (reason) {
    case JSON_FINE:
        while (size > 0 && strchr(" \t\r\n", *data))
            data++, size--;
        return *data == '{' ? ENVELOPE_OK : ENVELOPE_NOT_OBJECT;
    case JSON_SURROGATE:
        return ENVELOPE_HALF_CHARACTER;
    case JSON_DEPTH:
        return ENVELOPE_TOO_DEEP;
    default:
        return ENVELOPE_NOT_JSON;
    }
}

static JsonObject *load(JsonParser *parser, const char *data, size_t size)
{
    JsonNode *root;

    if (!json_parser_load_from_data(parser, data, (gssize) size, NULL))
        return NULL;
    root = json_parser_get_root(parser);
    return root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;
}

/* json-glib's strings end at a NUL, and so does this one. Transfer full. */
static char *text_of(const EnvelopeText *text, size_t size)
{
    g_autofree char *out = g_malloc(size + 1);
    EnvelopeText part = *text;
    const char *nul;

    if (!text->data)
        return NULL;
    /* An escaped NUL, and no backslash before its own */
    for (nul = text->data;
         (nul = memmem(nul, (size_t) (text->data + text->length - nul), "\\u0000", 6)); nul++) {
        size_t slashes = 0;

        while (nul - slashes > text->data && nul[-1 - (gssize) slashes] == '\\')
            slashes++;
        if (slashes % 2 == 0)
            break;
    }
    if (nul)
        part.length = (size_t) (nul - text->data);
    g_assert_true(envelope_decode(&part, out, size + 1));
    return g_steal_pointer(&out);
}

static void check_member(JsonObject *object, const char *name, const EnvelopeText *text,
                         size_t size)
{
    JsonNode *node = json_object_get_member(object, name);
    bool string =
        node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
    g_autofree char *ours = text_of(text, size);

    g_assert_cmpstr(ours, ==, string ? json_node_get_string(node) : NULL);
}

static void check_same(JsonParser *parser, const Envelope *envelope, const char *data, size_t size)
{
    JsonObject *object = load(parser, data, size);

    g_assert_nonnull(object);
    check_member(object, "to", &envelope->to, size);
    check_member(object, "from", &envelope->from, size);
    check_member(object, "type", &envelope->type, size);
    check_member(object, "session", &envelope->session, size);
}

static void check_stamped(JsonParser *parser, const Envelope *envelope)
{
    size_t size = envelope_stamped_size(envelope, strlen(ID));
    g_autofree char *stamped = g_malloc(size);
    Envelope again;

    g_assert_cmpuint(envelope_stamp(envelope, ID, strlen(ID), stamped), ==, size);
    g_assert_cmpint(envelope_scan(stamped, size, &again), ==, ENVELOPE_OK);
    g_assert_cmpuint(again.n_from, ==, 1);
    g_assert_cmpmem(again.from.data, again.from.length, ID, strlen(ID));
    g_assert_cmpmem(again.to.data, again.to.length, envelope->to.data, envelope->to.length);
    check_same(parser, &again, stamped, size);
}

/* For GLib a NUL is none. */
static bool is_utf8(const char *data, size_t size)
{
    const char *end = data + size, *bad;

    while (!g_utf8_validate_len(data, (gsize) (end - data), &bad) && bad < end && *bad == '\0')
        data = bad + 1;
    return g_utf8_validate_len(data, (gsize) (end - data), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *frame = fuzz_copy(data, size);
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    Envelope envelope;
    EnvelopeResult result;
    JsonReason reason;

    fuzz_begin();
    result = envelope_scan(frame, size, &envelope);
    g_assert_cmpint(result == ENVELOPE_NOT_UTF8, ==, !is_utf8(frame, size));
    if (result == ENVELOPE_NOT_UTF8)
        return 0;
    reason = json_reference_read(frame, size, ENVELOPE_MAX_DEPTH);
    if (result == ENVELOPE_BAD_TO)
        g_assert_cmpint(wanted_result(reason, frame, size), ==, ENVELOPE_OK);
    else
        g_assert_cmpint(wanted_result(reason, frame, size), ==, result);
    if (result == ENVELOPE_OK) {
        check_same(parser, &envelope, frame, size);
        check_stamped(parser, &envelope);
    } else if (reason != JSON_FINE && may_ask(reason) && !lenient[reason]) {
        g_assert_null(load(parser, frame, size));
    }
    return 0;
}
