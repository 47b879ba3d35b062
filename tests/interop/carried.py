# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Calls of an agent whose frames somebody carries to the room and back, in a name of his own: he
writes its offers anew, as other programs would have them, or he is late."""

import re
import threading
from urllib.parse import urlsplit

from harness import Failed, check, equal, wait_for
from wsclient import Closed, Timeout, WsClient

UNKNOWN_CANDIDATES = """\
a=candidate:1 1 udp 2113937151 fe80::1%eth0 5000 typ host
a=candidate:3 1 ssltcp 1 10.99.0.9 443 typ host
a=candidate:4 2 udp 1 10.99.0.9 9 typ host
a=candidate:5 1 udp 99999999999 10.99.0.9 9 typ host
a=candidate:6 1 udp 1 10.99.0.9 70000 typ host
a=candidate:7 1 udp 1 0.0.0.0 9 typ host
a=candidate:9 1 udp 1 host.example 9 typ host
a=candidate:
a=candidate:10 1 udp 1 10.99.0.9 9 typ magic
a=remote-candidates:1 10.99.0.9 9
"""
UNKNOWN_ATTRIBUTES = """\
a=tls-id:abcdefghijklmnopqrstuvwxyz0123456789
a=ice-options:ice2 trickle renomination
a=sctp-init:AQAAHGRlYWQAUAAA//8ACAAB
a=x-unheard-of
"""


class Carrier:
    """Between the agent of ROW and the room. EDIT gets each SDP of the agent, and SDP for it is made
    an answer to what it has offered; what is for the agent comes LATE seconds later."""

    def __init__(self, row, edit=lambda sdp: sdp, late=0):
        self.row = row
        self.edit = edit
        self.late = late
        self.offered = None
        self.heard = []
        self.name = row.name + "-carried"
        self.to = row.peer.get("Name")
        url = urlsplit(row.room_url)
        self.client = WsClient(url.port, f"{url.path}?name={self.name}", url.hostname)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        row.remote.carrier = self._to_the_room
        row.remote.do("carry", on=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.row.remote.do("carry", on=False)
        self.row.remote.carrier = None
        self.client.close()
        self.reader.join()

    def _to_the_room(self, frame):
        if frame["type"] == "offer":
            self.offered = frame["sdp"]["sdp"]
            frame["sdp"]["sdp"] = self.edit(self.offered)
        if not self.offered:  # of a call before
            return
        self.client.send_json({**frame, "to": self.to})

    def _read(self):
        while True:
            try:
                frame = self.client.recv_json()
            except Timeout:
                continue
            except (Closed, OSError):
                return
            if self.late:
                threading.Timer(self.late, self._to_the_agent, [frame]).start()
            else:
                self._to_the_agent(frame)

    def _to_the_agent(self, frame):
        if frame["type"] == "answer":
            frame["sdp"]["sdp"] = answer_to(self.offered, frame["sdp"]["sdp"])
        elif frame["type"] == "candidate":
            frame["candidate"].update(sdpMid=data_mid(self.offered), sdpMLineIndex=0)
        self.heard.append(frame)
        self.row.remote.begin("frame", frame=frame)

    def offer(self):
        """The agent's, unasked. Returns what take() wants to know."""
        begun = {c.path for c in self.row.peer.calls()}, self.row.remote.mark()
        self.row.remote.do("offer", to=self.to)
        return begun

    def take(self, known, after):
        """The call of that offer is ROW's from now on."""
        return self.row.take(self.row.incoming(known, Peer=self.name), after)


def data_mid(sdp):
    return re.search(r"(?m)^a=mid:(\S+)", data_section(sdp))[1]


def data_section(sdp):
    """The m-line of the data channels that is not rejected, and what belongs to it."""
    found = [s for s in re.split(r"(?m)^(?=m=)", sdp)[1:] if re.match(r"m=application [1-9]", s)]
    check(found, f"no data channels in {sdp!r}")
    return found[0]


def answer_to(offer, answer):
    """ANSWER, which is to an edited offer, as one to OFFER: its m-line, mid and group."""
    theirs, ours = data_section(offer), data_section(answer)
    ours = re.sub(r"(?m)^(a=(mid|sctp-port|sctpmap):|m=).*\r?\n", "", ours)
    kept = re.findall(r"(?m)^a=(?:mid|sctp-port|sctpmap):.*$", theirs)
    head = re.sub(r"(?m)^a=group:.*\r?\n", "", re.split(r"(?m)^m=", answer)[0])
    group = re.findall(r"(?m)^a=group:.*$", offer)
    lines = (head + "\n".join(group + [theirs.splitlines()[0]]) + "\n" + ours
             + "\n".join(kept)).splitlines()
    return "\r\n".join(line for line in lines if line) + "\r\n"


