/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * json-glib reads what comes from strangers, so the envelope's scan goes first:
 * json-glib recurses, takes what is not JSON, and in version 1.6 keeps the memory
 * of some strings that it refuses. Every member is fetched by its JSON type,
 * because json-glib's typed getters print criticals where a number stands for a string.
 */

#include <config.h>

#include "signaling/frame.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "common/candidate.h"
#include "common/printable.h"
#include "signaling/envelope.h"

G_DEFINE_QUARK(rtcbus - frame - error - quark, frame_error)

static const char *const type_names[] = {
    [FRAME_UNKNOWN] = "unknown",     [FRAME_CALL] = "call",
    [FRAME_OFFER] = "offer",         [FRAME_ANSWER] = "answer",
    [FRAME_CANDIDATE] = "candidate", [FRAME_BYE] = "bye",
    [FRAME_PAIR] = "pair",           [FRAME_WELCOME] = "welcome",
    [FRAME_JOINED] = "joined",       [FRAME_LEFT] = "left",
    [FRAME_RELAY_ERROR] = "error",   [FRAME_ICE_SERVERS] = "iceServers",
};

const char *frame_type_to_string(FrameType type)
{
    return type_names[type];
}

static FrameType frame_type_from_string(const char *name)
{
    for (guint i = FRAME_UNKNOWN + 1; i < G_N_ELEMENTS(type_names); i++) {
        if (g_strcmp0(type_names[i], name) == 0)
            return i;
    }
    return FRAME_UNKNOWN;
}

static void frame_peer_free(gpointer data)
{
    FramePeer *peer = data;

    g_free(peer->id);
    g_free(peer->name);
    g_free(peer);
}

static void frame_ice_server_free(gpointer data)
{
    FrameIceServer *server = data;

    g_strfreev(server->urls);
    g_free(server->username);
    g_free(server->credential);
    g_free(server);
}

Frame *frame_new(FrameType type)
{
    Frame *frame = g_new0(Frame, 1);

    frame->type = type;
    frame->mline_index = -1;
    return frame;
}

Frame *frame_copy(const Frame *frame)
{
    Frame *copy = frame_new(frame->type);

    copy->from = g_strdup(frame->from);
    copy->to = g_strdup(frame->to);
    copy->session = g_strdup(frame->session);
    copy->channel_id = g_strdup(frame->channel_id);
    copy->step = g_strdup(frame->step);
    copy->data = g_strdup(frame->data);
    copy->reason = g_strdup(frame->reason);
    copy->message = g_strdup(frame->message);
    copy->sdp = g_strdup(frame->sdp);
    copy->restart = frame->restart;
    copy->candidate = g_strdup(frame->candidate);
    copy->mid = g_strdup(frame->mid);
    copy->mline_index = frame->mline_index;
    copy->ufrag = g_strdup(frame->ufrag);
    return copy;
}

void frame_free(Frame *frame)
{
    if (!frame)
        return;
    g_free(frame->from);
    g_free(frame->to);
    g_free(frame->session);
    g_free(frame->channel_id);
    g_free(frame->reason);
    g_free(frame->step);
    g_free(frame->data);
    g_free(frame->sdp);
    g_free(frame->candidate);
    g_free(frame->mid);
    g_free(frame->ufrag);
    g_free(frame->id);
    g_free(frame->name);
    g_free(frame->room);
    g_free(frame->resume);
    g_clear_pointer(&frame->peers, g_ptr_array_unref);
    g_clear_pointer(&frame->ice_servers, g_ptr_array_unref);
    g_free(frame->code);
    g_free(frame->message);
    g_free(frame);
}

/* ---- reading -------------------------------------------------------------- */

/* The string that NODE holds, or NULL for anything else (null, numbers, …). */
static const char *node_string(JsonNode *node)
{
    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_STRING)
        return NULL;
    return json_node_get_string(node);
}

/*
 * Copies the string member NAME to PLACE; one of another type counts as
 * absent, for foreign clients write what they like. An empty string stays one.
 */
