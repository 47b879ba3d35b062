/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A second reader of JSON, to hold the envelope's scanner against: the grammar of
 * RFC 8259 as a function a rule, with recursion and without any thought of speed.
 * Where it stops, it says which rule of ours is broken, so that each frame which
 * json-glib takes and we do not is known by its reason.
 */

#pragma once

#include <glib.h>
#include <stddef.h>

typedef enum {
    JSON_FINE,
    JSON_SYNTAX, /* none of the following */
    JSON_NUL,
    JSON_BYTE_ORDER_MARK,
    JSON_COMMENT,
    JSON_CONTROL,   /* a control character in a string */
    JSON_ESCAPE,    /* one that there is not */
    JSON_SURROGATE, /* half a pair */
    JSON_NUMBER,
    JSON_SEPARATOR, /* a comma or colon is missing, or stands before nothing */
    JSON_WORD,      /* that is none of the three literals */
    JSON_QUOTE,     /* 'text' */
    JSON_TRAILING,  /* more than one value */
    JSON_DEPTH,
    JSON_REASONS
} JsonReason;

/* DATA is valid UTF-8. */
JsonReason json_reference_read(const char *data, size_t size, guint max_depth);
