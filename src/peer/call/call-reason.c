/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

#include <config.h>

#include "peer/call/call-reason.h"

#include <string.h>

/* A reason of ours, its word, and what that is to the other side. What has no reason here is said
 * with a word by whoever closes the call (Call.bye_reason). */
static const struct {
    const char *ours, *word, *theirs;
} reasons[] = {
    {NULL, FRAME_REASON_UNTRUSTED, CALL_REASON_UNTRUSTED},
    {CALL_REASON_CROWDED, FRAME_REASON_BUSY, CALL_REASON_BUSY},
    {NULL, FRAME_REASON_GONE, CALL_REASON_GONE},
    {CALL_REASON_NO_PATH, FRAME_REASON_NO_PATH, CALL_REASON_NO_PATH},
    {CALL_REASON_NOBODY, FRAME_REASON_TIMEOUT, CALL_REASON_GAVE_UP},
    {CALL_REASON_UNANSWERED, FRAME_REASON_TIMEOUT, CALL_REASON_GAVE_UP},
    {CALL_REASON_PATIENCE, FRAME_REASON_UNHEARD, CALL_REASON_UNHEARD},
    {CALL_REASON_STOPPED, FRAME_REASON_STOPPED, CALL_REASON_REMOTE_STOPPED},
    {CALL_REASON_NEW_KEY, FRAME_REASON_NEW_KEY, CALL_REASON_REMOTE_NEW_KEY},
    {NULL, FRAME_REASON_FAILED, CALL_REASON_REMOTE_FAILED},
};

const char *call_reason_to_word(const char *reason)
{
    if (strcmp(reason, CALL_REASON_HANGUP) == 0)
        return NULL;
    for (gsize i = 0; i < G_N_ELEMENTS(reasons); i++) {
        if (reasons[i].ours && g_str_has_prefix(reason, reasons[i].ours))
            return reasons[i].word;
    }
    return FRAME_REASON_FAILED;
}

bool call_reason_is_wanted(const char *reason)
{
    static const char *const wanted[] = {
        CALL_REASON_HANGUP,         CALL_REASON_REMOTE_HANGUP,  CALL_REASON_REPLACED,
        CALL_REASON_STOPPED,        CALL_REASON_REMOTE_STOPPED, CALL_REASON_NEW_KEY,
        CALL_REASON_REMOTE_NEW_KEY, CALL_REASON_OWNER_GONE,     NULL};

    return g_strv_contains(wanted, reason);
}

const char *call_reason_from_word(const char *word, bool waiting)
{
    for (gsize i = 0; word && i < G_N_ELEMENTS(reasons); i++) {
        if (strcmp(word, reasons[i].word) == 0)
            return reasons[i].theirs;
    }
    return waiting ? CALL_REASON_REFUSED : CALL_REASON_REMOTE_HANGUP;
}

char *call_reason_from_bye(const char *word, const char *message, bool waiting)
{
    const char *reason = call_reason_from_word(word, waiting);

    if (message && *message && strcmp(reason, CALL_REASON_REMOTE_FAILED) == 0)
        return g_strdup_printf(CALL_REASON_REMOTE_SAYS, message);
    return g_strdup(reason);
}
