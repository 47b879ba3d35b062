/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * One WebRTC connection that carries data channels and nothing else: ICE
 * (RFC 8445), DTLS 1.2 (RFC 6347, 8827), SCTP over DTLS (RFC 8261), data
 * channels (RFC 8831). It is told of signaling and tells of it, but knows no
 * relay: descriptions and candidates go in and out as text.
 *
 * A connection either offers (connection_offer) or answers (connection_set_remote
 * of an offer). From then on either side may offer again, and each offer of the
 * remote gets one answer (RFC 8829 5.3): what it may change are the ICE
 * credentials, which is an ICE restart (RFC 8839 4.4.1.1.1), and the m-lines that
 * are not ours. A restart finds a way beside the one in use and takes over when
 * it carries data, so one that fails costs nothing.
 */

#pragma once

#include <glib.h>
#include <stdbool.h>

#include "rtc/dtls/certificate.h"
#include "rtc/channel/channel.h"
#include "rtc/error.h"
#include "rtc/ice/check-budget.h"
#include "rtc/ice/check-count.h"
#include "rtc/ice/tls-trust.h"
#include "rtc/transport.h"

/* a=max-message-size unless the configuration says otherwise, in bytes */
#define CONNECTION_MAX_MESSAGE_SIZE (256 * 1024)

typedef struct Connection Connection;

typedef enum {
    CONNECTION_NEW,
    CONNECTION_CONNECTING,   /* descriptions are going around, ICE, DTLS or SCTP at work */
    CONNECTION_CONNECTED,    /* SCTP is up: channels can carry messages */
    CONNECTION_DISCONNECTED, /* was connected, the remote does not answer; may come back, and
                              * waits for that until its owner frees it */
    CONNECTION_FAILED,       /* final, with a reason */
    CONNECTION_CLOSED,       /* final: the remote closed it in an orderly way */
} ConnectionState;

/* What happens below a connection that has been CONNECTED once, if nothing else is said */
typedef enum {
    /* Another pair carries our data: of the same agents, or of those of a restart. */
    CONNECTION_PATH_MOVED,
    /* What we have sent is not answered, for CONNECTION_SILENT_MS: the path, or the TURN server
     * that it leads through, may be gone. It is told once, and again after the next sign. */
    CONNECTION_PATH_SILENT,
    /* The remote is heard again, and nothing has moved. */
    CONNECTION_PATH_HEARD,
    /* A restart, ours or the remote's, has come to nothing: no answer within
     * CONNECTION_ANSWER_SECONDS, or no pair. What carried the data before still does. */
    CONNECTION_RESTART_FAILED,
    /* Our data goes through a TURN server, and a restart may find a direct path by now: told to the
     * side that made the first offer, after CONNECTION_RELAYED_SECONDS and then less and less often. */
    CONNECTION_PATH_RELAYED,
    /* No pair is answered any more (RFC 7675); of a connection that `waits`, also that none was
     * found. A restart may find one. */
    CONNECTION_PATH_FAILED,
} ConnectionPathEvent;

const char *connection_path_event_to_string(ConnectionPathEvent event);

#define CONNECTION_SILENT_MS 2000
#define CONNECTION_ANSWER_SECONDS 30
#define CONNECTION_RELAYED_SECONDS 30
/* A restart that is younger is left alone when another one is asked for. */
#define CONNECTION_RESTART_MS 3000
/* So many offers of a remote are taken at once, and then one a second: each can cost an agent, and
 * all our candidates once more. */
#define CONNECTION_OFFERS 8

const char *connection_state_to_string(ConnectionState state);

/* RTCIceCandidateInit. Strings may be NULL where the sender left them out. */
typedef struct {
    const char *candidate; /* "candidate:…"; with or without "a=" on the way in */
    const char *mid;
    int mline_index; /* -1: absent */
    const char *ufrag;
} IceCandidateInit;

