/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The command table and the two steps of reading a command line: what stands
 * before the command, then the rest with the command's own options. The common
 * options are known in both places, since people write them at the end.
 */

#include <config.h>

#include "ctl/command.h"

#include <glib/gi18n.h>
#include <stdlib.h>
#include <string.h>

#include "common/suggestion.h"
#include "ctl/completion.h"
#include "ctl/text.h"

static const Command commands[] = {
    {"status", NULL, N_("Show the peer, its relay, calls and numbers, and what is wrong"), NULL, 0,
     0, false, NULL, status_run},
    {"doctor", N_("[PEER]"), N_("Test what a call needs, step by step, and explain"), NULL, 0, 1,
     false, NULL, doctor_run, .completes = "peer"},
    {"peers", NULL, N_("List the peers in the room"), NULL, 0, 0, false, NULL, peers_run},
    {"call", N_("[PEER]"), N_("Call a peer (default: whoever answers) until it is connected"),
     call_options, 0, 1, false, call_check, call_run, .completes = "peer"},
    {"calls", NULL, N_("List the calls"), NULL, 0, 0, false, NULL, calls_run},
    {"monitor", NULL, N_("Tell of the relay, calls, trust and channels as things happen"), NULL, 0,
     0, false, NULL, monitor_run},
    {"hangup", N_("CALL"), N_("End a call, given by its number or object path"), NULL, 1, 1, false,
     hangup_check, hangup_run, .completes = "call"},
    {"capture", N_("CALL FILE"), N_("Write the packets of a call, decrypted, for Wireshark"), NULL,
     2, 2, false, capture_check, capture_run, .completes = "call file"},
    {"keep", N_("[PEER...]"), N_("Keep peers connected, or list those who are kept"), NULL, 0, -1,
     false, keep_check, keep_run, .completes = "peer"},
    {"unkeep", N_("PEER..."), N_("Keep peers no longer, and hang up"), NULL, 1, -1, false,
     keep_check, unkeep_run, .completes = "kept"},
    {"offer", NULL, N_("Call without a relay: print an offer, and read the answer"), offer_options,
     0, 0, false, offer_check, offer_run},
    {"answer", N_("[OFFER]"), N_("Answer such an offer (default: one that is pasted)"),
     offer_options, 0, 1, false, offer_check, answer_run},
    {"readings", N_("[PEER]"), N_("Print the readings received"), readings_options, 0, 1, false,
     readings_check, readings_run, .completes = "peer"},
    {"numbers", N_("[PEER]"), N_("Print the plain numbers received"), numbers_options, 0, 1, false,
     readings_check, numbers_run, .completes = "peer"},
    {"publish", N_("VALUE..."), N_("Give readings to every listener"), publish_options, 1, -1, true,
     publish_check, publish_run},
    {"pair", N_("[CODE]"), N_("Make this peer and another one known to each other"), pair_options,
     0, 3, false, pair_check, pair_run},
    {"fingerprint", N_("[NAME]"), N_("Show this peer's fingerprint, or a known peer's"), NULL, 0, 1,
     false, NULL, fingerprint_run, .completes = "known"},
    {"identity", N_("[new]"), N_("Show who this peer is, or make it a new key"), identity_options,
     0, 1, false, identity_check, identity_run, .completes = "new"},
    {"known", NULL, N_("List the known peers"), NULL, 0, 0, false, NULL, known_run},
    {"trust", N_("NAME FINGERPRINT"), N_("Make a peer known, in place of what was learned of it"),
     NULL, 2, 3, false, trust_check, trust_run, .completes = "peer fingerprint"},
    {"forget", N_("NAME"), N_("Forget what was learned of a peer"), NULL, 1, 1, false, NULL,
     forget_run, .completes = "known"},
    {"services", N_("[PEER]"), N_("List the services offered here, or those that a peer offers us"),
     NULL, 0, 1, false, NULL, services_run, .completes = "peer"},
    {"forward", N_("[ADDRESS:]PORT PEER NAME"),
     N_("Make a local port lead to a service that a peer has declared"), NULL, 3, 3, false,
     forward_check, forward_run, .completes = "address peer service"},
    {"pipe", N_("[PEER] [LABEL]"), N_("Connect standard input and output to another peer's"),
     pipe_options, 0, 2, false, pipe_check, pipe_run, .completes = "peer service"},
    {"send", N_("FILE... PEER"), N_("Send files and folders to a peer that receives them"), NULL, 2,
     -1, false, NULL, send_run, .completes = "file file-or-peer"},
    {"receive", N_("[FOLDER]"), N_("Receive the files that a peer sends (default: here)"),
     receive_options, 0, 1, false, receive_check, receive_run, .completes = "file"},
    {"relay", N_("[drain]"), N_("Show the relay on this machine, or send its clients away"), NULL,
     0, 1, false, relay_check, relay_run, .completes = "drain"},
    {"token", NULL, N_("Make a token that opens rooms of the relay on this machine"), token_options,
     0, 0, false, token_check, token_run, .alone = true},
};

static struct {
    gboolean session;
    gboolean json;
    gboolean help;
    gboolean version;
} common;

const GOptionEntry command_common_options[] = {
    {"help", 'h', 0, G_OPTION_ARG_NONE, &common.help, N_("Show this help and exit"), NULL},
    {"json", 0, 0, G_OPTION_ARG_NONE, &common.json, N_("Answer in JSON, for programs"), NULL},
    {"session", 0, 0, G_OPTION_ARG_NONE, &common.session, N_("Talk to daemons on the session bus"),
     NULL},
    {"version", 0, 0, G_OPTION_ARG_NONE, &common.version, N_("Show the version and exit"), NULL},
    {},
};

