/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Channels that are connected to services: each is acquired by ourselves, and
 * linked with the socket of the service (common/stream-link.h).
 */

#pragma once

#include <glib.h>

#include "common/stream-link.h"
#include "peer/call/call.h"
#include "peer/service/services.h"

/* A set for service_links_add(). */
StreamLinks *service_links_new(void);

/* Connects CHANNEL, which a remote has opened, to the one of SERVICES that its label asks for;
 * or answers that there is none, and says so in the journal. STREAM_SERVICES_LABEL gets the list
 * of those that the remote may use. Other channels are left alone. */
void service_links_connect(StreamLinks *links, CallChannel *channel, const Services *services,
                           ServicesKnows knows, gpointer data);
