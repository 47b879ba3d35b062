/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * DTLS and SCTP go on under all that comes after the first two descriptions, so a
 * later one that would have them begin anew is refused: another key, role or
 * port. The session keeps its id, and its version counts our descriptions that
 * differ (RFC 8829 5.2.2).
 */

#include <config.h>

#include "rtc/negotiation.h"

#include <string.h>

#include "common/random.h"
#include "rtc/error.h"

#define OLDER 4 /* versions */

const char *negotiation_step_to_string(NegotiationStep step)
{
    static const char *const names[] = {
        [NEGOTIATION_OFFER_FIRST] = "the first offer",
        [NEGOTIATION_OFFER_RESTART] = "an offer that restarts ICE",
        [NEGOTIATION_OFFER_OTHER] = "an offer that changes nothing of ours",
        [NEGOTIATION_OFFER_REPEATED] = "an offer once more",
        [NEGOTIATION_OFFER_IGNORED] = "an offer that has to wait for ours",
        [NEGOTIATION_ANSWER_FIRST] = "the first answer",
        [NEGOTIATION_ANSWER_RESTART] = "an answer to a restart",
        [NEGOTIATION_ANSWER_OTHER] = "an answer that changes nothing of ours",
        [NEGOTIATION_ANSWER_DECLINED] = "an answer that restarts nothing",
        [NEGOTIATION_ANSWER_REPEATED] = "an answer once more",
    };
    return names[step];
}

void negotiation_init(Negotiation *negotiation)
{
    *negotiation = (Negotiation){};
    random_bytes(&negotiation->session_id, sizeof negotiation->session_id);
    negotiation->session_id >>= 2; /* fits into 63 bits, as RFC 8829 5.2.1 wants */
}

void negotiation_clear(Negotiation *negotiation)
{
    g_clear_pointer(&negotiation->local, sdp_free);
    g_clear_pointer(&negotiation->remote, sdp_free);
    g_clear_pointer(&negotiation->offered, sdp_free);
    g_clear_pointer(&negotiation->taken, g_free);
    g_clear_pointer(&negotiation->kept, g_free);
    negotiation_roll_back_all(negotiation);
}

static bool refuse(GError **error, RtcError code, const char *message)
{
    g_set_error_literal(error, RTC_ERROR, code, message);
    return false;
}

/* ---- what comes ----------------------------------------------------------- */

bool negotiation_has_keys(const Negotiation *negotiation, const GPtrArray *fingerprints)
{
    bool same = negotiation->remote != NULL;

    for (guint i = 0; same && i < fingerprints->len; i++)
        same = g_ptr_array_find_with_equal_func(negotiation->remote->fingerprints,
                                                fingerprints->pdata[i], g_str_equal, NULL);
    return same;
}

/*
 * "active" is the client; who says nothing, or "actpass", keeps the role (RFC 8842 5.5). In a later
 * answer it means nothing: Firefox says "active" to each "actpass", and goes on as it was.
 */
static bool keeps_role(const Negotiation *negotiation, const Sdp *remote)
{
    return remote->setup == SDP_SETUP_ACTPASS ||
           (remote->setup == SDP_SETUP_PASSIVE) == negotiation->client;
}

/* Versions go up by one (RFC 3264 8), so one that is far behind is none of those before: then the
 * last one was made up, or the remote counts anew. GStreamer's answers have our o= line, and its own
 * offers go on with that id. */
static bool is_older(const Negotiation *negotiation, const Sdp *remote)
{
    return remote->session_id == negotiation->remote_id &&
           remote->session_id != negotiation->session_id &&
           remote->version < negotiation->remote_version &&
           negotiation->remote_version - remote->version <= OLDER;
}

