/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * What a daemon says in the caller's language, with the catalogue of po/ja.po. The environment has
 * the language: glibc heeds LANGUAGE in every locale but "C", and new ones (2.41) but "C.UTF-8". So
 * there it takes another locale, if there is one.
 */

#include <config.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <libintl.h>
#include <locale.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/daemon-words.h"

static void speak(const char *language)
{
    static const char *const locales[] = {"ja_JP.UTF-8", "en_US.UTF-8", "C.UTF-8"};

    g_setenv("LANGUAGE", language, TRUE);
    for (guint i = 0; i < G_N_ELEMENTS(locales) && !setlocale(LC_ALL, locales[i]); i++)
        ; /* gettext looks at LANGUAGE again */
    textdomain(GETTEXT_PACKAGE);
}

static bool languages_are_heeded(void)
{
    speak("ja");
    return strcmp(dgettext(GETTEXT_PACKAGE, "the remote hung up"), "the remote hung up") != 0;
}

static void check(const char *language, const char *said, const char *wanted)
{
    g_autofree char *words = NULL;

    speak(language);
    words = daemon_words(said);
    g_assert_cmpstr(words, ==, wanted);
}

/* In English, in Japanese, and what is left of both when they are translated */
static const struct {
    const char *english, *japanese;
} sentences[] = {
    {"the remote hung up", "相手が切断しました"},
    {"the user name or the password is wrong", "ユーザー名かパスワードが違います"},
    {"it answered with error 508: no room", "エラー 508: no room が返されました"},
    {"laptop is not running: start it with \"systemctl start laptop\", or see \"systemctl status "
     "laptop\" for why it stopped",
     "laptop は動作していません。\"systemctl start laptop\" で起動するか、停止した理由を "
     "\"systemctl status laptop\" で確認してください"},
    {"the TLS handshake failed: it closed the connection",
     "TLS ハンドシェイクに失敗しました: 接続が閉じられました"},
    {"kitchen", "kitchen"},
    {"", ""},
    {"something that nobody has translated %s", "something that nobody has translated %s"},
};

static void test_both_ways(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(sentences); i++) {
        const char *english = sentences[i].english, *japanese = sentences[i].japanese;

        check("ja", english, japanese);
        check("ja", japanese, japanese);
        check("en", japanese, english);
        check("en", english, english);
    }
}

/* Names stay what they are, whatever is in them. */
static void test_arguments(void)
{
    check("ja", "the ICE server %s %n does not serve us: no answer",
          "ICE サーバー %s %n は利用できません: 応答がありません");
}

static void skip(void)
{
    g_test_skip("no locale of this machine heeds LANGUAGE");
}

static char *install_catalogue(void)
{
    char *folder = g_dir_make_tmp("rtcbus-XXXXXX", NULL);
    g_autofree char *messages = g_build_filename(folder, "ja", "LC_MESSAGES", NULL);
    g_autofree char *file = g_build_filename(messages, GETTEXT_PACKAGE ".mo", NULL);
    const char *const argv[] = {"msgfmt", "-o", file, TOP_SRCDIR "/po/ja.po", NULL};

    g_mkdir_with_parents(messages, 0755);
    if (!g_spawn_sync(NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL,
                      NULL))
        g_clear_pointer(&folder, g_free);
    return folder;
}

static void remove_catalogue(const char *folder)
{
    static const char *const parts[] = {"ja/LC_MESSAGES/" GETTEXT_PACKAGE ".mo", "ja/LC_MESSAGES",
                                        "ja", ""};

    for (guint i = 0; i < G_N_ELEMENTS(parts); i++) {
        g_autofree char *path = g_build_filename(folder, parts[i], NULL);

        g_remove(path);
    }
}

int main(int argc, char **argv)
{
    g_autofree char *folder = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    folder = install_catalogue();
    if (!folder)
        return 77; /* no msgfmt */
    bindtextdomain(GETTEXT_PACKAGE, folder);
    bind_textdomain_codeset(GETTEXT_PACKAGE, "UTF-8");
    if (languages_are_heeded()) {
        g_test_add_func("/daemon-words/both-ways", test_both_ways);
        g_test_add_func("/daemon-words/arguments", test_arguments);
    } else {
        g_test_add_func("/daemon-words/no-locale-heeds-LANGUAGE", skip);
    }
    status = g_test_run();
    remove_catalogue(folder);
    return status;
}
