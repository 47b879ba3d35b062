/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/pairing-outcome.h"

#include <glib/gi18n.h>

#include "common/log.h"
#include "common/names.h"
#include "peer/error.h"

static void on_send(const Frame *frame, gpointer data)
{
    const PairingOutcome *outcome = data;

    outcome->send(frame, outcome->data);
}

static void on_pairing_proven(const char *name, const char *fingerprint, gpointer data)
{
    const PairingOutcome *outcome = data;
    const char *path;
    const KnownPeer *known = known_peers_find(outcome->known, name, &path);
    bool other = known_peers_check(outcome->known, name, fingerprint) == KNOWN_OTHER;

    outcome->news->proven(name, fingerprint, other ? known->fingerprint : "", outcome->news_data);
}

static bool on_paired(const char *name, const char *fingerprint, bool replace, GError **error,
                      gpointer data)
{
    const PairingOutcome *outcome = data;
    g_autoptr(GError) local = NULL;

    if (identity_is_own(outcome->identity, fingerprint)) {
        g_set_error(error, PEER_ERROR, PEER_ERROR_FAILED,
                    _("the other side has the same key as this peer: one is a copy of the other; "
                      "\"rtcbusctl identity new\" makes a new one"));
        return false;
    }
    if (known_peers_add(outcome->known, name, fingerprint, "paired", replace, &local)) {
        outcome->paired(name, outcome->data);
        return true;
    }
    if (g_error_matches(local, PEER_ERROR, PEER_ERROR_DENIED))
        g_set_error(error, PEER_ERROR, PEER_ERROR_DENIED,
                    replace ? _("%s: \"rtcbusctl pair --as NAME\" gives the other side another "
                                "name here")
                            : _("%s: \"rtcbusctl pair --as NAME\" gives the other side another "
                                "name here, \"rtcbusctl pair --replace\" puts its key in the place "
                                "of the old one"),
                    local->message);
    else
        g_propagate_error(error, g_steal_pointer(&local));
    return false;
}

static void on_pairing_failed(const char *message, guint tries, gpointer data)
{
    const PairingOutcome *outcome = data;

    log_event(G_LOG_LEVEL_WARNING, (.message_id = MESSAGE_PAIRING_FAILED),
              ngettext("pairing: %s; %u try is left", "pairing: %s; %u tries are left", tries),
              message, tries);
    outcome->news->failed(message, tries, outcome->news_data);
}

static void on_pairing_ended(bool ok, const char *name, const char *fingerprint,
                             const char *message, gpointer data)
{
    const PairingOutcome *outcome = data;

    if (ok)
        log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PAIRED, .remote = name),
                  _("paired with %s, whose key is %s"), name, fingerprint);
    else
        log_event(G_LOG_LEVEL_WARNING, (.message_id = MESSAGE_PAIRING_FAILED),
                  _("the pairing has failed: %s"), message);
    outcome->news->ended(ok, name, fingerprint, message, outcome->news_data);
}

const PairingDeskOps pairing_outcome_ops = {
    .send = on_send,
    .proven = on_pairing_proven,
    .paired = on_paired,
    .failed = on_pairing_failed,
    .ended = on_pairing_ended,
};
