/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What people paste. Input after an 'S' is SDP: the word that is made of it reads back as the
 * same description. The rest are a word's bytes, and get the checksum that they need to be read;
 * what is read makes the same word again.
 */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "ctl/short-description.h"

enum { CHECK_BYTES = 4 };

static char *to_word(const guint8 *bytes, gsize size)
{
    g_autoptr(GByteArray) all = g_byte_array_new();
    g_autoptr(GChecksum) checksum = g_checksum_new(G_CHECKSUM_SHA256);
    guint8 hash[32];
    gsize length = sizeof hash;
    char *word;

    g_byte_array_append(all, bytes, size);
    g_checksum_update(checksum, bytes, size);
    g_checksum_get_digest(checksum, hash, &length);
    g_byte_array_append(all, hash, CHECK_BYTES);
    word = g_base64_encode(all->data, all->len);
    g_strdelimit(word, "+", '-');
    g_strdelimit(word, "/", '_');
    word[strcspn(word, "=")] = '\0';
    return word;
}

static void check_word(const char *word)
{
    const char *type;
    g_autofree char *sdp = short_description_read(word, &type), *again = NULL, *same = NULL;

    if (!sdp)
        return;
    again = short_description_make(type, sdp);
    if (!again) /* no credentials, or more candidates than we write */
        return;
    same = short_description_read(again, &type);
    g_assert_nonnull(same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *) data, size), *word = NULL;

    fuzz_begin();
    if (text[0] == 'S')
        word = short_description_make("answer", text + 1);
    else
        word = to_word(data, size);
    if (word)
        check_word(word);
    return 0;
}
