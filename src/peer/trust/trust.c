/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/trust/trust.h"

#include <glib/gi18n.h>
#include <string.h>

#include "peer/error.h"

const char *trust_level_to_string(TrustLevel level)
{
    static const char *const names[] = {
        [TRUST_UNKNOWN] = "unknown",
        [TRUST_NEW] = "new",
        [TRUST_KNOWN] = "known",
    };
    return names[level];
}

static bool refuse(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static bool refuse(GError **error, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list ap;

    va_start(ap, format);
    text = g_strdup_vprintf(format, ap);
    va_end(ap);
    g_set_error_literal(error, PEER_ERROR, PEER_ERROR_DENIED, text);
    return false;
}

static bool refuse_other_key(const KnownPeers *known, const TrustQuestion *question, GError **error)
{
    const char *path;
    const KnownPeer *peer = known_peers_find(known, question->name, &path);

    return refuse(error,
                  _("%s shows the key %s, but is known with %s (in %s): somebody may be in "
                    "between. If its key was changed on purpose, let \"rtcbusctl forget\" or the "
                    "administrator remove the old one, and call again"),
                  question->name, question->fingerprint, peer->fingerprint, path);
}

static bool refuse_unknown(const TrustQuestion *question, const char *rule, GError **error)
{
    if (!question->name || !*question->name)
        return refuse(error, _("a peer without a name cannot be known (%s in peer.conf)"), rule);
    return refuse(error,
                  _("%s, with the key %s, is not known (%s in peer.conf): \"rtcbusctl pair\" or "
                    "\"rtcbusctl trust\" makes it known"),
                  question->name, question->fingerprint, rule);
}

/* What the files say of it; under `any` they may be unreadable. A key that was not asked
 * for by name is looked for under all of them. */
static bool look_up(const TrustRules *rules, const KnownPeers *known, const TrustQuestion *question,
                    KnownResult *result, const char **known_as, GError **error)
{
    bool needed = rules->policy != TRUST_POLICY_ANY ||
                  (question->incoming && rules->accept == TRUST_ACCEPT_KNOWN);

    *result = KNOWN_NOT;
    *known_as = NULL;
    if (!known_peers_usable(known, needed ? error : NULL))
        return !needed;
    if (question->name && *question->name)
        *result = known_peers_check(known, question->name, question->fingerprint);
    if (*result != KNOWN_SAME && !question->asked)
        *known_as = known_peers_name_of(known, question->fingerprint);
    if (*known_as)
        *result = KNOWN_SAME;
    return true;
}

bool trust_decide(const TrustRules *rules, const KnownPeers *known, const TrustQuestion *question,
                  TrustAnswer *answer, GError **error)
{
    bool asked_for = question->wanted != NULL;
    const char *known_as;
    KnownResult result;

    if (question->wanted && strcmp(question->wanted, question->fingerprint) != 0)
        return refuse(error,
                      _("the other side shows the key %s, not %s, which this call asked for: "
                        "somebody may be in between"),
                      question->fingerprint, question->wanted);
    if (question->incoming && rules->accept == TRUST_ACCEPT_NONE)
        return refuse(error, _("no calls are taken here (Accept=none in peer.conf)"));
    if (!look_up(rules, known, question, &result, &known_as, error))
        return false;
    if (result == KNOWN_OTHER && rules->policy != TRUST_POLICY_ANY)
        return refuse_other_key(known, question, error);
    if (result != KNOWN_SAME && !asked_for) {
        if (rules->policy == TRUST_POLICY_KNOWN)
            return refuse_unknown(question, "Policy=known", error);
        if (question->incoming && rules->accept == TRUST_ACCEPT_KNOWN)
            return result == KNOWN_OTHER ? refuse_other_key(known, question, error)
                                         : refuse_unknown(question, "Accept=known", error);
    }
    answer->known_as = known_as;
    if (result == KNOWN_SAME || asked_for)
        answer->level = TRUST_KNOWN;
    else
        answer->level = rules->policy == TRUST_POLICY_TOFU ? TRUST_NEW : TRUST_UNKNOWN;
    return true;
}

bool trust_may_call_us(const TrustRules *rules, const KnownPeers *known, const char *name)
{
    const char *path;

    switch (rules->accept) {
    case TRUST_ACCEPT_ANY:
        return true;
    case TRUST_ACCEPT_KNOWN:
        return name && known_peers_find(known, name, &path);
    case TRUST_ACCEPT_NONE:
        return false;
    }
    g_return_val_if_reached(false);
}
