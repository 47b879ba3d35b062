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

typedef struct Quota Quota;

typedef struct {
    guint64 max_clients;     /* WebSocket connections */
    guint64 max_visitors;    /* connections that have not upgraded */
    guint64 max_per_address; /* of both kinds from one address; 0: no limit */
    guint64 max_bytes;       /* kept in queues and unfinished messages */
} QuotaLimits;

/* One address's account. An IPv6 address stands for its /64, which is what
 * one customer gets; IPv4 mapped into IPv6 counts as IPv4. */
typedef struct Account Account;

Quota *quota_new(const QuotaLimits *limits);
void quota_free(Quota *quota);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Quota, quota_free)

/* New limits; what is above them already stays. */
void quota_set_limits(Quota *quota, const QuotaLimits *limits);

/*
 * A connection from ADDRESS comes in as a visitor: its account, to be given
 * back with quota_leave(), or NULL if there are too many. Loopback addresses
 * are not limited one by one: a reverse proxy there speaks for everybody.
 */
Account *quota_enter(Quota *quota, const struct sockaddr *address);

/* The visitor becomes a client. False (and it stays a visitor) if there are
 * too many clients. */
bool quota_upgrade(Quota *quota, Account *account);

/* The connection is gone; CLIENT says which kind it was. */
void quota_leave(Quota *quota, Account *account, bool client);

guint64 quota_clients(const Quota *quota);

/* Bytes are charged unconditionally; quota_exceeded() then says whether
 * somebody must go. */
void quota_charge(Quota *quota, gsize bytes);
void quota_release(Quota *quota, gsize bytes);
bool quota_exceeded(const Quota *quota);
guint64 quota_bytes(const Quota *quota);
