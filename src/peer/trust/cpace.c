/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/cpace.h"

#include <sodium.h>
#include <string.h>

#define DSI "CPaceRistretto255"
#define DSI_ISK DSI "_ISK"
enum { HASH_BLOCK = 128 }; /* of SHA-512, s_in_bytes */

G_STATIC_ASSERT(CPACE_POINT == crypto_core_ristretto255_BYTES);
G_STATIC_ASSERT(CPACE_SCALAR == crypto_core_ristretto255_SCALARBYTES);
G_STATIC_ASSERT(CPACE_KEY == crypto_hash_sha512_BYTES);
G_STATIC_ASSERT(CPACE_KEY == crypto_core_ristretto255_HASHBYTES);
G_STATIC_ASSERT(CPACE_TAG == crypto_auth_hmacsha512_BYTES);

static void initialize(void)
{
    if (sodium_init() < 0)
        g_error("libsodium does not work here");
}

void cpace_append(GByteArray *out, const void *bytes, gsize length)
{
    gsize left = length;

    do {
        guint8 byte = left & 0x7f;

        left >>= 7;
        byte |= left ? 0x80 : 0;
        g_byte_array_append(out, &byte, 1);
    } while (left);
    if (length > 0)
        g_byte_array_append(out, bytes, length);
}

static void append_bytes(GByteArray *out, GBytes *bytes)
{
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    cpace_append(out, data, length);
}

static void append_share(GByteArray *out, const CpaceShare *share)
{
    cpace_append(out, share->point, CPACE_POINT);
    append_bytes(out, share->data);
}

/* The padding fills the first block, so that what is hashed next does not depend
 * on the length of the password (section 7.1). */
static GByteArray *generator_string(const CpaceInput *input)
{
    static const guint8 zeros[HASH_BLOCK];
    GByteArray *out = g_byte_array_new();

    cpace_append(out, DSI, strlen(DSI));
    append_bytes(out, input->password);
    cpace_append(out, zeros, out->len + 1 < HASH_BLOCK ? HASH_BLOCK - 1 - out->len : 0);
    append_bytes(out, input->channel);
    append_bytes(out, input->session);
    return out;
}

static void wipe_array(GByteArray *array)
{
    sodium_memzero(array->data, array->len);
    g_byte_array_unref(array);
}

void cpace_generator(const CpaceInput *input, guint8 generator[CPACE_POINT])
{
    GByteArray *text = generator_string(input);
    guint8 hash[CPACE_KEY];

    initialize();
    crypto_hash_sha512(hash, text->data, text->len);
    crypto_core_ristretto255_from_hash(generator, hash);
    wipe_array(text);
    sodium_memzero(hash, sizeof hash);
}

void cpace_begin(const CpaceInput *input, guint8 scalar[CPACE_SCALAR], guint8 point[CPACE_POINT])
{
    guint8 generator[CPACE_POINT];

    cpace_generator(input, generator);
    do
        crypto_core_ristretto255_scalar_random(scalar);
    while (crypto_scalarmult_ristretto255(point, scalar, generator) != 0);
    sodium_memzero(generator, sizeof generator);
}

bool cpace_finish(const CpaceInput *input, const guint8 scalar[CPACE_SCALAR],
                  const guint8 other[CPACE_POINT], const CpaceShare *a, const CpaceShare *b,
                  guint8 key[CPACE_KEY])
{
    guint8 secret[CPACE_POINT];
    GByteArray *text;

    initialize();
    /* It fails for what is no point and for the neutral element: scalar_mult_vfy. */
    if (crypto_scalarmult_ristretto255(secret, scalar, other) != 0)
        return false;
    text = g_byte_array_new();
    cpace_append(text, DSI_ISK, strlen(DSI_ISK));
    append_bytes(text, input->session);
    cpace_append(text, secret, sizeof secret);
    append_share(text, a);
    append_share(text, b);
    crypto_hash_sha512(key, text->data, text->len);
    wipe_array(text);
    sodium_memzero(secret, sizeof secret);
    return true;
}

void cpace_mac_key(const CpaceInput *input, const guint8 key[CPACE_KEY], guint8 mac_key[CPACE_KEY])
{
    crypto_hash_sha512_state state;
    gsize length;
    const guint8 *session = g_bytes_get_data(input->session, &length);

    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, (const guint8 *) "CPaceMac", strlen("CPaceMac"));
    crypto_hash_sha512_update(&state, session, length);
    crypto_hash_sha512_update(&state, key, CPACE_KEY);
    crypto_hash_sha512_final(&state, mac_key);
}

void cpace_tag(const guint8 mac_key[CPACE_KEY], const void *bytes, gsize length,
               guint8 tag[CPACE_TAG])
{
    crypto_auth_hmacsha512_state state;

    crypto_auth_hmacsha512_init(&state, mac_key, CPACE_KEY);
    crypto_auth_hmacsha512_update(&state, bytes, length);
    crypto_auth_hmacsha512_final(&state, tag);
}

bool cpace_tags_equal(const guint8 one[CPACE_TAG], const guint8 other[CPACE_TAG])
{
    return sodium_memcmp(one, other, CPACE_TAG) == 0;
}

void cpace_wipe(void *bytes, gsize length)
{
    sodium_memzero(bytes, length);
}

guint32 cpace_random(guint32 limit)
{
    initialize();
    return randombytes_uniform(limit);
}
