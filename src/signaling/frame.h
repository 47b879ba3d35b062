/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * The signaling frames of rtcbus-signaling(7): JSON text to struct and back. No I/O, no policy:
 * what a frame means is the reader's business.
 *
 * Foreign clients leave members out, so every member may be NULL.
 *
 * Names, and what the relay says in words, are printable (common/printable.h).
 * Ids must be: a frame from or about one that is not is no frame, and the list of
 * a `welcome` leaves it out. What is only echoed to its sender or compared (to,
 * session, channel_id, reason, …) is as it came.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

/* Whole frames, in bytes; a `welcome` in a full room is the longest. */
#define FRAME_MAX_LENGTH (1024 * 1024)
/* Members, in bytes. A longer one makes the frame invalid. */
#define FRAME_MAX_SDP (64 * 1024)
#define FRAME_MAX_CANDIDATE 1024
#define FRAME_MAX_NAME 256 /* ids, names, sessions, error texts, … */

#define FRAME_ERROR (frame_error_quark())
GQuark frame_error_quark(void);

typedef enum {
    FRAME_ERROR_SYNTAX,  /* not a JSON object, too deep, too long */
    FRAME_ERROR_CONTENT, /* JSON, but a member makes no sense */
} FrameError;

typedef enum {
    FRAME_UNKNOWN, /* a type that we do not know: ignored by design */
    /* between peers */
    FRAME_CALL,
    FRAME_OFFER,
    FRAME_ANSWER,
    FRAME_CANDIDATE,
    FRAME_BYE,
    FRAME_PAIR,
    /* from a relay that speaks rtcbus.1 */
    FRAME_WELCOME,
    FRAME_JOINED,
    FRAME_LEFT,
    FRAME_RELAY_ERROR,
    FRAME_ICE_SERVERS,
} FrameType;

/* The word on the wire; "unknown" for FRAME_UNKNOWN. */
const char *frame_type_to_string(FrameType type);

typedef struct {
    char *id;
    char *name; /* NULL: it has none */
} FramePeer;

/* RTCIceServer */
typedef struct {
    char **urls;
    char *username, *credential;
} FrameIceServer;

/* Why we say `bye`. Before the call began: the certificate is not the one we know, there are too
 * many calls, no path was found, or nobody answered in time. To an offer within a call that we do
 * not have (any more). In a call: the other side is not heard any more, our daemon stops, or it
 * gets a new key. Or it failed otherwise. */
#define FRAME_REASON_UNTRUSTED "untrusted"
#define FRAME_REASON_BUSY "busy"
#define FRAME_REASON_NO_PATH "no-path"
#define FRAME_REASON_TIMEOUT "timeout"
#define FRAME_REASON_GONE "gone"
#define FRAME_REASON_UNHEARD "unheard"
#define FRAME_REASON_STOPPED "stopped"
#define FRAME_REASON_NEW_KEY "new-key"
#define FRAME_REASON_FAILED "failed"

typedef struct {
    FrameType type;
    char *from;    /* written by the relay */
    char *to;      /* an id or a name */
    char *session; /* the call */

    char *channel_id; /* call: free text */
    char *reason;     /* bye: a word such as FRAME_REASON_UNTRUSTED, or NULL */
    char *step;       /* pair: "ask", "answer", "confirm", "wait", "done", "wrong", "failed" */
    char *data;       /* pair: base64 */
    char *sdp;        /* offer, answer; NULL: it has none of that type */
    bool restart;     /* offer: it is within a call, for ICE to find another path */

    /* candidate: RTCIceCandidateInit; `candidate` is NULL at the end of the list */
    char *candidate;
    char *mid;
    int mline_index; /* -1: absent */
    char *ufrag;

    /* welcome: `id` is our own. joined, left: whose. */
    char *id, *name, *room;
    char *resume;           /* welcome: a secret, see rtcbus-signaling(7); NULL: none */
    GPtrArray *peers;       /* of FramePeer; NULL in other frames */
    GPtrArray *ice_servers; /* also of iceServers: of FrameIceServer; NULL in other frames */

    char *code;    /* error */
    char *message; /* error, and bye that failed: for people, printable */
} Frame;

Frame *frame_new(FrameType type);
Frame *frame_copy(const Frame *frame); /* of a frame between peers */
void frame_free(Frame *frame);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Frame, frame_free)

/* TEXT need not be terminated. NULL with ERROR if it is no frame. */
Frame *frame_parse(const char *text, gsize length, GError **error);

/* The members of any JSON object that a remote has written, or NULL with ERROR. The one way for
 * bytes of a remote to json-glib, which recurses and leaks with some. Transfer full. */
typedef struct _JsonObject JsonObject;
JsonObject *frame_parse_members(const char *text, gsize length, GError **error);

/* A frame between peers as JSON text; `from` is the relay's to write. Transfer full. */
char *frame_write(const Frame *frame);

/*
 * One readable word or two for a log line: "offer", "candidate host
 * 10.0.0.1:4242 udp". Never an SDP, never a password. Transfer full.
 */
char *frame_describe(const Frame *frame);