static void add_common_options(GOptionContext *context)
{
    g_option_context_set_help_enabled(context, FALSE);
    g_option_context_add_main_entries(context, command_common_options, GETTEXT_PACKAGE);
}

static char *command_usage(const Command *command)
{
    return command->arguments ? g_strdup_printf("%s %s", command->name, _(command->arguments))
                              : g_strdup(command->name);
}

static char *list_commands(void)
{
    GString *text = g_string_new(_("Control the WebRTC peer and the signaling relay of this "
                                   "machine over D-Bus."));

    g_string_append_printf(text, "\n\n%s\n", _("Commands:"));
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        g_autofree char *usage = command_usage(&commands[i]);
        int pad = 24 - (int) text_columns(usage);

        g_string_append_printf(text, "  %s%*s%s\n", usage, MAX(pad, 1), "", _(commands[i].summary));
    }
    g_string_append_printf(text, "\n%s",
                           _("\"rtcbusctl COMMAND --help\" tells more of a command."));
    return g_string_free(text, FALSE);
}

static void print_help(GOptionContext *context)
{
    g_autofree char *help = g_option_context_get_help(context, FALSE, NULL);

    g_print("%s", help);
}

const Command *command_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++) {
        if (g_str_equal(commands[i].name, name))
            return &commands[i];
    }
    return NULL;
}

const Command *command_table(size_t *n)
{
    *n = G_N_ELEMENTS(commands);
    return commands;
}

/* The arguments without the "--" that GOption may leave behind */
static char **collect_arguments(int argc, char **argv)
{
    g_autoptr(GPtrArray) list = g_ptr_array_new();
    bool options_ended = false;

    for (int i = 1; i < argc; i++) {
        if (!options_ended && g_str_equal(argv[i], "--"))
            options_ended = true;
        else
            g_ptr_array_add(list, argv[i]);
    }
    g_ptr_array_add(list, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&list), FALSE);
}

static int command_run(const Command *command, char **arguments)
{
    BusClient client = {.session = common.session, .json = common.json};
    g_autoptr(GError) error = NULL;
    int status;

    if (!command->alone && !client_connect(&client, &error)) {
        client_complain("%s", error->message);
        return EXIT_FAILURE;
    }
    status = command->run(&client, arguments);
    client_clear(&client);
    return status;
}

/* ARGV begins with the command's name. */
static int command_parse(const Command *command, int argc, char **argv)
{
    g_autofree char *usage = command_usage(command);
    g_autoptr(GOptionContext) context =
        g_option_context_new(command->arguments ? _(command->arguments) : NULL);
    g_autoptr(GError) error = NULL;
    g_autofree char **arguments = NULL;
    g_autofree char *name = g_strdup_printf("rtcbusctl %s", command->name);
    int n;

    g_set_prgname(name);
    g_option_context_set_summary(context, _(command->summary));
    g_option_context_set_ignore_unknown_options(context, command->numeric);
    if (command->options)
        g_option_context_add_main_entries(context, command->options, GETTEXT_PACKAGE);
    add_common_options(context);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return client_usage("%s", error->message);
    if (common.help) {
        print_help(context);
        return EXIT_SUCCESS;
    }
    arguments = collect_arguments(argc, argv);
    n = (int) g_strv_length(arguments);
    if (n < command->min_arguments)
        return client_usage(_("%s: an argument is missing; usage: rtcbusctl %s"), command->name,
                            usage);
    if (command->max_arguments >= 0 && n > command->max_arguments)
        return client_usage(_("%s: \"%s\" is one argument too many; usage: rtcbusctl %s"),
                            command->name, arguments[command->max_arguments], usage);
    if (command->check && command->check(arguments) != 0)
        return EXIT_USAGE;
    return command_run(command, arguments);
}

static int command_unknown(const char *name)
{
    g_autofree const char **names = g_new(const char *, G_N_ELEMENTS(commands));
    const char *meant;

    for (size_t i = 0; i < G_N_ELEMENTS(commands); i++)
        names[i] = commands[i].name;
    meant = suggestion_find(name, names, G_N_ELEMENTS(commands));
    if (meant)
        return client_usage(_("there is no command \"%s\"; is \"%s\" meant?"), name, meant);
    return client_usage(_("there is no command \"%s\""), name);
}

/* Without a command it is "status". */
static int command_dispatch(int argc, char **argv)
{
    static char *alone[] = {(char *) "status", NULL};
    const Command *command = command_find(argc > 0 ? argv[0] : alone[0]);

    if (!command)
        return command_unknown(argv[0]);
    return argc > 0 ? command_parse(command, argc, argv) : command_parse(command, 1, alone);
}

int command_main(int argc, char **argv)
{
    g_autoptr(GOptionContext) context = g_option_context_new(_("COMMAND [ARGUMENT...]"));
    g_autoptr(GError) error = NULL;
    g_autofree char *summary = list_commands();

    if (argc > 1 && g_str_equal(argv[1], COMPLETION_COMMAND))
        return completion_run(argc - 2, argv + 2);
    g_set_prgname("rtcbusctl");
    g_option_context_set_summary(context, summary);
    g_option_context_set_strict_posix(context, TRUE);
    add_common_options(context);
    if (!g_option_context_parse(context, &argc, &argv, &error))
        return client_usage("%s", error->message);
    if (common.help) {
        print_help(context);
        return EXIT_SUCCESS;
    }
    if (common.version) {
        g_print("rtcbusctl %s\n", PACKAGE_VERSION);
        return EXIT_SUCCESS;
    }
    return command_dispatch(argc - 1, argv + 1);
}
