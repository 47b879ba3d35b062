/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Numbers of SCTP's packets, which may be anywhere in them (RFC 9260 section 3: network byte order) */

#pragma once

#include <glib.h>

static inline guint16 get16(const guint8 *at)
{
    return at[0] << 8 | at[1];
}

static inline guint32 get32(const guint8 *at)
{
    return (guint32) get16(at) << 16 | get16(at + 2);
}

static inline void put16(guint8 *at, guint16 value)
{
    at[0] = value >> 8;
    at[1] = value;
}

static inline void put32(guint8 *at, guint32 value)
{
    put16(at, value >> 16);
    put16(at + 2, value);
}
