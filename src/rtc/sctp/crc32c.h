/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * CRC32c (RFC 9260 Appendix A), by the processor's own instruction where it
 * has one.
 */

#pragma once

#include <glib.h>

/* Writes the checksum of an SCTP packet into it. */
void crc32c_seal(guint8 *packet, gsize length);

/* Of LENGTH bytes, as a number. */
guint32 crc32c(const guint8 *bytes, gsize length);

/* The portable way, for processors without the instruction and for the test. */
guint32 crc32c_portable(const guint8 *bytes, gsize length);
