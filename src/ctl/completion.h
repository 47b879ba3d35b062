/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What may come next on a command line, for the completion of bash, zsh and fish
 * (data/completion): all of them ask here, so that none of them has a list of its own.
 */

#pragma once

/* "rtcbusctl __complete WORD…": the words after "rtcbusctl", the last of them as far as it is
 * typed. No command of people, and in no help. */
#define COMPLETION_COMMAND "__complete"

/*
 * Prints a line for each: the word, and where there is more to say a tab and what it means;
 * ":files" where a file may come next. Nothing that cannot be had is an error, and looking never
 * starts a daemon. The exit status.
 */
int completion_run(int argc, char **argv);
