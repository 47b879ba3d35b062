/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A sentence was made of a format that is in the catalogues (gettext's .mo files), in English or in
 * one of their languages. So each format is held against it: what stands at the places of the
 * conversions are the arguments, and they go into the same format of our language. Where several
 * fit, it is the one with the most letters of its own. Arguments may be sentences again.
 */

#include <config.h>

#include "ctl/daemon-words.h"

#include <gio/gio.h>
#include <libintl.h>
#include <stdbool.h>
#include <string.h>

enum {
    MAX_ARGUMENTS = 8,
    MAX_DEPTH = 4,    /* of sentences in sentences */
    MIN_LETTERS = 4,  /* of a format; others would fit anything */
    MIN_SENTENCE = 8, /* bytes; a shorter argument is a name or a number */
    MO_HEADER = 20,
    MO_MAGIC = 0x950412de,
};

typedef struct {
    const char *start[MAX_ARGUMENTS];
    gsize length[MAX_ARGUMENTS];
} Arguments;

/* A format that fits */
typedef struct {
    const char *id, *plural; /* in English; plural NULL: there is none */
    bool one;                /* it was the English singular */
    guint letters;
    Arguments arguments;
} Fit;

/* ---- formats ---------------------------------------------------------------------- */

/* The next conversion in FORMAT, which may be at its beginning: its PLACE among the arguments, NEXT
 * if it does not say, and where it ends. NULL: there is no more. */
static const char *find_conversion(const char *format, guint next, guint *place, const char **end)
{
    const char *at = strchr(format, '%'), *p;

    if (!at)
        return NULL;
    p = at + 1;
    *place = next;
    if (*p >= '1' && *p <= '9' && p[1] == '$') {
        *place = (guint) (*p - '1');
        p += 2;
    }
    p += strspn(p, "-+ #0123456789.hlqjzt");
    *end = *p ? p + 1 : p;
    return at;
}

static guint count_letters(const char *text, gsize length)
{
    guint letters = 0;

    for (const char *p = text; p < text + length; p = g_utf8_next_char(p))
        letters += g_unichar_isalnum(g_utf8_get_char(p));
    return letters;
}

static bool is_number(const char *text, gsize length)
{
    return length > 0 && strspn(text, "+-.,0123456789eE") >= length;
}

/* Where PIECE of a format, LENGTH bytes, is in TEXT, behind an argument. The last is at its end. */
static const char *find_piece(const char *text, const char *piece, gsize length, bool last,
                              bool number)
{
    gsize size = strlen(text);

    if (last)
        return size >= length && memcmp(text + size - length, piece, length) == 0
                   ? text + size - length
                   : NULL;
    if (length > 0)
        return memmem(text, size, piece, length);
    return text + (number ? strspn(text, "0123456789") : 0); /* two conversions, side by side */
}

static bool fits(const char *text, const char *format, Arguments *arguments, guint *letters)
{
    guint place = 0;
    const char *end = format, *at = find_conversion(format, 0, &place, &end);
    gsize length = at ? (gsize) (at - format) : strlen(format);

    if (strncmp(text, format, length) != 0)
        return false;
    *letters = count_letters(format, length);
    for (text += length; at;) {
        const char *piece = end, *found;
        guint here = place;
        bool number = end[-1] != 's';

        at = find_conversion(piece, here + 1, &place, &end);
        length = at ? (gsize) (at - piece) : strlen(piece);
        found = find_piece(text, piece, length, !at, number);
        if (!found || here >= MAX_ARGUMENTS || (number && !is_number(text, found - text)))
            return false;
        arguments->start[here] = text;
        arguments->length[here] = (gsize) (found - text);
        *letters += count_letters(piece, length);
        text = found + length;
    }
    return *text == '\0';
}

static void try_format(Fit *best, const char *text, const char *format, const char *id,
                       const char *plural)
{
    Fit fit = {.id = id, .plural = plural, .one = format == id};

    if (fits(text, format, &fit.arguments, &fit.letters) && fit.letters >= MIN_LETTERS &&
        fit.letters > best->letters)
        *best = fit;
}

/* ---- catalogues ------------------------------------------------------------------- */

typedef struct {
    const char *bytes;
    gsize size;
    bool swapped;
} Catalogue;

/* 0 for what is outside */
static guint32 read_word(const Catalogue *catalogue, gsize at)
{
    guint32 word = 0;

    if (at <= catalogue->size && catalogue->size - at >= sizeof word)
        memcpy(&word, catalogue->bytes + at, sizeof word);
    return catalogue->swapped ? GUINT32_SWAP_LE_BE(word) : word;
}

/* String N of the table at TABLE, with a NUL at its end; NULL: the file is damaged. LENGTH is of all its
 * forms. */
static const char *read_string(const Catalogue *catalogue, gsize table, guint32 n, gsize *length)
{
    gsize offset = read_word(catalogue, table + n * (gsize) 8 + 4);

    *length = read_word(catalogue, table + n * (gsize) 8);
    if (offset >= catalogue->size || *length >= catalogue->size - offset ||
        catalogue->bytes[offset + *length] != '\0')
        return NULL;
    return catalogue->bytes + offset;
}

static void search_catalogue(const Catalogue *catalogue, const char *text, Fit *best)
{
    guint32 count = read_word(catalogue, 8);
    gsize ids = read_word(catalogue, 12), strings = read_word(catalogue, 16);

    if (read_word(catalogue, 0) != MO_MAGIC || count > catalogue->size / 16)
        return;
    for (guint32 n = 0; n < count; n++) {
        gsize length = 0, other = 0;
        const char *id = read_string(catalogue, ids, n, &length);
        const char *string = read_string(catalogue, strings, n, &other);
        const char *plural = id && strlen(id) < length ? id + strlen(id) + 1 : NULL;

        if (!id || !string || !*id || strstr(id, "%%"))
            continue;
        try_format(best, text, id, id, plural);
        if (plural)
            try_format(best, text, plural, id, plural);
        try_format(best, text, string, id, plural);
    }
}

static void search_file(GMappedFile *file, const char *text, Fit *best)
{
    Catalogue catalogue = {g_mapped_file_get_contents(file), g_mapped_file_get_length(file), false};

    if (catalogue.size < MO_HEADER)
        return;
    catalogue.swapped = read_word(&catalogue, 0) == GUINT32_SWAP_LE_BE(MO_MAGIC);
    search_catalogue(&catalogue, text, best);
}

/* Each language that there is; of GMappedFile. */
static GPtrArray *open_catalogues(void)
{
    GPtrArray *files = g_ptr_array_new_with_free_func((GDestroyNotify) g_mapped_file_unref);
    const char *folder = bindtextdomain(GETTEXT_PACKAGE, NULL);
    g_autoptr(GDir) languages = folder ? g_dir_open(folder, 0, NULL) : NULL;
    const char *language;

    while (languages && (language = g_dir_read_name(languages))) {
        g_autofree char *path =
            g_build_filename(folder, language, "LC_MESSAGES", GETTEXT_PACKAGE ".mo", NULL);
        GMappedFile *file = g_mapped_file_new(path, FALSE, NULL);

        if (file)
            g_ptr_array_add(files, file);
    }
    return files;
}

/* ---- sentences -------------------------------------------------------------------- */

static char *translate(const GPtrArray *files, const char *text, guint depth);

/* FORMAT with ARGUMENTS in it */
static char *fill(const GPtrArray *files, const char *format, const Arguments *arguments,
                  guint depth)
{
    GString *out = g_string_new(NULL);
    const char *at, *end;
    guint next = 0, place = 0;

    while ((at = find_conversion(format, next, &place, &end))) {
        g_string_append_len(out, format, at - format);
        if (place < MAX_ARGUMENTS && arguments->start[place]) {
            g_autofree char *text = g_strndup(arguments->start[place], arguments->length[place]);
            g_autofree char *ours = arguments->length[place] < MIN_SENTENCE
                                        ? g_strdup(text)
                                        : translate(files, text, depth + 1);

            g_string_append(out, ours);
        }
        next = place + 1;
        format = end;
    }
    g_string_append(out, format);
    return g_string_free(out, FALSE);
}

static char *translate(const GPtrArray *files, const char *text, guint depth)
{
    Fit best = {};
    const char *format;

    for (guint i = 0; i < files->len && depth < MAX_DEPTH; i++)
        search_file(files->pdata[i], text, &best);
    if (!best.id)
        return g_strdup(text);
    format = best.plural ? dngettext(GETTEXT_PACKAGE, best.id, best.plural, best.one ? 1 : 2)
                         : dgettext(GETTEXT_PACKAGE, best.id);
    return fill(files, format, &best.arguments, depth);
}

char *daemon_words(const char *text)
{
    g_autoptr(GPtrArray) files = open_catalogues();

    return translate(files, text, 0);
}
