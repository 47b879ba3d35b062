/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Why a call ended, in the same words at both ends: each reason is one sentence with its cause and
 * what helps, and a word for the `bye` that tells the other side. They are English here; who shows
 * one translates it.
 */

#pragma once

#include <glib.h>
#include <glib/gi18n.h>
#include <stdbool.h>

#include "common/names.h"
#include "signaling/frame.h"

/* Reasons that we give ourselves; others are the connection's error messages. */
#define CALL_REASON_HANGUP N_("hung up")
#define CALL_REASON_REMOTE_HANGUP N_("the remote hung up")
#define CALL_REASON_REFUSED                                                                        \
    N_("the remote refused the call: its Accept= in peer.conf may take known peers only, and "     \
       "\"rtcbusctl pair\" makes two known to each other")
#define CALL_REASON_BUSY                                                                           \
    N_("the remote refused the call: it has too many (MaxCalls= and MaxStrangers= in its peer.conf)")
#define CALL_REASON_CROWDED N_("it made room for another call")
#define CALL_REASON_NO_PATH REASON_NO_PATH
#define CALL_REASON_NOBODY                                                                         \
    N_("nobody in the room answered in time; \"rtcbusctl peers\" tells who is there")
#define CALL_REASON_UNANSWERED                                                                     \
    N_("the remote did not answer in time: see that it runs well (\"rtcbusctl status\" there)")
#define CALL_REASON_NO_ANSWER_CARRIED N_("the other description did not come in time")
#define CALL_REASON_GAVE_UP N_("the remote did not wait any longer")
#define CALL_REASON_UNTRUSTED                                                                      \
    N_("the remote does not trust our certificate, for it knows another one under our name: "      \
       "\"rtcbusctl forget\" or \"rtcbusctl trust\" there takes the new one")
#define CALL_REASON_LEFT N_("the remote left the room")
#define CALL_REASON_RELAY N_("the relay went away")
#define CALL_REASON_REPLACED N_("replaced by a new call")
#define CALL_REASON_NO_SUCH_PEER N_("no such peer in the room")
#define CALL_REASON_NEW_KEY N_("this peer has a new key")
#define CALL_REASON_REMOTE_NEW_KEY N_("the remote has a new key")
#define CALL_REASON_GONE N_("the remote does not know the call any more")
#define CALL_REASON_PATIENCE N_("the remote did not come back")
#define CALL_REASON_UNHEARD N_("the remote did not hear us any more, and has given the call up")
#define CALL_REASON_OWNER_GONE N_("the program that made it is gone")
#define CALL_REASON_STOPPED N_("the daemon stopped")
#define CALL_REASON_REMOTE_STOPPED N_("the remote's daemon stopped")
#define CALL_REASON_REMOTE_FAILED                                                                  \
    N_("the call failed at the remote, where \"journalctl -u rtcbus-peer\" tells why")

#define CALL_REASON_REMOTE_SAYS N_("the call failed at the remote: %s")

/* For `bye`, to whom the call ended for REASON of ours: a FRAME_REASON_* word, or NULL for one that
 * was just hung up. */
const char *call_reason_to_word(const char *reason);

/* Whether somebody wanted it to end, so that nothing has failed */
bool call_reason_is_wanted(const char *reason);

/* What a `bye` with WORD, which may be NULL or anything, means for us. WAITING: the call had not
 * been answered. */
const char *call_reason_from_word(const char *word, bool waiting);

/* The same with MESSAGE, the remote's own words, if they are what tells why; NULL: it has none.
 * Transfer full. */
char *call_reason_from_bye(const char *word, const char *message, bool waiting);
