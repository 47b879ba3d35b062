/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/metrics-tls.h"

#include <fcntl.h>

#include "relay/tls-wire.h"
#include "relay/wire.h"

G_STATIC_ASSERT(METRICS_SERVER_BUFFER >= WIRE_BUFFER);

gpointer metrics_tls_begin(int fd, TlsCredentials *credentials)
{
    int own = credentials ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1; /* a wire closes its own */
    Wire *wire;

    if (own < 0)
        return NULL;
    wire = g_new(Wire, 1);
    *wire = wire_tls(own, credentials, NULL, 0);
    return wire;
}

gssize metrics_tls_receive(gpointer tls, char *buffer)
{
    return wire_receive(tls, buffer);
}

gssize metrics_tls_send(gpointer tls, const char *data, gsize size)
{
    struct iovec piece = {(char *) data, size};

    return wire_send(tls, &piece, 1);
}

bool metrics_tls_owes(gpointer tls)
{
    return wire_owes(tls);
}

void metrics_tls_finish(gpointer tls)
{
    wire_finish(tls);
}

void metrics_tls_end(gpointer tls)
{
    wire_clear(tls);
    g_free(tls);
}
