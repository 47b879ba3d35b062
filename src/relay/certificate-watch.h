/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Says that a certificate will expire soon, once a day, until there is another one. */

#pragma once

#include "relay/tls-credentials.h"

typedef struct CertificateWatch CertificateWatch;

/* CHANGED: there is another warning, or none any more. */
CertificateWatch *certificate_watch_new(void (*changed)(gpointer data), gpointer data);
void certificate_watch_free(CertificateWatch *watch);

/* What is in use now; NULL: nothing is. */
void certificate_watch_set(CertificateWatch *watch, TlsCredentials *credentials);

/* A sentence for people, NULL if all is well. Owned by WATCH. */
const char *certificate_watch_warning(const CertificateWatch *watch);
