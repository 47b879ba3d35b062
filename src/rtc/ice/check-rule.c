/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * An allow list: what is not known to be an address of somebody is none. RFC
 * 6890 has the special ones of IPv4, RFC 4291 and the registry at IANA those of
 * IPv6.
 */

#include <config.h>

#include "rtc/ice/check-rule.h"

#include <net/if.h>
#include <string.h>

static void map_ipv4(struct in6_addr *address, in_addr_t ipv4)
{
    memset(address, 0, 10);
    memset(address->s6_addr + 10, 0xff, 2);
    memcpy(address->s6_addr + 12, &ipv4, 4);
}

static bool read_address(struct in6_addr *address, const struct sockaddr *from)
{
    if (from && from->sa_family == AF_INET)
        map_ipv4(address, ((const struct sockaddr_in *) from)->sin_addr.s_addr);
    else if (from && from->sa_family == AF_INET6)
        *address = ((const struct sockaddr_in6 *) from)->sin6_addr;
    else
        return false;
    return true;
}

bool check_target_read(CheckTarget *target, const struct sockaddr *address)
{
    memset(target, 0, sizeof *target);
    if (!read_address(&target->address, address))
        return false;
    target->port = address->sa_family == AF_INET
                       ? ((const struct sockaddr_in *) address)->sin_port
                       : ((const struct sockaddr_in6 *) address)->sin6_port;
    return true;
}

bool check_target_equal(const CheckTarget *a, const CheckTarget *b)
{
    return a->port == b->port && IN6_ARE_ADDR_EQUAL(&a->address, &b->address);
}

static bool contains(const GArray *addresses, const struct in6_addr *address)
{
    for (guint i = 0; i < addresses->len; i++) {
        if (IN6_ARE_ADDR_EQUAL(&g_array_index(addresses, struct in6_addr, i), address))
            return true;
    }
    return false;
}

static void add_ipv4(GArray *addresses, in_addr_t ipv4)
{
    struct in6_addr address;

    map_ipv4(&address, ipv4);
    g_array_append_val(addresses, address);
}

/* The last address of a network, and the first, which Linux takes as its like. */
static void add_broadcasts(CheckRule *rule, const struct ifaddrs *entry)
{
    const struct sockaddr_in *own = (const void *) entry->ifa_addr;
    const struct sockaddr_in *mask = (const void *) entry->ifa_netmask;

    if (!mask || !(entry->ifa_flags & IFF_BROADCAST) || g_ntohl(mask->sin_addr.s_addr) >= ~1u)
        return; /* a network of one or two has none (RFC 3021) */
    add_ipv4(rule->broadcasts, own->sin_addr.s_addr | ~mask->sin_addr.s_addr);
    add_ipv4(rule->broadcasts, own->sin_addr.s_addr & mask->sin_addr.s_addr);
}

void check_rule_init(CheckRule *rule, const struct ifaddrs *interfaces)
{
    *rule = (CheckRule){.only_loopback = true};
    rule->own = g_array_new(FALSE, FALSE, sizeof(struct in6_addr));
    rule->broadcasts = g_array_new(FALSE, FALSE, sizeof(struct in6_addr));
    for (const struct ifaddrs *entry = interfaces; entry; entry = entry->ifa_next) {
        struct in6_addr address;

        if (!read_address(&address, entry->ifa_addr))
            continue;
        g_array_append_val(rule->own, address);
        if (entry->ifa_addr->sa_family == AF_INET)
            add_broadcasts(rule, entry);
    }
}

void check_rule_clear(CheckRule *rule)
{
    g_clear_pointer(&rule->own, g_array_unref);
    g_clear_pointer(&rule->broadcasts, g_array_unref);
}

static bool is_loopback(const struct in6_addr *address)
{
    return IN6_IS_ADDR_LOOPBACK(address) ||
           (IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 127);
}

static bool is_ipv4_link_local(const struct in6_addr *address)
{
    return IN6_IS_ADDR_V4MAPPED(address) && address->s6_addr[12] == 169 &&
           address->s6_addr[13] == 254;
}

void check_rule_use(CheckRule *rule, const struct sockaddr *address)
{
    struct in6_addr used;

    if (!read_address(&used, address))
        return;
    rule->only_loopback &= is_loopback(&used);
    rule->link_local |= is_ipv4_link_local(&used);
}

/* The IPv4 address inside, as it comes out at the other end: 6to4 (RFC 3056) and NAT64 (RFC
 * 6052, 8215). */
static bool find_inner(const struct in6_addr *address, struct in6_addr *inner)
{
    static const guint8 nat64[12] = {0, 0x64, 0xff, 0x9b},
                        local_nat64[6] = {0, 0x64, 0xff, 0x9b, 0, 1};
    const guint8 *bytes = address->s6_addr;
    in_addr_t ipv4;

    if (bytes[0] == 0x20 && bytes[1] == 0x02)
        memcpy(&ipv4, bytes + 2, sizeof ipv4);
    else if (memcmp(bytes, nat64, sizeof nat64) == 0 ||
             memcmp(bytes, local_nat64, sizeof local_nat64) == 0)
        memcpy(&ipv4, bytes + 12, sizeof ipv4);
    else
        return false;
    map_ipv4(inner, ipv4);
    return true;
}

static bool is_unicast_ipv4(const CheckRule *rule, const struct in6_addr *address)
{
    guint8 first = address->s6_addr[12];

    return first >= 1 && first <= 223 && first != 127 && !contains(rule->broadcasts, address) &&
           (!is_ipv4_link_local(address) || rule->link_local);
}

/* Global unicast (2000::/3) but for Teredo (2001::/32), which has IPv4 inside in another
 * manner; unique local (fc00::/7). */
static bool is_unicast_ipv6(const struct in6_addr *address)
{
    static const guint8 teredo[4] = {0x20, 0x01};

    return (address->s6_addr[0] & 0xfe) == 0xfc ||
           ((address->s6_addr[0] & 0xe0) == 0x20 && memcmp(address->s6_addr, teredo, 4) != 0);
}

bool check_rule_allows(const CheckRule *rule, const CheckTarget *target)
{
    struct in6_addr inner;

    if (target->port == 0)
        return false;
    if (is_loopback(&target->address))
        return rule->only_loopback;
    if (IN6_IS_ADDR_V4MAPPED(&target->address))
        return is_unicast_ipv4(rule, &target->address);
    if (find_inner(&target->address, &inner))
        return is_unicast_ipv4(rule, &inner);
    return is_unicast_ipv6(&target->address);
}

bool check_rule_is_own(const CheckRule *rule, const CheckTarget *target)
{
    struct in6_addr inner;

    return is_loopback(&target->address) || contains(rule->own, &target->address) ||
           (find_inner(&target->address, &inner) && contains(rule->own, &inner));
}
