# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Somebody in the middle of the signaling of two parties.

A bridge is an ordinary client in two rooms of a relay, one party in each. What
it hears from one it tells the other, after a function of the test has changed,
held back or multiplied the frames. It is how tests get hold of real offers,
answers and candidates without a WebRTC stack of their own. Ids of one room mean
nothing in the other, so from and to go out; to each party the bridge looks like
one foreign client.
"""

import harness
from wsclient import Closed, WsClient

LEFT, RIGHT = "left", "right"


class Bridge:
    """CHANGE(side, frame) gets each frame and the side it is from, and returns the
    list of frames to pass on (a str is sent as it is)."""

    def __init__(self, world, relay, left_room, right_room, change=None):
        self.change = change or (lambda side, frame: [frame])
        self.ends = {
            LEFT: world.closing(WsClient(relay.port, "/" + left_room)),
            RIGHT: world.closing(WsClient(relay.port, "/" + right_room)),
        }
        self.log = []

    def tell(self, side, *frames):
        """Sends frames to the party on SIDE."""
        for frame in frames:
            if isinstance(frame, str):
                self.ends[side].send_text(frame)
            else:
                self.ends[side].send_json(frame)

    def pump(self):
        """Passes on whatever has come; never waits."""
        for side, end in self.ends.items():
            while end.closed is None and end.pending():
                try:
                    frame = end.recv_json(1)
                except Closed as closed:
                    raise harness.Failed(f"the relay closed the bridge: {closed}") from None
                frame.pop("from", None)
                frame.pop("to", None)
                self.log.append((side, frame))
                self.tell(RIGHT if side == LEFT else LEFT, *self.change(side, dict(frame)))

    def wait_for(self, condition, timeout=5, what=None):
        """harness.wait_for(), passing frames on meanwhile."""

        def pumped():
            self.pump()
            return condition()

        return harness.wait_for(pumped, timeout, what or getattr(condition, "__name__", None))

    def seen(self, type_, side=None):
        return [f for s, f in self.log if f.get("type") == type_ and side in (None, s)]
