/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/ladder.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "common/candidate.h"
#include "common/printable.h"

enum { KEPT_OF_BEGINNING = LADDER_MAX / 2 };
#define PAUSE G_USEC_PER_SEC /* between two answers */

typedef struct {
    gint64 at;
    LadderWay way;
    const char *type;
    char *detail; /* or NULL */
} LadderRung;

static void rung_free(gpointer data)
{
    LadderRung *rung = data;

    g_free(rung->detail);
    g_free(rung);
}

void ladder_clear(Ladder *ladder)
{
    g_queue_clear_full(&ladder->rungs, rung_free);
}

static char *shortened(const char *text)
{
    g_autofree char *shown = printable(text);

    return g_utf8_substring(shown, 0, MIN(g_utf8_strlen(shown, -1), LADDER_MAX_DETAIL));
}

void ladder_add(Ladder *ladder, gint64 at, LadderWay way, const char *type, const char *detail)
{
    LadderRung *rung = g_new0(LadderRung, 1);

    *rung = (LadderRung){at, way, type, detail && *detail ? shortened(detail) : NULL};
    g_queue_push_tail(&ladder->rungs, rung);
    if (ladder->rungs.length <= LADDER_MAX)
        return;
    rung_free(g_queue_pop_nth(&ladder->rungs, KEPT_OF_BEGINNING));
    ladder->left_out++;
}

static char *candidate_to_text(const char *candidate)
{
    g_auto(GStrv) words = candidate ? candidate_split(candidate) : NULL;
    g_autofree char *endpoint = words ? candidate_endpoint(words) : NULL;
    g_autofree char *transport = NULL;

    if (!words)
        return g_strdup(candidate ? "?" : "");
    transport = g_ascii_strdown(words[CANDIDATE_TRANSPORT], -1);
    return g_strdup_printf("%s %s %s", words[CANDIDATE_TYPE], transport, endpoint);
}

void ladder_add_frame(Ladder *ladder, gint64 at, LadderWay way, const Frame *frame)
{
    g_autofree char *detail = NULL;

    if (frame->type == FRAME_CANDIDATE)
        detail = candidate_to_text(frame->candidate);
    else if (frame->restart)
        detail = g_strdup("restart");
    ladder_add(ladder, at, way, frame_type_to_string(frame->type), detail);
}

/* ---- the answer ----------------------------------------------------------- */

static void write_string(JsonBuilder *builder, const char *name, const char *value)
{
    if (!value)
        return;
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void write_time(JsonBuilder *builder, const char *name, gint64 wall)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, (double) (wall / 100) / 10);
}

static void write_rung(JsonBuilder *builder, const LadderRung *rung, const char *session,
                       gint64 offset)
{
    static const char *const ways[] = {
        [LADDER_OUT] = "out", [LADDER_IN] = "in", [LADDER_DIRECT] = "direct"};

    json_builder_begin_object(builder);
    write_time(builder, "ms", rung->at + offset);
    write_string(builder, "session", session);
    write_string(builder, "way", ways[rung->way]);
    write_string(builder, "type", rung->type);
    write_string(builder, "step", rung->way == LADDER_DIRECT ? rung->type : NULL);
    write_string(builder, "detail", rung->detail ? rung->detail : "");
    json_builder_end_object(builder);
}

static char *to_json(const Ladder *ladder, const char *session, gint64 now, gint64 wall)
{
    g_autoptr(JsonBuilder) builder = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    write_time(builder, "now", wall);
    json_builder_set_member_name(builder, "missing");
    json_builder_add_int_value(builder, ladder->left_out);
    json_builder_set_member_name(builder, "rungs");
    json_builder_begin_array(builder);
    for (const GList *l = ladder->rungs.head; l; l = l->next)
        write_rung(builder, l->data, session, wall - now);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, false);
}

char *ladder_answer(Ladder *ladder, const char *session, const void *question, gsize length,
                    gint64 now, gint64 wall)
{
    const char *known = session ? session : "";

    if (length != strlen(known) || memcmp(question, known, length) != 0 ||
        !bucket_take(&ladder->answers, now, PAUSE, 1))
        return NULL;
    return to_json(ladder, session, now, wall);
}