static bool check_later(const Negotiation *negotiation, bool offer, const Sdp *remote,
                        GError **error)
{
    const Sdp *before = negotiation->remote;

    if (!negotiation_has_keys(negotiation, remote->fingerprints))
        return refuse(error, RTC_ERROR_SECURITY, "the description names another key");
    if (offer && !keeps_role(negotiation, remote))
        return refuse(error, RTC_ERROR_UNSUPPORTED, "the description changes the DTLS role");
    if (remote->sctp_port != before->sctp_port)
        return refuse(error, RTC_ERROR_UNSUPPORTED, "the description changes the SCTP port");
    if (remote->mline_index != before->mline_index || g_strcmp0(remote->mid, before->mid) != 0)
        return refuse(error, RTC_ERROR_INVALID, "the description moves the m-line of the data");
    if (is_older(negotiation, remote))
        return refuse(error, RTC_ERROR_STATE, "the description is older than the last one");
    return true;
}

bool negotiation_same_ice(const Sdp *sdp, const Sdp *other)
{
    return other && strcmp(sdp->ufrag, other->ufrag) == 0 &&
           strcmp(sdp->password, other->password) == 0;
}

static bool judge_offer(const Negotiation *negotiation, const char *text, NegotiationStep *step,
                        Sdp **remote, GError **error)
{
    g_autoptr(Sdp) sdp = NULL;

    if (negotiation->offered && !negotiation->remote)
        return refuse(error, RTC_ERROR_STATE, "an unexpected offer");
    if (negotiation->kept && strcmp(negotiation->taken, text) == 0) {
        *step = NEGOTIATION_OFFER_REPEATED;
        return true;
    }
    sdp = sdp_parse(text, error);
    if (!sdp || (negotiation->remote && !check_later(negotiation, true, sdp, error)))
        return false;
    if (negotiation->offered && negotiation->offerer) {
        *step = NEGOTIATION_OFFER_IGNORED;
        return true;
    }
    *step = !negotiation->remote                             ? NEGOTIATION_OFFER_FIRST
            : negotiation_same_ice(sdp, negotiation->remote) ? NEGOTIATION_OFFER_OTHER
                                                             : NEGOTIATION_OFFER_RESTART;
    *remote = g_steal_pointer(&sdp);
    return true;
}

static bool is_repeated_answer(const Negotiation *negotiation, const char *text)
{
    return negotiation->taken && !negotiation->kept && strcmp(negotiation->taken, text) == 0;
}

static bool judge_answer(Negotiation *negotiation, const char *text, NegotiationStep *step,
                         Sdp **remote, GError **error)
{
    g_autoptr(Sdp) sdp = NULL;

    if (is_repeated_answer(negotiation, text)) {
        *step = NEGOTIATION_ANSWER_REPEATED;
        return true;
    }
    if (!negotiation->offered)
        return refuse(error, RTC_ERROR_STATE, "an unexpected answer");
    sdp = sdp_parse(text, error);
    if (!sdp || (negotiation->remote && !check_later(negotiation, false, sdp, error)))
        return false;
    if (sdp->answers && strcmp(sdp->answers, negotiation->offered->ufrag) != 0)
        return refuse(error, RTC_ERROR_STATE, "an answer to an older offer");
    if (!negotiation->remote) {
        *step = NEGOTIATION_ANSWER_FIRST;
    } else if (negotiation_same_ice(negotiation->offered, negotiation->local)) {
        *step = NEGOTIATION_ANSWER_OTHER;
    } else if (negotiation_same_ice(sdp, negotiation->remote)) {
        negotiation_roll_back(negotiation);
        *step = NEGOTIATION_ANSWER_DECLINED;
        return true;
    } else {
        *step = NEGOTIATION_ANSWER_RESTART;
    }
    *remote = g_steal_pointer(&sdp);
    return true;
}

bool negotiation_judge(Negotiation *negotiation, const char *type, const char *text,
                       NegotiationStep *step, Sdp **remote, GError **error)
{
    *remote = NULL;
    if (strcmp(type, "offer") == 0)
        return judge_offer(negotiation, text, step, remote, error);
    if (strcmp(type, "answer") == 0 || strcmp(type, "pranswer") == 0)
        return judge_answer(negotiation, text, step, remote, error);
    g_set_error(error, RTC_ERROR, RTC_ERROR_INVALID, "a description of type \"%s\"", type);
    return false;
}

