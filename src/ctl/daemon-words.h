/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a daemon says, in the language of who asks it. A daemon has the language of its system, and
 * its sentences come finished over D-Bus: refusals, reasons, problems.
 */

#pragma once

/* TEXT in our language if it is a sentence of the daemons', whatever language it is in, with the
 * names and numbers that are in it; else TEXT itself. Transfer full. */
char *daemon_words(const char *text);
