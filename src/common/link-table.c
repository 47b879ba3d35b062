/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Much of what rtnetlink says is no change of a way: an address whose lifetime
 * is renewed, a link whose statistics are told, routes to a neighbour's network.
 * So the state of each interface is kept, and only addresses that the outside
 * may reach and default routes count. An IPv6 address counts once it may be used.
 */

#include <config.h>

#include "common/link-table.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

struct LinkTable {
    GHashTable *running;   /* a set of the indices of interfaces that carry packets */
    GHashTable *addresses; /* text of those that there are → index of the interface */
};

static const void *find_attribute(const struct rtattr *attribute, int length, int type)
{
    for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length))
        if (attribute->rta_type == type)
            return RTA_DATA(attribute);
    return NULL;
}

/* What there was already, which we have asked for */
static bool is_answer(const struct nlmsghdr *message)
{
    return message->nlmsg_flags & NLM_F_MULTI;
}

static gboolean is_on(gpointer address, gpointer index, gpointer wanted)
{
    return index == wanted;
}

/* A link without an address is no way of ours, but that of a container, or a part of a bridge. */
static void read_link(LinkTable *table, const struct nlmsghdr *message, LinkChange *change)
{
    const struct ifinfomsg *info = NLMSG_DATA(message);
    gpointer index = GINT_TO_POINTER(info->ifi_index);
    bool running = message->nlmsg_type == RTM_NEWLINK && (info->ifi_flags & IFF_UP) &&
                   (info->ifi_flags & IFF_RUNNING);
    bool was = g_hash_table_contains(table->running, index);

    if (running == was || (info->ifi_flags & IFF_LOOPBACK))
        return;
    if (running)
        g_hash_table_add(table->running, index);
    else
        g_hash_table_remove(table->running, index);
    if (is_answer(message) || !g_hash_table_find(table->addresses, is_on, index))
        return;
    change->come |= running;
    change->gone |= !running;
}

/* NULL: nobody reaches us there, or nobody does yet. */
static char *describe_address(const struct nlmsghdr *message)
{
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    int length = IFA_PAYLOAD(message);
    const guint32 *flags = find_attribute(IFA_RTA(info), length, IFA_FLAGS);
    const void *address = find_attribute(IFA_RTA(info), length, IFA_LOCAL);
    char text[INET6_ADDRSTRLEN];

    if (!address)
        address = find_attribute(IFA_RTA(info), length, IFA_ADDRESS);
    if (!address || info->ifa_scope >= RT_SCOPE_LINK ||
        ((flags ? *flags : info->ifa_flags) & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) ||
        !inet_ntop(info->ifa_family, address, text, sizeof text))
        return NULL;
    return g_strdup_printf("%s %u", text, info->ifa_index);
}

static void read_address(LinkTable *table, const struct nlmsghdr *message, LinkChange *change)
{
    const struct ifaddrmsg *info = NLMSG_DATA(message);
    g_autofree char *address = describe_address(message);
    gpointer index = GUINT_TO_POINTER(info->ifa_index);

    if (!address)
        return;
    if (message->nlmsg_type == RTM_DELADDR)
        change->gone |= g_hash_table_remove(table->addresses, address);
    else
        change->come |= g_hash_table_insert(table->addresses, g_steal_pointer(&address), index) &&
                        !is_answer(message);
}

static void read_route(const struct nlmsghdr *message, LinkChange *change)
{
    const struct rtmsg *info = NLMSG_DATA(message);

    if (info->rtm_dst_len > 0 || info->rtm_type != RTN_UNICAST || (info->rtm_flags & RTM_F_CLONED))
        return;
    change->gone |= message->nlmsg_type == RTM_DELROUTE;
    change->come |= message->nlmsg_type == RTM_NEWROUTE;
}

static void read_message(LinkTable *table, const struct nlmsghdr *message, LinkChange *change)
{
    const gsize length = message->nlmsg_len;

    switch (message->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        if (length >= NLMSG_LENGTH(sizeof(struct ifinfomsg)))
            read_link(table, message, change);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        if (length >= NLMSG_LENGTH(sizeof(struct ifaddrmsg)))
            read_address(table, message, change);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        if (length >= NLMSG_LENGTH(sizeof(struct rtmsg)))
            read_route(message, change);
        break;
    default:
        break;
    }
}

guint32 link_table_read(LinkTable *table, const void *messages, gsize length, LinkChange *change)
{
    const struct nlmsghdr *message = messages;
    unsigned int left = length;
    guint32 complete = 0;

    for (; NLMSG_OK(message, left); message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_DONE)
            complete = message->nlmsg_seq;
        else
            read_message(table, message, change);
    }
    return complete;
}

LinkTable *link_table_new(void)
{
    LinkTable *table = g_new0(LinkTable, 1);

    table->running = g_hash_table_new(NULL, NULL);
    table->addresses = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return table;
}

void link_table_free(LinkTable *table)
{
    if (!table)
        return;
    g_hash_table_unref(table->running);
    g_hash_table_unref(table->addresses);
    g_free(table);
}
