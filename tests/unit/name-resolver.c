/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "name-resolver.h"

#include <string.h>

typedef GResolver NameResolver;
typedef GResolverClass NameResolverClass;
GType name_resolver_get_type(void);
G_DEFINE_TYPE(NameResolver, name_resolver, G_TYPE_RESOLVER)

static guint lookups;

static const struct {
    const char *name, *address;
} names[] = {
    {"0a1b2c3d.local", "127.0.0.1"},     {"good.example", "192.0.2.7"},
    {"good.example", "2001:db8::7"},     {"good.example", "192.0.2.8"},
    {"loopback.example", "127.0.0.1"},   {"link.example", "192.0.2.9"},
    {"link.example", "169.254.169.254"}, {"group.example", "ff02::1"},
};

static void lookup_async(GResolver *resolver, const char *name, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
    g_autoptr(GTask) task = g_task_new(resolver, cancellable, callback, data);
    GList *addresses = NULL;

    lookups++;
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        if (strcmp(name, names[i].name) == 0)
            addresses = g_list_append(addresses, g_inet_address_new_from_string(names[i].address));
    }
    if (addresses)
        g_task_return_pointer(task, addresses, NULL);
    else
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "no %s", name);
}

static GList *lookup_finish(GResolver *resolver, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void name_resolver_class_init(NameResolverClass *class)
{
    class->lookup_by_name_async = lookup_async;
    class->lookup_by_name_finish = lookup_finish;
}

static void name_resolver_init(NameResolver *resolver)
{
}

GResolver *name_resolver_new(void)
{
    lookups = 0;
    return g_object_new(name_resolver_get_type(), NULL);
}

guint name_resolver_lookups(void)
{
    return lookups;
}
