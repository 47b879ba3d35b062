/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Channels that are connected to services: each is acquired by ourselves, and
 * a stream (common/stream.h) moves its bytes to a socket and back.
 */

#pragma once

#include <glib.h>

#include "peer/service/services.h"

typedef struct ServiceLinks ServiceLinks;

ServiceLinks *service_links_new(void);
/* Closes them all. */
void service_links_free(ServiceLinks *links);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ServiceLinks, service_links_free)

/* Connects PACKETS, the socket of an acquired channel, to SERVICE. PACKETS is
 * taken over; SERVICE is not kept. FINGERPRINT is whose channel it is. */
void service_links_add(ServiceLinks *links, int packets, gsize max_packet, const Service *service,
                       const char *fingerprint);

/* Answers that there is none, on PACKETS, which is closed; and says in the journal
 * that WHO, with the key FINGERPRINT, has asked for NAME. */
void service_links_refuse(int packets, const char *name, const char *who, const char *fingerprint);
