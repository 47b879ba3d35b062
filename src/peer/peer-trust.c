/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/* Whom a peer knows and as whom it is known: its key, the keys of others, and pairing. */

#include <config.h>

#include "peer/peer-private.h"

#include <glib/gi18n.h>

#include "common/fingerprint.h"
#include "common/log.h"
#include "peer/error.h"

/* ---- the key and the known ones ---------------------------------------------- */

void peer_load_known(Peer *peer)
{
    g_autoptr(GError) error = NULL;

    known_peers_set_limit(peer->known, peer->config.max_known);
    if (!known_peers_load(peer->known, &error))
        log_event(LOG_LEVEL_FAILURE, (.message_id = MESSAGE_KNOWN_PEERS_BROKEN), "%s",
                  error->message);
}

static void on_identity_ready(gpointer data)
{
    Peer *peer = data;

    peer_load_known(peer); /* it is in the same folder, and so is whom to keep */
    kept_calls_load(peer->kept);
    pairing_desk_set_fingerprint(peer->pairing, peer_fingerprint(peer));
    peer_apply_names(peer);
}

static void on_identity_waiting(const char *problem, gpointer data)
{
    Peer *peer = data;

    signaling_hold(peer->signaling, &peer->config.relay, problem);
}

static const IdentityOps identity_ops = {
    .ready = on_identity_ready,
    .waiting = on_identity_waiting,
};

/* known_peers is beside the configuration file, known_peers of the state directory ours. */
static KnownPeers *make_known(const Peer *peer, const char *folder)
{
    g_autofree char *admin = peer_config_beside(peer->config_path, "known_peers");
    g_autofree char *learned = g_build_filename(folder, "known_peers", NULL);

    return known_peers_new(admin, learned);
}

void peer_make_trust(Peer *peer, const char *folder)
{
    peer->identity = identity_new(folder, &identity_ops, peer);
    peer->known = make_known(peer, folder);
}

/* ---- pairing ------------------------------------------------------------------ */

static void on_paired(const char *name, gpointer data)
{
    Peer *peer = data;

    kept_calls_retry(peer->kept, name);
}

void peer_make_pairing(Peer *peer)
{
    peer->pairing_outcome = (PairingOutcome){.known = peer->known,
                                             .identity = peer->identity,
                                             .send = peer_send,
                                             .paired = on_paired,
                                             .data = peer};
    peer->pairing = pairing_desk_new(signaling_room(peer->signaling), peer_fingerprint(peer),
                                     &pairing_outcome_ops, &peer->pairing_outcome);
}

/* ---- what D-Bus asks for ------------------------------------------------------- */

bool peer_trust(Peer *peer, const char *name, const char *fingerprint, GError **error)
{
    g_autofree char *canonical = fingerprint_parse(fingerprint);

    if (!canonical || !*name) {
        g_set_error_literal(error, PEER_ERROR, PEER_ERROR_INVALID_ARGUMENT,
                            canonical ? _("a name must not be empty")
                                      : _("a fingerprint is \"sha-256:\" and 64 hexadecimal "
                                          "digits, with colons between the bytes or without"));
        return false;
    }
    if (!known_peers_add(peer->known, name, canonical, "trusted by hand", true, error))
        return false;
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PEER_REMEMBERED, .remote = name),
              _("%s is remembered with the key %s"), name, canonical);
    kept_calls_retry(peer->kept, name);
    return true;
}

bool peer_forget(Peer *peer, const char *name, GError **error)
{
    if (!known_peers_forget(peer->known, name, error))
        return false;
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PEER_FORGOTTEN, .remote = name),
              _("%s is forgotten"), name);
    kept_calls_retry(peer->kept, name);
    return true;
}

/* Calls are with the old key, so they end: what Fingerprint says holds for all there are. */
bool peer_new_identity(Peer *peer, GError **error)
{
    if (!identity_renew(peer->identity, error)) {
        g_prefix_error(error, "%s", _("the old key stays: "));
        return false;
    }
    log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_KEY_RENEWED),
              _("this peer has a new key, %s: whoever knows it has to be told"),
              peer_fingerprint(peer));
    calls_hang_up_all(peer->calls, CALL_REASON_NEW_KEY);
    pairing_desk_cancel(peer->pairing, _("this peer has a new key"));
    pairing_desk_set_fingerprint(peer->pairing, peer_fingerprint(peer));
    peer_apply_names(peer);
    peer_update(peer);
    return true;
}

char *peer_pair(Peer *peer, guint seconds, const PairingWish *wish, GError **error)
{
    char *code = pairing_desk_open(peer->pairing, seconds, wish, error);

    if (code)
        log_event(G_LOG_LEVEL_INFO, (.message_id = MESSAGE_PAIRING_OPENED),
                  _("a pairing code is shown, for %u seconds"), seconds);
    return code;
}

bool peer_pair_with(Peer *peer, const char *code, const PairingWish *wish, GError **error)
{
    return pairing_desk_join(peer->pairing, code, wish, error);
}

bool peer_confirm_pairing(Peer *peer, const PairingWish *wish, GError **error)
{
    return pairing_desk_accept(peer->pairing, wish, error);
}

bool peer_cancel_pairing(Peer *peer, GError **error)
{
    if (pairing_desk_cancel(peer->pairing, _("taken back")))
        return true;
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_NOT_CONNECTED, _("there is no pairing"));
    return false;
}
