/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "relay/certificate-watch.h"

#include "common/clock.h"
#include "common/log.h"

#define DAY 86400 /* seconds */

struct CertificateWatch {
    TlsCredentials *credentials;
    char *warning;
    guint timer_id;
    void (*changed)(gpointer data);
    gpointer data;
};

static void look(CertificateWatch *watch)
{
    g_autofree char *before = g_steal_pointer(&watch->warning);

    if (watch->credentials)
        watch->warning = tls_credentials_warning(watch->credentials, clock_wall() / G_USEC_PER_SEC);
    if (watch->warning)
        log_warning("%s", watch->warning);
    if (g_strcmp0(before, watch->warning) != 0)
        watch->changed(watch->data);
}

static gboolean on_day(gpointer data)
{
    look(data);
    return G_SOURCE_CONTINUE;
}

void certificate_watch_set(CertificateWatch *watch, TlsCredentials *credentials)
{
    TlsCredentials *before = g_steal_pointer(&watch->credentials);

    watch->credentials = credentials ? tls_credentials_ref(credentials) : NULL;
    tls_credentials_unref(before);
    g_clear_handle_id(&watch->timer_id, g_source_remove);
    if (credentials)
        watch->timer_id = clock_timer_add_seconds(DAY, on_day, watch);
    look(watch);
}

const char *certificate_watch_warning(const CertificateWatch *watch)
{
    return watch->warning;
}

CertificateWatch *certificate_watch_new(void (*changed)(gpointer data), gpointer data)
{
    CertificateWatch *watch = g_new0(CertificateWatch, 1);

    watch->changed = changed;
    watch->data = data;
    return watch;
}

void certificate_watch_free(CertificateWatch *watch)
{
    g_clear_handle_id(&watch->timer_id, g_source_remove);
    tls_credentials_unref(watch->credentials);
    g_free(watch->warning);
    g_free(watch);
}
