/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* See trusted-proxies.h. */

#include <config.h>

#include "relay/trusted-proxies.h"

#include <gio/gio.h>
#include <netinet/in.h>
#include <string.h>

#define MAX_HOPS 32 /* of one list that are looked at */

struct TrustedProxies {
    GPtrArray *masks; /* GInetAddressMask */
};

bool trusted_proxies_check(const char *text)
{
    g_autoptr(GInetAddressMask) mask = g_inet_address_mask_new_from_string(text, NULL);

    return mask != NULL;
}

TrustedProxies *trusted_proxies_new(char **list)
{
    TrustedProxies *proxies = g_new0(TrustedProxies, 1);

    proxies->masks = g_ptr_array_new_with_free_func(g_object_unref);
    for (; *list; list++) {
        GInetAddressMask *mask = g_inet_address_mask_new_from_string(*list, NULL);

        if (mask)
            g_ptr_array_add(proxies->masks, mask);
    }
    return proxies;
}

void trusted_proxies_free(TrustedProxies *proxies)
{
    if (!proxies)
        return;
    g_ptr_array_unref(proxies->masks);
    g_free(proxies);
}

/* IPv4 mapped into IPv6 is IPv4. NULL if ADDRESS is neither. */
static GInetAddress *plain_address(const struct sockaddr *address)
{
    const guint8 *bytes;

    if (address->sa_family == AF_INET)
        return g_inet_address_new_from_bytes(
            (const guint8 *) &((const struct sockaddr_in *) address)->sin_addr,
            G_SOCKET_FAMILY_IPV4);
    if (address->sa_family != AF_INET6)
        return NULL;
    bytes = ((const struct sockaddr_in6 *) address)->sin6_addr.s6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&((const struct sockaddr_in6 *) address)->sin6_addr))
        return g_inet_address_new_from_bytes(bytes + 12, G_SOCKET_FAMILY_IPV4);
    return g_inet_address_new_from_bytes(bytes, G_SOCKET_FAMILY_IPV6);
}

bool trusted_proxies_have(const TrustedProxies *proxies, const struct sockaddr *any)
{
    g_autoptr(GInetAddress) address = NULL;

    if (proxies->masks->len == 0)
        return false;
    address = plain_address(any);
    for (guint i = 0; address && i < proxies->masks->len; i++) {
        if (g_inet_address_mask_matches(proxies->masks->pdata[i], address))
            return true;
    }
    return false;
}

/* An entry: an address, which may stand in brackets and have a port. */
static bool parse_entry(char *text, struct sockaddr_storage *out)
{
    g_autoptr(GInetAddress) address = NULL;
    g_autoptr(GSocketAddress) whole = NULL;
    char *colon = strrchr(text, ':');

    if (*text == '[') {
        text++;
        text[strcspn(text, "]")] = '\0';
    } else if (colon && strchr(text, ':') == colon) {
        *colon = '\0';
    }
    address = g_inet_address_new_from_string(text);
    if (!address)
        return false;
    whole = g_inet_socket_address_new(address, 0);
    return g_socket_address_to_native(whole, out, sizeof *out, NULL);
}

bool trusted_proxies_client(const TrustedProxies *proxies, const char *forwarded_for,
                            struct sockaddr_storage *client)
{
    g_auto(GStrv) entries = g_strsplit(forwarded_for, ",", -1);
    guint n = g_strv_length(entries);
    bool found = false;

    for (guint i = 0; i < n && i < MAX_HOPS; i++) {
        struct sockaddr_storage hop = {};

        /* What is no address was added by one of ours that knows no better: it is as far as we see. */
        if (!parse_entry(g_strstrip(entries[n - 1 - i]), &hop))
            break;
        *client = hop;
        found = true;
        if (!trusted_proxies_have(proxies, (const struct sockaddr *) &hop))
            break;
    }
    return found;
}
