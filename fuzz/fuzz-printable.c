/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a remote has chosen, as it is shown. It is printable then, and is not changed by
 * being shown again; JSON stays the same JSON.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include <json-glib/json-glib.h>

#include "common/printable.h"
#include "signaling/envelope.h"

/* By Unicode's own categories; a terminal obeys what is in these. */
static bool is_shown(const char *text)
{
    for (; *text; text = g_utf8_next_char(text)) {
        GUnicodeType type = g_unichar_type(g_utf8_get_char(text));

        if (type == G_UNICODE_CONTROL || type == G_UNICODE_FORMAT ||
            type == G_UNICODE_LINE_SEPARATOR || type == G_UNICODE_PARAGRAPH_SEPARATOR)
            return false;
    }
    return true;
}

static void check_text(const char *text)
{
    g_autofree char *shown = printable(text), *again = printable(shown);

    g_assert_true(is_printable(shown));
    g_assert_true(is_shown(shown));
    g_assert_cmpstr(again, ==, shown);
    if (g_utf8_validate(text, -1, NULL) && is_printable(text))
        g_assert_cmpstr(shown, ==, text);
}

/* Without white space, as json-glib writes it */
static void check_json(const char *text)
{
    g_autofree char *written = NULL, *shown = NULL;
    g_autoptr(JsonNode) node = NULL, plain = NULL, again = NULL;
    Envelope envelope;

    if (envelope_scan(text, strlen(text), &envelope) != ENVELOPE_OK)
        return;
    node = json_from_string(text, NULL);
    written = json_to_string(node, FALSE);
    plain = json_from_string(written, NULL);
    if (!plain)
        return; /* a number too large for json-glib */
    shown = printable_json(written);
    g_assert_true(is_shown(shown));
    again = json_from_string(shown, NULL);
    g_assert_nonnull(again);
    g_assert_true(json_node_equal(plain, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size);

    fuzz_begin();
    check_text(text);
    check_json(text);
    return 0;
}
