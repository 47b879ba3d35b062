/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Fingerprints, the format of known_peers, the two files, and the decision. */

#include <config.h>

#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "common/fingerprint.h"
#include "peer/trust/known-file.h"
#include "peer/trust/known-peers.h"
#include "peer/error.h"
#include "peer/trust/trust.h"

#define HEX_A "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
#define A                                                                                          \
    "sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                     \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
#define B                                                                                          \
    "sha-256 FF:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:"                                     \
    "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

/* ---- fingerprints ---------------------------------------------------------- */

static void test_fingerprint_spellings(void)
{
    static const char *const good[] = {
        A,
        "sha-256:" HEX_A,
        "SHA-256:" HEX_A,
        HEX_A,
        &A[strlen("sha-256 ")],
        "sha-256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
    };
    static const char *const bad[] = {
        "",
        "sha-256",
        "sha-256:",
        "sha-1:" HEX_A,
        "sha-256" HEX_A,
        "sha-256:" HEX_A "0",
        "sha-256:" HEX_A "00",
        "sha-256: " HEX_A,
        "sha-512:" HEX_A,
        "sha-256:0011223344556677:8899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
        "sha-256:G0112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF",
    };

    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *parsed = fingerprint_parse(good[i]);

        g_assert_cmpstr(parsed, ==, A);
    }
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(fingerprint_parse(bad[i]));
}

/* 0x0011223344 = 287454020, 0x5566778899 = 366791329945, … modulo 100000 */
static void test_fingerprint_code(void)
{
    g_autofree char *code = fingerprint_code(A);
    g_autofree char *other = fingerprint_code(B);

    g_assert_cmpstr(code, ==, "54020 29945 05870 83347 54760 30685");
    g_assert_cmpuint(strlen(other), ==, strlen(code));
    g_assert_cmpstr(code, !=, other);
}

/* ---- the format ------------------------------------------------------------ */

static KnownFile *parse(const char *text, GError **error)
{
    return known_file_parse(text, strlen(text), "FILE", error);
}

static void test_file_reads(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KnownFile) file = parse("# people\n"
                                      "\n"
                                      "kitchen sha-256:" HEX_A " 2026-11-22T17:00:00Z by Ann \n"
                                      "  gar%20den\t" A "\r\n"
                                      "台所 " HEX_A " hello # world",
                                      &error);
    const KnownPeer *peer;

    g_assert_no_error(error);
    g_assert_cmpuint(known_file_count(file), ==, 3);
    peer = known_file_find(file, "kitchen");
    g_assert_cmpstr(peer->fingerprint, ==, A);
    g_assert_cmpstr(peer->comment, ==, "by Ann");
    g_assert_cmpint(peer->time, ==, 1795366800);
    g_assert_true(known_file_has(file, "gar den", A));
    g_assert_false(known_file_has(file, "gar den", B));
    g_assert_cmpstr(known_file_find(file, "台所")->comment, ==, "hello # world");
    g_assert_null(known_file_find(file, "Kitchen"));
    g_assert_null(known_file_find(file, "people"));
}

static void test_file_refuses(void)
{
    static const struct {
        const char *text, *line;
    } bad[] = {
        {"kitchen", "FILE:1:"},
        {"kitchen sha-256:00", "FILE:1:"},
        {"# x\n\nkitchen sha-1:" HEX_A "\n", "FILE:3:"},
        {"kitchen sha-256:" HEX_A "\nkitchen sha-256:" HEX_A "x\n", "FILE:2:"},
        {"a%zz sha-256:" HEX_A, "FILE:1:"},
        {"a%00b sha-256:" HEX_A, "FILE:1:"},
        {"a%ff sha-256:" HEX_A, "FILE:1:"},
        {"\xff sha-256:" HEX_A, "FILE:"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(bad[i].text, &error));
        g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
        g_assert_true(g_str_has_prefix(error->message, bad[i].line));
    }
    {
        g_autoptr(GError) error = NULL;

        g_assert_null(known_file_parse("a\0b", 3, "FILE", &error));
        g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
    }
}

