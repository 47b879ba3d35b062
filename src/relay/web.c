/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * See web.h. Browsers keep the files and ask each time whether they are still
 * the same (RFC 9110 section 13), so that a page never runs half old and half
 * new after an upgrade.
 */

#include <config.h>

#include "relay/web.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "relay/router.h"

#define INDEX "index.html"
#define ASSETS ROUTER_RESERVED "rtcbus/"
#define MODULES "js"    /* this folder of it is for pages from elsewhere, too */
#define ENTRY "rtcbus." /* how those begin that are found at the root as well */
#define MAX_FILES 64
#define MAX_SIZE (1 << 20)
#define ETAG_DIGITS 32

/* What the page may do: load scripts, styles and pictures from here, and
 * connect to here. Nothing inline, nothing from elsewhere, no frames. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "                    \
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

typedef struct {
    const char *type;
    GBytes *bytes;
    bool is_module;
    char etag[ETAG_DIGITS + 3]; /* with its quotes */
} File;

struct Web {
    GHashTable *files; /* name → File; NULL: nothing is served */
};

G_DEFINE_QUARK(rtcbus - web - error - quark, web_error)

static void file_free(gpointer data)
{
    File *file = data;

    g_clear_pointer(&file->bytes, g_bytes_unref);
    g_free(file);
}

Web *web_new(void)
{
    return g_new0(Web, 1);
}

void web_free(Web *web)
{
    g_clear_pointer(&web->files, g_hash_table_unref);
    g_free(web);
}

/* ---- loading ----------------------------------------------------------- */

/* NULL: a file called NAME is not for the web. */
static const char *type_of(const char *name)
{
    static const struct {
        const char *suffix, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".d.ts", "application/typescript; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".txt", "text/plain; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
    };

    if (!g_ascii_isalnum(name[0]) || name[strspn(name, "abcdefghijklmnopqrstuvwxyz"
                                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                                       "0123456789._-")] != '\0')
        return NULL;
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
        if (g_str_has_suffix(name, types[i].suffix))
            return types[i].type;
    }
    return NULL;
}

static GBytes *read_all(int fd, const char *path, GError **error)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    guint8 buffer[16384];
    gssize n;

    while ((n = read(fd, buffer, sizeof buffer)) > 0 && bytes->len <= MAX_SIZE)
        g_byte_array_append(bytes, buffer, (guint) n);
    if (n < 0) {
        g_set_error(error, WEB_ERROR, errno, _("cannot read %s: %s"), path, g_strerror(errno));
        return NULL;
    }
    if (bytes->len > MAX_SIZE) {
        g_set_error(error, WEB_ERROR, EFBIG, _("%s is larger than %d KiB"), path, MAX_SIZE >> 10);
        return NULL;
    }
    return g_byte_array_free_to_bytes(g_steal_pointer(&bytes));
}

/* A symbolic link would be a path out of the folder. */
static GBytes *read_regular(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat status;
    GBytes *bytes = NULL;

    if (fd < 0)
        g_set_error(error, WEB_ERROR, errno, _("cannot read %s: %s"), path, g_strerror(errno));
    else if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode))
        g_set_error(error, WEB_ERROR, EINVAL, _("%s is not a regular file"), path);
    else
        bytes = read_all(fd, path, error);
    if (fd >= 0)
        close(fd);
    return bytes;
}

static bool load_file(GHashTable *files, const char *directory, const char *folder,
                      const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(directory, folder, name, NULL), *digest = NULL;
    const char *type = type_of(name);
    GBytes *bytes;
    File *file;

    if (!type)
        return true; /* an editor's copy, a README */
    if (g_hash_table_size(files) >= MAX_FILES) {
        g_set_error(error, WEB_ERROR, ENFILE, _("%s has more than %d files"), directory, MAX_FILES);
        return false;
    }
    bytes = read_regular(path, error);
    if (!bytes)
        return false;
    digest = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
    file = g_new0(File, 1);
    file->type = type;
    file->bytes = bytes;
    file->is_module = *folder != '\0';
    g_snprintf(file->etag, sizeof file->etag, "\"%.*s\"", ETAG_DIGITS, digest);
    g_hash_table_insert(files, g_strconcat(folder, *folder ? "/" : "", name, NULL), file);
    return true;
}

/* FOLDER: "" or one below DIRECTORY, which need not be there. */
static bool load_folder(GHashTable *files, const char *directory, const char *folder,
                        GError **error)
{
    g_autofree char *path = g_build_filename(directory, folder, NULL);
    g_autoptr(GDir) opened = NULL;
    const char *name;

    if (*folder && !g_file_test(path, G_FILE_TEST_IS_DIR))
        return true;
    opened = g_dir_open(path, 0, error);
    if (!opened)
        return false;
    while ((name = g_dir_read_name(opened))) {
        if (!load_file(files, directory, folder, name, error))
            return false;
    }
    return true;
}

