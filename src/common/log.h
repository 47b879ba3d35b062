/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Log lines: to the journal with structured fields when systemd started us,
 * to standard error as plain lines otherwise.
 *
 * What is logged is made printable (printable.h): one entry is one line, whatever
 * a remote has put into it.
 *
 * Library layers use log_debug() only; what a person should see is logged by
 * the program layer. ICE passwords, tokens and private keys are never logged.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * What a line is about, if a remote can cause it. Each topic has a budget
 * (log-budget.h): what is beyond it is a debug message, and after a while one
 * line says how many there were.
 */
typedef enum {
    LOG_TOPIC_NONE, /* no remote can cause it: always written */
    LOG_TOPIC_FRAMES,
    LOG_TOPIC_MEMBERS,
    LOG_TOPIC_CALLS,
    LOG_TOPIC_REFUSALS,
    LOG_TOPIC_SERVICES,
    LOG_TOPIC_LISTENERS,
    LOG_TOPIC_RELAY,
    LOG_TOPIC_CONNECTIONS,
    LOG_TOPIC_ICE_SERVERS,
    LOG_N_TOPICS
} LogTopic;

/* Fields of a journal entry; NULL members are left out. Nothing is kept. */
typedef struct {
    const char *message_id; /* MESSAGE_ID=, one of names.h */
    const char *call;       /* CALL=, the number or session of a call */
    const char *room;       /* ROOM= */
    const char *remote;     /* REMOTE=, name or id of the other side */
    LogTopic topic;
    const char *source; /* who caused it: an id or an address. Not written */
} LogFields;

/*
 * Sends everything that is logged (GLib's own messages too) to the journal or
 * standard error. PROGRAM is kept by reference: pass a literal.
 */
void log_open(const char *program, bool verbose);

/* Says of each topic how many lines have been left out, if any have. log_write() does
 * it itself from time to time: this is for the end of a program. */
void log_settle(void);

/* Whether debug messages are shown, for what is costly to put together. */
bool log_is_verbose(void);

void log_write(GLogLevelFlags level, const LogFields *fields, const char *format, ...)
    G_GNUC_PRINTF(3, 4);

#define log_debug(...) log_write(G_LOG_LEVEL_DEBUG, NULL, __VA_ARGS__)
#define log_info(...) log_write(G_LOG_LEVEL_INFO, NULL, __VA_ARGS__)
#define log_warning(...) log_write(G_LOG_LEVEL_WARNING, NULL, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_FAILURE, NULL, __VA_ARGS__)

/* log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_X, .call = n), "format", …) */
#define LOG_FIELDS_(...) (&(const LogFields){__VA_ARGS__})
#define log_event(level, fields, ...) log_write(level, LOG_FIELDS_ fields, __VA_ARGS__)

/* An error of ours. GLib's own ERROR level is fatal by definition. */
#define LOG_LEVEL_FAILURE ((GLogLevelFlags) (1 << G_LOG_LEVEL_USER_SHIFT))
