/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "files/file-frame.h"

#include <json-glib/json-glib.h>
#include <string.h>

#include "common/printable.h"
#include "signaling/frame.h"

G_DEFINE_QUARK(rtcbus - file - frame - error - quark, file_frame_error)

enum { SHA256_DIGITS = 64 };

typedef enum { KIND_NUMBER, KIND_FLAG, KIND_TEXT, KIND_PATH, KIND_SHA256 } Kind;

/* The order is that of `members`. */
enum {
    FILE_MEMBER = 1 << 0,
    FILES = 1 << 1,
    BYTES = 1 << 2,
    SIZE = 1 << 3,
    OFFSET = 1 << 4,
    WINDOW = 1 << 5,
    FAILED = 1 << 6,
    MTIME = 1 << 7,
    TRANSFER = 1 << 8,
    NAME = 1 << 9,
    MESSAGE = 1 << 10,
    PATH = 1 << 11,
    SHA256 = 1 << 12,
    EXECUTABLE = 1 << 13,
    PRIVATE = 1 << 14,
};

static const struct {
    const char *name;
    Kind kind;
    gsize offset;
    gsize max; /* bytes of a text; more of it is cut off, or of a path refused */
} members[] = {
    {"file", KIND_NUMBER, offsetof(FileFrame, file)},
    {"files", KIND_NUMBER, offsetof(FileFrame, files)},
    {"bytes", KIND_NUMBER, offsetof(FileFrame, bytes)},
    {"size", KIND_NUMBER, offsetof(FileFrame, size)},
    {"offset", KIND_NUMBER, offsetof(FileFrame, offset)},
    {"window", KIND_NUMBER, offsetof(FileFrame, window)},
    {"failed", KIND_NUMBER, offsetof(FileFrame, failed)},
    {"mtime", KIND_NUMBER, offsetof(FileFrame, mtime)},
    {"transfer", KIND_TEXT, offsetof(FileFrame, transfer), 64},
    {"name", KIND_TEXT, offsetof(FileFrame, name), 255},
    {"message", KIND_TEXT, offsetof(FileFrame, message), 1024},
    {"path", KIND_PATH, offsetof(FileFrame, path)},
    {"sha256", KIND_SHA256, offsetof(FileFrame, sha256)},
    {"executable", KIND_FLAG, offsetof(FileFrame, executable)},
    {"private", KIND_FLAG, offsetof(FileFrame, private)},
};

static const struct {
    const char *name;
    guint required, optional;
} types[] = {
    [FILE_FRAME_UNKNOWN] = {"", 0, 0},
    [FILE_FRAME_OFFER] = {"offer", TRANSFER | FILES | BYTES, NAME},
    [FILE_FRAME_FILE] = {"file", FILE_MEMBER | PATH | SIZE, MTIME | EXECUTABLE | PRIVATE},
    [FILE_FRAME_FOLDER] = {"folder", FILE_MEMBER | PATH, 0},
    [FILE_FRAME_DATA] = {"data", FILE_MEMBER | OFFSET, 0},
    [FILE_FRAME_END] = {"end", FILE_MEMBER, SHA256},
    [FILE_FRAME_FINISH] = {"finish", 0, FAILED},
    [FILE_FRAME_ASKING] = {"asking", 0, 0},
    [FILE_FRAME_ACCEPT] = {"accept", WINDOW, 0},
    [FILE_FRAME_REFUSE] = {"refuse", 0, MESSAGE},
    [FILE_FRAME_START] = {"start", FILE_MEMBER | OFFSET, SHA256},
    [FILE_FRAME_GOT] = {"got", BYTES, 0},
    [FILE_FRAME_DONE] = {"done", FILE_MEMBER, 0},
    [FILE_FRAME_FINISHED] = {"finished", 0, 0},
    [FILE_FRAME_FAILED] = {"failed", FILE_MEMBER, MESSAGE},
    [FILE_FRAME_CANCEL] = {"cancel", 0, MESSAGE},
};

const char *file_frame_type_to_string(FileFrameType type)
{
    return types[type].name;
}

void file_frame_free(FileFrame *frame)
{
    if (!frame)
        return;
    g_free(frame->transfer);
    g_free(frame->name);
    g_free(frame->message);
    g_free(frame->path);
    g_free(frame->sha256);
    g_free(frame);
}

/* ---- reading -------------------------------------------------------------------- */

static bool is_sha256(const char *text)
{
    return strlen(text) == SHA256_DIGITS && strspn(text, "0123456789abcdef") == SHA256_DIGITS;
}