typedef struct {
    Certificate *certificate;       /* referenced while the connection lives */
    const char *const *ice_servers; /* stun:, turn:, turns: URIs with user:password@; or NULL */
    TlsTrust *trust;                /* who vouches for turns: servers; referenced while the
                                            connection lives, NULL: the system's authorities */
    bool relay_only;                /* only candidates of TURN servers are ours */
    const char *const *interfaces;  /* names to use; NULL or empty: all but loopback unless
                                            nothing else is there */
    CheckBudget *check_budget;      /* of whoever makes us send checks; referenced while the
                                            connection lives, NULL: one of its own */
    bool uninvited;                 /* the remote called us: a port of this host that a service may
                                     * have gets checks only after some have come from there */
    bool libnice_only;              /* never the fast way of udp-path.h */
    guint patience;                 /* seconds that our description may take on its way beyond what
                                     * RFC 8863 gives it: people may carry it */
    bool waits;                     /* it does not fail where no path is found: it is negotiated
                                     * step by step, and the program may restart ICE */
    guint keep_alive;               /* seconds between two checks of a path on which nothing else
                                     * comes, at most; 0: as libnice and RFC 7675 have it. With
                                     * consent of 30 seconds at most KEEP_ALIVE_CONSENT */
    gsize max_message_size;         /* announced, and the limit for incoming messages; 0: 256 KiB */
    const char *protocol;           /* of channels that the remote may open unasked, a literal; or
                                     * NULL. Whoever speaks it says so in the same way */
    gsize send_quota;               /* bytes queued in all channels together; 0: 16 MiB */
    guint max_channels;             /* open at once, both sides' together; 0: 256 */
} ConnectionConfig;

/* Callbacks may call connection_free(). */
typedef struct {
    /* Our description is ready to be sent. TYPE is "offer" or "answer". */
    void (*description)(Connection *connection, const char *type, const char *sdp, gpointer data);
    /* One candidate, after the description; NULL ends the list (RFC 8838 8.2). */
    void (*candidate)(Connection *connection, const IceCandidateInit *candidate, gpointer data);
    /* REASON is set for FAILED and may be for CLOSED. */
    void (*state)(Connection *connection, ConnectionState state, const GError *reason,
                  gpointer data);
    /* ICE is about to restart, at the remote's wish or a program's, which takes another agent: false
     * refuses it. It may set the ICE servers. May be NULL; may not call connection_free(). */
    bool (*restart)(Connection *connection, GError **error, gpointer data);
    /* May be NULL. */
    void (*path)(Connection *connection, ConnectionPathEvent event, gpointer data);
    /* The remote opened CHANNEL: set its ops now. */
    void (*channel)(Connection *connection, Channel *channel, gpointer data);
    /*
     * The remote's certificate on the wire, after it matched the SDP and before
     * any application byte: false refuses it. FINGERPRINT is "sha-256 AB:CD:…".
     * May be NULL: whatever matches the SDP is accepted.
     */
    bool (*verify)(Connection *connection, const char *fingerprint, GError **error, gpointer data);
} ConnectionOps;

/* CONFIG is read at once and not kept; OPS is kept by reference. */
Connection *connection_new(const ConnectionConfig *config, const ConnectionOps *ops, gpointer data,
                           GError **error);

/*
 * No callback comes after this, on the connection or its channels. An open
 * connection is closed towards the remote (channels' queues are not waited
 * for: close channels first to flush).
 */
void connection_free(Connection *connection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Connection, connection_free)

/*
 * For the end of a program: runs the main loop until every freed connection is
 * really gone (its goodbye sent, its sockets closed), at most MILLISECONDS.
 */
void connection_drain(guint milliseconds);

/* Makes the offer: `description`, then candidates follow by callback, from the main loop. */
bool connection_offer(Connection *connection, GError **error);

/*
 * Takes an offer (the answer follows by callback) or the answer to our offer.
 * SDP is any text; an error leaves the connection as it was. What else it means:
 *
 *   offer   the same text as the last one: the kept answer goes out once more, and the
 *             candidates after it
 *           with other ICE credentials: an ICE restart; new agents are brought up
 *           anything else: an answer with the m-lines of the offer, all but ours rejected
 *           another key, DTLS role, SCTP port or place of our m-line: an error
 *           while an offer of ours waits for its answer: the one who made the first offer
 *             of all ignores it, without an answer; the other one gives up its own (the
 *             impolite and the polite peer of W3C's "perfect negotiation"), and offers again
 *             what the remote's has not brought about
 *           more than CONNECTION_OFFERS at once, and than one a second after that: RTC_ERROR_FULL,
 *             before anything of it has been read
 *   answer  nothing waits for it: RTC_ERROR_STATE; the last one again is no error
 *           with the ICE credentials of before: the remote restarts nothing; that fails
 */