bool web_load(Web *web, const char *directory, GError **error)
{
    g_autoptr(GHashTable) files = NULL;

    if (directory) {
        files = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, file_free);
        if (!load_folder(files, directory, "", error) ||
            !load_folder(files, directory, MODULES, error))
            return false;
        if (!g_hash_table_contains(files, INDEX)) {
            g_set_error(error, WEB_ERROR, ENOENT, _("there is no %s in %s"), INDEX, directory);
            return false;
        }
    }
    g_clear_pointer(&web->files, g_hash_table_unref);
    web->files = g_steal_pointer(&files);
    return true;
}

/* ---- answering --------------------------------------------------------- */

/* "." and ".." name no room here: browsers never send them, others mean harm. */
static bool has_dot_segment(const char *path)
{
    g_auto(GStrv) segments = g_strsplit_set(path, "/\\", -1);

    for (char **segment = segments; *segment; segment++) {
        if (strcmp(*segment, ".") == 0 || strcmp(*segment, "..") == 0)
            return true;
    }
    return false;
}

/* The name of the file that PATH asks for beside a room's page, NULL if it does not. The page names
 * them relative to itself, for a proxy may have put it below another path; so the first parts of a room
 * of several are before it. */
static const char *asset_name(const char *path)
{
    const char *found = g_strrstr(path, "/" ASSETS);

    if (g_str_has_prefix(path, ASSETS))
        return path + strlen(ASSETS);
    return found ? found + 1 + strlen(ASSETS) : NULL;
}

static const File *find_file(const Web *web, const char *path)
{
    const char *asset = asset_name(path);

    if (!web->files)
        return NULL;
    if (asset)
        return g_hash_table_lookup(web->files, asset);
    if (!router_check_room(path, NULL) || has_dot_segment(path))
        return NULL;
    return g_hash_table_lookup(web->files, INDEX);
}

/* If-None-Match (RFC 9110 section 13.1.2) compares weakly: W/ does not matter. */
static bool client_has(const char *if_none_match, const char *etag)
{
    g_auto(GStrv) tags = g_strsplit(if_none_match ? if_none_match : "", ",", -1);

    for (char **tag = tags; *tag; tag++) {
        const char *text = g_strstrip(*tag);

        if (strcmp(text, "*") == 0 || strcmp(text, etag) == 0 ||
            (g_str_has_prefix(text, "W/") && strcmp(text + 2, etag) == 0))
            return true;
    }
    return false;
}

static const char fields_of_all[] =
    "Cache-Control: no-cache\r\n"
    "Content-Security-Policy: " POLICY "\r\n"
    "Permissions-Policy: camera=(), geolocation=(), microphone=()\r\n"
    "Referrer-Policy: no-referrer\r\n"
    "X-Content-Type-Options: nosniff\r\n"
    "Connection: close\r\n";

static const char fields_of_modules[] = "Access-Control-Allow-Origin: *\r\n"
                                        "Cross-Origin-Resource-Policy: cross-origin\r\n";
static const char fields_of_others[] = "Cross-Origin-Resource-Policy: same-origin\r\n";

/* The client at a path to remember. What it imports lies beside where it is. */
static bool redirect(const Web *web, const char *path, WebAnswer *out)
{
    g_autofree char *name = g_strconcat(MODULES "/", path, NULL);

    if (!web->files || !g_str_has_prefix(path, ENTRY) || !g_hash_table_contains(web->files, name))
        return false;
    out->head = g_strdup_printf("HTTP/1.1 302 Found\r\nLocation: ./" ASSETS "%s\r\n"
                                "Content-Length: 0\r\n%s%s\r\n",
                                name, fields_of_modules, fields_of_all);
    out->body = NULL;
    return true;
}

bool web_find(const Web *web, const Handshake *request, WebAnswer *out)
{
    const File *file;
    const char *fields;

    if (redirect(web, request->room, out))
        return true;
    file = find_file(web, request->room);
    if (!file)
        return false;
    fields = file->is_module ? fields_of_modules : fields_of_others;
    if (client_has(request->if_none_match, file->etag)) {
        out->head = g_strdup_printf("HTTP/1.1 304 Not Modified\r\nETag: %s\r\n%s%s\r\n", file->etag,
                                    fields, fields_of_all);
        out->body = NULL;
        return true;
    }
    out->head = g_strdup_printf("HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"
                                "Content-Length: %" G_GSIZE_FORMAT "\r\nETag: %s\r\n%s%s\r\n",
                                file->type, g_bytes_get_size(file->bytes), file->etag, fields,
                                fields_of_all);
    out->body = request->head ? NULL : g_bytes_ref(file->bytes);
    return true;
}

void web_answer_clear(WebAnswer *answer)
{
    g_clear_pointer(&answer->head, g_free);
    g_clear_pointer(&answer->body, g_bytes_unref);
}
