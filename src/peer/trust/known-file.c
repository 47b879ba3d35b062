/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/known-file.h"

#include <glib/gi18n.h>
#include <string.h>

#include "common/fingerprint.h"
#include "peer/error.h"

typedef struct {
    char *text;     /* as it was read, without its line break */
    KnownPeer peer; /* name NULL: a comment or blank */
} Line;

struct KnownFile {
    GPtrArray *lines;  /* of Line */
    GHashTable *first; /* name → Line, the first one of it */
    guint count;       /* of lines with a name */
};

static void line_free(gpointer data)
{
    Line *line = data;

    g_free(line->text);
    g_free(line->peer.name);
    g_free(line->peer.fingerprint);
    g_free(line->peer.comment);
    g_free(line);
}

KnownFile *known_file_new(void)
{
    KnownFile *file = g_new0(KnownFile, 1);

    file->lines = g_ptr_array_new_with_free_func(line_free);
    file->first = g_hash_table_new(g_str_hash, g_str_equal);
    return file;
}

void known_file_free(KnownFile *file)
{
    if (!file)
        return;
    g_hash_table_unref(file->first);
    g_ptr_array_unref(file->lines);
    g_free(file);
}

static void note_name(KnownFile *file, Line *line)
{
    if (!line->peer.name)
        return;
    file->count++;
    if (!g_hash_table_contains(file->first, line->peer.name))
        g_hash_table_insert(file->first, line->peer.name, line);
}

/* ---- names ---------------------------------------------------------------- */

char *known_name_write(const char *name)
{
    GString *out = g_string_new(NULL);

    for (const char *p = name; *p; p = g_utf8_next_char(p)) {
        gunichar c = g_utf8_get_char(p);

        if (c != '%' && c != '#' && g_unichar_isgraph(c)) {
            g_string_append_unichar(out, c);
            continue;
        }
        for (const char *byte = p; byte < g_utf8_next_char(p); byte++)
            g_string_append_printf(out, "%%%02X", (guint8) *byte);
    }
    return g_string_free(out, FALSE);
}

char *known_name_parse(const char *word)
{
    g_autofree char *name = g_uri_unescape_string(word, NULL);

    return name && *name && g_utf8_validate(name, -1, NULL) ? g_steal_pointer(&name) : NULL;
}

/* ---- reading -------------------------------------------------------------- */

/* Takes the first word off *TEXT, and the white space behind it. */
static char *take_word(const char **text)
{
    gsize length = strcspn(*text, " \t");
    char *word = g_strndup(*text, length);

    *text += length;
    *text += strspn(*text, " \t");
    return word;
}

/* "sha-256 AB:CD" with a blank is written nowhere, but people copy it from SDP. */
static char *take_fingerprint(const char **text)
{
    g_autofree char *word = take_word(text);

    if (g_ascii_strcasecmp(word, FINGERPRINT_OURS) == 0) {
        g_free(word);
        word = take_word(text);
    }
    return fingerprint_parse(word);
}

static void read_comment(KnownPeer *peer, const char *text)
{
    const char *rest = text;
    g_autofree char *word = take_word(&rest);
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(word, NULL);

    if (time)
        peer->time = g_date_time_to_unix(time);
    peer->comment = g_strchomp(g_strdup(time ? rest : text));
}

static const char *read_line(Line *line)
{
    const char *text = line->text + strspn(line->text, " \t");
    g_autofree char *word = NULL;

    if (*text == '\0' || *text == '#')
        return NULL;
    word = take_word(&text);
    line->peer.name = known_name_parse(word);
    if (!line->peer.name)
        return _("the name is not valid");
    line->peer.fingerprint = take_fingerprint(&text);
    if (!line->peer.fingerprint)
        return _("a line is NAME sha-256:FINGERPRINT, then perhaps a comment");
    read_comment(&line->peer, text);
    return NULL;
}

static bool add_line(KnownFile *file, char *text, const char *path, GError **error)
{
    Line *line = g_new0(Line, 1);
    const char *problem;

    line->text = text;
    g_ptr_array_add(file->lines, line);
    if (g_str_has_suffix(text, "\r"))
        text[strlen(text) - 1] = '\0';
    problem = read_line(line);
    if (!problem) {
        note_name(file, line);
        return true;
    }
    g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, "%s:%u: %s", path, file->lines->len, problem);
    return false;
}

KnownFile *known_file_parse(const char *text, gsize length, const char *path, GError **error)
{
    g_autoptr(KnownFile) file = known_file_new();
    const char *end = text + length;

    if (!g_utf8_validate(text, (gssize) length, NULL)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED, _("%s: this is not UTF-8 text"), path);
        return NULL;
    }
    while (text < end) {
        const char *stop = memchr(text, '\n', (gsize) (end - text));
        gsize n = (gsize) ((stop ? stop : end) - text);

        if (!add_line(file, g_strndup(text, n), path, error))
            return NULL;
        text += n + 1;
    }
    return g_steal_pointer(&file);
}

/* ---- writing -------------------------------------------------------------- */

char *known_file_write(const KnownFile *file)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < file->lines->len; i++)
        g_string_append_printf(out, "%s\n", ((const Line *) file->lines->pdata[i])->text);
    return g_string_free(out, FALSE);
}

const char *known_file_add(KnownFile *file, const char *name, const char *fingerprint,
                           const char *comment, gint64 now)
{
    g_autofree char *escaped = known_name_write(name);
    g_autofree char *word = fingerprint_word(fingerprint);
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(now);
    g_autofree char *stamp = g_date_time_format(time, "%Y-%m-%dT%H:%M:%SZ");
    Line *line = g_new0(Line, 1);

    line->text = g_strdup_printf("%s %s %s %s", escaped, word, stamp, comment);
    line->peer = (KnownPeer){.name = g_strdup(name),
                             .fingerprint = g_strdup(fingerprint),
                             .comment = g_strdup(comment),
                             .time = now};
    g_ptr_array_add(file->lines, line);
    note_name(file, line);
    return line->text;
}

guint known_file_remove(KnownFile *file, const char *name)
{
    guint before = file->lines->len;

    if (!g_hash_table_remove(file->first, name))
        return 0;
    for (guint i = before; i > 0; i--) {
        const Line *line = file->lines->pdata[i - 1];

        if (g_strcmp0(line->peer.name, name) == 0)
            g_ptr_array_remove_index(file->lines, i - 1);
    }
    file->count -= before - file->lines->len;
    return before - file->lines->len;
}

/* ---- looking up ------------------------------------------------------------ */

guint known_file_count(const KnownFile *file)
{
    return file->count;
}

void known_file_foreach(const KnownFile *file, void (*func)(const KnownPeer *peer, gpointer data),
                        gpointer data)
{
    for (guint i = 0; i < file->lines->len; i++) {
        const Line *line = file->lines->pdata[i];

        if (line->peer.name)
            func(&line->peer, data);
    }
}

const KnownPeer *known_file_find(const KnownFile *file, const char *name)
{
    const Line *line = name ? g_hash_table_lookup(file->first, name) : NULL;

    return line ? &line->peer : NULL;
}

bool known_file_has(const KnownFile *file, const char *name, const char *fingerprint)
{
    const KnownPeer *first = known_file_find(file, name);

    if (!first || strcmp(first->fingerprint, fingerprint) == 0)
        return first != NULL;
    for (guint i = file->lines->len; i > 0; i--) {
        const Line *line = file->lines->pdata[i - 1];

        if (g_strcmp0(line->peer.name, name) == 0 &&
            strcmp(line->peer.fingerprint, fingerprint) == 0)
            return true;
    }
    return false;
}
