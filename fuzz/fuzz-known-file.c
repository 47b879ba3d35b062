/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The file of known peers, and the two things that come into it from a remote: a
 * name, which is of its choosing, and a fingerprint. What is written is read again
 * as the same peers; a name adds the one line that it should, whatever is in it.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "common/fingerprint.h"
#include "peer/trust/known-file.h"

#define KEY                                                                                        \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA"     \
    ":BB:CC:DD:EE:FF"

static void check_peer(const KnownPeer *peer, gpointer data)
{
    g_autofree char *key = fingerprint_parse(peer->fingerprint);
    const KnownFile *again = data;

    g_assert_cmpstr(key, ==, peer->fingerprint);
    g_assert_true(g_utf8_validate(peer->name, -1, NULL));
    g_assert_true(known_file_has(again, peer->name, peer->fingerprint));
}

static KnownFile *written_and_read(const KnownFile *file)
{
    g_autofree char *text = known_file_write(file);
    g_autoptr(GError) error = NULL;
    KnownFile *again = known_file_parse(text, strlen(text), "again", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(known_file_count(again), ==, known_file_count(file));
    known_file_foreach(file, check_peer, again);
    return again;
}

static void check_file(const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KnownFile) file = known_file_parse(text, length, "file", &error);
    g_autoptr(KnownFile) again = NULL;

    g_assert_true((file != NULL) != (error != NULL));
    if (file)
        again = written_and_read(file);
}

/* As the peer does it: a name is UTF-8 and has a character. */
static void check_name(const char *name)
{
    g_autoptr(KnownFile) file = known_file_new(), again = NULL;

    if (!*name || !g_utf8_validate(name, -1, NULL))
        return;
    known_file_add(file, "other", KEY, "", 0);
    known_file_add(file, name, KEY, "learned", 1700000000);
    again = written_and_read(file);
    g_assert_true(known_file_has(again, name, KEY));
    g_assert_cmpuint(known_file_remove(again, name), ==, strcmp(name, "other") == 0 ? 2 : 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size);
    g_autofree char *key = fingerprint_parse(text), *name = known_name_parse(text);

    fuzz_begin();
    check_file(text, size);
    check_name(text);
    if (name)
        check_name(name);
    if (key) {
        g_autofree char *code = fingerprint_code(key), *word = fingerprint_word(key);
        g_autofree char *again = fingerprint_parse(word);

        g_assert_nonnull(code);
        g_assert_cmpstr(again, ==, key);
    }
    return 0;
}
