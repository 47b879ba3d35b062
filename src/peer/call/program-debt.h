/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What programs on the bus have been told of their channels and have not acknowledged: the bus
 * keeps it for a program that is slow, and throws it away in the end. A channel may owe
 * CHANNEL_DEBT_MAX, and all channels of a program together PROGRAM_DEBT_MAX, of which each has a
 * share: a remote that sends much does not take another one's. A channel that is gone gives its share
 * to the next, so those that are gone may leave PROGRAM_DEBT_LEFT. No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Bytes; a message costs PROGRAM_DEBT_OVERHEAD more. */
#define CHANNEL_DEBT_MAX (4 << 20)
#define PROGRAM_DEBT_MAX (16 << 20)
#define PROGRAM_DEBT_LEFT (2 * PROGRAM_DEBT_MAX)
#define PROGRAM_DEBT_OVERHEAD 512

typedef struct ProgramDebts ProgramDebts;

/* EASED is called when a program owes less than there may be again: channels that were behind may
 * not be so any more. */
ProgramDebts *program_debts_new(void (*eased)(gpointer data), gpointer data);
/* EASED is not called any more. */
void program_debts_free(ProgramDebts *debts);

/* The debt of the program with the unique name NAME. Transfer full; it is kept as long as somebody
 * has it, also what channels owed that are gone. */
typedef struct ProgramDebt ProgramDebt;
ProgramDebt *program_debts_find(ProgramDebts *debts, const char *name);
void program_debt_unref(ProgramDebt *program);

/* Whether channels that are gone have left so much that no remote is to open another. */
bool program_debt_is_over(const ProgramDebt *program);

/* A channel's part of it. Zero: it belongs to no program, and owes nothing. */
typedef struct {
    ProgramDebt *program;
    guint64 messages, bytes;
} ChannelDebt;

void channel_debt_begin(ChannelDebt *debt, ProgramDebt *program);
/* The channel is gone. What it owes its program has still to read: it is taken to have done so when
 * it acknowledges something else. */
void channel_debt_end(ChannelDebt *debt);

/* A message of BYTES was told. */
void channel_debt_add(ChannelDebt *debt, gsize bytes);
/* So much is acknowledged; false if that is more than was told. */
bool channel_debt_pay(ChannelDebt *debt, guint64 messages, guint64 bytes);

/* Whether nothing more should be told on the channel. */
bool channel_debt_is_behind(const ChannelDebt *debt);
