/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Session descriptions for data channels (RFC 8866, 8829 5, 8841, 8839, 8842).
 * A codec: text in, struct out, and back. No I/O.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/*
 * Ours alone: "a=x-rtcbus-max-packet-size:16384 UFRAG". There are stacks that no
 * packet passes any more after one of more than 2048 bytes has come (libwebrtc),
 * so a probe of what a path carries goes only to who asks for it; and there are
 * stacks that copy what they do not know from the offer into the answer
 * (libdatachannel), so the sender's own ICE user name is part of it. And of an answer:
 * "a=x-rtcbus-answers:UFRAG" has the ICE user name of the offer. A late answer must not be
 * taken for one to the next offer. "a=x-rtcbus-protocol:PROTOCOL UFRAG" names the protocol of
 * channels that may be opened to its sender without being asked for. "a=x-rtcbus-sctp-init:BASE64
 * UFRAG" has the INIT chunk of its sender's association (sctp/opening-chunk.h); one that is not
 * exactly as we write it is not there. Who says "a=x-rtcbus-early-hello:1 UFRAG" keeps a ClientHello
 * that comes before there is a pair, and answers it (ice/early-flight.h). Who says
 * "a=x-rtcbus-packet-parts:1 UFRAG" puts chunks together that come in parts (sctp/packet-parts.h).
 */
#define SDP_MAX_PACKET_SIZE 16384

/* a=setup (RFC 4145, 8842): who sends the ClientHello */
typedef enum {
    SDP_SETUP_ACTPASS,
    SDP_SETUP_ACTIVE,
    SDP_SETUP_PASSIVE,
} SdpSetup;

const char *sdp_setup_to_string(SdpSetup setup);

/* An m-line that is not ours, kept so that the answer can reject it in place */
typedef struct {
    char *line; /* "audio 9 UDP/TLS/RTP/SAVPF 111": what stands behind "m=" */
    char *mid;  /* NULL: none */
} SdpMedia;

typedef struct {
    guint64 session_id, version; /* of o= */

    char *ufrag, *password;
    bool ice_lite, trickle;
    GPtrArray *candidates; /* of char *, "candidate:…", in order */
    bool end_of_candidates;

    GPtrArray *fingerprints; /* of char *, "sha-256 AB:CD:…", normalized */
    SdpSetup setup;

    char *mid; /* of the data m-line; NULL: none given */
    guint mline_index;
    guint16 sctp_port;
    gsize max_message_size; /* 65536 if absent, 0: no limit (RFC 8841 6.1) */
    gsize max_packet_size;  /* of SCTP, which its sender can take; 0: not said */
    bool packet_parts;      /* its sender puts parts of chunks together */
    char *answers;          /* the ICE user name of the offer that it answers; NULL: not said */
    GBytes *sctp_init;      /* as opening_chunk_describe() writes it; NULL: not said */
    bool early_hello;       /* its sender takes a ClientHello that comes early */
    char *protocol;         /* of channels that its sender takes; NULL: not said */
    char *transport;        /* of the m-line: "UDP/DTLS/SCTP", which NULL means too, … */
    bool old_format;        /* it ends in the SCTP port, for an a=sctpmap */
    bool bundled;           /* our m-line is in an a=group:BUNDLE */

    GPtrArray *media; /* of SdpMedia, every m-line; NULL at mline_index */
} Sdp;

/* For a description of our own: one data m-line, mid "0". */
Sdp *sdp_new(void);

/* Its candidates are left out. */
Sdp *sdp_copy(const Sdp *sdp);

/*
 * Parses the description of a remote. Fails with RTC_ERROR_INVALID for text
 * that is not SDP or lacks what a connection needs, RTC_ERROR_UNSUPPORTED if
 * there is no data channel m-line. What is not known is ignored.
 */
Sdp *sdp_parse(const char *text, GError **error);

/* The text of SDP, an offer or an answer, with CRLF. Transfer full. */
char *sdp_to_text(const Sdp *sdp);

void sdp_free(Sdp *sdp);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sdp, sdp_free)
