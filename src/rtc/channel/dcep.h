/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The Data Channel Establishment Protocol (RFC 8832): a codec of its two
 * messages, without I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* SCTP payload protocol identifiers (RFC 8831 8) */
typedef enum {
    PPID_DCEP = 50,
    PPID_STRING = 51,
    PPID_BINARY = 53,
    PPID_STRING_EMPTY = 56,
    PPID_BINARY_EMPTY = 57,
} Ppid;

typedef enum {
    DCEP_ACK = 0x02,
    DCEP_OPEN = 0x03,
} DcepType;

typedef struct {
    bool ordered;
    int max_retransmits;     /* -1: none */
    int max_packet_lifetime; /* milliseconds, -1: none */
    guint16 priority;
    char *label, *protocol; /* UTF-8, never NULL */
} DcepOpen;

void dcep_open_clear(DcepOpen *open);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(DcepOpen, dcep_open_clear)

/* The type of a message, or RTC_ERROR_INVALID and false. */
bool dcep_type(const guint8 *bytes, gsize length, DcepType *type, GError **error);

/* Parses a DATA_CHANNEL_OPEN; RTC_ERROR_INVALID if it is not whole and right. */
bool dcep_parse_open(const guint8 *bytes, gsize length, DcepOpen *open, GError **error);

/* LABEL and PROTOCOL of OPEN may be at most 65535 bytes. Transfer full. */
GBytes *dcep_write_open(const DcepOpen *open);
GBytes *dcep_write_ack(void);
