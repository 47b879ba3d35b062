/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* For tests/interop/record, by LD_PRELOAD: what rtcbus-peer takes out of DTLS, as lines on stderr. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <sys/types.h>

ssize_t gnutls_record_recv(void *session, void *data, size_t size);

ssize_t gnutls_record_recv(void *session, void *data, size_t size)
{
    ssize_t (*next)(void *, void *, size_t) = dlsym(RTLD_NEXT, "gnutls_record_recv");
    ssize_t length = next(session, data, size);
    char line[8192] = "sctp ";
    int at = 5;

    for (ssize_t i = 0; i < length && i < 4000; i++)
        at += sprintf(line + at, "%02x", ((unsigned char *) data)[i]);
    if (length > 0)
        fprintf(stderr, "%s\n", line);
    return length;
}
