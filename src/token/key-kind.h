/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a key in PEM may be used for. */

#pragma once

#include <stdbool.h>

typedef enum {
    KEY_KIND_OTHER, /* nothing, or too weak */
    KEY_KIND_RSA,   /* of 2048 bits or more (RFC 7518 section 3.3) */
    KEY_KIND_P256,
} KeyKind;

bool key_kind_is_pem(const char *text);
KeyKind key_kind_of_public(const char *pem);
KeyKind key_kind_of_private(const char *pem); /* without a password */
