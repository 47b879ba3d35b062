/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Who we are: the key in the state directory. Whoever copies that directory, as
 * with the image of a machine, copies the key, and then two peers are one for
 * everybody else. It is seen when they call each other.
 *
 * A key that cannot be kept is used for nothing, because others would learn it and
 * refuse the next one. So when the disk is full or the directory gone, we wait
 * until it is not, instead of ending: nobody would start us again.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/dtls/certificate.h"

typedef struct Identity Identity;

/* From the main loop. */
typedef struct {
    void (*ready)(gpointer data);
    /* Another PROBLEM than before, one sentence for people. */
    void (*waiting)(const char *problem, gpointer data);
} IdentityOps;

/* FOLDER is made if it is not there. OPS is kept by reference. */
Identity *identity_new(const char *folder, const IdentityOps *ops, gpointer data);
void identity_free(Identity *identity);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Identity, identity_free)

/* Reads the key, or makes it: see certificate_load(). True also if it has to be waited for. False
 * with ERROR (CONFIG_ERROR) if the file is there but somebody has to repair it. Calls no
 * callback. */
bool identity_open(Identity *identity, GError **error);

/* Makes a new key and keeps the old one aside: see certificate_renew(). What is connected with
 * the old one is not touched. */
bool identity_renew(Identity *identity, GError **error);

/* NULL while it has to be waited for. */
Certificate *identity_certificate(const Identity *identity);
const char *identity_fingerprint(const Identity *identity); /* "" while there is none */
const char *identity_problem(const Identity *identity);     /* why it is waited for, or NULL */
bool identity_is_own(const Identity *identity, const char *fingerprint);

/* NAME has shown our own key. True if that is news. Some names are remembered. */
bool identity_note_copy(Identity *identity, const char *name);
/* Their names, until there is a new key; NULL-terminated, never NULL. */
const char *const *identity_copies(const Identity *identity);
