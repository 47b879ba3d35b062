/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SPDX-FileCopyrightText: 2026 The rtcbus authors */

/*
 * Every name that rtcbus shows to the outside, in one place: bus names,
 * object paths, D-Bus errors and the MESSAGE_IDs by which journal entries
 * are found (journalctl MESSAGE_ID=…; "systemd-id128 new" makes more).
 */

#pragma once

#define PEER_BUS_NAME "org.rtcbus.Peer1"
#define PEER_OBJECT_PATH "/org/rtcbus/Peer1"
#define PEER_INTERFACE "org.rtcbus.Peer1"
#define CALL_INTERFACE "org.rtcbus.Peer1.Call"
#define CHANNEL_INTERFACE "org.rtcbus.Peer1.Channel"

#define RELAY_BUS_NAME "org.rtcbus.Relay1"
#define RELAY_OBJECT_PATH "/org/rtcbus/Relay1"
#define RELAY_INTERFACE "org.rtcbus.Relay1"

#define ERROR_NOT_CONNECTED "org.rtcbus.Error.NotConnected"
#define ERROR_NO_SUCH_PEER "org.rtcbus.Error.NoSuchPeer"
#define ERROR_DENIED "org.rtcbus.Error.Denied"
#define ERROR_TIMEOUT "org.rtcbus.Error.Timeout"
#define ERROR_LIMIT_EXCEEDED "org.rtcbus.Error.LimitExceeded"
#define ERROR_INVALID_ARGUMENT "org.rtcbus.Error.InvalidArgument"
#define ERROR_FAILED "org.rtcbus.Error.Failed"

/* The WebSocket subprotocol of rtcbus-signaling(7), and the channel of whoever is called */
#define SUBPROTOCOL "rtcbus.1"
#define DEFAULT_CHANNEL_LABEL "msg_channel"
/* The channels of rtcbus-files(7) */
#define FILES_PROTOCOL "rtcbus.files.1"
#define FILES_LABEL "files"
#define DEFAULT_RELAY_PORT 41337

/* What keeps a peer from its relay: the words of RelayFault */
#define RELAY_FAULT_RESOLUTION "resolution"
#define RELAY_FAULT_TCP "tcp"
#define RELAY_FAULT_TLS "tls"
#define RELAY_FAULT_HTTP "http"
#define RELAY_FAULT_WEBSOCKET "websocket"
#define RELAY_FAULT_REDIRECT "redirect"
#define RELAY_FAULT_PROXY "proxy"
#define RELAY_FAULT_GATEWAY "gateway"
#define RELAY_FAULT_TOKEN "token"
#define RELAY_FAULT_REFUSED "refused"
#define RELAY_FAULT_NAME "name"
#define RELAY_FAULT_LOST "lost"
#define RELAY_FAULT_FOREIGN "foreign"

/* Why a call ended, where a program looks for it: see peer/call/call-reason.h */
#define REASON_NO_PATH                                                                             \
    N_("no path between the two was found: UDP may be blocked, or a STUN or TURN server be "       \
       "needed; \"rtcbusctl doctor PEER\" tells more")

/* Journal MESSAGE_IDs */
#define MESSAGE_RELAY_CONNECTED "0d3a1b6d37f0492f8f2c6f3f5a0be101"
#define MESSAGE_RELAY_LOST "0d3a1b6d37f0492f8f2c6f3f5a0be102"
#define MESSAGE_SIGNALING "0d3a1b6d37f0492f8f2c6f3f5a0be103"
#define MESSAGE_CALL_CONNECTED "0d3a1b6d37f0492f8f2c6f3f5a0be104"
#define MESSAGE_CALL_ENDED "0d3a1b6d37f0492f8f2c6f3f5a0be105"
#define MESSAGE_CLIENT_JOINED "0d3a1b6d37f0492f8f2c6f3f5a0be106"
#define MESSAGE_CLIENT_LEFT "0d3a1b6d37f0492f8f2c6f3f5a0be107"
#define MESSAGE_CLIENT_REFUSED "0d3a1b6d37f0492f8f2c6f3f5a0be108"
#define MESSAGE_CONFIG_RELOADED "0d3a1b6d37f0492f8f2c6f3f5a0be109"
#define MESSAGE_PEER_REFUSED "0d3a1b6d37f0492f8f2c6f3f5a0be10a"
#define MESSAGE_PEER_REMEMBERED "0d3a1b6d37f0492f8f2c6f3f5a0be10b"
#define MESSAGE_PEER_FORGOTTEN "0d3a1b6d37f0492f8f2c6f3f5a0be10c"
#define MESSAGE_KNOWN_PEERS_BROKEN "0d3a1b6d37f0492f8f2c6f3f5a0be10d"
#define MESSAGE_PAIRING_OPENED "0d3a1b6d37f0492f8f2c6f3f5a0be10e"
#define MESSAGE_PAIRED "0d3a1b6d37f0492f8f2c6f3f5a0be10f"
#define MESSAGE_PAIRING_FAILED "0d3a1b6d37f0492f8f2c6f3f5a0be110"
#define MESSAGE_KEY_SHARED "0d3a1b6d37f0492f8f2c6f3f5a0be111"
#define MESSAGE_KEY_RENEWED "0d3a1b6d37f0492f8f2c6f3f5a0be112"
#define MESSAGE_KEPT_PEERS_BROKEN "0d3a1b6d37f0492f8f2c6f3f5a0be120"
#define MESSAGE_ICE_SERVER "0d3a1b6d37f0492f8f2c6f3f5a0be118"
#define MESSAGE_CALL_SILENT "0d3a1b6d37f0492f8f2c6f3f5a0be130"
#define MESSAGE_CALL_CAPTURED "0d3a1b6d37f0492f8f2c6f3f5a0be132"
#define MESSAGE_CALL_MOVED "0d3a1b6d37f0492f8f2c6f3f5a0be131"
