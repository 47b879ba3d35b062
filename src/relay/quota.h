/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What strangers may make the relay spend: connections, in all and for each
 * address, and bytes kept for them. How often they may do a thing is a matter
 * of buckets (common/bucket.h). No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/bucket.h"
#include "relay/fair-queue.h"

typedef struct Quota Quota;

/* What there is only so much of, and each address has a share of. */
typedef enum {
    QUOTA_HANDSHAKES, /* connections that have not upgraded */
    QUOTA_CLIENTS,    /* WebSocket connections */
    QUOTA_ROOMS,      /* to whoever was the first in it */
    QUOTA_N_SHARES
} QuotaShare;

typedef struct {
    guint64 max[QUOTA_N_SHARES];
    guint64 max_per_address; /* handshakes and clients of one address together; 0: no limit */
    guint64 max_bytes;       /* kept in queues and unfinished messages */
} QuotaLimits;

/* One address's account. An IPv6 address stands for its /64, which is what
 * one customer gets; IPv4 mapped into IPv6 counts as IPv4. It lives as long as
 * anything is charged to it. */
typedef struct Account Account;

Quota *quota_new(const QuotaLimits *limits);
void quota_free(Quota *quota);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Quota, quota_free)

/* New limits; what is above them already stays. */
void quota_set_limits(Quota *quota, const QuotaLimits *limits);

/* A connection from ADDRESS comes in: its account, to which a handshake is
 * charged. */
Account *quota_enter(Quota *quota, const struct sockaddr *address);

/* The same of a proxy that is trusted: it speaks for many, who have accounts of their own, and has no
 * limit by itself. Its account is of its address alone: those beside it have theirs. */
Account *quota_enter_proxy(Quota *quota, const struct sockaddr *address);

void quota_take(Quota *quota, Account *account, QuotaShare share);

/* ACCOUNT may be gone afterwards. */
void quota_give_back(Quota *quota, Account *account, QuotaShare share);

/* The handshake has become a client. */
void quota_upgrade(Quota *quota, Account *account);

/* Whether more of SHARE is taken than there may be, or all that there may be. */
bool quota_is_over(const Quota *quota, QuotaShare share);
bool quota_is_full(const Quota *quota, QuotaShare share);

/* How many of SHARE an account has. */
guint account_has(const Account *account, QuotaShare share);

/* Its address, or an IPv6 one's prefix as in 2001:db8::/64. Free it. NULL if that speaks for
 * many (below). */
char *account_key(const Account *account);

/* How many connections it has, of all that are limited by address. */
guint account_connections(const Account *account);

/* What stands for its address; 0 if that speaks for many (below). */
guint64 account_prefix(const Account *account);

/* Its handshakes have turns as one group; who has such a queue forgets the group in time. */
FairGroup *account_turns(Account *account);

/* Whether it has more connections than one address may. Loopback addresses are
 * not limited one by one, as those of quota_enter_proxy(): a reverse proxy
 * there speaks for everybody. */
bool quota_is_over_own(const Quota *quota, const Account *account);

/* Bytes are charged unconditionally; quota_exceeded() then says whether
 * somebody must go. */
void quota_charge(Quota *quota, gsize bytes);
void quota_release(Quota *quota, gsize bytes);
bool quota_exceeded(const Quota *quota);
guint64 quota_bytes(const Quota *quota);

/* The most that quota_bytes() was since the peak was forgotten. */
guint64 quota_peak(const Quota *quota);
void quota_forget_peak(Quota *quota);
