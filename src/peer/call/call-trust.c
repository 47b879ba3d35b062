/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-trust.h"

#include <glib/gi18n.h>

#include "common/log.h"
#include "common/names.h"

static void log_refused(const Call *call, const GError *error)
{
    log_event(G_LOG_LEVEL_WARNING,
              (.message_id = MESSAGE_PEER_REFUSED, .call = call_session(call),
               .remote = call_peer(call), .topic = LOG_TOPIC_REFUSALS, .source = call_remote(call)),
              _("refused: %s"), error->message);
}

/* It has our key: so the one is a copy of the other, and nobody can tell us apart. */
static void note_copy(const CallTrust *trust, const Call *call)
{
    /* A program may have both ends of a call in hand, as tests do. */
    if (call_is_stepwise(call) || !identity_note_copy(trust->identity, call_peer_for_people(call)))
        return;
    log_event(G_LOG_LEVEL_WARNING, (.message_id = MESSAGE_KEY_SHARED, .remote = call_peer(call)),
              _("%s has the same key as this peer, as a copy of this machine would: nobody can "
                "tell the two apart. \"rtcbusctl identity new\" on one of them makes it a key of "
                "its own"),
              call_peer_for_people(call));
    trust->copied(trust->data);
}

static bool on_accepts(const char *name, gpointer data)
{
    const CallTrust *trust = data;

    return trust_may_call_us(&trust->rules, trust->known, name);
}

static bool on_knows(const char *name, gpointer data)
{
    const CallTrust *trust = data;
    const char *path;

    return name && known_peers_find(trust->known, name, &path);
}

static bool on_vouches(const Call *call, gpointer data)
{
    const CallTrust *trust = data;

    return call_wanted(call) ||
           known_peers_vouched(trust->known, call_peer(call), call_fingerprint(call));
}

static bool on_verify(Call *call, const char *fingerprint, TrustAnswer *answer, GError **error,
                      gpointer data)
{
    const CallTrust *trust = data;
    const CallIdentity *identity = call_identity(call);
    TrustQuestion question = {.name = call_identity_name(identity),
                              .asked = identity->asked != NULL,
                              .fingerprint = fingerprint,
                              .wanted = call_wanted(call),
                              .incoming = call_direction(call) == CALL_INCOMING};
    g_autoptr(GError) local = NULL;

    if (identity_is_own(trust->identity, fingerprint))
        note_copy(trust, call);
    if (trust_decide(&trust->rules, trust->known, &question, answer, &local) &&
        (!question.incoming || answer->level == TRUST_KNOWN ||
         calls_have_place(trust->calls, fingerprint, &local)))
        return true;
    log_refused(call, local);
    g_propagate_error(error, g_steal_pointer(&local));
    return false;
}

/* Only a name that we have asked for is learned: one that somebody comes under is its own
 * choice, and nobody else's place to take. What cannot be remembered would be new again next
 * time, whoever it is then: that is not what Policy=tofu promises, so the call does not begin. */
static bool on_connected(Call *call, GError **error, gpointer data)
{
    const CallTrust *trust = data;
    const char *name = call_identity(call)->asked, *key = call_fingerprint(call);
    const char *comment = call_is_own(call) ? KNOWN_FIRST_CALL : KNOWN_UNASKED_CALL;
    g_autoptr(GError) local = NULL;

    if (trust->rules.policy != TRUST_POLICY_TOFU || !name ||
        identity_is_own(trust->identity, key) ||
        known_peers_check(trust->known, name, key) == KNOWN_SAME)
        return true;
    if (!known_peers_add(trust->known, name, key, comment, false, &local)) {
        g_prefix_error(&local, _("%s cannot be remembered: "), name);
        log_refused(call, local);
        g_propagate_error(error, g_steal_pointer(&local));
        return false;
    }
    log_event(G_LOG_LEVEL_INFO,
              (.message_id = MESSAGE_PEER_REMEMBERED, .call = call_session(call), .remote = name),
              _("%s is remembered with the key %s"), call_peer(call), key);
    return true;
}

const CallGuardOps call_trust_ops = {
    .accepts = on_accepts,
    .knows = on_knows,
    .verify = on_verify,
    .vouches = on_vouches,
    .connected = on_connected,
};
