/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A whole pairing, with the relay in the middle: the input says what it does to each
 * of the four messages. Whoever ends the pairing well has the other's true name and
 * key, and those who are let alone do end it well.
 */

#include <config.h>

#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "peer/trust/pairing.h"

#define HOST_KEY                                                                                   \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA"     \
    ":BB:CC:DD:EE:FF"
#define JOINER_KEY                                                                                 \
    "sha-256 FF:EE:DD:CC:BB:AA:99:88:77:66:55:44:33:22:11:00:FF:EE:DD:CC:BB:AA:99:88:77:66:55"     \
    ":44:33:22:11:00"
#define CODE "12345678901"

/* What the relay does to a message */
enum { PASS, REPLACE, CHANGE, TEXT, REFLECT, DEEDS };

static char *replace(FuzzInput *input)
{
    guint8 bytes[255];
    gsize n = fuzz_bytes(input, bytes, fuzz_u8(input));

    return g_base64_encode(bytes, n);
}

/* Some of its bytes, at most 15 */
static char *change(FuzzInput *input, const char *data)
{
    gsize length;
    g_autofree guchar *bytes = g_base64_decode(data, &length);

    for (guint n = fuzz_u8(input) % 16; n > 0 && length > 0; n--) {
        guint at = fuzz_u8(input) % length;

        bytes[at] ^= fuzz_u8(input);
    }
    return g_base64_encode(bytes, length);
}

static char *text(FuzzInput *input)
{
    char bytes[256] = {};

    fuzz_bytes(input, (guint8 *) bytes, fuzz_u8(input) % sizeof bytes);
    return g_strdup(bytes);
}

/* DATA as it comes out of the relay. OWN is what the receiver itself has sent. */
static char *relayed(FuzzInput *input, const char *data, const char *own, bool *honest)
{
    guint deed = fuzz_u8(input) % DEEDS;

    *honest &= deed == PASS;
    switch (deed) {
    case REPLACE:
        return replace(input);
    case CHANGE:
        return change(input, data);
    case TEXT:
        return text(input);
    case REFLECT:
        return g_strdup(own);
    default:
        return g_strdup(data);
    }
}

static bool take_share(FuzzInput *input, PairingRun *to, const PairingRun *from, bool *honest)
{
    g_autofree char *own = pairing_run_share(to), *data = pairing_run_share(from);
    g_autofree char *came = relayed(input, data, own, honest);

    pairing_ask_is_for(came, CODE);
    return pairing_run_take_share(to, came);
}

static bool take_tag(FuzzInput *input, PairingRun *to, const PairingRun *from, bool *honest)
{
    g_autofree char *own = pairing_run_tag(to), *data = pairing_run_tag(from);
    g_autofree char *came = relayed(input, data, own, honest);

    return pairing_run_take_tag(to, came);
}

static void check_pair(FuzzInput *input)
{
    g_autoptr(PairingRun) host = pairing_run_new(PAIRING_HOST, CODE, "s", "kitchen", HOST_KEY);
    g_autoptr(PairingRun) joiner = pairing_run_new(PAIRING_JOINER, CODE, "s", "laptop", JOINER_KEY);
    bool honest = true;

    if (!take_share(input, host, joiner, &honest) || !take_share(input, joiner, host, &honest)) {
        g_assert_false(honest);
        return;
    }
    if (take_tag(input, host, joiner, &honest)) {
        g_assert_cmpstr(pairing_run_name(host), ==, "laptop");
        g_assert_cmpstr(pairing_run_fingerprint(host), ==, JOINER_KEY);
    } else {
        g_assert_false(honest);
    }
    if (take_tag(input, joiner, host, &honest)) {
        g_assert_cmpstr(pairing_run_name(joiner), ==, "kitchen");
        g_assert_cmpstr(pairing_run_fingerprint(joiner), ==, HOST_KEY);
    } else {
        g_assert_false(honest);
    }
}

/* What a person types */
static void check_code(const char *typed)
{
    g_autofree char *digits = NULL;

    if (!g_utf8_validate(typed, -1, NULL))
        return;
    digits = pairing_code_parse(typed);
    if (digits)
        g_assert_true(strlen(digits) == strlen(CODE) &&
                      strspn(digits, "0123456789") == strlen(CODE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *typed = g_strndup((const char *) data, MIN(size, 64));
    FuzzInput input = {data, data + size};

    fuzz_begin();
    check_code(typed);
    check_pair(&input);
    return 0;
}