static void test_file_keeps_what_people_wrote(void)
{
    const char *text = "# mine\n\n  kitchen   sha-256:" HEX_A "   why not\nshed " HEX_A "\n";
    g_autoptr(KnownFile) file = parse(text, NULL);
    g_autofree char *same = known_file_write(file);
    g_autofree char *fewer = NULL, *more = NULL;

    g_assert_cmpstr(same, ==, text);
    g_assert_cmpuint(known_file_remove(file, "shed"), ==, 1);
    g_assert_cmpuint(known_file_remove(file, "shed"), ==, 0);
    fewer = known_file_write(file);
    g_assert_cmpstr(fewer, ==, "# mine\n\n  kitchen   sha-256:" HEX_A "   why not\n");
    known_file_add(file, "#1 100%\n", B, "note", 1795366800);
    more = known_file_write(file);
    g_assert_true(g_str_has_suffix(more, " 2026-11-22T17:00:00Z note\n"));
    g_assert_nonnull(strstr(more, "%231%20100%25%0A sha-256:FF:11"));
    {
        g_autoptr(KnownFile) again = parse(more, NULL);

        g_assert_true(known_file_has(again, "#1 100%\n", B));
    }
}

/* ---- two files -------------------------------------------------------------- */

typedef struct {
    char *folder, *admin, *learned;
    KnownPeers *known;
} Files;

static void files_set_up(Files *files, gconstpointer data)
{
    files->folder = g_dir_make_tmp("rtcbus-known-XXXXXX", NULL);
    files->admin = g_build_filename(files->folder, "admin", NULL);
    files->learned = g_build_filename(files->folder, "learned", NULL);
    files->known = known_peers_new(files->admin, files->learned);
}

static void files_tear_down(Files *files, gconstpointer data)
{
    known_peers_free(files->known);
    g_unlink(files->admin);
    g_unlink(files->learned);
    g_rmdir(files->learned); /* where a test made it one */
    g_assert_cmpint(g_rmdir(files->folder), ==, 0);
    g_free(files->folder);
    g_free(files->admin);
    g_free(files->learned);
}

static void write_text(const char *path, const char *text)
{
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *read_text(const char *path)
{
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static void test_known_learns_and_forgets(Files *files, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KnownPeers) other = known_peers_new(files->admin, files->learned);

    g_assert_false(known_peers_add(files->known, "kitchen", A, "x", false, NULL)); /* not loaded */
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_NOT);
    g_assert_true(known_peers_add(files->known, "kitchen", A, "x", false, &error));
    g_assert_true(known_peers_add(files->known, "kitchen", A, "x", false, &error));
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_SAME);
    g_assert_cmpint(known_peers_check(files->known, "kitchen", B), ==, KNOWN_OTHER);
    g_assert_false(known_peers_add(files->known, "kitchen", B, "x", false, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_DENIED);
    g_clear_error(&error);

    g_assert_true(known_peers_load(other, NULL));
    g_assert_cmpint(known_peers_check(other, "kitchen", A), ==, KNOWN_SAME);
    g_assert_true(known_peers_add(other, "kitchen", B, "x", true, &error));
    g_assert_cmpint(known_peers_check(other, "kitchen", A), ==, KNOWN_OTHER);
    g_assert_cmpint(known_peers_check(other, "kitchen", B), ==, KNOWN_SAME);
    g_assert_true(known_peers_forget(other, "kitchen", &error));
    g_assert_cmpint(known_peers_check(other, "kitchen", B), ==, KNOWN_NOT);
    g_assert_false(known_peers_forget(other, "kitchen", &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_NO_SUCH_PEER);
}

static void test_known_admin_comes_first(Files *files, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    write_text(files->learned, "kitchen " HEX_A "\nshed " HEX_A "\n");
    write_text(files->admin, "kitchen FF112233445566778899AABBCCDDEEFF"
                             "00112233445566778899AABBCCDDEEFF\n");
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_OTHER);
    g_assert_cmpint(known_peers_check(files->known, "kitchen", B), ==, KNOWN_SAME);
    g_assert_cmpint(known_peers_check(files->known, "shed", A), ==, KNOWN_SAME);
    g_assert_false(known_peers_add(files->known, "kitchen", A, "x", true, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_false(known_peers_forget(files->known, "kitchen", &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_DENIED);
    text = read_text(files->learned);
    g_assert_cmpstr(text, ==, "kitchen " HEX_A "\nshed " HEX_A "\n");
}

static void test_known_damaged(Files *files, gconstpointer data)
{
    const char *bad = "kitchen " HEX_A "\nshed what?\n";
    g_autoptr(GError) error = NULL;
    g_autofree char *text = NULL;

    write_text(files->learned, "kitchen " HEX_A "\n");
    g_assert_true(known_peers_load(files->known, NULL));
    /* Damaged behind our back: what is in it is not overwritten, what we read stays. */
    write_text(files->learned, bad);
    g_assert_false(known_peers_add(files->known, "attic", A, "x", false, &error));
    g_assert_nonnull(strstr(error->message, "learned:2:"));
    g_clear_error(&error);
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_SAME);
    /* Read again: nobody is known, not even those of the good lines. */
    g_assert_false(known_peers_load(files->known, &error));
    g_assert_nonnull(strstr(error->message, "learned:2:"));
    g_clear_error(&error);
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_NOT);
    g_assert_false(known_peers_add(files->known, "attic", A, "x", false, NULL));
    g_assert_false(known_peers_forget(files->known, "kitchen", NULL));
    text = read_text(files->learned);
    g_assert_cmpstr(text, ==, bad);
    write_text(files->learned, "kitchen " HEX_A "\n");
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_SAME);
}

