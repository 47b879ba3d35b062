/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The commands of rtcbusctl: one table says everything about each of them.
 */

#pragma once

#include "ctl/client.h"

typedef struct {
    const char *name;
    const char *arguments;       /* N_("[PEER]"), or NULL */
    const char *summary;         /* N_(): one line */
    const GOptionEntry *options; /* of this command alone, or NULL */
    int min_arguments;
    int max_arguments; /* -1: any number */
    bool numeric;      /* an argument may be a negative number, such as -5 */
    /* What the table cannot say of the arguments: 0, or EXIT_USAGE when it has
     * told what is wrong. Before there is a bus. May be NULL. */
    int (*check)(char **arguments);
    int (*run)(BusClient *client, char **arguments);
    bool alone; /* it needs no bus, and has none */
    /* What each argument is, for the shells: words of completion.c with spaces between them; the
     * last is that of all others, too. May be NULL. */
    const char *completes;
} Command;

/* The table; N is how many there are. */
const Command *command_table(size_t *n);
/* NULL if there is none of that name */
const Command *command_find(const char *name);
/* The options that every command has */
extern const GOptionEntry command_common_options[];

/* Finds the command in ARGV, runs it and returns the exit status. */
int command_main(int argc, char **argv);

/* status.c */
int status_run(BusClient *client, char **arguments);
int peers_run(BusClient *client, char **arguments);

/* doctor.c */
int doctor_run(BusClient *client, char **arguments);

/* call.c */
extern const GOptionEntry call_options[];
int call_check(char **arguments);
int call_run(BusClient *client, char **arguments);
/* Says how the call at PATH is connected; the exit status. */
int call_report(BusClient *client, const char *path);
void call_hang_up(BusClient *client, const char *path);

/* calls.c */
int calls_run(BusClient *client, char **arguments);
int hangup_check(char **arguments);
int hangup_run(BusClient *client, char **arguments);

/* capture.c */
int capture_check(char **arguments);
int capture_run(BusClient *client, char **arguments);

/* monitor.c */
int monitor_run(BusClient *client, char **arguments);

/* services.c */
int services_run(BusClient *client, char **arguments);

/* keep.c */
int keep_check(char **arguments);
int keep_run(BusClient *client, char **arguments);
int unkeep_run(BusClient *client, char **arguments);
/* offer.c */
extern const GOptionEntry offer_options[];
int offer_check(char **arguments);
int offer_run(BusClient *client, char **arguments);
int answer_run(BusClient *client, char **arguments);

/* readings.c */
extern const GOptionEntry numbers_options[];
extern const GOptionEntry readings_options[];
int readings_check(char **arguments);
int numbers_run(BusClient *client, char **arguments);
int readings_run(BusClient *client, char **arguments);

/* publish.c */
extern const GOptionEntry publish_options[];
int publish_check(char **arguments);
int publish_run(BusClient *client, char **arguments);

/* trust.c */
int fingerprint_run(BusClient *client, char **arguments);
int known_run(BusClient *client, char **arguments);
int trust_check(char **arguments);
int trust_run(BusClient *client, char **arguments);
int forget_run(BusClient *client, char **arguments);

/* identity.c */
extern const GOptionEntry identity_options[];
int identity_check(char **arguments);
int identity_run(BusClient *client, char **arguments);

/* pair.c */
extern const GOptionEntry pair_options[];
int pair_check(char **arguments);
int pair_run(BusClient *client, char **arguments);

/* forward.c */
int forward_check(char **arguments);
int forward_run(BusClient *client, char **arguments);

/* pipe.c */
extern const GOptionEntry pipe_options[];
int pipe_check(char **arguments);
int pipe_run(BusClient *client, char **arguments);

/* send.c */
int send_run(BusClient *client, char **arguments);

/* receive.c */
extern const GOptionEntry receive_options[];
int receive_check(char **arguments);
int receive_run(BusClient *client, char **arguments);

/* token.c */
extern const GOptionEntry token_options[];
int token_check(char **arguments);
int token_run(BusClient *client, char **arguments);

/* relay.c */
int relay_check(char **arguments);
int relay_run(BusClient *client, char **arguments);
