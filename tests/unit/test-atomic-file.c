/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Whole or not at all; and the small things that are written one way: ids, candidates, hashes */

#include <config.h>

#include "common/atomic-file.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/candidate.h"
#include "common/fingerprint.h"
#include "common/random-id.h"

typedef struct {
    char *folder, *path;
} Place;

static void place_make(Place *place, gconstpointer unused)
{
    place->folder = g_dir_make_tmp("atomic-XXXXXX", NULL);
    place->path = g_build_filename(place->folder, "file", NULL);
}

static void place_remove(Place *place, gconstpointer unused)
{
    g_unlink(place->path);
    g_assert_cmpint(g_rmdir(place->folder), ==, 0); /* nothing else was left there */
    g_free(place->folder);
    g_free(place->path);
}

static void holds(const Place *place, const char *wanted)
{
    g_autofree char *text = NULL;
    struct stat status;

    g_assert_true(g_file_get_contents(place->path, &text, NULL, NULL));
    g_assert_cmpstr(text, ==, wanted);
    g_assert_cmpint(stat(place->path, &status), ==, 0);
    g_assert_cmpint(status.st_mode & 0777, ==, 0600);
}

static void test_replace(Place *place, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(atomic_file_write(place->path, "one", 3, ATOMIC_FILE_REPLACE, &error));
    holds(place, "one");
    g_assert_true(atomic_file_write(place->path, "another", 7, ATOMIC_FILE_REPLACE, &error));
    holds(place, "another");
    g_assert_no_error(error);
}

static void test_create(Place *place, gconstpointer unused)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(atomic_file_write(place->path, "one", 3, ATOMIC_FILE_CREATE, &error));
    g_assert_false(atomic_file_write(place->path, "two", 3, ATOMIC_FILE_CREATE, &error));
    g_assert_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST);
    holds(place, "one");
}

/* A folder in the way stops root, too. */
static void test_failure(Place *place, gconstpointer unused)
{
    g_autofree char *blocker = g_strconcat(place->path, ".new", NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(atomic_file_write(place->path, "one", 3, ATOMIC_FILE_REPLACE, NULL));
    g_assert_cmpint(g_mkdir(blocker, 0700), ==, 0);
    g_assert_false(atomic_file_write(place->path, "two", 3, ATOMIC_FILE_REPLACE, &error));
    g_assert_nonnull(strstr(error->message, place->path));
    holds(place, "one");
    g_rmdir(blocker);
    g_clear_error(&error);
    g_unlink(place->path);
    g_assert_cmpint(g_mkdir(place->path, 0700), ==, 0);
    g_assert_false(atomic_file_write(place->path, "two", 3, ATOMIC_FILE_REPLACE, &error));
    g_assert_nonnull(error);
    g_rmdir(place->path);
}

static void test_random_id(void)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < 1000; i++) {
        char id[RANDOM_ID_LENGTH + 1];

        random_id(id);
        g_assert_true(is_random_id(id));
        g_assert_true(g_hash_table_add(seen, g_strdup(id)));
    }
    g_assert_true(is_random_id("0123456789ABCDEF0123456789abcdef"));
    g_assert_false(is_random_id("0123456789abcdef0123456789abcde"));
    g_assert_false(is_random_id("0123456789abcdef0123456789abcdef0"));
    g_assert_false(is_random_id("0123456789abcdef0123456789abcdeg"));
    g_assert_false(is_random_id(""));
}

static void check_candidate(const char *text, const char *type, const char *endpoint)
{
    g_auto(GStrv) words = candidate_split(text);
    g_autofree char *seen_type = candidate_type(text);
    g_autofree char *seen_endpoint = words ? candidate_endpoint(words) : NULL;

    g_assert_cmpstr(seen_type, ==, type);
    g_assert_cmpstr(seen_endpoint, ==, endpoint);
}

static void test_candidate(void)
{
    check_candidate("candidate:1 1 udp 1 10.0.0.1 4242 typ host", "host", "10.0.0.1:4242");
    check_candidate("a=candidate:1 1 tcp 1 fd00::1 9 typ srflx raddr :: rport 9", "srflx",
                    "[fd00::1]:9");
    check_candidate("candidate:1 1 udp 1 10.0.0.1 4242 typ", NULL, NULL);
    check_candidate("candidate:1 1 udp 1 10.0.0.1 4242 type host", NULL, NULL);
    check_candidate("candidate:1  1 udp 1 10.0.0.1 4242 typ host", NULL, NULL);
    check_candidate("", NULL, NULL);
    g_assert_null(candidate_type(NULL));
}

static void test_hashes(void)
{
    const FingerprintHash *hash = fingerprint_hash("sha-512 AB:CD");
    g_autofree char *ours = fingerprint_make(fingerprint_hash(FINGERPRINT_OURS), "abc", 3);
    g_autofree char *again = fingerprint_parse(ours);

    g_assert_cmpstr(ours, ==,
                    "sha-256 BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:"
                    "7A:9C:B4:10:FF:61:F2:00:15:AD"); /* FIPS 180-2 appendix B.1 */
    g_assert_cmpstr(again, ==, ours);
    g_assert_cmpuint(hash->bytes, ==, 64);
    g_assert_nonnull(fingerprint_hash("sha-384 AB"));
    g_assert_null(fingerprint_hash("sha-1 AB"));
    g_assert_null(fingerprint_hash("md5 AB"));
    g_assert_null(fingerprint_hash("sha-2567 AB"));
    g_assert_null(fingerprint_hash("sha-25"));
    g_assert_null(fingerprint_hash(""));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add("/atomic-file/replace", Place, NULL, place_make, test_replace, place_remove);
    g_test_add("/atomic-file/create", Place, NULL, place_make, test_create, place_remove);
    g_test_add("/atomic-file/failure", Place, NULL, place_make, test_failure, place_remove);
    g_test_add_func("/random-id", test_random_id);
    g_test_add_func("/candidate", test_candidate);
    g_test_add_func("/fingerprint/hashes", test_hashes);
    return g_test_run();
}
