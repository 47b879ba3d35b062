/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What rtnetlink(7) says, and what of it is a change of this machine's ways to
 * others. Bytes in, a change out: no I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* What has happened */
typedef struct {
    bool gone;    /* an address or a default route, so what uses it may be dead */
    bool come;    /* one of these, or an interface's link */
    bool resumed; /* the machine was suspended, or this program was stopped */
} LinkChange;

typedef struct LinkTable LinkTable;

LinkTable *link_table_new(void);
void link_table_free(LinkTable *table);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(LinkTable, link_table_free)

/*
 * Reads MESSAGES and adds to CHANGE. What answers a question is no change. Returns the
 * sequence number of the question to which the answer is complete, 0: of none.
 */
guint32 link_table_read(LinkTable *table, const void *messages, gsize length, LinkChange *change);
