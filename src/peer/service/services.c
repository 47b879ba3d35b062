/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/service/services.h"

#include <gio/gio.h>
#include <glib/gi18n.h>
#include <string.h>
#include <sys/un.h>

#include "common/config-file.h"
#include "common/fingerprint.h"
#include "common/log.h"
#include "peer/trust/known-file.h"

struct Services {
    char *folder;
    GHashTable *table; /* name → Service */
    char **broken;     /* names */
};

typedef struct {
    char *connect;
    char **allow;
} Declaration;

static void service_free(Service *service)
{
    g_free(service->name);
    g_free(service->host);
    g_free(service->path);
    g_free(service->handed);
    g_strfreev(service->allow);
    g_free(service);
}

/* Sets where SERVICE is; false if TEXT makes no sense. */
static bool parse_connect(const char *text, Service *service)
{
    g_autoptr(GSocketConnectable) address = NULL;

    if (g_str_has_prefix(text, "unix:/")) {
        service->path = g_strdup(text + strlen("unix:"));
        return strlen(service->path) < sizeof((struct sockaddr_un *) NULL)->sun_path;
    }
    if (g_str_has_prefix(text, "fd:")) {
        service->handed = g_strdup(text + strlen("fd:"));
        return *service->handed != '\0';
    }
    if (!g_str_has_prefix(text, "tcp:"))
        return false;
    address = g_network_address_parse(text + strlen("tcp:"), 0, NULL);
    if (!address || g_network_address_get_port(G_NETWORK_ADDRESS(address)) == 0)
        return false;
    service->host = g_strdup(g_network_address_get_hostname(G_NETWORK_ADDRESS(address)));
    service->port = g_network_address_get_port(G_NETWORK_ADDRESS(address));
    return *service->host != '\0';
}

static bool check_connect(const char *value, GError **error)
{
    Service service = {};
    bool good = parse_connect(value, &service);

    g_free(service.host);
    g_free(service.path);
    g_free(service.handed);
    if (!good)
        g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                            _("tcp:HOST:PORT, unix:/PATH or fd:NAME"));
    return good;
}

/* A fingerprint as it is, a name without its %XX; NULL if it is neither. Somebody who is named
 * "desk # Ann's" is written as "desk%20%23%20Ann's": there are no comments behind values. */
static char *parse_allowed(const char *word)
{
    g_autofree char *fingerprint = fingerprint_parse(word);

    if (fingerprint)
        return g_steal_pointer(&fingerprint);
    if (strchr(word, '#') ||
        g_ascii_strncasecmp(word, FINGERPRINT_OURS, strlen(FINGERPRINT_OURS)) == 0)
        return NULL;
    return known_name_parse(word);
}

static bool check_allow(const char *value, GError **error)
{
    g_autofree char *allowed = parse_allowed(value);

    if (allowed && strcmp(value, "*") != 0)
        return true;
    g_set_error_literal(error, CONFIG_ERROR, CONFIG_ERROR_VALUE,
                        allowed ? _("names and fingerprints of peers; there is no * for all")
                                : _("names and fingerprints of peers, as in known_peers"));
    return false;
}

static const ConfigKey keys[] = {
    {"Service", "Connect", CONFIG_STRING, offsetof(Declaration, connect), "",
     .check = check_connect},
    {"Service", "Allow", CONFIG_LIST, offsetof(Declaration, allow), "", .check = check_allow},
    {},
};

/* The name of the service that is declared in the file PATH */
static char *file_service(const char *path)
{
    g_autofree char *file = g_path_get_basename(path);

    return g_strndup(file, strlen(file) - strlen(CONFIG_SUFFIX));
}

static bool load_file(GHashTable *table, const char *path, GError **error)
{
    Declaration declaration = {};
    Service *service;

    if (!config_load(path, true, keys, &declaration, error))
        return false;
    service = g_new0(Service, 1);
    service->name = file_service(path);
    service->allow = g_steal_pointer(&declaration.allow);
    for (char **entry = service->allow; *entry; entry++) {
        g_autofree char *word = *entry;

        if (strchr(word, ','))
            log_warning(_("%s: [Service] Allow=%s is one name with a comma in it: lists are "
                          "separated by \";\" (write %%2C if it is meant so)"),
                        path, word);
        *entry = parse_allowed(word);
    }
    parse_connect(declaration.connect, service);
    g_hash_table_insert(table, service->name, service);
    config_clear(keys, &declaration);
    return true;
}