/* ---- what goes ------------------------------------------------------------ */

/* The next description of ours: as the last one, but for ICE and its number. */
static Sdp *next_own(Negotiation *negotiation, const NegotiationIce *ice, Sdp *template)
{
    Sdp *sdp = template ? template : sdp_copy(negotiation->local);

    if (negotiation->version == 0)
        negotiation->version = sdp->version;
    else
        sdp->version = ++negotiation->version;
    sdp->session_id = negotiation->session_id;
    g_clear_pointer(&sdp->answers, g_free);
    if (ice) {
        g_free(sdp->ufrag);
        g_free(sdp->password);
        sdp->ufrag = g_strdup(ice->ufrag);
        sdp->password = g_strdup(ice->password);
    }
    return sdp;
}

/* Offers say actpass, the later ones as well (RFC 8829 5.2.2); the answer keeps the roles. */
static Sdp *next_offer(Negotiation *negotiation, const NegotiationIce *ice, Sdp *template)
{
    Sdp *sdp = next_own(negotiation, ice, template);

    sdp->setup = SDP_SETUP_ACTPASS;
    if (template) {
        sdp->mid = g_strdup("0");
        sdp->bundled = true;
    }
    return sdp;
}

static void stand_offered(Negotiation *negotiation, Sdp *sdp)
{
    if (!negotiation->remote)
        negotiation->offerer = true;
    negotiation_roll_back(negotiation);
    negotiation->offered = sdp;
}

char *negotiation_offer(Negotiation *negotiation, const NegotiationIce *ice, Sdp *template)
{
    stand_offered(negotiation, next_offer(negotiation, ice, template));
    return sdp_to_text(negotiation->offered);
}

void negotiation_roll_back(Negotiation *negotiation)
{
    g_clear_pointer(&negotiation->offered, sdp_free);
}

static void replace(char **place, const char *text)
{
    g_free(*place);
    *place = g_strdup(text);
}

/* What it is able to do it has said at first, before its key was seen. Who has not the key may
 * describe a restart, and changes nothing by it. */
static void keep_abilities(const Sdp *before, Sdp *remote)
{
    remote->max_message_size = before->max_message_size;
    remote->max_packet_size = before->max_packet_size;
    remote->packet_parts = before->packet_parts;
    remote->early_hello = before->early_hello;
    g_clear_pointer(&remote->sctp_init, g_bytes_unref);
    remote->sctp_init = before->sctp_init ? g_bytes_ref(before->sctp_init) : NULL;
    replace(&remote->protocol, before->protocol);
}

static void prove(Negotiation *negotiation, const Sdp *remote)
{
    negotiation->remote_id = remote->session_id;
    negotiation->remote_version = negotiation->named;
}

void negotiation_prove(Negotiation *negotiation, const char *ufrag)
{
    if (negotiation->remote && g_strcmp0(negotiation->remote->ufrag, ufrag) == 0)
        prove(negotiation, negotiation->remote);
}

static void stand(Negotiation *negotiation, Sdp *local, Sdp *remote, const char *text)
{
    if (!negotiation_same_ice(remote, negotiation->remote))
        negotiation->named = remote->version;
    if (negotiation->remote)
        keep_abilities(negotiation->remote, remote);
    else
        prove(negotiation, remote);
    g_clear_pointer(&negotiation->local, sdp_free);
    g_clear_pointer(&negotiation->remote, sdp_free);
    negotiation->local = local;
    negotiation->remote = remote;
    g_free(negotiation->taken);
    negotiation->taken = g_strdup(text);
    g_clear_pointer(&negotiation->kept, g_free);
}

