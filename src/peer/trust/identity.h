/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who we are: the key in the state directory. Whoever copies that directory, as
 * with the image of a machine, copies the key, and then two peers are one for
 * everybody else. It is seen when they call each other.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/dtls/certificate.h"

typedef struct Identity Identity;

/* Reads the key in FOLDER, or makes it: see certificate_load(). */
Identity *identity_load(const char *folder, GError **error);
void identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

/* Makes a new key and keeps the old one aside: see certificate_renew(). What is connected with
 * the old one is not touched. */
bool identity_renew(Identity *identity, GError **error);

Certificate *identity_certificate(const Identity *identity);
const char *identity_fingerprint(const Identity *identity);
bool identity_is_own(const Identity *identity, const char *fingerprint);

/* NAME has shown our own key. True if that is news. Some names are remembered. */
bool identity_note_copy(Identity *identity, const char *name);
/* Their names, until there is a new key; NULL-terminated, never NULL. */
const char *const *identity_copies(const Identity *identity);