# ---- edits: each makes several changes, for a call takes its time ----

def other_lines(sdp):
    """What SDP allows, and what people write all the same (RFC 8866 5)."""
    sdp = sdp.replace("\r\n", "\n")
    sdp = re.sub(r"(?m)^s=.*$", "s=", sdp, count=1)
    sdp = sdp.replace("t=0 0\n", "i=x\nu=http://a\nb=CT:1\nt=0 0\nk=prompt\n", 1)
    return sdp + UNKNOWN_ATTRIBUTES + UNKNOWN_CANDIDATES + "\n\n"


def other_fingerprints(sdp):
    """For the whole session instead of the m-line, in lower case, behind some of hashes that nobody
    knows (RFC 8122 5)."""
    value = re.search(r"(?m)^a=fingerprint:sha-256 (\S+)", sdp)[1]
    sdp = re.sub(r"(?m)^a=fingerprint:.*\r?\n", "", sdp)
    made_up = ":".join(["AB"] * 20)
    lines = [f"a=fingerprint:{name}" for name in (
        f"sha-1 {made_up}", f"sha3-256 {made_up}", f"SHA-256 {value.lower()}")]
    return sdp.replace("t=0 0\r\n", "t=0 0\r\n" + "\r\n".join(lines) + "\r\n", 1)


def old_form(sdp):
    """draft-ietf-mmusic-sctp-sdp-05: a port in the m-line, no limit, and no mid yet."""
    sdp = re.sub(r"(?m)^a=(max-message-size|sctp-port|sctpmap|mid|group):.*\r?\n", "", sdp)
    sdp = re.sub(r"(?m)^m=application (\d+) .*$",
                 r"m=application \1 DTLS/SCTP 5000\r", sdp).replace("\r\r", "\r")
    return sdp.replace("\r\n", "\n", 3) + "a=sctpmap:5000 webrtc-datachannel 1024\r\n"


def half_old_form(sdp):
    """draft -15: DTLS/SCTP with a=sctp-port; and a limit beyond what 64 bits hold."""
    sdp = re.sub(r"(?m)^a=(max-message-size|sctp-port|sctpmap):.*\r?\n", "", sdp)
    sdp = re.sub(r"(?m)^m=application (\d+) .*$",
                 r"m=application \1 DTLS/SCTP webrtc-datachannel\r", sdp).replace("\r\r", "\r")
    return sdp + "a=sctp-port:5000\r\na=max-message-size:100000000000000000000\r\n"


def many_lines(sdp):
    """Others before it, and data channels once more; no limit at all."""
    audio = "".join(f"m=audio 0 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:a{i}\r\n"
                    "a=inactive\r\n" for i in range(60))
    head, section = sdp.split("m=application", 1)
    section = re.sub(r"(?m)^a=max-message-size:.*\r?\n", "", "m=application" + section)
    again = re.sub(r"(?m)^a=mid:.*$", "a=mid:again\r", section).replace("\r\r", "\r")
    return head + audio + section + "a=max-message-size:0\r\n" + again


EDITS = (other_lines, other_fingerprints, old_form, half_old_form, many_lines)

# Refused, with a reason.
REFUSED = (
    lambda sdp: sdp.replace("a=setup:actpass", "a=setup:holdconn"),
    lambda sdp: sdp.replace("a=setup:actpass", "a=setup:ActPass"),
    lambda sdp: sdp.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256  "),
    lambda sdp: re.sub(r"(?m)^a=fingerprint:.*\r?\n", "", sdp),
    lambda sdp: re.sub(r"m=application \d+", "m=application 0", sdp),
    lambda sdp: "\r\n" + sdp,
)


def edited(row):
    """Offers as other programs would write them: each makes a call, or is refused with a reason."""
    for edit in EDITS:
        with Carrier(row, edit) as carrier:
            try:
                call = carrier.take(*carrier.offer())
                row.main.exchange(f"in a call of an offer with {edit.__name__}")
            except Failed as failure:
                raise Failed(f"{edit.__name__}: {failure}; for the agent came {carrier.heard}; "
                             f"its offer was {edit(carrier.offered)!r}") from None
            call.hangup()
    for number, edit in enumerate(REFUSED):
        with Carrier(row, edit) as carrier:
            carrier.offer()
            bye = wait_for(lambda: [f for f in carrier.heard if f["type"] != "candidate"], 5,
                           f"an answer to the refused offer {number}")[0]
            equal(bye["type"], "bye", f"what came for the refused offer {number}")
            check(bye.get("reason"), f"no reason for refusing the offer {number}")
