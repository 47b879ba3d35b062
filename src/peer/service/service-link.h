/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Channels that are connected to services: each is acquired by ourselves, and
 * linked with the socket of the service (common/stream-link.h).
 */

#pragma once

#include <glib.h>

#include "common/stream-link.h"
#include "peer/service/services.h"

/* A set for service_links_add(). */
StreamLinks *service_links_new(void);

/* Connects PACKETS, the socket of an acquired channel, to SERVICE. PACKETS is
 * taken over; SERVICE is not kept. FINGERPRINT is whose channel it is. */
void service_links_add(StreamLinks *links, int packets, gsize max_packet, const Service *service,
                       const char *fingerprint);

/* Answers that there is none, on PACKETS, which is closed; and says in the journal
 * that WHO, with the key FINGERPRINT, has asked for NAME. */
void service_links_refuse(int packets, const char *name, const char *who, const char *fingerprint);