static void test_known_unwritable(Files *files, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *temporary = g_strconcat(files->learned, ".new", NULL);
    g_autofree char *text = NULL;

    write_text(files->admin, "");
    write_text(files->learned, "kitchen " HEX_A); /* no line can be added to that as it is */
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpint(g_mkdir(temporary, 0700), ==, 0); /* stops root, too */
    g_assert_false(known_peers_add(files->known, "shed", A, "x", false, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_FAILED);
    g_assert_cmpint(known_peers_check(files->known, "shed", A), ==, KNOWN_NOT);
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_SAME);
    g_assert_false(known_peers_forget(files->known, "kitchen", NULL));
    g_assert_cmpint(known_peers_check(files->known, "kitchen", A), ==, KNOWN_SAME);
    text = read_text(files->learned);
    g_assert_cmpstr(text, ==, "kitchen " HEX_A);
    g_rmdir(temporary);
}

/* A line more is added where the file is; what somebody has written meanwhile is kept. */
static void test_known_appends(Files *files, gconstpointer data)
{
    g_autofree char *temporary = g_strconcat(files->learned, ".new", NULL);
    g_autofree char *text = NULL;
    g_autoptr(KnownPeers) again = known_peers_new(files->admin, files->learned);

    write_text(files->learned, "# mine\n");
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpint(g_mkdir(temporary, 0700), ==, 0); /* it cannot be written anew */
    g_assert_true(known_peers_add(files->known, "shed", A, "x", false, NULL));
    g_assert_true(known_peers_add(files->known, "attic", B, "x", false, NULL));
    g_rmdir(temporary);
    text = read_text(files->learned);
    g_assert_true(g_str_has_prefix(text, "# mine\n shed "));
    write_text(files->learned, "kitchen " HEX_A "\n");
    g_assert_true(known_peers_add(files->known, "attic", A, "x", false, NULL));
    g_assert_cmpint(known_peers_check(files->known, "shed", A), ==, KNOWN_NOT);
    g_assert_true(known_peers_load(again, NULL));
    g_assert_cmpint(known_peers_check(again, "kitchen", A), ==, KNOWN_SAME);
    g_assert_cmpint(known_peers_check(again, "attic", A), ==, KNOWN_SAME);
    g_assert_cmpint(known_peers_check(again, "shed", A), ==, KNOWN_NOT);
}

/* Whom we called first by a name is remembered, but nobody vouches for it. */
static void test_known_vouched(Files *files, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(KnownPeers) known = known_peers_new(files->admin, files->learned);

    g_assert_true(known_peers_load(known, NULL));
    known_peers_set_limit(known, 1);
    g_assert_true(known_peers_add(known, "desk", A, KNOWN_FIRST_CALL, false, &error));
    g_assert_cmpint(known_peers_check(known, "desk", A), ==, KNOWN_SAME);
    g_assert_false(known_peers_vouched(known, "desk", A));
    g_assert_true(known_peers_add(known, "desk", A, "paired", true, &error));
    g_assert_true(known_peers_vouched(known, "desk", A));
    g_assert_false(known_peers_vouched(known, "desk", B));
    /* It stays, also for who reads the file anew. */
    g_assert_true(known_peers_add(known, "desk", A, KNOWN_FIRST_CALL, false, &error));
    g_assert_true(known_peers_load(known, NULL));
    g_assert_true(known_peers_vouched(known, "desk", A));
}

