/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What strangers may spend: connections, bytes, and how often. */

#include <config.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "relay/quota.h"

static Account *enter_as(Quota *quota, const char *text,
                         Account *(*how)(Quota *, const struct sockaddr *) )
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return how(quota, (struct sockaddr *) &v4);
    g_assert_cmpint(inet_pton(AF_INET6, text, &v6.sin6_addr), ==, 1);
    return how(quota, (struct sockaddr *) &v6);
}

static Account *enter(Quota *quota, const char *text)
{
    return enter_as(quota, text, quota_enter);
}

/* Whether TEXT may have one more connection; if not, it has not. */
static bool may_enter(Quota *quota, const char *text)
{
    Account *account = enter(quota, text);
    bool over = quota_is_over_own(quota, account);

    if (over)
        quota_give_back(quota, account, QUOTA_HANDSHAKES);
    return !over;
}

static void test_addresses(void)
{
    QuotaLimits limits = {.max_per_address = 2};
    g_autoptr(Quota) quota = quota_new(&limits);
    Account *a = enter(quota, "192.0.2.1");
    Account *b = enter(quota, "::ffff:192.0.2.1"); /* the same */
    Account *c = enter(quota, "2001:db8::1");
    Account *d = enter(quota, "2001:db8::ffff:2"); /* the same /64 */

    g_assert_true(a == b);
    g_assert_false(may_enter(quota, "192.0.2.1"));
    g_assert_true(c == d);
    g_assert_false(may_enter(quota, "2001:db8::3"));
    g_assert_true(may_enter(quota, "192.0.2.2"));
    g_assert_true(may_enter(quota, "2001:db8:0:1::1"));

    quota_give_back(quota, a, QUOTA_HANDSHAKES);
    g_assert_true(may_enter(quota, "192.0.2.1"));
    g_assert_false(may_enter(quota, "192.0.2.1"));

    for (int i = 0; i < 20; i++) {
        g_assert_true(may_enter(quota, "127.0.0.1"));
        g_assert_true(may_enter(quota, "::1"));
        g_assert_true(may_enter(quota, "::ffff:127.0.0.2"));
    }
    limits.max_per_address = 0;
    quota_set_limits(quota, &limits);
    for (int i = 0; i < 20; i++)
        g_assert_true(may_enter(quota, "192.0.2.1"));
}

static void assert_key(Quota *quota, const char *address, const char *wanted)
{
    g_autofree char *key = account_key(enter(quota, address));

    g_assert_cmpstr(key, ==, wanted);
}

/* What people see of an account. */
static void test_keys(void)
{
    QuotaLimits limits = {.max_per_address = 2};
    g_autoptr(Quota) quota = quota_new(&limits);
    Account *account = enter(quota, "192.0.2.1");

    assert_key(quota, "::ffff:192.0.2.1", "192.0.2.1");
    assert_key(quota, "255.0.0.9", "255.0.0.9");
    assert_key(quota, "2001:db8:0:7::1", "2001:db8:0:7::/64");
    assert_key(quota, "2001:db8:ffff:ffff:ffff::1", "2001:db8:ffff:ffff::/64");
    assert_key(quota, "127.0.0.1", NULL);
    assert_key(quota, "::1", NULL);
    quota_upgrade(quota, account);
    g_assert_cmpuint(account_connections(account), ==, 2);
}

/* A trusted proxy speaks for many; those who have the same prefix do not, nor does the address once it
 * is no proxy any more. */
static void test_proxies(void)
{
    QuotaLimits limits = {.max_per_address = 2};
    g_autoptr(Quota) quota = quota_new(&limits);
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "2001:db8::2"};
    Account *proxies[3];

    for (guint i = 0; i < G_N_ELEMENTS(addresses); i++) {
        g_autofree char *key = NULL;

        proxies[i] = enter_as(quota, addresses[i], quota_enter_proxy);
        for (int n = 0; n < 20; n++)
            g_assert_true(enter_as(quota, addresses[i], quota_enter_proxy) == proxies[i]);
        g_assert_false(quota_is_over_own(quota, proxies[i]));
        key = account_key(proxies[i]);
        g_assert_null(key);
        g_assert_cmpuint(account_prefix(proxies[i]), ==, 0);
    }
    g_assert_true(proxies[1] != proxies[2]);
    for (guint i = 0; i < 2; i++) {
        g_assert_true(may_enter(quota, addresses[i]));
        g_assert_true(may_enter(quota, addresses[i]));
        g_assert_false(may_enter(quota, addresses[i]));
    }
    g_assert_false(may_enter(quota, "2001:db8::3"));
}

