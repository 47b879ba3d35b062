/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* The first bytes of a connection from a proxy, and then the same as an X-Forwarded-For. */

#include <config.h>

#include "fuzz.h"

#include <string.h>

#include "relay/proxy-header.h"
#include "relay/trusted-proxies.h"

/* A header that is whole is so whatever comes behind it, and is not before it is. */
static void check_whole(const guint8 *bytes, const ProxyHeader *header)
{
    ProxyHeader again;

    g_assert_cmpuint(header->size, >, 0);
    g_assert_cmpuint(header->size, <=, PROXY_HEADER_MAX);
    g_assert_cmpint(proxy_header_parse(bytes, header->size, &again), ==, PROXY_HEADER_WHOLE);
    g_assert_cmpmem(header, sizeof *header, &again, sizeof again);
    g_assert_cmpint(proxy_header_parse(bytes, header->size - 1, &again), ==, PROXY_HEADER_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char *trusted[] = {(char *) "127.0.0.1", (char *) "10.0.0.0/8", (char *) "fd00::/8",
                              NULL};
    g_autofree char *bytes = fuzz_copy(data, size);
    g_autofree char *text = g_strndup((const char *) data, size);
    g_autoptr(TrustedProxies) proxies = trusted_proxies_new(trusted);
    struct sockaddr_storage client = {};
    ProxyHeader header = {};
    ProxyHeaderResult result;

    fuzz_begin();
    result = proxy_header_parse((const guint8 *) bytes, size, &header);
    if (result == PROXY_HEADER_WHOLE)
        check_whole((const guint8 *) bytes, &header);
    else if (result == PROXY_HEADER_MORE)
        g_assert_cmpuint(size, <, PROXY_HEADER_MAX);
    if (trusted_proxies_client(proxies, text, &client))
        g_assert_true(client.ss_family == AF_INET || client.ss_family == AF_INET6);
    return 0;
}
