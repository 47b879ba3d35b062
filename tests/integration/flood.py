# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Strangers who call: flood.py PORT CLIENTS NAME

CLIENTS connections to a relay, each with a name of its own, that send NAME `call`s and
offers that come to nothing until the program is ended. Says "ready" when all are
connected, and at each round how many frames it has sent.
"""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from wsclient import Closed, Timeout, WsClient  # noqa: E402

FINGERPRINT = ":".join(["AB"] * 32)
SDP = ("v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
       "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n"
       "a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"
       f"a=fingerprint:sha-256 {FINGERPRINT}\r\na=setup:actpass\r\na=sctp-port:5000\r\n"
       "a=candidate:1 1 udp 2130706431 127.0.0.1 9 typ host\r\n")


def swallow(client):
    try:
        while True:
            client.recv_frame(0)
    except Timeout:
        pass


def main():
    port, count, name = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    clients = [WsClient(port, f"/?name=stranger-{n}") for n in range(count)]
    print("ready", flush=True)
    sent = 0
    while True:
        for client in clients:
            sent += 1
            frame = {"to": name, "session": f"s{sent}"}
            if sent % 2:
                frame.update(type="call")
            else:
                frame.update(type="offer", sdp={"type": "offer", "sdp": SDP})
            try:
                client.send_json(frame)
                swallow(client)
            except (Closed, OSError):  # the relay may have had enough of it
                pass
            time.sleep(0.0005)
        print(sent, flush=True)


main()
