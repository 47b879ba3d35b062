/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * GLib's structured logging with a writer of our own. The default writer hides
 * INFO unless G_MESSAGES_DEBUG is set and prints the process id and domain on
 * every line, which is noise for a daemon; messages from other domains and
 * criticals keep the default writer, so that G_DEBUG=fatal-criticals works.
 */

#include <config.h>

#include "common/log.h"

#include <glib/gi18n.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log-budget.h"
#include "common/printable.h"

enum { SETTLE_AFTER = 10 }; /* seconds from the first line that is left out */

static struct {
    const char *program;
    bool verbose, opened;
    LogBudget budgets[LOG_N_TOPICS];
    guint settle_id;
} log_state = {.program = "rtcbus"};

static const struct {
    const char *name;
    LogShare share; /* of one remote */
} topics[LOG_N_TOPICS] = {
    /* a call takes about ten */
    [LOG_TOPIC_FRAMES] = {N_("signaling frames"), {60, 5 * G_USEC_PER_SEC}},
    [LOG_TOPIC_MEMBERS] = {N_("who comes and goes"), {60, 2 * G_USEC_PER_SEC}},
    [LOG_TOPIC_CALLS] = {N_("calls and their channels"), {60, 5 * G_USEC_PER_SEC}},
    [LOG_TOPIC_REFUSALS] = {N_("what was refused"), {10, 5 * G_USEC_PER_SEC}},
    [LOG_TOPIC_SERVICES] = {N_("services"), {10, 5 * G_USEC_PER_SEC}},
    [LOG_TOPIC_LISTENERS] = {N_("listeners that do not keep up"), {10, 10 * G_USEC_PER_SEC}},
    [LOG_TOPIC_RELAY] = {N_("the connection to the relay"), {20, 10 * G_USEC_PER_SEC}},
    [LOG_TOPIC_CONNECTIONS] = {N_("connections that come in"), {3, 30 * G_USEC_PER_SEC}},
    [LOG_TOPIC_ICE_SERVERS] = {N_("ICE servers"), {20, 60 * G_USEC_PER_SEC}},
};

/* syslog(3) priorities, as PRIORITY= wants them */
static const char *level_priority(GLogLevelFlags level)
{
    if (level & LOG_LEVEL_FAILURE)
        return "3";
    if (level & G_LOG_LEVEL_WARNING)
        return "4";
    if (level & G_LOG_LEVEL_MESSAGE)
        return "5";
    if (level & G_LOG_LEVEL_INFO)
        return "6";
    return "7";
}

/* libnice warns of what remotes and servers do, each time and without a budget: it is told by us. */
static bool is_hushed(const char *domain, GLogLevelFlags level)
{
    return !log_state.verbose && g_strcmp0(domain, "libnice") == 0 &&
           !(level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR));
}

static GLogWriterOutput log_writer(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                   gpointer user_data)
{
    const char *message = NULL, *domain = NULL;
    bool ours = false;

    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            message = fields[i].value;
        else if (strcmp(fields[i].key, "GLIB_DOMAIN") == 0)
            domain = fields[i].value;
        else if (strcmp(fields[i].key, "SYSLOG_IDENTIFIER") == 0)
            ours = true;
    }
    if (is_hushed(domain, level))
        return G_LOG_WRITER_HANDLED;
    if (!ours)
        return g_log_writer_default(level, fields, n_fields, user_data);
    if ((level & G_LOG_LEVEL_DEBUG) && !log_state.verbose)
        return G_LOG_WRITER_HANDLED;
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    fprintf(stderr, "%s: %s\n", log_state.program, message);
    return G_LOG_WRITER_HANDLED;
}

void log_open(const char *program, bool verbose)
{
    log_state.program = program;
    log_state.verbose = verbose;
    if (!log_state.opened) /* GLib takes a writer only once */
        g_log_set_writer_func(log_writer, NULL, NULL);
    log_state.opened = true;
}

bool log_is_verbose(void)
{
    return log_state.verbose;
}

void log_settle(void)
{
    g_clear_handle_id(&log_state.settle_id, g_source_remove);
    for (LogTopic topic = LOG_TOPIC_NONE + 1; topic < LOG_N_TOPICS; topic++) {
        guint64 left_out = log_budget_settle(&log_state.budgets[topic]);

        if (left_out > 0)
            log_warning(_("left out of the log: %" PRIu64 " more lines about %s"), left_out,
                        _(topics[topic].name));
    }
}

static gboolean on_settle(gpointer data)
{
    log_state.settle_id = 0;
    log_settle();
    return G_SOURCE_REMOVE;
}

/* LEVEL, or debug if the remote has caused enough of this. */
static GLogLevelFlags level_within_budget(GLogLevelFlags level, const LogFields *fields)
{
    if ((level & G_LOG_LEVEL_DEBUG) || !fields || fields->topic == LOG_TOPIC_NONE ||
        log_budget_take(&log_state.budgets[fields->topic], &topics[fields->topic].share,
                        fields->source, clock_monotonic()))
        return level;
    if (log_state.settle_id == 0)
        log_state.settle_id = clock_timer_add_seconds(SETTLE_AFTER, on_settle, NULL);
    return G_LOG_LEVEL_DEBUG;
}

static void add_field(GLogField *fields, gsize *n, const char *key, const char *value)
{
    if (value)
        fields[(*n)++] = (GLogField){key, value, -1};
}

static char *printable_or_null(const char *text)
{
    return text ? printable(text) : NULL;
}

void log_write(GLogLevelFlags level, const LogFields *fields, const char *format, ...)
{
    GLogField list[8];
    gsize n = 0;
    g_autofree char *text = NULL, *message = NULL;
    g_autofree char *call = NULL, *room = NULL, *remote = NULL;
    va_list ap;

    level = level_within_budget(level, fields);
    if ((level & G_LOG_LEVEL_DEBUG) && !log_state.verbose)
        return;
    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    message = printable(text);

    add_field(list, &n, "MESSAGE", message);
    add_field(list, &n, "PRIORITY", level_priority(level));
    add_field(list, &n, "SYSLOG_IDENTIFIER", log_state.program);
    if (fields) {
        add_field(list, &n, "MESSAGE_ID", fields->message_id);
        add_field(list, &n, "CALL", call = printable_or_null(fields->call));
        add_field(list, &n, "ROOM", room = printable_or_null(fields->room));
        add_field(list, &n, "REMOTE", remote = printable_or_null(fields->remote));
    }
    g_log_structured_array(level, list, n);
}
