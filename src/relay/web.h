/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The web page: what a plain GET of a room's path shows.
 *
 * All files of one folder are read when the relay starts or reloads, into a
 * table by their names; a request is looked up there and never reaches the
 * file system, so no path leads out of the folder. The page itself (index.html)
 * is at every room's path, the other files are below ROUTER_RESERVED, where no
 * room can be, and so are they at the end of a longer path.
 *
 * Its folder js holds the client for web developers, rtcbus-web(7), which the page is built on:
 * pages from elsewhere may load what lies there. A path /rtcbus.js leads to it.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "relay/handshake.h"

typedef struct Web Web;

#define WEB_ERROR (web_error_quark())
GQuark web_error_quark(void);

/* Serves nothing until something is loaded. */
Web *web_new(void);
void web_free(Web *web);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Web, web_free)

/* Reads the files of DIRECTORY in place of those before, which stay if that
 * fails. NULL: nothing is served. */
bool web_load(Web *web, const char *directory, GError **error);

typedef struct {
    char *head;   /* status line and fields, up to and with the empty line */
    GBytes *body; /* NULL if there is none: HEAD, or the client has it */
} WebAnswer;

void web_answer_clear(WebAnswer *answer);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(WebAnswer, web_answer_clear)

/* The answer to REQUEST, which is no upgrade. False if there is no such page;
 * OUT is untouched then. */
bool web_find(const Web *web, const Handshake *request, WebAnswer *out);
