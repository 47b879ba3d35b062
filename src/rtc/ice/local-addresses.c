/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "rtc/ice/local-addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "rtc/error.h"

static bool is_wanted(const struct ifaddrs *entry, const char *const *names, bool loopback)
{
    const struct sockaddr_in6 *in6 = (const void *) entry->ifa_addr;

    if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP))
        return false;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6)
        return false;
    /* A link-local IPv6 address means nothing without its interface. */
    if (entry->ifa_addr->sa_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr))
        return false;
    if (names && names[0])
        return g_strv_contains(names, entry->ifa_name);
    return loopback == !!(entry->ifa_flags & IFF_LOOPBACK);
}

static guint add_local_addresses(const struct ifaddrs *list, const char *const *names,
                                 bool loopback, NiceAgent *agent, CheckRule *rule, bool *have_ipv4)
{
    guint added = 0;

    for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
        NiceAddress address;

        if (!is_wanted(entry, names, loopback))
            continue;
        nice_address_init(&address);
        nice_address_set_from_sockaddr(&address, entry->ifa_addr);
        if (!nice_agent_add_local_address(agent, &address))
            continue;
        added++;
        check_rule_use(rule, entry->ifa_addr);
        if (entry->ifa_addr->sa_family == AF_INET)
            *have_ipv4 = true;
    }
    return added;
}

bool local_addresses_choose(NiceAgent *agent, CheckRule *rule, const char *const *names,
                            bool *have_ipv4, GError **error)
{
    struct ifaddrs *list = NULL;
    guint added;

    if (getifaddrs(&list) < 0) {
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED, "Cannot list the interfaces");
        return false;
    }
    *have_ipv4 = false;
    check_rule_init(rule, list);
    added = add_local_addresses(list, names, false, agent, rule, have_ipv4);
    if (added == 0 && !(names && names[0]))
        added = add_local_addresses(list, names, true, agent, rule, have_ipv4);
    freeifaddrs(list);
    if (added == 0)
        g_set_error_literal(error, RTC_ERROR, RTC_ERROR_FAILED,
                            "none of the interfaces to use has an address");
    return added > 0;
}