bool connection_set_remote(Connection *connection, const char *type, const char *sdp,
                           GError **error);

/* The keys that SDP, any text, names: for connection_has_keys() of as many connections as there
 * are. NULL: it is no description. Transfer full. */
GPtrArray *connection_read_keys(const char *sdp);

/*
 * Whether a description that names KEYS names the key that the remote's first one has named, and no
 * other one: so it is of the same remote, as far as a description can say. False before there is a
 * first one.
 */
bool connection_has_keys(const Connection *connection, const GPtrArray *keys);

/* The ICE user name that the remote's last description has named; NULL before the first one. And the
 * one of the path that carries our data: over it something has come that the remote's key has made. */
const char *connection_remote_ufrag(const Connection *connection);
const char *connection_path_ufrag(const Connection *connection);

/*
 * Restarts ICE (RFC 8445 9): an offer with new credentials, and the addresses and servers of
 * now, by callback, then candidates. For a connection that is CONNECTED or DISCONNECTED;
 * otherwise RTC_ERROR_STATE. It may be called at any rate: while a restart, of whichever side,
 * looks for its path and is younger than CONNECTION_RESTART_MS, at most its offer goes out once more,
 * unless ANEW (the addresses have changed). An older one is replaced, with an offer of its own: frames get lost.
 */
bool connection_restart_ice(Connection *connection, bool anew, GError **error);

/* Asks the remote for a sign now: without one, CONNECTION_PATH_SILENT comes. */
void connection_probe(Connection *connection);

/* As in ConnectionConfig, for the restarts to come. */
void connection_set_ice_servers(Connection *connection, const char *const *servers);
void connection_set_relay_only(Connection *connection, bool relay_only);

/* Whether the pair that carries our data leads through a TURN server, of ours or the remote's: a
 * restart may find a better one. */
bool connection_is_relayed(Connection *connection);

/*
 * Trickled candidates, also ahead of their description (kept, up to a limit).
 * NULL ends the list. The user name fragment tells which restart one belongs to;
 * without it, it is the newest. Candidates that cannot be used here (TCP,
 * unresolvable names, of a restart that is over) are dropped without an error.
 */
bool connection_add_candidate(Connection *connection, const IceCandidateInit *candidate,
                              GError **error);

/*
 * Opens a channel; before the connection is up it waits in CONNECTING. Errors:
 * RTC_ERROR_INVALID (options), RTC_ERROR_FULL (max_channels, no free stream id),
 * RTC_ERROR_CLOSED. The channel belongs to the connection.
 */
Channel *connection_open_channel(Connection *connection, const char *label,
                                 const ChannelOptions *options, GError **error);

ConnectionState connection_state(const Connection *connection);

typedef struct {
    char *local_candidate; /* of the selected pair, as a candidate attribute; NULL: none */
    char *remote_candidate;
    char *remote_fingerprint;   /* NULL until verified */
    GBytes *remote_certificate; /* in DER; the same */
    GBytes *local_certificate;  /* that we show; the same */
    const char *cipher;         /* of DTLS 1.2, as IANA names it, a literal; NULL: it is not up */
    guint64 round_trip_usec;    /* smoothed, of ICE or SCTP; 0: not known yet */
    guint64 bytes_sent;         /* UDP payload of DTLS, both ways */
    guint64 bytes_received;
    guint64 packets_sent, packets_received; /* the same, in UDP packets */
    CheckCount checks;                      /* of the selected pair */
    gsize remote_max_message_size;          /* 0: no limit */
    gsize packet_size; /* of the largest SCTP packet that is sent now; 0: no SCTP yet */
} ConnectionStats;

/* Fills STATS; free with connection_stats_clear(). */
void connection_get_stats(Connection *connection, ConnectionStats *stats);

/* Whether the remote has announced PROTOCOL, as ConnectionConfig.protocol. */
bool connection_remote_speaks(const Connection *connection, const char *protocol);

/* Whether the remote has not acknowledged all that was given to SCTP */
bool connection_is_unacknowledged(Connection *connection);

/*
 * TAP sees the packets of SCTP as they are within DTLS, of the whole connection if it is set
 * before that begins; NULL: nobody does any more.
 */
void connection_set_tap(Connection *connection, TransportTap tap, gpointer data);
void connection_stats_clear(ConnectionStats *stats);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ConnectionStats, connection_stats_clear)