static bool read_string(JsonObject *object, const char *name, gsize limit, char **place,
                        GError **error)
{
    const char *text = node_string(json_object_get_member(object, name));

    if (!text)
        return true;
    if (strlen(text) > limit || !g_utf8_validate(text, -1, NULL)) {
        g_set_error(error, FRAME_ERROR, FRAME_ERROR_CONTENT, "\"%s\" is %s", name,
                    strlen(text) > limit ? "too long" : "not UTF-8");
        return false;
    }
    *place = g_strdup(text);
    return true;
}

/* An id: it is compared, so it is taken as it is or not at all. */
static bool read_id(JsonObject *object, const char *name, char **place, GError **error)
{
    if (!read_string(object, name, FRAME_MAX_NAME, place, error))
        return false;
    if (!*place || is_printable(*place))
        return true;
    g_clear_pointer(place, g_free);
    g_set_error(error, FRAME_ERROR, FRAME_ERROR_CONTENT, "\"%s\" is not printable", name);
    return false;
}

/* What is for people to read. */
static bool read_words(JsonObject *object, const char *name, gsize limit, char **place,
                       GError **error)
{
    g_autofree char *text = NULL;

    if (!read_string(object, name, limit, &text, error))
        return false;
    *place = text ? printable(text) : NULL;
    return true;
}

static JsonObject *member_object(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static JsonArray *member_array(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *element_object(JsonArray *array, guint i)
{
    JsonNode *node = json_array_get_element(array, i);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

/* An RTCSessionDescriptionInit object, or the SDP alone. One that is missing or of
 * another type leaves `sdp` NULL: the call it belongs to has to hear of that. */
static bool read_description(Frame *frame, JsonObject *object, GError **error)
{
    JsonObject *init = member_object(object, "sdp");
    const char *type = init ? node_string(json_object_get_member(init, "type")) : NULL;

    if (type && strcmp(type, frame_type_to_string(frame->type)) != 0)
        return true;
    return read_string(init ? init : object, "sdp", FRAME_MAX_SDP, &frame->sdp, error);
}

static bool read_flag(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_VALUE(node) &&
           json_node_get_value_type(node) == G_TYPE_BOOLEAN && json_node_get_boolean(node);
}

static int read_index(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);
    gint64 value;

    if (!node || !JSON_NODE_HOLDS_VALUE(node) || json_node_get_value_type(node) != G_TYPE_INT64)
        return -1;
    value = json_node_get_int(node);
    return value >= 0 && value <= G_MAXUINT16 ? (int) value : -1;
}

/* An RTCIceCandidateInit object, the attribute alone, or null: the end of the list. */
static bool read_candidate(Frame *frame, JsonObject *object, GError **error)
{
    JsonObject *init = member_object(object, "candidate");

    if (init) {
        if (!read_string(init, "sdpMid", FRAME_MAX_NAME, &frame->mid, error) ||
            !read_string(init, "usernameFragment", FRAME_MAX_NAME, &frame->ufrag, error))
            return false;
        frame->mline_index = read_index(init, "sdpMLineIndex");
    }
    if (!read_string(init ? init : object, "candidate", FRAME_MAX_CANDIDATE, &frame->candidate,
                     error))
        return false;
    if (frame->candidate && !*frame->candidate)
        g_clear_pointer(&frame->candidate, g_free);
    return true;
}

static bool read_peers(Frame *frame, JsonObject *object, GError **error)
{
    JsonArray *array = member_array(object, "peers");

    frame->peers = g_ptr_array_new_with_free_func(frame_peer_free);
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonObject *item = element_object(array, i);
        FramePeer *peer;

        if (!item)
            continue;
        peer = g_new0(FramePeer, 1);
        g_ptr_array_add(frame->peers, peer);
        if (!read_string(item, "id", FRAME_MAX_NAME, &peer->id, error) ||
            !read_words(item, "name", FRAME_MAX_NAME, &peer->name, error))
            return false;
        if (!peer->id || !is_printable(peer->id))
            g_ptr_array_remove_index(frame->peers, frame->peers->len - 1);
    }
    return true;
}

/* `urls` is one string or a list of them. */
static char **read_urls(JsonObject *object)
{
    const char *one = node_string(json_object_get_member(object, "urls"));
    JsonArray *array = member_array(object, "urls");
    g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

    if (one)
        g_strv_builder_add(builder, one);
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        const char *url = node_string(json_array_get_element(array, i));

        if (url)
            g_strv_builder_add(builder, url);
    }
    return g_strv_builder_end(builder);
}

