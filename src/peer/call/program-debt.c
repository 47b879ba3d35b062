/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/program-debt.h"

/* What a channel may owe in any case, so that there is something to acknowledge */
#define LEAST_SHARE (64 << 10)

struct ProgramDebts {
    GHashTable *table; /* set of ProgramDebt by name */
    void (*eased)(gpointer data);
    gpointer data;
};

struct ProgramDebt {
    char *name; /* the first member, so the debt is its own key */
    ProgramDebts *debts;
    guint users, channels;
    guint64 owed; /* by channels that there are, */
    guint64 left; /* and by those that are gone */
};

static guint name_hash(gconstpointer program)
{
    return g_str_hash(((const ProgramDebt *) program)->name);
}

static gboolean name_equal(gconstpointer a, gconstpointer b)
{
    return g_str_equal(((const ProgramDebt *) a)->name, ((const ProgramDebt *) b)->name);
}

ProgramDebts *program_debts_new(void (*eased)(gpointer data), gpointer data)
{
    ProgramDebts *debts = g_rc_box_new0(ProgramDebts);

    debts->table = g_hash_table_new(name_hash, name_equal);
    debts->eased = eased;
    debts->data = data;
    return debts;
}

static void debts_clear(gpointer data)
{
    g_hash_table_unref(((ProgramDebts *) data)->table);
}

/* Objects on the bus may outlive it. */
void program_debts_free(ProgramDebts *debts)
{
    debts->eased = NULL;
    g_rc_box_release_full(debts, debts_clear);
}

ProgramDebt *program_debts_find(ProgramDebts *debts, const char *name)
{
    const ProgramDebt key = {.name = (char *) name};
    ProgramDebt *program = g_hash_table_lookup(debts->table, &key);

    if (!program) {
        program = g_new0(ProgramDebt, 1);
        program->name = g_strdup(name);
        program->debts = g_rc_box_acquire(debts);
        g_hash_table_add(debts->table, program);
    }
    program->users++;
    return program;
}

void program_debt_unref(ProgramDebt *program)
{
    if (--program->users > 0)
        return;
    g_hash_table_remove(program->debts->table, program);
    g_rc_box_release_full(program->debts, debts_clear);
    g_free(program->name);
    g_free(program);
}

bool program_debt_is_over(const ProgramDebt *program)
{
    return program->left > PROGRAM_DEBT_LEFT;
}

/* ---- of a channel ---------------------------------------------------------- */

static guint64 cost(guint64 messages, guint64 bytes)
{
    return bytes + messages * PROGRAM_DEBT_OVERHEAD;
}

void channel_debt_begin(ChannelDebt *debt, ProgramDebt *program)
{
    program->users++;
    program->channels++;
    *debt = (ChannelDebt){.program = program};
}

void channel_debt_end(ChannelDebt *debt)
{
    ProgramDebt *program = g_steal_pointer(&debt->program);
    guint64 owes = cost(debt->messages, debt->bytes);

    if (!program)
        return;
    program->owed -= owes;
    program->left += owes;
    program->channels--;
    program_debt_unref(program);
}

void channel_debt_add(ChannelDebt *debt, gsize bytes)
{
    if (!debt->program)
        return;
    debt->messages++;
    debt->bytes += bytes;
    debt->program->owed += cost(1, bytes);
}

static bool is_high(const ProgramDebt *program)
{
    return program->owed + program->left > PROGRAM_DEBT_MAX;
}

bool channel_debt_pay(ChannelDebt *debt, guint64 messages, guint64 bytes)
{
    ProgramDebt *program = debt->program;
    bool was_high;

    if (messages > debt->messages || bytes > debt->bytes)
        return false;
    if (!program || (messages == 0 && bytes == 0))
        return true;
    was_high = is_high(program);
    debt->messages -= messages;
    debt->bytes -= bytes;
    program->owed -= cost(messages, bytes);
    program->left = 0;
    if (was_high && !is_high(program) && program->debts->eased)
        program->debts->eased(program->debts->data);
    return true;
}

bool channel_debt_is_behind(const ChannelDebt *debt)
{
    const ProgramDebt *program = debt->program;
    guint64 owes = cost(debt->messages, debt->bytes), left;

    if (!program || owes <= LEAST_SHARE)
        return false;
    left = MIN(program->left, (guint64) PROGRAM_DEBT_MAX);
    return owes > CHANNEL_DEBT_MAX ||
           (is_high(program) && owes > (PROGRAM_DEBT_MAX - left) / program->channels);
}