static void test_known_limit(Files *files, gconstpointer data)
{
    g_autoptr(GError) error = NULL;

    known_peers_set_limit(files->known, 2);
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_true(known_peers_add(files->known, "a", A, "x", false, NULL));
    g_assert_true(known_peers_add(files->known, "b", A, "x", false, NULL));
    g_assert_false(known_peers_add(files->known, "c", A, "x", false, &error));
    g_assert_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED);
    g_assert_true(known_peers_add(files->known, "b", B, "x", true, NULL));
}

static guint add_many(KnownPeers *known, const char *prefix, const char *comment)
{
    guint n = 0;

    for (;; n++) {
        g_autofree char *name = g_strdup_printf("%s%u", prefix, n);
        g_autoptr(GError) error = NULL;

        if (!known_peers_add(known, name, A, comment, false, &error)) {
            g_assert_error(error, PEER_ERROR, PEER_ERROR_LIMIT_EXCEEDED);
            return n;
        }
    }
}

/* Everybody in a room may have been called: those take the places neither of peers that are
 * called by name nor of those that are paired. */
static void test_known_shares(Files *files, gconstpointer data)
{
    known_peers_set_limit(files->known, 8);
    g_assert_true(known_peers_load(files->known, NULL));
    g_assert_cmpuint(add_many(files->known, "anybody", KNOWN_UNASKED_CALL), ==, 4);
    g_assert_cmpuint(add_many(files->known, "called", KNOWN_FIRST_CALL), ==, 2);
    g_assert_cmpuint(add_many(files->known, "paired", "paired"), ==, 2);
    g_assert_false(known_peers_vouched(files->known, "anybody1", A));
    g_assert_true(known_peers_vouched(files->known, "paired1", A));
}

/* ---- the decision ------------------------------------------------------------ */

/* One letter each: n(ew) k(nown) u(nknown) and - for refused. */
static char decide(const KnownPeers *known, TrustPolicy policy, TrustAccept accept,
                   const char *name, const char *fingerprint, const char *wanted, bool incoming)
{
    TrustRules rules = {policy, accept};
    TrustQuestion question = {.name = name,
                              .asked = !incoming && name && *name,
                              .fingerprint = fingerprint,
                              .wanted = wanted,
                              .incoming = incoming};
    TrustAnswer answer = {};
    g_autoptr(GError) error = NULL;

    if (!trust_decide(&rules, known, &question, &answer, &error)) {
        g_assert_nonnull(error);
        return '-';
    }
    g_assert_no_error(error);
    return trust_level_to_string(answer.level)[0];
}

