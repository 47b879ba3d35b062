/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Two associations without the layers below, and packets that are written by
 * hand in the name of the one that is the remote. The clock stands still.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/sctp/association.h"
#include "rtc/sctp/network-order.h"

#define PORT 5000
#define HEADER 12
#define SUPPORTED_EXTENSIONS 0x8008 /* RFC 5061 4.2.7 */
#define FORWARD_TSN_SUPPORTED 0xc000

typedef struct {
    Transport transport;
    Association *sctp;
    GQueue out; /* of GBytes */
    TransportState state;
    guint32 initial_tsn;  /* of this end's DATA and requests, as its INIT says */
    guint32 last_tsn;     /* that it has sent */
    GByteArray *messages; /* what has come, each with a '|' behind it */
    GBytes *init;         /* the last INIT or INIT-ACK that it has sent */
    guint resets, local_resets;
    gsize largest;  /* packet that it has sent, in bytes */
    gsize received; /* bytes of messages */
    guint writable; /* how often it was told that it may send again */
} End;

extern End remote, ours;
extern GBytes *cookie_echo; /* the packet with which the association began */
/* Until the next tear_down() it knows neither RFC 6525 nor RFC 3758, or offers RFC 8260, too. */
extern bool old_remote, interleaving_remote;
/* Nor do both take packets of more than 1200 bytes, or parts of chunks. */
extern bool jumbo_ends, ends_take_parts;

/* What an end knows of SCTP's handshake in the descriptions; all NULL: nothing */
typedef struct {
    GBytes *own, *remote;
    bool opens;
} EndDescription;

/* They have been made, and nothing has been delivered. */
void begin_by(const EndDescription *remote_knows, const EndDescription *we_know);

/* They are connected, and nothing is under way. */
void set_up(void);
void tear_down(void);

/* What FROM has sent so far goes to TO, or is lost. */
void deliver(End *from, End *to);
void drop_out(End *end);

/* The parameter TYPE of an INIT or INIT-ACK; NULL: it has none */
guint8 *find_parameter(guint8 *packet, gsize length, guint16 type);
/* Whether the list of its extensions has CHUNK; REPLACE: not any more */
bool lists_chunk(guint8 *packet, gsize length, guint8 chunk, guint8 replace);

#define ANSWER_INIT 2
#define ANSWER_COOKIE 11
#define ANSWER_RE_CONFIG 130

GByteArray *packet_new(void);
void add_chunk(GByteArray *packet, guint8 type, guint8 flags, const void *value, gsize length);
void add_data(GByteArray *packet, guint8 flags, guint32 tsn, guint16 stream, guint16 number,
              const void *bytes, gsize length);
/* Hands PACKET to us as the remote's, and frees it. */
void inject(GByteArray *packet);
/* How many chunks of TYPE we have answered with */
guint count_chunks(guint8 type);
/* What has come */
void assert_messages(const char *expected);
