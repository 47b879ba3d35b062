/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a proxy that knows nothing of HTTP says before its client's first byte: the
 * PROXY protocol of HAProxy, versions 1 (a line) and 2 (binary). A codec: no I/O.
 */

#pragma once

#include <glib.h>
#include <sys/socket.h>

#define PROXY_HEADER_MAX 2048 /* bytes, with all that version 2 may add */

typedef enum {
    PROXY_HEADER_NONE, /* the client's bytes begin at once */
    PROXY_HEADER_MORE, /* it is not whole yet */
    PROXY_HEADER_BAD,
    PROXY_HEADER_WHOLE,
} ProxyHeaderResult;

typedef struct {
    gsize size;                     /* bytes that it has */
    struct sockaddr_storage client; /* AF_UNSPEC if it says none: a check of the proxy's own */
} ProxyHeader;

/* Looks at the LENGTH bytes of DATA that have come first. OUT is set with PROXY_HEADER_WHOLE. */
ProxyHeaderResult proxy_header_parse(const guint8 *data, gsize length, ProxyHeader *out);
