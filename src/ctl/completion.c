/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "ctl/completion.h"

#include <glib/gi18n.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/names.h"
#include "common/printable.h"
#include "ctl/calls.h"
#include "ctl/command.h"
#include "ctl/text.h"

#define FILES ":files"

typedef struct {
    BusClient client;
    const Command *command; /* NULL: it comes next */
    GPtrArray *arguments;   /* of it, before the word that is typed; not owned */
    const char *word;       /* as far as it is typed */
    bool lost;              /* there is no such command */
} Completion;

/* A line of what may come, if it begins like what is typed. What a stranger chose, and no shell
 * could show or take back as it is, is left out. */
static void offer(const Completion *completion, const char *word, const char *meaning)
{
    g_autofree char *safe = printable(word), *shown = meaning ? printable(meaning) : NULL;

    if (!*word || !g_str_equal(safe, word) || !g_str_has_prefix(word, completion->word))
        return;
    if (meaning && *meaning)
        printf("%s\t%s\n", word, shown);
    else
        printf("%s\n", word);
}

/* ---- what the daemon knows ---------------------------------------------------------------- */

static GVariant *peer_property(Completion *completion, const char *name, const char *type)
{
    g_autoptr(GVariant) dict = client_properties(&completion->client, &peer_service,
                                                 PEER_OBJECT_PATH, PEER_INTERFACE, NULL);

    return dict ? g_variant_lookup_value(dict, name, G_VARIANT_TYPE(type)) : NULL;
}

/* Strings at NAME in each structure of LIST, with those at MEANING (-1: none) */
static void offer_list(const Completion *completion, GVariant *list, int name, int meaning)
{
    for (gsize i = 0; list && i < g_variant_n_children(list); i++) {
        g_autoptr(GVariant) entry = g_variant_get_child_value(list, i);
        const char *word, *text = NULL;

        g_variant_get_child(entry, name, "&s", &word);
        if (meaning >= 0)
            g_variant_get_child(entry, meaning, "&s", &text);
        offer(completion, word, text);
    }
}

static void offer_peers(Completion *completion)
{
    g_autoptr(GVariant) list = peer_property(completion, "Peers", "a(ss)");

    offer_list(completion, list, 1, -1);
}

static void offer_kept(Completion *completion)
{
    g_autoptr(GVariant) list = peer_property(completion, "KeptPeers", "a(sss)");

    offer_list(completion, list, 0, 1);
}

static void offer_known(Completion *completion)
{
    g_autoptr(GVariant) reply =
        client_call(&completion->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                    "ListKnownPeers", NULL, "(a(ssst))", LOOK, NULL);
    g_autoptr(GVariant) list = reply ? g_variant_get_child_value(reply, 0) : NULL;

    offer_list(completion, list, 0, -1);
}

static void offer_series(Completion *completion)
{
    g_autoptr(GVariant) reply =
        client_call(&completion->client, &peer_service, PEER_OBJECT_PATH, PEER_INTERFACE,
                    "ListSeries", NULL, "(a(sssvttt))", LOOK, NULL);
    g_autoptr(GVariant) list = reply ? g_variant_get_child_value(reply, 0) : NULL;

    offer_list(completion, list, 1, 0);
}

static void offer_calls(Completion *completion)
{
    g_autoptr(GPtrArray) calls = call_list_load(&completion->client, NULL);

    for (guint i = 0; calls && i < calls->len; i++) {
        const CallEntry *call = calls->pdata[i];
        g_autofree char *number = g_strdup_printf("%" G_GUINT64_FORMAT, call->number);

        offer(completion, number, dict_string(call->properties, "Peer"));
    }
}

/* Those that forwards of ours lead to: a remote is not called for a completion. */
static void offer_services(Completion *completion)
{
    g_autoptr(GVariant) list = peer_property(completion, "Forwards", "a(sssss)");

    offer_list(completion, list, 3, 2);
}

static void offer_addresses(Completion *completion)
{
    offer(completion, "127.0.0.1:", NULL);
    offer(completion, "localhost:", NULL);
    offer(completion, "unix:/", NULL);
}

static void offer_files(Completion *completion)
{
    puts(FILES);
}

static void offer_files_and_peers(Completion *completion)
{
    if (completion->client.bus)
        offer_peers(completion);
    offer_files(completion);
}

static void offer_nothing(Completion *completion)
{
}