static bool read_ice_servers(Frame *frame, JsonObject *object, GError **error)
{
    JsonArray *array = member_array(object, "iceServers");

    frame->ice_servers = g_ptr_array_new_with_free_func(frame_ice_server_free);
    for (guint i = 0; array && i < json_array_get_length(array); i++) {
        JsonObject *item = element_object(array, i);
        FrameIceServer *server;

        if (!item)
            continue;
        server = g_new0(FrameIceServer, 1);
        g_ptr_array_add(frame->ice_servers, server);
        server->urls = read_urls(item);
        if (!read_string(item, "username", FRAME_MAX_CANDIDATE, &server->username, error) ||
            !read_string(item, "credential", FRAME_MAX_CANDIDATE, &server->credential, error))
            return false;
    }
    return true;
}

static bool read_members(Frame *frame, JsonObject *object, GError **error)
{
    switch (frame->type) {
    case FRAME_CALL:
        return read_string(object, "channel_id", FRAME_MAX_NAME, &frame->channel_id, error);
    case FRAME_OFFER:
        frame->restart = read_flag(object, "restart");
        return read_description(frame, object, error);
    case FRAME_ANSWER:
        return read_description(frame, object, error);
    case FRAME_CANDIDATE:
        return read_candidate(frame, object, error);
    case FRAME_WELCOME:
        return read_id(object, "id", &frame->id, error) &&
               read_words(object, "room", FRAME_MAX_CANDIDATE, &frame->room, error) &&
               read_id(object, "resume", &frame->resume, error) &&
               read_peers(frame, object, error) && read_ice_servers(frame, object, error);
    case FRAME_ICE_SERVERS:
        return read_ice_servers(frame, object, error);
    case FRAME_JOINED:
    case FRAME_LEFT:
        return read_id(object, "id", &frame->id, error) &&
               read_words(object, "name", FRAME_MAX_NAME, &frame->name, error);
    case FRAME_RELAY_ERROR:
        return read_words(object, "code", FRAME_MAX_NAME, &frame->code, error) &&
               read_words(object, "message", FRAME_MAX_CANDIDATE, &frame->message, error);
    case FRAME_BYE:
        /* Words that are too long tell nothing, but the call has ended all the same. */
        read_words(object, "message", FRAME_MAX_CANDIDATE, &frame->message, NULL);
        return read_string(object, "reason", FRAME_MAX_NAME, &frame->reason, error);
    case FRAME_PAIR:
        return read_string(object, "step", FRAME_MAX_NAME, &frame->step, error) &&
               read_string(object, "data", FRAME_MAX_CANDIDATE, &frame->data, error);
    case FRAME_UNKNOWN:
        return true;
    }
    g_return_val_if_reached(false);
}

static Frame *read_frame(JsonObject *object, GError **error)
{
    g_autoptr(Frame) frame =
        frame_new(frame_type_from_string(node_string(json_object_get_member(object, "type"))));

    if (!read_id(object, "from", &frame->from, error) ||
        !read_string(object, "to", FRAME_MAX_NAME, &frame->to, error) ||
        !read_string(object, "session", FRAME_MAX_NAME, &frame->session, error) ||
        !read_members(frame, object, error))
        return NULL;
    if (frame->session && !*frame->session)
        g_clear_pointer(&frame->session, g_free);
    if (frame->from && !*frame->from)
        g_clear_pointer(&frame->from, g_free);
    return g_steal_pointer(&frame);
}