static void test_trust_table(Files *files, gconstpointer data)
{
    static const struct {
        const char *name, *fingerprint, *wanted;
        const char *outgoing; /* under any, tofu, known */
        const char *incoming; /* the same with Accept=any, then Accept=known */
    } table[] = {
        {"kitchen", A, NULL, "kkk", "kkkkkk"}, {"kitchen", B, NULL, "u--", "u-----"},
        {"shed", A, NULL, "un-", "kkkkkk"},    {NULL, A, NULL, "kkk", "kkkkkk"},
        {"", A, NULL, "kkk", "kkkkkk"},        {"kitchen", A, A, "kkk", "kkkkkk"},
        {"shed", B, NULL, "un-", "un----"},    {NULL, B, NULL, "un-", "un----"},
        {"kitchen", A, B, "---", "------"},    {"shed", A, A, "kkk", "kkkkkk"},
        {"shed", A, B, "---", "------"},       {"kitchen", B, B, "k--", "k--k--"},
        {NULL, A, A, "kkk", "kkkkkk"},
    };

    write_text(files->learned, "kitchen " HEX_A "\n");
    g_assert_true(known_peers_load(files->known, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        for (guint policy = 0; policy < 3; policy++) {
            g_test_message("row %u, policy %u", i, policy);
            g_assert_cmpint(decide(files->known, policy, TRUST_ACCEPT_NONE, table[i].name,
                                   table[i].fingerprint, table[i].wanted, false),
                            ==, table[i].outgoing[policy]);
            g_assert_cmpint(decide(files->known, policy, TRUST_ACCEPT_NONE, table[i].name,
                                   table[i].fingerprint, table[i].wanted, true),
                            ==, '-');
            for (guint accept = 0; accept < 2; accept++)
                g_assert_cmpint(decide(files->known, policy, accept, table[i].name,
                                       table[i].fingerprint, table[i].wanted, true),
                                ==, table[i].incoming[accept * 3 + policy]);
        }
    }
}

/* Where nobody was asked for by name, a known key says who it is. */
static void test_trust_known_as(Files *files, gconstpointer data)
{
    static const struct {
        const char *name, *fingerprint, *known_as;
        bool asked;
    } table[] = {
        {"kitchen", A, NULL, false},   {"shed", A, "kitchen", false}, {NULL, A, "kitchen", false},
        {"desk", A, "kitchen", false},                           /* which is another one's name */
        {"attic", B, "desk", false},   {"attic", A, NULL, true}, /* whom we have called */
    };
    TrustRules rules = {TRUST_POLICY_TOFU, TRUST_ACCEPT_ANY};

    /* What was learned of a name that is the administrator's does not count. */
    write_text(files->learned, "desk " HEX_A "\nkitchen " HEX_A "\n");
    write_text(files->admin, "desk FF112233445566778899AABBCCDDEEFF"
                             "00112233445566778899AABBCCDDEEFF\n");
    g_assert_true(known_peers_load(files->known, NULL));
    for (guint i = 0; i < G_N_ELEMENTS(table); i++) {
        TrustQuestion question = {.name = table[i].name,
                                  .asked = table[i].asked,
                                  .fingerprint = table[i].fingerprint,
                                  .incoming = !table[i].asked};
        TrustAnswer answer = {};

        g_test_message("row %u", i);
        g_assert_true(trust_decide(&rules, files->known, &question, &answer, NULL));
        g_assert_cmpstr(answer.known_as, ==, table[i].known_as);
        g_assert_cmpint(answer.level, ==, table[i].asked ? TRUST_NEW : TRUST_KNOWN);
    }
}

static void test_trust_without_files(Files *files, gconstpointer data)
{
    write_text(files->learned, "kitchen\n");
    g_assert_false(known_peers_load(files->known, NULL));
    g_assert_cmpint(decide(files->known, TRUST_POLICY_ANY, 0, "kitchen", A, NULL, true), ==, 'u');
    g_assert_cmpint(decide(files->known, TRUST_POLICY_TOFU, 0, "kitchen", A, NULL, true), ==, '-');
    g_assert_cmpint(decide(files->known, TRUST_POLICY_TOFU, 0, NULL, A, NULL, true), ==, '-');
    g_assert_cmpint(decide(files->known, TRUST_POLICY_KNOWN, 0, "kitchen", A, NULL, false), ==,
                    '-');
    g_assert_cmpint(
        decide(files->known, TRUST_POLICY_ANY, TRUST_ACCEPT_KNOWN, "kitchen", A, NULL, true), ==,
        '-');
}

/* ---------------------------------------------------------------------------- */

#define ADD(path, function) g_test_add(path, Files, NULL, files_set_up, function, files_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fingerprint/spellings", test_fingerprint_spellings);
    g_test_add_func("/fingerprint/code", test_fingerprint_code);
    g_test_add_func("/known-file/reads", test_file_reads);
    g_test_add_func("/known-file/refuses", test_file_refuses);
    g_test_add_func("/known-file/keeps-what-people-wrote", test_file_keeps_what_people_wrote);
    ADD("/known-peers/learns-and-forgets", test_known_learns_and_forgets);
    ADD("/known-peers/admin-comes-first", test_known_admin_comes_first);
    ADD("/known-peers/damaged", test_known_damaged);
    ADD("/known-peers/unwritable", test_known_unwritable);
    ADD("/known-peers/appends", test_known_appends);
    ADD("/known-peers/limit", test_known_limit);
    ADD("/known-peers/shares", test_known_shares);
    ADD("/known-peers/vouched", test_known_vouched);
    ADD("/trust/table", test_trust_table);
    ADD("/trust/known-as", test_trust_known_as);
    ADD("/trust/without-files", test_trust_without_files);
    return g_test_run();
}
