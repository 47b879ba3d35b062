/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * libnice has consent of its own, but before 0.1.22 it is either over after two
 * lost packets or lasts for 50 seconds. Whoever asks more often while nothing
 * comes can be quick and patient at once. The alarms of all calls go off
 * together. It asks as long as there is a connection: how long that is, is
 * its owner's business, who looks for another path meanwhile.
 */

#include <config.h>

#include "rtc/sctp/liveness.h"

#include "common/alarm.h"

enum {
    LEAST_QUIET_SECONDS = 6,
    ASK_SECONDS = 2,
    ASKS_DOUBT = 2, /* unanswered: 10 to 16 s after the last sign, if it is asked after six */
};

struct Liveness {
    const LivenessUser *user;
    gpointer data;
    Alarm alarm;
    guint quiet; /* seconds */
    guint asked; /* since something came */
    bool heard;  /* since the alarm was set */
};

static void on_alarm(gpointer data);

static void liveness_wait(Liveness *liveness, guint seconds)
{
    liveness->heard = false;
    alarm_set_seconds(&liveness->alarm, seconds, on_alarm, liveness);
}

static void on_alarm(gpointer data)
{
    Liveness *liveness = data;

    if (liveness->heard) {
        liveness->asked = 0;
        liveness_wait(liveness, liveness->quiet);
    } else {
        liveness_wait(liveness, ASK_SECONDS);
        liveness->user->ask(liveness->data);
        if (liveness->asked++ == ASKS_DOUBT)
            liveness->user->doubt(true, liveness->data);
    }
}

void liveness_heard(Liveness *liveness)
{
    liveness->heard = true;
    if (liveness->asked > ASKS_DOUBT) {
        liveness->asked = 0;
        liveness->user->doubt(false, liveness->data);
    }
}

bool liveness_is_asking(const Liveness *liveness)
{
    return liveness->asked > 0 && !liveness->heard;
}

Liveness *liveness_new(guint quiet, const LivenessUser *user, gpointer data)
{
    Liveness *liveness = g_new0(Liveness, 1);

    liveness->user = user;
    liveness->data = data;
    liveness->quiet = MAX(quiet, LEAST_QUIET_SECONDS);
    liveness_wait(liveness, liveness->quiet);
    user->ask(data);
    return liveness;
}

void liveness_free(Liveness *liveness)
{
    if (!liveness)
        return;
    alarm_clear(&liveness->alarm);
    g_free(liveness);
}
