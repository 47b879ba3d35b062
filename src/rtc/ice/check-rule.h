/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Which addresses of a remote may be sent connectivity checks at all. The
 * remote names them, so each check is a packet that it makes us send to whom it
 * likes. No I/O; the addresses of this host come from getifaddrs().
 */

#pragma once

#include <glib.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

/* An address and a port, IPv4 as ::ffff:a.b.c.d, so that equal ones are equal bytes. */
typedef struct {
    struct in6_addr address;
    in_port_t port; /* network byte order */
} CheckTarget;

/* False if ADDRESS is neither IPv4 nor IPv6. */
bool check_target_read(CheckTarget *target, const struct sockaddr *address);
bool check_target_equal(const CheckTarget *a, const CheckTarget *b);

typedef struct {
    GArray *own;        /* of struct in6_addr: all addresses of this host */
    GArray *broadcasts; /* of struct in6_addr: of the networks it is in */
    bool only_loopback; /* of the addresses that we send from */
    bool link_local;    /* one of them is IPv4 link-local */
} CheckRule;

void check_rule_init(CheckRule *rule, const struct ifaddrs *interfaces);
void check_rule_clear(CheckRule *rule);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(CheckRule, check_rule_clear)

/* ADDRESS is one that we send from. */
void check_rule_use(CheckRule *rule, const struct sockaddr *address);

/*
 * Global and private unicast, with a port. Loopback if nothing else is used; IPv4
 * link-local from there alone. An IPv6 address with one of IPv4 inside (6to4,
 * NAT64) is as good as that one.
 */
bool check_rule_allows(const CheckRule *rule, const CheckTarget *target);

/* Whether it is this host: one of its addresses, or loopback. */
bool check_rule_is_own(const CheckRule *rule, const CheckTarget *target);
