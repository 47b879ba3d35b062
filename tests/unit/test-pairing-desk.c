/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* A pairing that waits for its code, in a room with others who want to be in its way. */

#include <config.h>

#include "common/log.h"
#include "peer/trust/pairing-desk.h"
#include "peer/trust/pairing.h"

#define KEY_A                                                                                      \
    "sha-256 AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:AA:" \
    "AA:AA:AA:AA"
#define KEY_B                                                                                      \
    "sha-256 BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:BB:" \
    "BB:BB:BB:BB"

typedef struct {
    Room *room;
    PairingDesk *desk;
    char *digits;
    guint answers; /* to whoever asks */
    char *answer;  /* the last one */
    char *paired;  /* with whom */
} Host;

static void on_send(const Frame *frame, gpointer data)
{
    Host *host = data;

    if (g_strcmp0(frame->step, "answer") != 0)
        return;
    host->answers++;
    g_free(host->answer);
    host->answer = g_strdup(frame->data);
}

static bool on_paired(const char *name, const char *fingerprint, bool replace, GError **error,
                      gpointer data)
{
    ((Host *) data)->paired = g_strdup(name);
    return true;
}

static void on_failed(const char *message, guint tries, gpointer data)
{
}

static void on_ended(bool ok, const char *name, const char *fingerprint, const char *message,
                     gpointer data)
{
}

static void host_begin(Host *host)
{
    static const PairingDeskOps ops = {
        .send = on_send, .paired = on_paired, .failed = on_failed, .ended = on_ended};
    g_autofree char *code = NULL;

    *host = (Host){.room = room_new()};
    room_set_own_id(host->room, "host");
    room_set_own_name(host->room, "host");
    room_set_state(host->room, RELAY_CONNECTED, NULL);
    host->desk = pairing_desk_new(host->room, KEY_A, &ops, host);
    code = pairing_desk_open(host->desk, 600, &(PairingWish){}, NULL);
    host->digits = pairing_code_parse(code);
}

static void host_end(Host *host)
{
    pairing_desk_free(host->desk);
    room_free(host->room);
    g_free(host->digits);
    g_free(host->answer);
    g_free(host->paired);
}

static void say(const Host *host, const char *from, const char *session, const char *step,
                const char *data)
{
    g_autoptr(Frame) frame = frame_new(FRAME_PAIR);

    frame->from = g_strdup(from);
    frame->session = g_strdup(session);
    frame->step = g_strdup(step);
    frame->data = g_strdup(data);
    pairing_desk_receive(host->desk, frame);
}

static PairingRun *ask(const Host *host, const char *from, const char *session)
{
    PairingRun *run =
        pairing_run_new(PAIRING_JOINER, host->digits, session, from ? from : "nobody", KEY_B);
    g_autofree char *share = pairing_run_share(run);

    say(host, from, session, "ask", share);
    return run;
}

static void flood(Host *host, const char *from, guint count)
{
    for (guint i = 0; i < count; i++) {
        g_autofree char *session = g_strdup_printf("%s-%u", from ? from : "nobody", i);

        pairing_run_free(ask(host, from, session));
    }
}

/* One that asks again and again has a part of what may be asked, before and after the one that
 * knows the code. */
static void test_flood(void)
{
    g_autoptr(PairingRun) desk = NULL;
    g_autofree char *tag = NULL;
    Host host;

    host_begin(&host);
    flood(&host, "evil", 300);
    g_assert_cmpuint(host.answers, >, 0);
    g_assert_cmpuint(host.answers, <, 20);
    desk = ask(&host, "desk", "s");
    g_assert_true(pairing_run_take_share(desk, host.answer));
    flood(&host, "other-evil", 300);
    tag = pairing_run_tag(desk);
    say(&host, "desk", "s", "confirm", tag);
    g_assert_cmpstr(host.paired, ==, "desk");
    host_end(&host);
}

/* Who asks again has mistyped, and is heard as long as it is one of those. */
static void test_again(void)
{
    Host host;

    host_begin(&host);
    for (guint i = 0; i < 3; i++) {
        g_autofree char *session = g_strdup_printf("s%u", i);
        PairingRun *run = ask(&host, "desk", session);

        g_assert_cmpuint(host.answers, ==, i + 1);
        pairing_run_free(run);
    }
    host_end(&host);
}

/* A foreign relay does not say who asks: nobody uses up what is one sender's, or takes its run away. */
static void test_foreign(void)
{
    g_autoptr(PairingRun) desk = NULL;
    g_autofree char *tag = NULL;
    Host host;

    host_begin(&host);
    flood(&host, NULL, 20);
    g_assert_cmpuint(host.answers, ==, 20);
    desk = ask(&host, NULL, "s");
    g_assert_cmpuint(host.answers, ==, 21);
    g_assert_true(pairing_run_take_share(desk, host.answer));
    pairing_run_free(ask(&host, NULL, "of another"));
    tag = pairing_run_tag(desk);
    say(&host, NULL, "s", "confirm", tag);
    g_assert_nonnull(host.paired);
    host_end(&host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_always_fatal(G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
    log_open("test-pairing-desk", false);
    g_test_add_func("/pairing-desk/flood", test_flood);
    g_test_add_func("/pairing-desk/again", test_again);
    g_test_add_func("/pairing-desk/foreign", test_foreign);
    return g_test_run();
}
