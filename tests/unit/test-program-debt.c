/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a program is told that acknowledges nothing, or not enough. */

#include <config.h>

#include "peer/call/program-debt.h"

enum { MESSAGE = 100 * 1024 };

static void on_eased(gpointer data)
{
    (*(guint *) data)++;
}

/* Tells it messages until it is behind; how many bytes it owes then. */
static guint64 flood(ChannelDebt *debt)
{
    while (!channel_debt_is_behind(debt))
        channel_debt_add(debt, MESSAGE);
    return debt->bytes;
}

static void test_one_channel(void)
{
    ProgramDebts *debts = program_debts_new(NULL, NULL);
    ProgramDebt *program = program_debts_find(debts, ":1.1");
    ChannelDebt debt, nobodys = {};

    channel_debt_begin(&debt, program);
    g_assert_cmpuint(flood(&debt), <, CHANNEL_DEBT_MAX + MESSAGE);
    g_assert_cmpuint(debt.bytes, >, CHANNEL_DEBT_MAX - MESSAGE);
    g_assert_false(channel_debt_pay(&debt, debt.messages + 1, 0));
    g_assert_false(channel_debt_pay(&debt, 0, debt.bytes + 1));
    g_assert_true(channel_debt_pay(&debt, debt.messages, debt.bytes));
    g_assert_false(channel_debt_is_behind(&debt));
    channel_debt_add(&nobodys, 1 << 30);
    g_assert_false(channel_debt_is_behind(&nobodys));
    channel_debt_end(&debt);
    program_debt_unref(program);
    program_debts_free(debts);
}

/* Many channels owe no more than a few, and one that is quiet has its part left. */
static void test_shares(void)
{
    guint eased = 0;
    ProgramDebts *debts = program_debts_new(on_eased, &eased);
    ProgramDebt *program = program_debts_find(debts, ":1.1"),
                *other = program_debts_find(debts, ":1.2");
    ChannelDebt debt[32], quiet, others;
    guint64 sum = 0;

    channel_debt_begin(&quiet, program);
    channel_debt_begin(&others, other);
    for (guint i = 0; i < G_N_ELEMENTS(debt); i++)
        channel_debt_begin(&debt[i], program);
    for (guint i = 0; i < G_N_ELEMENTS(debt); i++)
        sum += flood(&debt[i]);
    g_assert_cmpuint(sum, >, PROGRAM_DEBT_MAX - MESSAGE);
    g_assert_cmpuint(sum, <, 2 * PROGRAM_DEBT_MAX);
    channel_debt_add(&quiet, MESSAGE);
    g_assert_false(channel_debt_is_behind(&quiet));
    g_assert_cmpuint(flood(&others), >, CHANNEL_DEBT_MAX - MESSAGE);
    g_assert_cmpuint(eased, ==, 0);
    for (guint i = 0; i < G_N_ELEMENTS(debt); i++)
        g_assert_true(channel_debt_pay(&debt[i], debt[i].messages, debt[i].bytes));
    g_assert_cmpuint(eased, ==, 1);
    for (guint i = 0; i < G_N_ELEMENTS(debt); i++)
        channel_debt_end(&debt[i]);
    channel_debt_end(&quiet);
    channel_debt_end(&others);
    program_debt_unref(program);
    program_debt_unref(other);
    program_debts_free(debts);
}

/* A remote that closes its channel and opens the next one does not begin anew. */
static void test_one_after_the_other(void)
{
    ProgramDebts *debts = program_debts_new(NULL, NULL);
    ProgramDebt *program = program_debts_find(debts, ":1.1");
    ChannelDebt debt;
    guint64 sum = 0;

    for (guint i = 0; i < 8; i++) {
        channel_debt_begin(&debt, program);
        sum += flood(&debt);
        channel_debt_end(&debt);
    }
    g_assert_cmpuint(sum, <, PROGRAM_DEBT_MAX + CHANNEL_DEBT_MAX + 8 * MESSAGE);
    channel_debt_begin(&debt, program);
    channel_debt_add(&debt, 1);
    g_assert_true(channel_debt_pay(&debt, 1, 1));
    g_assert_cmpuint(flood(&debt), >, CHANNEL_DEBT_MAX - MESSAGE);
    channel_debt_end(&debt);
    program_debt_unref(program);
    program_debts_free(debts);
}

/* Each of them may send something, but there is an end to how many there are. */
static void test_again_and_again(void)
{
    ProgramDebts *debts = program_debts_new(NULL, NULL);
    ProgramDebt *program = program_debts_find(debts, ":1.1");
    ChannelDebt debt, last;
    guint64 sum = 0;

    channel_debt_begin(&last, program);
    channel_debt_add(&last, 1);
    for (guint i = 0; i < 1000 && !program_debt_is_over(program); i++) {
        channel_debt_begin(&debt, program);
        sum += flood(&debt);
        channel_debt_end(&debt);
    }
    g_assert_true(program_debt_is_over(program));
    g_assert_cmpuint(sum, >, PROGRAM_DEBT_LEFT - MESSAGE);
    g_assert_cmpuint(sum, <, PROGRAM_DEBT_LEFT + CHANNEL_DEBT_MAX);
    g_assert_false(channel_debt_is_behind(&last));
    channel_debt_add(&last, MESSAGE);
    g_assert_true(channel_debt_is_behind(&last));
    g_assert_true(channel_debt_pay(&last, 1, 1));
    g_assert_false(program_debt_is_over(program));
    channel_debt_end(&last);
    program_debt_unref(program);
    program_debts_free(debts);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/program-debt/one-channel", test_one_channel);
    g_test_add_func("/program-debt/shares", test_shares);
    g_test_add_func("/program-debt/one-after-the-other", test_one_after_the_other);
    g_test_add_func("/program-debt/again-and-again", test_again_and_again);
    return g_test_run();
}