static const struct {
    const char *kind;
    void (*offer)(Completion *completion);
    bool asks; /* the daemon */
} kinds[] = {
    {"peer", offer_peers, true},         {"kept", offer_kept, true},
    {"known", offer_known, true},        {"call", offer_calls, true},
    {"service", offer_services, true},   {"series", offer_series, true},
    {"address", offer_addresses, false}, {"fingerprint", offer_nothing, false},
    {"file", offer_files, false},        {"file-or-peer", offer_files_and_peers, false},
};

/* A word of Command.completes; one that is none of the kinds stands for itself. */
static void complete_kind(Completion *completion, const char *kind)
{
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_equal(kinds[i].kind, kind)) {
            if (completion->client.bus || !kinds[i].asks)
                kinds[i].offer(completion);
            return;
        }
    }
    offer(completion, kind, NULL);
}

/* ---- commands, options and arguments --------------------------------------------------------- */

static void complete_commands(const Completion *completion)
{
    size_t n;
    const Command *commands = command_table(&n);

    for (size_t i = 0; i < n; i++)
        offer(completion, commands[i].name, _(commands[i].summary));
}

static void complete_options(const Completion *completion, const GOptionEntry *options)
{
    for (; options && options->long_name; options++) {
        g_autofree char *word = g_strconcat("--", options->long_name, NULL);

        offer(completion, word, _(options->description));
    }
}

static bool is_option(const GOptionEntry *option, const char *word)
{
    if (g_str_has_prefix(word, "--"))
        return g_str_equal(option->long_name, word + 2);
    return option->short_name && word[1] == option->short_name && word[2] == '\0';
}

/* The option of COMMAND that WORD is, if it takes a value that comes as the next word */
static const GOptionEntry *valued_option(const Command *command, const char *word)
{
    const GOptionEntry *option = command ? command->options : NULL;

    for (; option && option->long_name && word[0] == '-'; option++) {
        if (is_option(option, word) && option->arg != G_OPTION_ARG_NONE)
            return option;
    }
    return NULL;
}

static void complete_value(Completion *completion, const GOptionEntry *option)
{
    if (option->arg == G_OPTION_ARG_FILENAME)
        complete_kind(completion, "file");
    else if (g_str_equal(option->long_name, "series"))
        complete_kind(completion, "series");
    else if (g_str_equal(option->long_name, "from"))
        complete_kind(completion, "known");
}

/* That of the argument which comes next; the last kind is that of all others. */
static void complete_argument(Completion *completion)
{
    const Command *command = completion->command;
    g_auto(GStrv) words = command->completes ? g_strsplit(command->completes, " ", -1) : NULL;
    guint n = completion->arguments->len;

    if (!words || (command->max_arguments >= 0 && n >= (guint) command->max_arguments))
        return;
    complete_kind(completion, words[MIN(n, g_strv_length(words) - 1)]);
}

/* Reads what stands before the word that is typed; the option whose value that is, or NULL. */
static const GOptionEntry *read_words(Completion *completion, int argc, char **argv)
{
    const GOptionEntry *valued = NULL;

    for (int i = 0; i + 1 < argc; i++) {
        const char *word = argv[i];

        if (valued) {
            valued = NULL;
        } else if (g_str_equal(word, "--session")) {
            completion->client.session = true;
        } else if (word[0] == '-') {
            valued = valued_option(completion->command, word);
        } else if (!completion->command && !completion->lost) {
            completion->command = command_find(word);
            completion->lost = !completion->command;
        } else {
            g_ptr_array_add(completion->arguments, (char *) word);
        }
    }
    return valued;
}

int completion_run(int argc, char **argv)
{
    g_autoptr(GPtrArray) arguments = g_ptr_array_new();
    Completion completion = {.arguments = arguments, .word = argc > 0 ? argv[argc - 1] : ""};
    const GOptionEntry *valued = read_words(&completion, argc, argv);

    client_connect(&completion.client, NULL); /* without it there are only our own words */
    if (valued) {
        complete_value(&completion, valued);
    } else if (completion.word[0] == '-') {
        complete_options(&completion, completion.command ? completion.command->options : NULL);
        complete_options(&completion, command_common_options);
    } else if (completion.command) {
        complete_argument(&completion);
    } else if (!completion.lost) {
        complete_commands(&completion);
    }
    client_clear(&completion.client);
    return EXIT_SUCCESS;
}