/* As much of TEXT as has no more than MAX bytes, made printable */
static char *short_text(const char *text, gsize max)
{
    g_autofree char *whole = printable(text);
    gsize length = strlen(whole);

    while (length > max)
        length = (gsize) (g_utf8_find_prev_char(whole, whole + length) - whole);
    return g_strndup(whole, length);
}

static bool read_text(JsonNode *node, guint i, char **out)
{
    const char *text = json_node_get_string(node);

    if (!text || (members[i].kind == KIND_SHA256 && !is_sha256(text)))
        return false;
    *out = members[i].kind == KIND_TEXT ? short_text(text, members[i].max) : g_strdup(text);
    return true;
}

static bool read_number(JsonNode *node, guint64 *out)
{
    gint64 number = json_node_get_int(node);

    if (json_node_get_value_type(node) != G_TYPE_INT64 || number < 0 ||
        number > (gint64) FILE_NUMBER_MAX)
        return false;
    *out = (guint64) number;
    return true;
}

static bool read_flag(JsonNode *node, gboolean *out)
{
    if (json_node_get_value_type(node) != G_TYPE_BOOLEAN)
        return false;
    *out = json_node_get_boolean(node);
    return true;
}

static bool read_value(JsonNode *node, guint i, FileFrame *frame)
{
    gpointer out = G_STRUCT_MEMBER_P(frame, members[i].offset);

    if (!JSON_NODE_HOLDS_VALUE(node))
        return false;
    if (members[i].kind == KIND_NUMBER)
        return read_number(node, out);
    if (members[i].kind == KIND_FLAG)
        return read_flag(node, out);
    return read_text(node, i, out);
}

static FileFrameType find_type(JsonObject *object)
{
    JsonNode *node = json_object_get_member(object, "type");
    const char *name = node && JSON_NODE_HOLDS_VALUE(node) ? json_node_get_string(node) : NULL;

    for (guint i = 1; name && i < G_N_ELEMENTS(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return (FileFrameType) i;
    }
    return FILE_FRAME_UNKNOWN;
}

static FileFrame *read_frame(JsonObject *object, GError **error)
{
    g_autoptr(FileFrame) frame = g_new0(FileFrame, 1);
    guint required, wanted;

    frame->type = find_type(object);
    required = types[frame->type].required;
    wanted = required | types[frame->type].optional;
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        JsonNode *node = json_object_get_member(object, members[i].name);
        bool missing = !node && (required & 1u << i);

        if (missing || (node && (wanted & 1u << i) && !read_value(node, i, frame))) {
            g_set_error(error, FILE_FRAME_ERROR, FILE_FRAME_ERROR_MEMBER, "%s: \"%s\" is %s",
                        types[frame->type].name, members[i].name, missing ? "missing" : "wrong");
            return NULL;
        }
    }
    return g_steal_pointer(&frame);
}

FileFrame *file_frame_parse(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonObject) object = NULL;

    if (length > FILE_FRAME_MAX) {
        g_set_error_literal(error, FILE_FRAME_ERROR, FILE_FRAME_ERROR_SYNTAX,
                            "the frame is too long");
        return NULL;
    }
    object = frame_parse_members(text, length, error);
    return object ? read_frame(object, error) : NULL;
}

/* ---- writing -------------------------------------------------------------------- */

static void write_value(JsonBuilder *builder, const FileFrame *frame, guint i, bool required)
{
    gconstpointer value = (const char *) frame + members[i].offset;
    const char *text = members[i].kind >= KIND_TEXT ? *(char *const *) value : NULL;
    guint64 number = members[i].kind == KIND_NUMBER ? *(const guint64 *) value : 0;
    bool flag = members[i].kind == KIND_FLAG && *(const gboolean *) value;

    if (!required && !text && !flag && number == 0)
        return;
    json_builder_set_member_name(builder, members[i].name);
    if (members[i].kind == KIND_NUMBER)
        json_builder_add_int_value(builder, (gint64) number);
    else if (members[i].kind == KIND_FLAG)
        json_builder_add_boolean_value(builder, flag);
    else
        json_builder_add_string_value(builder, text);
}

char *file_frame_write(const FileFrame *frame, gsize *length)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonGenerator) generator = json_generator_new();
    g_autoptr(JsonNode) root = NULL;

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "type");
    json_builder_add_string_value(builder, types[frame->type].name);
    for (guint i = 0; i < G_N_ELEMENTS(members); i++) {
        bool required = types[frame->type].required & 1u << i;

        if (required || (types[frame->type].optional & 1u << i))
            write_value(builder, frame, i, required);
    }
    json_builder_end_object(builder);
    root = json_builder_get_root(builder);
    json_generator_set_root(generator, root);
    return json_generator_to_data(generator, length);
}
