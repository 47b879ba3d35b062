/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * A description for data channels (RFC 8829, 8841) with its candidates, as short as people can
 * paste it or a camera read it: one word of letters, digits, - and _, about 150 of them. It has
 * what the other side cannot know: credentials, the certificate's fingerprint, and UDP
 * candidates by address. No I/O.
 *
 *   bytes           what
 *   1               version 1 in the upper half, in the lower 0: offer, 1: answer
 *   1               DTLS role (RFC 4145): 0 actpass, 1 active, 2 passive
 *   1 + n, 1 + n    ICE user fragment and password, each after its length
 *   32              SHA-256 fingerprint
 *   2, 4            SCTP port, largest message; big endian as all numbers here
 *   1               how many candidates follow, each:
 *     1               type: 0 host, 1 srflx, 2 prflx, 3 relay; with 4: IPv6
 *     4 or 16, 2, 4   address, port, priority
 *   4               the first of the SHA-256 of all before
 *
 * Base64url without padding (RFC 4648 5) makes the word.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* SDP, with candidates in it, as a word; TYPE is "offer" or "answer". NULL if it is no
 * description for data channels. Candidates that have no address or are not UDP are left out,
 * and those beyond the first thirty. Transfer full. */
char *short_description_make(const char *type, const char *sdp);

/* The other way round; NULL if TEXT is no such word. Chats and mails may have put it into several
 * lines, with a '>' before each. TYPE is set to "offer" or "answer". Transfer full. */
char *short_description_read(const char *text, const char **type);

/* Whether TEXT is how a word begins, so that the rest of it may come. */
bool short_description_is_begun(const char *text);
