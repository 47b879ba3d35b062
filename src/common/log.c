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

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *log_program = "rtcbus";
static bool log_verbose;

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

static GLogWriterOutput log_writer(GLogLevelFlags level, const GLogField *fields, gsize n_fields,
                                   gpointer user_data)
{
    const char *message = NULL;
    bool ours = false;

    for (gsize i = 0; i < n_fields; i++) {
        if (strcmp(fields[i].key, "MESSAGE") == 0)
            message = fields[i].value;
        else if (strcmp(fields[i].key, "SYSLOG_IDENTIFIER") == 0)
            ours = true;
    }
    if (!ours)
        return g_log_writer_default(level, fields, n_fields, user_data);
    if ((level & G_LOG_LEVEL_DEBUG) && !log_verbose)
        return G_LOG_WRITER_HANDLED;
    if (g_log_writer_is_journald(STDERR_FILENO) &&
        g_log_writer_journald(level, fields, n_fields, NULL) == G_LOG_WRITER_HANDLED)
        return G_LOG_WRITER_HANDLED;
    fprintf(stderr, "%s: %s\n", log_program, message);
    return G_LOG_WRITER_HANDLED;
}

void log_open(const char *program, bool verbose)
{
    static bool opened;

    log_program = program;
    log_verbose = verbose;
    if (!opened) /* GLib takes a writer only once */
        g_log_set_writer_func(log_writer, NULL, NULL);
    opened = true;
}

bool log_is_verbose(void)
{
    return log_verbose;
}

static void add_field(GLogField *fields, gsize *n, const char *key, const char *value)
{
    if (value)
        fields[(*n)++] = (GLogField){key, value, -1};
}

void log_write(GLogLevelFlags level, const LogFields *fields, const char *format, ...)
{
    GLogField list[8];
    gsize n = 0;
    g_autofree char *message = NULL;
    va_list ap;

    if ((level & G_LOG_LEVEL_DEBUG) && !log_verbose)
        return;
    va_start(ap, format);
    message = g_strdup_vprintf(format, ap);
    va_end(ap);

    add_field(list, &n, "MESSAGE", message);
    add_field(list, &n, "PRIORITY", level_priority(level));
    add_field(list, &n, "SYSLOG_IDENTIFIER", log_program);
    if (fields) {
        add_field(list, &n, "MESSAGE_ID", fields->message_id);
        add_field(list, &n, "CALL", fields->call);
        add_field(list, &n, "ROOM", fields->room);
        add_field(list, &n, "REMOTE", fields->remote);
    }
    g_log_structured_array(level, list, n);
}
