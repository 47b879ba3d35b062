/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Configuration: an INI file and its drop-ins, read once into a typed struct.
 *
 * A program describes its keys in one table (name, type, default, range, where
 * the value goes); everything else follows from the table.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

typedef enum {
    CONFIG_STRING,   /* char *, owned by the struct */
    CONFIG_LIST,     /* char **, never NULL; items separated by ';' */
    CONFIG_BOOL,     /* bool */
    CONFIG_UINT,     /* guint64 */
    CONFIG_SIZE,     /* guint64, bytes; K, M and G are powers of 1024 */
    CONFIG_DURATION, /* guint64, microseconds; ms, s (default), min, h, d */
    CONFIG_CHOICE,   /* int, the index in `choices` */
} ConfigType;

typedef struct {
    const char *group;
    const char *key;
    ConfigType type;
    size_t offset;              /* of the member in the program's struct */
    const char *fallback;       /* the default, as one would write it */
    guint64 min, max;           /* for UINT, SIZE, DURATION; max 0: no limit */
    const char *const *choices; /* for CHOICE, NULL-terminated */
    /* For STRING and each item of a LIST: refuses a value by setting ERROR
     * to what would be right ("a ws:// or wss:// URL"). May be NULL. */
    bool (*check)(const char *value, GError **error);
    /* In the entry that ends the table, and may be NULL: what the keys have to be
     * together. VALUES is the struct. One that is wrong is blamed: its KEY, of the
     * table, and ERROR as above. Not asked if a key by itself is wrong. */
    bool (*check_all)(const void *values, const char **key, GError **error);
    bool secret; /* no error shows its value */
} ConfigKey;

#define CONFIG_ERROR (config_error_quark())
GQuark config_error_quark(void);

typedef enum {
    CONFIG_ERROR_UNREADABLE,
    CONFIG_ERROR_SYNTAX,
    CONFIG_ERROR_VALUE,
} ConfigError;

/*
 * Reads PATH, then PATH's drop-ins (peer.conf: peer.conf.d/, *.conf in name
 * order), over the defaults of KEYS (ended by a NULL group) into OUT, whose
 * members must be zero. A later file overrides an earlier one key by key, with
 * an empty value by the default, unless that is a value.
 * Unknown groups and keys are logged as warnings.
 *
 * REQUIRED says whether PATH itself must exist. On failure OUT is untouched
 * and ERROR is one line naming file, line, group, key, value and what is right.
 */
bool config_load(const char *path, bool required, const ConfigKey *keys, void *out, GError **error);

/* Something that is wrong in a file of the configuration. */
typedef struct {
    char *file;
    guint line; /* 0: the whole file */
    ConfigError code;
    bool is_warning; /* what is right is in force all the same */
    char *text;      /* with group, key, value and what would be right */
} ConfigProblem;

void config_problem_free(gpointer problem);
/* "/etc/rtcbus/peer.conf:7: …", one line. Transfer full. */
char *config_problem_to_string(const ConfigProblem *problem);

/* All that is wrong with what config_load() would read, in the order of the files and then of KEYS.
 * Transfer full, elements are ConfigProblem. */
GPtrArray *config_check(const char *path, bool required, const ConfigKey *keys);

/* Those of them that are warnings, each as one line, for who shows them. Transfer full. */
char **config_warnings(const char *path, bool required, const ConfigKey *keys);

/* The value of one key of [GROUP] as it is written in what config_load() would read, "" if it is
 * nowhere, and nothing else of the files is looked at; for who is not the program that they are
 * for. Transfer full. */
char *config_read_one(const char *path, const char *group, const char *key, GError **error);

#define CONFIG_SUFFIX ".conf"

/* The paths of the configuration files in FOLDER, in name order; none if it is not there. If it
 * cannot be read there are none, and ERROR is set. Transfer full. */
GPtrArray *config_list(const char *folder, GError **error);

/* Frees the strings and lists that config_load() put into OUT, and zeroes them. */
void config_clear(const ConfigKey *keys, void *out);

/* Parse "64K" to bytes and "1s" to microseconds; false where TEXT is neither. */
bool config_parse_size(const char *text, guint64 *bytes);
bool config_parse_duration(const char *text, guint64 *usec);
