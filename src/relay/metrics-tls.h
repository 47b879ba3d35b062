/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The relay's TLS for those who ask for its metrics: a wire in the form that
 * common/metrics-server.h wants. */

#pragma once

#include "common/metrics-server.h"
#include "relay/tls-credentials.h"

/* A connection over FD; NULL without CREDENTIALS or descriptors. It is what the others take. */
gpointer metrics_tls_begin(int fd, TlsCredentials *credentials);
gssize metrics_tls_receive(gpointer tls, char *buffer);
gssize metrics_tls_send(gpointer tls, const char *data, gsize size);
bool metrics_tls_owes(gpointer tls);
void metrics_tls_finish(gpointer tls);
void metrics_tls_end(gpointer tls);
