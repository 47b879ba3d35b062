/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/bus/bus-kept.h"

#include <string.h>

#include "peer/bus/bus-values.h"

static gboolean on_keep(RtcbusPeer1 *object, GDBusMethodInvocation *invocation, const char *name,
                        gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (kept_calls_keep(data, name, &error))
        rtcbus_peer1_complete_keep(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

static gboolean on_unkeep(RtcbusPeer1 *object, GDBusMethodInvocation *invocation, const char *name,
                          gpointer data)
{
    g_autoptr(GError) error = NULL;

    if (kept_calls_unkeep(data, name, &error))
        rtcbus_peer1_complete_unkeep(object, invocation);
    else
        bus_return_error(invocation, error);
    return TRUE;
}

void bus_kept_connect(RtcbusPeer1 *object, KeptCalls *kept)
{
    g_signal_connect(object, "handle-keep", G_CALLBACK(on_keep), kept);
    g_signal_connect(object, "handle-unkeep", G_CALLBACK(on_unkeep), kept);
}

void bus_kept_update(RtcbusPeer1 *object, const KeptCalls *kept)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sss)"));
    for (guint i = 0; i < kept_calls_count(kept); i++) {
        g_auto(KeptCallReport) report = kept_calls_report(kept, i);
        g_autofree char *words = bus_text(report.words, strlen(report.words));

        g_variant_builder_add(&builder, "(sss)", report.name, report.state, words);
    }
    rtcbus_peer1_set_kept_peers(object, g_variant_builder_end(&builder));
}

void bus_kept_update_forwards(RtcbusPeer1 *object, const Forwards *forwards)
{
    GVariantBuilder builder;

    g_variant_builder_init(&builder, G_VARIANT_TYPE("a(sssss)"));
    for (guint i = 0; i < forwards_count(forwards); i++) {
        ForwardReport report = forwards_report(forwards, i);
        g_autofree char *problem = bus_text(report.problem, strlen(report.problem));

        g_variant_builder_add(&builder, "(sssss)", report.name, report.listen, report.peer,
                              report.service, problem);
    }
    rtcbus_peer1_set_forwards(object, g_variant_builder_end(&builder));
}