bool services_load(Services *services, GError **error)
{
    g_autoptr(GError) unreadable = NULL;
    g_autoptr(GPtrArray) files = config_list(services->folder, &unreadable);
    g_autoptr(GStrvBuilder) broken = g_strv_builder_new();

    g_hash_table_remove_all(services->table);
    for (guint i = 0; i < files->len; i++) {
        g_autoptr(GError) wrong = NULL;

        if (!load_file(services->table, files->pdata[i], &wrong)) {
            g_autofree char *service = file_service(files->pdata[i]);
            g_autofree char *name = g_utf8_make_valid(service, -1);

            log_warning(_("service %s is not offered: %s"), service, wrong->message);
            g_strv_builder_add(broken, name);
        }
    }
    g_strfreev(services->broken);
    services->broken = g_strv_builder_end(broken);
    if (!unreadable)
        return true;
    g_propagate_error(error, g_steal_pointer(&unreadable));
    return false;
}

void services_check(const char *folder, GPtrArray *problems)
{
    g_autoptr(GPtrArray) files = config_list(folder, NULL);

    for (guint i = 0; i < files->len; i++) {
        g_autoptr(GPtrArray) found = config_check(files->pdata[i], true, keys);

        while (found->len > 0) {
            ConfigProblem *problem = g_ptr_array_steal_index(found, 0);

            problem->is_warning = true;
            g_ptr_array_add(problems, problem);
        }
    }
}

static bool may_use(const Service *service, const char *fingerprint, ServicesKnows knows,
                    gpointer data)
{
    for (char **entry = service->allow; *entry; entry++) {
        g_autofree char *allowed = fingerprint_parse(*entry);

        if (allowed ? strcmp(allowed, fingerprint) == 0 : knows(*entry, fingerprint, data))
            return true;
    }
    return false;
}

const Service *services_find(const Services *services, const char *name, const char *fingerprint,
                             ServicesKnows knows, gpointer data)
{
    const Service *service = g_hash_table_lookup(services->table, name);

    return service && may_use(service, fingerprint, knows, data) ? service : NULL;
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp((*(const Service *const *) a)->name, (*(const Service *const *) b)->name);
}

GPtrArray *services_list(const Services *services)
{
    GPtrArray *list = g_ptr_array_new();
    GHashTableIter iter;
    gpointer service;

    g_hash_table_iter_init(&iter, services->table);
    while (g_hash_table_iter_next(&iter, NULL, &service))
        g_ptr_array_add(list, service);
    g_ptr_array_sort(list, compare_names);
    return list;
}

GPtrArray *services_list_for(const Services *services, const char *fingerprint, ServicesKnows knows,
                             gpointer data)
{
    GPtrArray *list = services_list(services);

    for (guint i = list->len; i-- > 0;) {
        if (!may_use(list->pdata[i], fingerprint, knows, data))
            g_ptr_array_remove_index(list, i);
    }
    return list;
}

char *service_to_text(const Service *service)
{
    if (service->handed)
        return g_strconcat("fd:", service->handed, NULL);
    if (service->path)
        return g_strconcat("unix:", service->path, NULL);
    return g_strdup_printf(strchr(service->host, ':') ? "tcp:[%s]:%u" : "tcp:%s:%u", service->host,
                           service->port);
}

guint services_count(const Services *services)
{
    return g_hash_table_size(services->table);
}

const char *const *services_broken(const Services *services)
{
    return (const char *const *) services->broken;
}

Services *services_new(const char *folder)
{
    Services *services = g_new0(Services, 1);

    services->folder = g_strdup(folder);
    services->broken = g_new0(char *, 1);
    services->table =
        g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) service_free);
    return services;
}

void services_free(Services *services)
{
    if (!services)
        return;
    g_hash_table_unref(services->table);
    g_strfreev(services->broken);
    g_free(services->folder);
    g_free(services);
}
