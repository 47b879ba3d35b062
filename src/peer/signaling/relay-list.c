/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* That the first can be reached is found out by a TCP connection: it takes no place in the room. */

#include <config.h>

#include "peer/signaling/relay-list.h"

#include <gio/gio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/random.h"
#include "common/url.h"
#include "peer/signaling/upgrade.h"

#define WAIT_LAST 3600000 /* milliseconds */

struct RelayList {
    void (*func)(gpointer data);
    gpointer data;
    char **urls, **shown;
    guint n, at;
    guint tried;           /* since the last pause */
    guint wait, next_wait; /* milliseconds */
    guint timer;
    GCancellable *question;
};

RelayList *relay_list_new(void (*func)(gpointer data), gpointer data)
{
    RelayList *list = g_new0(RelayList, 1);

    list->func = func;
    list->data = data;
    return list;
}

static void stop_asking(RelayList *list)
{
    g_clear_handle_id(&list->timer, g_source_remove);
    g_cancellable_cancel(list->question);
    g_clear_object(&list->question);
}

void relay_list_free(RelayList *list)
{
    if (!list)
        return;
    stop_asking(list);
    g_strfreev(list->urls);
    g_strfreev(list->shown);
    g_free(list);
}

void relay_list_set(RelayList *list, const char *const *urls, guint64 wait)
{
    stop_asking(list);
    g_strfreev(list->urls);
    g_strfreev(list->shown);
    list->urls = g_strdupv((char **) urls);
    list->n = g_strv_length(list->urls);
    list->shown = g_new0(char *, list->n + 1);
    for (guint i = 0; i < list->n; i++)
        list->shown[i] = url_for_people(urls[i]);
    list->at = list->tried = 0;
    list->wait = list->next_wait = (guint) (wait / 1000);
}

bool relay_list_has(const RelayList *list, const char *const *urls, guint64 wait)
{
    return list->urls && list->wait == wait / 1000 &&
           g_strv_equal((const char *const *) list->urls, urls);
}

const char *relay_list_url(const RelayList *list)
{
    return list->urls ? list->urls[list->at] : NULL;
}

const char *relay_list_shown(const RelayList *list)
{
    return list->urls ? list->shown[list->at] : NULL;
}

bool relay_list_has_more(const RelayList *list)
{
    return list->tried + 1 < list->n;
}

void relay_list_next(RelayList *list)
{
    stop_asking(list);
    list->tried = relay_list_has_more(list) ? list->tried + 1 : 0;
    list->at = (list->at + 1) % list->n;
}

/* ---- the way back --------------------------------------------------------------- */

static void ask_later(RelayList *list);

static void on_answered(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GSocketConnection) connection =
        g_socket_client_connect_finish(G_SOCKET_CLIENT(source), result, &error);
    RelayList *list = data;

    /* Freed or at another one meanwhile; DATA may be gone then. */
    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    g_clear_object(&list->question);
    if (connection)
        list->func(list->data);
    else
        ask_later(list);
}

static gboolean on_ask(gpointer data)
{
    RelayList *list = data;
    g_autoptr(GUri) uri = upgrade_uri(list->urls[0]);
    g_autoptr(GSocketClient) client = g_socket_client_new();

    list->timer = 0;
    if (!uri)
        return G_SOURCE_REMOVE;
    list->question = g_cancellable_new();
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_connect_to_host_async(client, g_uri_get_host(uri), (guint16) upgrade_port(uri),
                                          list->question, on_answered, list);
    return G_SOURCE_REMOVE;
}

/* Three quarters to all of the time, so that not everybody goes back in one moment. */
static void ask_later(RelayList *list)
{
    guint wait = list->next_wait;

    list->next_wait = MIN(list->next_wait * 2, MAX(WAIT_LAST, list->wait));
    list->timer = clock_timer_add(wait - wait / 4 + random_below(wait / 4 + 1), on_ask, list);
}

void relay_list_connected(RelayList *list)
{
    stop_asking(list);
    if (list->at != 0 && list->wait > 0)
        ask_later(list);
}

void relay_list_stable(RelayList *list)
{
    list->tried = 0;
    if (list->at == 0)
        list->next_wait = list->wait;
}

void relay_list_home(RelayList *list)
{
    stop_asking(list);
    list->at = list->tried = 0;
}
