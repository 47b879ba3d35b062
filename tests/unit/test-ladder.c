/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* What a call tells its remote of itself. */

#include <config.h>

#include "peer/call/ladder.h"

#include <json-glib/json-glib.h>
#include <string.h>

#define NOW (5 * G_USEC_PER_SEC)
#define WALL (G_GINT64_CONSTANT(1764280000) * G_USEC_PER_SEC)

static char *ask(Ladder *ladder, const char *session, const char *question, gint64 now)
{
    return ladder_answer(ladder, session, question, strlen(question), now, WALL + now - NOW);
}

static JsonNode *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *root = json_from_string(text, &error);

    g_assert_no_error(error);
    return root;
}

static void check_rung(JsonArray *rungs, guint i, double ms, const char *way, const char *type,
                       const char *detail)
{
    JsonObject *rung = json_array_get_object_element(rungs, i);

    g_assert_cmpfloat_with_epsilon(json_object_get_double_member(rung, "ms"), ms, 0.01);
    g_assert_cmpstr(json_object_get_string_member(rung, "session"), ==, "7f3a");
    g_assert_cmpstr(json_object_get_string_member(rung, "way"), ==, way);
    g_assert_cmpstr(json_object_get_string_member(rung, "type"), ==, type);
    g_assert_cmpstr(json_object_get_string_member(rung, "detail"), ==, detail);
}

static void test_answer(void)
{
    Ladder ladder = {};
    g_autoptr(Frame) offer = frame_new(FRAME_OFFER), candidate = frame_new(FRAME_CANDIDATE);
    g_autofree char *answer = NULL;
    g_autoptr(JsonNode) root = NULL;
    JsonArray *rungs;

    offer->sdp = g_strdup("v=0\r\na=ice-pwd:secret\r\n");
    candidate->candidate = g_strdup("candidate:1 1 UDP 1 10.0.0.1 4242 typ host");
    ladder_add_frame(&ladder, NOW - 1500, LADDER_IN, offer);
    ladder_add_frame(&ladder, NOW - 1000, LADDER_OUT, candidate);
    g_free(candidate->candidate);
    candidate->candidate = g_strdup("\x1b[31m \xff");
    ladder_add_frame(&ladder, NOW, LADDER_IN, candidate);
    ladder_add(&ladder, NOW, LADDER_DIRECT, "connected", "host ↔ \x1b[31m");

    answer = ask(&ladder, "7f3a", "7f3a", NOW);
    g_assert_null(strstr(answer, "secret"));
    root = parse(answer);
    rungs = json_object_get_array_member(json_node_get_object(root), "rungs");
    g_assert_cmpuint(json_array_get_length(rungs), ==, 4);
    check_rung(rungs, 0, WALL / 1000.0 - 1.5, "in", "offer", "");
    check_rung(rungs, 1, WALL / 1000.0 - 1, "out", "candidate", "host udp 10.0.0.1:4242");
    check_rung(rungs, 2, WALL / 1000.0, "in", "candidate", "?");
    check_rung(rungs, 3, WALL / 1000.0, "direct", "connected", "host ↔ \ufffd[31m");
    ladder_clear(&ladder);
}

/* Only about the call that it is, and once a second */
static void test_question(void)
{
    Ladder ladder = {};
    g_autofree char *first = NULL, *again = NULL, *foreign = NULL;

    g_assert_null(ask(&ladder, "7f3a", "7f3", NOW));
    g_assert_null(ask(&ladder, "7f3a", "7f3a7", NOW));
    g_assert_null(ask(&ladder, "7f3a", "", NOW));
    g_assert_null(ladder_answer(&ladder, "7f3a", "7f3\0", 4, NOW, WALL));
    g_assert_null(ask(&ladder, NULL, "7f3a", NOW));
    first = ask(&ladder, "7f3a", "7f3a", NOW);
    g_assert_nonnull(first);
    g_assert_null(ask(&ladder, "7f3a", "7f3a", NOW + G_USEC_PER_SEC / 2));
    again = ask(&ladder, "7f3a", "7f3a", NOW + G_USEC_PER_SEC);
    g_assert_nonnull(again);
    foreign = ask(&ladder, NULL, "", NOW + 2 * G_USEC_PER_SEC);
    g_assert_nonnull(foreign);
}

/* However much a remote says: the beginning and the end are there, and it stays small. */
static void test_bounds(void)
{
    Ladder ladder = {};
    g_autofree char *novel = g_strnfill(60000, 'x'), *answer = NULL;
    g_autoptr(JsonNode) root = NULL;
    JsonObject *object;

    ladder_add(&ladder, 0, LADDER_IN, "first", novel);
    for (guint i = 0; i < 10000; i++)
        ladder_add(&ladder, i, LADDER_IN, "candidate", novel);
    ladder_add(&ladder, NOW, LADDER_IN, "last", novel);
    answer = ask(&ladder, "", "", NOW);
    g_assert_cmpuint(strlen(answer), <, 20000);
    root = parse(answer);
    object = json_node_get_object(root);
    g_assert_cmpint(json_object_get_int_member(object, "missing"), ==, 10002 - LADDER_MAX);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "rungs")), ==,
                     LADDER_MAX);
    g_assert_nonnull(strstr(answer, "\"first\""));
    g_assert_nonnull(strstr(answer, "\"last\""));
    ladder_clear(&ladder);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ladder/answer", test_answer);
    g_test_add_func("/ladder/question", test_question);
    g_test_add_func("/ladder/bounds", test_bounds);
    return g_test_run();
}