/* The answer says active if it may: its ICE is done first (RFC 8842 5.3). */
static Sdp *next_answer(Negotiation *negotiation, const Sdp *remote, const NegotiationIce *ice,
                        Sdp *template)
{
    Sdp *sdp = next_own(negotiation, ice, template);

    if (template) {
        negotiation->client = remote->setup != SDP_SETUP_ACTIVE;
        replace(&sdp->mid, remote->mid);
        sdp->mline_index = remote->mline_index;
        replace(&sdp->transport, remote->transport); /* the m-line is as the offer's */
        sdp->old_format = remote->old_format;
        if (!remote->sctp_init || remote->max_packet_size == 0) /* it is none of ours */
            g_clear_pointer(&sdp->sctp_init, g_bytes_unref);
        sdp->early_hello = remote->early_hello;
    }
    sdp->setup = negotiation->client ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE;
    sdp->bundled = remote->bundled;
    replace(&sdp->answers, remote->ufrag);
    g_ptr_array_unref(sdp->media);
    sdp->media = g_ptr_array_ref(remote->media);
    return sdp;
}

const char *negotiation_answer(Negotiation *negotiation, Sdp *remote, const char *text,
                               const NegotiationIce *ice, Sdp *template)
{
    Sdp *sdp = next_answer(negotiation, remote, ice, template);

    negotiation_roll_back(negotiation);
    stand(negotiation, sdp, remote, text);
    negotiation->kept = sdp_to_text(sdp);
    return negotiation->kept;
}

const char *negotiation_kept_answer(const Negotiation *negotiation)
{
    return negotiation->kept;
}

void negotiation_take_answer(Negotiation *negotiation, Sdp *remote, const char *text)
{
    if (!negotiation->remote)
        negotiation->client = remote->setup == SDP_SETUP_PASSIVE;
    stand(negotiation, g_steal_pointer(&negotiation->offered), remote, text);
}

/* ---- step by step --------------------------------------------------------- */

void negotiation_forget_made(Negotiation *negotiation)
{
    g_clear_pointer(&negotiation->made, sdp_free);
    g_clear_pointer(&negotiation->made_text, g_free);
}

static void forget_pending(Negotiation *negotiation)
{
    g_clear_pointer(&negotiation->pending, sdp_free);
    g_clear_pointer(&negotiation->pending_text, g_free);
}

void negotiation_roll_back_all(Negotiation *negotiation)
{
    negotiation_roll_back(negotiation);
    negotiation_forget_made(negotiation);
    forget_pending(negotiation);
}

bool negotiation_hold_offer(Negotiation *negotiation, const char *text, GError **error)
{
    g_autoptr(Sdp) sdp = NULL;

    if (negotiation->offered)
        return refuse(error, RTC_ERROR_INVALID, "an offer of ours waits for its answer");
    sdp = sdp_parse(text, error);
    if (!sdp || (negotiation->remote && !check_later(negotiation, true, sdp, error)))
        return false;
    negotiation_forget_made(negotiation);
    forget_pending(negotiation);
    negotiation->pending = g_steal_pointer(&sdp);
    negotiation->pending_text = g_strdup(text);
    return true;
}

static const char *keep_made(Negotiation *negotiation, Sdp *sdp, bool offer)
{
    negotiation_forget_made(negotiation);
    negotiation->made = sdp;
    negotiation->made_text = sdp_to_text(sdp);
    negotiation->made_offer = offer;
    return negotiation->made_text;
}

const char *negotiation_make_offer(Negotiation *negotiation, const NegotiationIce *ice,
                                   Sdp *template)
{
    return keep_made(negotiation, next_offer(negotiation, ice, template), true);
}

const char *negotiation_make_answer(Negotiation *negotiation, const NegotiationIce *ice,
                                    Sdp *template)
{
    return keep_made(negotiation, next_answer(negotiation, negotiation->pending, ice, template),
                     false);
}

void negotiation_set_offer(Negotiation *negotiation)
{
    stand_offered(negotiation, g_steal_pointer(&negotiation->made));
    negotiation_forget_made(negotiation);
}

void negotiation_set_answer(Negotiation *negotiation)
{
    stand(negotiation, g_steal_pointer(&negotiation->made), g_steal_pointer(&negotiation->pending),
          negotiation->pending_text);
    negotiation_forget_made(negotiation);
    forget_pending(negotiation);
}

const Sdp *negotiation_own(const Negotiation *negotiation)
{
    return negotiation->offered ? negotiation->offered : negotiation->local;
}
