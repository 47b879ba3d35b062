/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* An ordinary message: ordered, reliable, binary, and on stream 1. */

#pragma once

#include "rtc/sctp/association.h"

static inline AssociationMessage message_of(const void *bytes, gsize length)
{
    return (AssociationMessage){.stream = 1,
                                .ppid = 53,
                                .ordered = true,
                                .max_retransmits = -1,
                                .max_packet_lifetime = -1,
                                .bytes = bytes,
                                .length = length};
}