JsonObject *frame_parse_members(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GError) local = NULL;
    EnvelopeResult result;
    Envelope envelope;
    JsonNode *root;

    if (length > FRAME_MAX_LENGTH) {
        g_set_error_literal(error, FRAME_ERROR, FRAME_ERROR_SYNTAX, "the frame is too long");
        return NULL;
    }
    result = envelope_scan(text, length, &envelope);
    if (result != ENVELOPE_OK) {
        g_set_error_literal(error, FRAME_ERROR, FRAME_ERROR_SYNTAX,
                            envelope_result_to_string(result));
        return NULL;
    }
    if (!json_parser_load_from_data(parser, text, length, &local)) {
        g_set_error(error, FRAME_ERROR, FRAME_ERROR_SYNTAX, "not JSON: %s", local->message);
        return NULL;
    }
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error_literal(error, FRAME_ERROR, FRAME_ERROR_SYNTAX, "not a JSON object");
        return NULL;
    }
    return json_node_dup_object(root);
}

Frame *frame_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) object = frame_parse_members(text, length, error);

    return object ? read_frame(object, error) : NULL;
}

/* ---- writing -------------------------------------------------------------- */

static void write_string(JsonBuilder *builder, const char *name, const char *value)
{
    if (!value)
        return;
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

static void write_description(JsonBuilder *builder, const Frame *frame)
{
    json_builder_set_member_name(builder, "sdp");
    json_builder_begin_object(builder);
    write_string(builder, "type", frame_type_to_string(frame->type));
    write_string(builder, "sdp", frame->sdp);
    json_builder_end_object(builder);
}

static void write_candidate(JsonBuilder *builder, const Frame *frame)
{
    json_builder_set_member_name(builder, "candidate");
    json_builder_begin_object(builder);
    write_string(builder, "candidate", frame->candidate ? frame->candidate : "");
    write_string(builder, "sdpMid", frame->mid);
    if (frame->mline_index >= 0) {
        json_builder_set_member_name(builder, "sdpMLineIndex");
        json_builder_add_int_value(builder, frame->mline_index);
    }
    write_string(builder, "usernameFragment", frame->ufrag);
    json_builder_end_object(builder);
}

char *frame_write(const Frame *frame)
{
    g_autoptr(JsonBuilder) builder = json_builder_new_immutable();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    write_string(builder, "type", frame_type_to_string(frame->type));
    write_string(builder, "to", frame->to);
    write_string(builder, "session", frame->session);
    write_string(builder, "channel_id", frame->channel_id);
    write_string(builder, "reason", frame->reason);
    write_string(builder, "message", frame->message);
    write_string(builder, "step", frame->step);
    write_string(builder, "data", frame->data);
    if (frame->restart) {
        json_builder_set_member_name(builder, "restart");
        json_builder_add_boolean_value(builder, TRUE);
    }
    if (frame->type == FRAME_OFFER || frame->type == FRAME_ANSWER)
        write_description(builder, frame);
    else if (frame->type == FRAME_CANDIDATE)
        write_candidate(builder, frame);
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    return json_to_string(root, false);
}

/* ---- for people ----------------------------------------------------------- */

static char *describe_candidate(const char *candidate)
{
    g_auto(GStrv) words = NULL;
    g_autofree char *shown = NULL, *endpoint = NULL, *transport = NULL;

    if (!candidate)
        return g_strdup("end of candidates");
    shown = printable(candidate);
    words = candidate_split(shown);
    if (!words)
        return g_strdup("candidate that makes no sense");
    endpoint = candidate_endpoint(words);
    transport = g_ascii_strdown(words[CANDIDATE_TRANSPORT], -1);
    return g_strdup_printf("candidate %s %s %s", words[CANDIDATE_TYPE], endpoint, transport);
}

char *frame_describe(const Frame *frame)
{
    switch (frame->type) {
    case FRAME_CANDIDATE:
        return describe_candidate(frame->candidate);
    case FRAME_RELAY_ERROR:
        return g_strdup_printf("error %s: %s", frame->code ? frame->code : "unknown",
                               frame->message ? frame->message : "");
    default:
        return g_strdup(frame_type_to_string(frame->type));
    }
}
