/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The counters behind quota.h. Accounts are kept by address in one table and
 * live as long as there is a connection from there.
 */

#include <config.h>

#include "relay/quota.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

struct Account {
    guint64
        prefix; /* 1 << 32 | IPv4 address, or the upper half of an IPv6 one; of a proxy 2 << 32 |
                     * a hash of its address */
    guint has[QUOTA_N_SHARES];
    bool unlimited;
    FairGroup turns;
};

struct Quota {
    QuotaLimits limits;
    GHashTable *accounts; /* set of Account by prefix */
    guint64 taken[QUOTA_N_SHARES];
    guint64 bytes, peak;
};

Quota *quota_new(const QuotaLimits *limits)
{
    Quota *quota = g_new0(Quota, 1);

    quota->limits = *limits;
    /* the prefix is the first member, so the account is its own key */
    G_STATIC_ASSERT(G_STRUCT_OFFSET(Account, prefix) == 0);
    quota->accounts = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    return quota;
}

void quota_free(Quota *quota)
{
    if (!quota)
        return;
    g_hash_table_unref(quota->accounts);
    g_free(quota);
}

void quota_set_limits(Quota *quota, const QuotaLimits *limits)
{
    quota->limits = *limits;
}

static guint64 ipv4_prefix(guint32 host_order)
{
    return G_GUINT64_CONSTANT(1) << 32 | host_order;
}

/* Global IPv6 prefixes have their upper bits set (RFC 4291 section 2.4), so
 * they cannot meet those of IPv4 here; ::/64 is only loopback. */
static guint64 address_prefix(const struct sockaddr *address, bool *loopback)
{
    const struct in6_addr *in6;
    guint32 v4;
    guint64 prefix;

    if (address->sa_family == AF_INET) {
        v4 = ntohl(((const struct sockaddr_in *) address)->sin_addr.s_addr);
        *loopback = v4 >> 24 == 127;
        return ipv4_prefix(v4);
    }
    if (address->sa_family != AF_INET6) {
        *loopback = true;
        return 0;
    }
    in6 = &((const struct sockaddr_in6 *) address)->sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(in6)) {
        memcpy(&v4, in6->s6_addr + 12, sizeof v4);
        v4 = ntohl(v4);
        *loopback = v4 >> 24 == 127;
        return ipv4_prefix(v4);
    }
    *loopback = IN6_IS_ADDR_LOOPBACK(in6);
    memcpy(&prefix, in6->s6_addr, sizeof prefix);
    return GUINT64_FROM_BE(prefix);
}

static Account *enter(Quota *quota, guint64 prefix, bool unlimited)
{
    Account *account = g_hash_table_lookup(quota->accounts, &prefix);

    if (!account) {
        account = g_new0(Account, 1);
        account->prefix = prefix;
        account->unlimited = unlimited;
        g_hash_table_add(quota->accounts, account);
    }
    quota_take(quota, account, QUOTA_HANDSHAKES);
    return account;
}

Account *quota_enter(Quota *quota, const struct sockaddr *address)
{
    bool loopback;
    guint64 prefix = address_prefix(address, &loopback);

    return enter(quota, prefix, loopback);
}

/* Two that meet in the hash share an account, and have no limit anyway. */
Account *quota_enter_proxy(Quota *quota, const struct sockaddr *address)
{
    bool loopback;
    guint64 prefix = address_prefix(address, &loopback), lower = 0;

    if (address->sa_family == AF_INET6)
        memcpy(&lower, ((const struct sockaddr_in6 *) address)->sin6_addr.s6_addr + 8,
               sizeof lower);
    if (prefix >> 32 != 1)
        prefix ^= lower * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return enter(quota, G_GUINT64_CONSTANT(2) << 32 | (guint32) (prefix ^ prefix >> 32), true);
}

void quota_take(Quota *quota, Account *account, QuotaShare share)
{
    account->has[share]++;
    quota->taken[share]++;
}

void quota_give_back(Quota *quota, Account *account, QuotaShare share)
{
    account->has[share]--;
    quota->taken[share]--;
    for (guint i = 0; i < QUOTA_N_SHARES; i++) {
        if (account->has[i] > 0)
            return;
    }
    g_hash_table_remove(quota->accounts, account);
}

void quota_upgrade(Quota *quota, Account *account)
{
    quota_take(quota, account, QUOTA_CLIENTS);
    quota_give_back(quota, account, QUOTA_HANDSHAKES);
}

bool quota_is_over(const Quota *quota, QuotaShare share)
{
    return quota->taken[share] > quota->limits.max[share];
}

bool quota_is_full(const Quota *quota, QuotaShare share)
{
    return quota->taken[share] >= quota->limits.max[share];
}

guint account_has(const Account *account, QuotaShare share)
{
    return account->has[share];
}

guint64 account_prefix(const Account *account)
{
    return account->unlimited ? 0 : account->prefix;
}

char *account_key(const Account *account)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr in6 = {};
    guint64 prefix = GUINT64_TO_BE(account->prefix);
    guint32 v4 = htonl((guint32) account->prefix);

    if (account->unlimited)
        return NULL;
    if (account->prefix == ipv4_prefix((guint32) account->prefix))
        return g_strdup(inet_ntop(AF_INET, &v4, text, sizeof text));
    memcpy(in6.s6_addr, &prefix, sizeof prefix);
    return g_strdup_printf("%s/64", inet_ntop(AF_INET6, &in6, text, sizeof text));
}

guint account_connections(const Account *account)
{
    return account->has[QUOTA_HANDSHAKES] + account->has[QUOTA_CLIENTS];
}

FairGroup *account_turns(Account *account)
{
    return &account->turns;
}

bool quota_is_over_own(const Quota *quota, const Account *account)
{
    return !account->unlimited && quota->limits.max_per_address > 0 &&
           account_connections(account) > quota->limits.max_per_address;
}

void quota_charge(Quota *quota, gsize bytes)
{
    quota->bytes += bytes;
    quota->peak = MAX(quota->peak, quota->bytes);
}

void quota_release(Quota *quota, gsize bytes)
{
    g_return_if_fail(bytes <= quota->bytes);
    quota->bytes -= bytes;
}

bool quota_exceeded(const Quota *quota)
{
    return quota->bytes > quota->limits.max_bytes;
}

guint64 quota_bytes(const Quota *quota)
{
    return quota->bytes;
}

guint64 quota_peak(const Quota *quota)
{
    return quota->peak;
}

void quota_forget_peak(Quota *quota)
{
    quota->peak = quota->bytes;
}
