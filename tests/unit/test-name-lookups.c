/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include <gio/gio.h>
#include <string.h>

#include "common/candidate.h"
#include "rtc/ice/name-lookups.h"

/* ---- a resolver that answers when it is told to ------------------------------ */

typedef GResolver SlowResolver;
typedef GResolverClass SlowResolverClass;
GType slow_resolver_get_type(void);
G_DEFINE_TYPE(SlowResolver, slow_resolver, G_TYPE_RESOLVER)

static GPtrArray *asked; /* of GTask */

static void lookup_async(GResolver *resolver, const char *name, GCancellable *cancellable,
                         GAsyncReadyCallback callback, gpointer data)
{
    GTask *task = g_task_new(resolver, cancellable, callback, data);

    g_task_set_task_data(task, g_strdup(name), g_free);
    g_ptr_array_add(asked, task);
}

static GList *lookup_finish(GResolver *resolver, GAsyncResult *result, GError **error)
{
    return g_task_propagate_pointer(G_TASK(result), error);
}

static void slow_resolver_class_init(SlowResolverClass *class)
{
    class->lookup_by_name_async = lookup_async;
    class->lookup_by_name_finish = lookup_finish;
}

static void slow_resolver_init(SlowResolver *resolver)
{
}

static guint count_asked(const char *prefix)
{
    guint n = 0;

    for (guint i = 0; i < asked->len; i++)
        n += g_str_has_prefix(g_task_get_task_data(asked->pdata[i]), prefix);
    return n;
}

static GTask *take(const char *prefix)
{
    for (guint i = 0; i < asked->len; i++) {
        if (g_str_has_prefix(g_task_get_task_data(asked->pdata[i]), prefix))
            return g_ptr_array_steal_index(asked, i);
    }
    g_assert_not_reached();
}

static void pass(GTask *task)
{
    while (!g_task_get_completed(task))
        g_main_context_iteration(NULL, TRUE);
}

static void answer(const char *prefix, const char *address)
{
    g_autoptr(GTask) task = take(prefix);

    if (address)
        g_task_return_pointer(task, g_list_append(NULL, g_inet_address_new_from_string(address)),
                              NULL);
    else
        g_task_return_new_error(task, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "nowhere");
    pass(task);
}

/* ---- senders ------------------------------------------------------------------ */

static void on_found(const char *candidate, gpointer data)
{
    g_ptr_array_add(data, g_strdup(candidate));
}

typedef struct {
    CheckBudget *budget;
    GPtrArray *found;
    NameLookups *calls[4];
} Sender;

static Sender set_up(bool stranger)
{
    Sender sender = {.budget = check_budget_new()};

    check_budget_set_stranger(sender.budget, stranger);
    sender.found = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < G_N_ELEMENTS(sender.calls); i++)
        sender.calls[i] = name_lookups_new(sender.budget, on_found, sender.found);
    return sender;
}

static void hang_up(Sender *sender)
{
    for (guint i = 0; i < G_N_ELEMENTS(sender->calls); i++)
        g_clear_pointer(&sender->calls[i], name_lookups_free);
}

static void tear_down(Sender *sender)
{
    hang_up(sender);
    g_ptr_array_unref(sender->found);
    check_budget_unref(sender->budget);
}

static bool look_up(NameLookups *lookups, const char *name)
{
    g_autofree char *text = g_strdup_printf("candidate:1 1 udp 1 %s.local 9 typ host", name);

    return name_lookups_add(lookups, text);
}

static void look_up_all(Sender *sender, const char *name)
{
    for (guint i = 0; i < G_N_ELEMENTS(sender->calls); i++) {
        for (guint j = 0; j < NAME_LOOKUPS_MAX; j++)
            g_assert_true(look_up(sender->calls[i], name));
        g_assert_false(look_up(sender->calls[i], name));
    }
}

static void answer_all(void)
{
    while (asked->len > 0)
        answer("", NULL);
}

/* Many names that are nowhere keep no thread from others. */
static void test_flood(void)
{
    Sender evil = set_up(true), stranger = set_up(true), friend = set_up(false);

    look_up_all(&evil, "evil");
    g_assert_cmpuint(asked->len, ==, NAME_LOOKUPS_AT_ONCE);
    look_up(stranger.calls[0], "stranger");
    look_up(friend.calls[0], "friend");
    g_assert_cmpuint(count_asked("friend"), ==, 1);
    g_assert_cmpuint(count_asked("stranger"), ==, 0);
    for (guint i = 0; i < NAME_LOOKUPS_AT_ONCE; i++)
        answer("evil", NULL);
    g_assert_cmpuint(count_asked("stranger"), ==, 1);
    answer("stranger", "192.0.2.7");
    answer("friend", "192.0.2.8");
    g_assert_cmpstr(stranger.found->pdata[0], ==, "candidate:1 1 udp 1 192.0.2.7 9 typ host");
    g_assert_cmpstr(friend.found->pdata[0], ==, "candidate:1 1 udp 1 192.0.2.8 9 typ host");
    g_assert_cmpuint(asked->len, ==, NAME_LOOKUPS_AT_ONCE);
    answer_all();
    g_assert_cmpuint(evil.found->len, ==, 0);
    tear_down(&evil);
    tear_down(&stranger);
    tear_down(&friend);
}

/* What has begun keeps its place, and nobody hears of it. */
static void test_hang_up(void)
{
    Sender evil = set_up(true), stranger = set_up(true);

    look_up_all(&evil, "evil");
    hang_up(&evil);
    g_assert_cmpuint(count_asked("evil"), ==, NAME_LOOKUPS_AT_ONCE);
    look_up(stranger.calls[0], "stranger");
    g_assert_cmpuint(count_asked("stranger"), ==, 0);
    answer("evil", "192.0.2.7");
    g_assert_cmpuint(count_asked("stranger"), ==, 1);
    answer_all();
    g_assert_cmpuint(evil.found->len, ==, 0);
    tear_down(&evil);
    tear_down(&stranger);
}

int main(int argc, char **argv)
{
    g_autoptr(GResolver) resolver = NULL;
    int status;

    g_test_init(&argc, &argv, NULL);
    resolver = g_object_new(slow_resolver_get_type(), NULL);
    g_resolver_set_default(resolver);
    asked = g_ptr_array_new();
    g_test_add_func("/name-lookups/flood", test_flood);
    g_test_add_func("/name-lookups/hang-up", test_hang_up);
    status = g_test_run();
    g_ptr_array_unref(asked);
    return status;
}