static void test_shares(void)
{
    QuotaLimits limits = {.max = {[QUOTA_CLIENTS] = 2, [QUOTA_HANDSHAKES] = 3, [QUOTA_ROOMS] = 1},
                          .max_per_address = 2};
    g_autoptr(Quota) quota = quota_new(&limits);
    Account *first = enter(quota, "192.0.2.1"), *second = enter(quota, "192.0.2.2");
    Account *third = enter(quota, "192.0.2.3");

    g_assert_true(quota_is_full(quota, QUOTA_HANDSHAKES));
    g_assert_false(quota_is_over(quota, QUOTA_HANDSHAKES));
    quota_give_back(quota, enter(quota, "192.0.2.4"), QUOTA_HANDSHAKES);
    quota_upgrade(quota, first);
    g_assert_false(quota_is_full(quota, QUOTA_CLIENTS));
    quota_upgrade(quota, second);
    g_assert_true(quota_is_full(quota, QUOTA_CLIENTS));
    g_assert_false(quota_is_full(quota, QUOTA_HANDSHAKES));
    g_assert_true(may_enter(quota, "192.0.2.1")); /* both kinds count for an address */
    g_assert_false(may_enter(quota, "192.0.2.1"));
    g_assert_cmpuint(account_has(first, QUOTA_CLIENTS), ==, 1);
    g_assert_cmpuint(account_has(first, QUOTA_HANDSHAKES), ==, 1);
    quota_take(quota, third, QUOTA_ROOMS);
    g_assert_true(quota_is_full(quota, QUOTA_ROOMS));
    quota_give_back(quota, third, QUOTA_HANDSHAKES);
    g_assert_cmpuint(account_has(third, QUOTA_ROOMS), ==, 1); /* a room outlives its founder */
    quota_give_back(quota, third, QUOTA_ROOMS);
    quota_give_back(quota, first, QUOTA_HANDSHAKES);
    quota_give_back(quota, first, QUOTA_CLIENTS);
    quota_give_back(quota, second, QUOTA_CLIENTS);
    g_assert_false(quota_is_full(quota, QUOTA_ROOMS));
    g_assert_cmpuint(account_has(enter(quota, "192.0.2.1"), QUOTA_CLIENTS), ==, 0);
}

static void test_bytes(void)
{
    QuotaLimits limits = {.max_bytes = 1000};
    g_autoptr(Quota) quota = quota_new(&limits);

    quota_charge(quota, 1000);
    g_assert_false(quota_exceeded(quota));
    quota_charge(quota, 1);
    g_assert_true(quota_exceeded(quota));
    g_assert_cmpuint(quota_peak(quota), ==, 1001);
    quota_release(quota, 500);
    g_assert_cmpuint(quota_peak(quota), ==, 1001);
    quota_forget_peak(quota);
    g_assert_cmpuint(quota_peak(quota), ==, 501);
    g_assert_false(quota_exceeded(quota));
    g_assert_cmpuint(quota_bytes(quota), ==, 501);
    limits.max_bytes = 500;
    quota_set_limits(quota, &limits);
    g_assert_true(quota_exceeded(quota));
}

static guint drain(Bucket *bucket, gint64 now)
{
    guint n = 0;

    while (n < 1000 && bucket_take(bucket, now, 100, 10))
        n++;
    return n;
}

static void test_bucket(void)
{
    Bucket bucket = 0;
    gint64 now = 5000000;
    guint taken = 0;

    g_assert_cmpuint(drain(&bucket, now), ==, 10); /* full at first */
    g_assert_cmpuint(drain(&bucket, now), ==, 0);
    g_assert_cmpint(bucket_wait(&bucket, now, 100, 10), ==, 100);
    g_assert_cmpint(bucket_wait(&bucket, now + 99, 100, 10), ==, 1);
    g_assert_cmpuint(drain(&bucket, now + 99), ==, 0);
    g_assert_cmpint(bucket_wait(&bucket, now + 100, 100, 10), ==, 0);
    g_assert_cmpuint(drain(&bucket, now + 100), ==, 1);
    g_assert_cmpuint(drain(&bucket, now + 350), ==, 2);
    g_assert_cmpuint(drain(&bucket, now + 1000000), ==, 10); /* never more than full */
    for (int i = 0; i < 10000; i++) /* in the long run one for every interval */
        taken += drain(&bucket, now + 1000000 + i * 10);
    g_assert_cmpuint(taken, ==, 999);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/quota/addresses", test_addresses);
    g_test_add_func("/quota/keys", test_keys);
    g_test_add_func("/quota/proxies", test_proxies);
    g_test_add_func("/quota/shares", test_shares);
    g_test_add_func("/quota/bytes", test_bytes);
    g_test_add_func("/quota/bucket", test_bucket);
    return g_test_run();
}
