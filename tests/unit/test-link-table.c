/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What rtnetlink may say, and which of it is a change. */

#include <config.h>

#include "common/link-table.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

static GByteArray *messages;

static void add(guint16 type, guint16 flags, const void *payload, gsize length,
                const struct rtattr *attribute)
{
    static const guint8 padding[4];
    gsize attributes = attribute ? attribute->rta_len : 0;
    struct nlmsghdr header = {.nlmsg_len = NLMSG_LENGTH(length) + attributes,
                              .nlmsg_type = type,
                              .nlmsg_flags = flags,
                              .nlmsg_seq = 7};

    if (!messages)
        messages = g_byte_array_new();
    g_byte_array_append(messages, (const guint8 *) &header, sizeof header);
    g_byte_array_append(messages, payload, length);
    if (attribute)
        g_byte_array_append(messages, (const guint8 *) attribute, attributes);
    g_byte_array_append(messages, padding, NLMSG_ALIGN(messages->len) - messages->len);
}

static void add_link(guint16 type, guint16 flags, int index, unsigned int interface_flags)
{
    struct ifinfomsg info = {.ifi_index = index, .ifi_flags = interface_flags};

    add(type, flags, &info, sizeof info, NULL);
}

static void add_address(guint16 type, guint16 flags, int index, const char *text,
                        guint8 address_flags)
{
    bool ipv6 = strchr(text, ':');
    struct ifaddrmsg info = {.ifa_family = ipv6 ? AF_INET6 : AF_INET,
                             .ifa_flags = address_flags,
                             .ifa_scope =
                                 g_str_has_prefix(text, "fe80") ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE,
                             .ifa_index = index};
    struct {
        struct rtattr header;
        guint8 address[16];
    } attribute = {.header = {.rta_len = RTA_LENGTH(ipv6 ? 16 : 4), .rta_type = IFA_ADDRESS}};

    g_assert_cmpint(inet_pton(info.ifa_family, text, attribute.address), ==, 1);
    add(type, flags, &info, sizeof info, &attribute.header);
}

static void add_route(guint16 type, guint8 length, guint8 kind)
{
    struct rtmsg info = {.rtm_family = AF_INET, .rtm_dst_len = length, .rtm_type = kind};

    add(type, 0, &info, sizeof info, NULL);
}

/* What has been added, as letters: gone, come, and the question that is complete. */
static void expect(LinkTable *table, const char *expected)
{
    LinkChange change = {};
    guint32 complete = link_table_read(table, messages->data, messages->len, &change);
    g_autofree char *seen = g_strdup_printf("%s%s%s", change.gone ? "-" : "",
                                            change.come ? "+" : "", complete == 7 ? "!" : "");

    g_assert_cmpstr(seen, ==, expected);
    g_assert_false(change.resumed);
    g_clear_pointer(&messages, g_byte_array_unref);
}

#define UP (IFF_UP | IFF_RUNNING)

static void test_answers(void)
{
    g_autoptr(LinkTable) table = link_table_new();

    add_link(RTM_NEWLINK, NLM_F_MULTI, 2, UP);
    add_address(RTM_NEWADDR, NLM_F_MULTI, 2, "192.0.2.1", 0);
    add(NLMSG_DONE, NLM_F_MULTI, "\0\0\0", 4, NULL);
    expect(table, "!");
    add_link(RTM_NEWLINK, 0, 2, UP); /* as it was */
    add_address(RTM_NEWADDR, 0, 2, "192.0.2.1", 0);
    expect(table, "");
}

static void test_links(void)
{
    g_autoptr(LinkTable) table = link_table_new();

    add_link(RTM_NEWLINK, NLM_F_MULTI, 2, UP);
    add_link(RTM_NEWLINK, NLM_F_MULTI, 3, UP);
    add_address(RTM_NEWADDR, NLM_F_MULTI, 2, "192.0.2.1", 0);
    expect(table, "");
    add_link(RTM_NEWLINK, 0, 2, IFF_UP); /* the cable is out */
    expect(table, "-");
    add_link(RTM_NEWLINK, 0, 2, UP);
    expect(table, "+");
    add_link(RTM_DELLINK, 0, 2, UP);
    expect(table, "-");
    add_link(RTM_NEWLINK, 0, 3, IFF_UP); /* it has no address */
    add_link(RTM_NEWLINK, 0, 1, UP | IFF_LOOPBACK);
    expect(table, "");
}

static void test_addresses(void)
{
    g_autoptr(LinkTable) table = link_table_new();

    add_address(RTM_NEWADDR, 0, 2, "192.0.2.1", 0);
    expect(table, "+");
    add_address(RTM_NEWADDR, 0, 2, "2001:db8::1", IFA_F_TENTATIVE);
    add_address(RTM_NEWADDR, 0, 2, "fe80::1", 0);
    expect(table, "");
    add_address(RTM_NEWADDR, 0, 2, "2001:db8::1", 0);
    expect(table, "+");
    add_address(RTM_DELADDR, 0, 2, "192.0.2.1", 0);
    add_address(RTM_NEWADDR, 0, 2, "192.0.2.9", 0);
    expect(table, "-+");
    add_address(RTM_DELADDR, 0, 2, "192.0.2.1", 0);
    expect(table, "");
}

static void test_routes(void)
{
    g_autoptr(LinkTable) table = link_table_new();

    add_route(RTM_NEWROUTE, 0, RTN_UNICAST);
    expect(table, "+");
    add_route(RTM_DELROUTE, 0, RTN_UNICAST);
    expect(table, "-");
    add_route(RTM_NEWROUTE, 24, RTN_UNICAST);
    add_route(RTM_NEWROUTE, 0, RTN_UNREACHABLE);
    expect(table, "");
}

/* A message that is shorter than what it is to hold, and one that is longer than all. */
static void test_short(void)
{
    g_autoptr(LinkTable) table = link_table_new();
    struct nlmsghdr lie = {.nlmsg_len = 4000, .nlmsg_type = RTM_NEWADDR};

    add(RTM_NEWADDR, 0, "\0\0\0", 4, NULL);
    add(RTM_NEWLINK, 0, "\0\0\0", 4, NULL);
    add(RTM_NEWROUTE, 0, "\0\0\0", 4, NULL);
    g_byte_array_append(messages, (const guint8 *) &lie, sizeof lie);
    expect(table, "");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link-table/answers", test_answers);
    g_test_add_func("/link-table/links", test_links);
    g_test_add_func("/link-table/addresses", test_addresses);
    g_test_add_func("/link-table/routes", test_routes);
    g_test_add_func("/link-table/short", test_short);
    return g_test_run();
}
