#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""agent-gstreamer.py offer|answer FD: the agent with GStreamer's webrtcbin, see agent.py.

webrtcbin calls back from threads of its own. Messages are counted and answered there, which is the
shortest way.
"""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from agent import LOW, Agent  # noqa: E402

TYPES = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}


def post(function, *arguments):
    GLib.idle_add(lambda: function(*arguments) and False)


class GstAgent(Agent):
    pipeline = None

    def use(self, channel):
        self.channel = channel
        self.told = False
        channel.set_property("buffered-amount-low-threshold", LOW)
        channel.connect("on-message-data", lambda _channel, data: self.on_message(data.get_data()))
        channel.connect("on-buffered-amount-low", lambda _channel: self.on_low())
        channel.connect("on-open", lambda _channel: self.tell_open())
        if channel.get_property("ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN:
            self.tell_open()

    def tell_open(self):
        if not self.told:
            self.told = True
            self.on_open()

    def connect(self):
        self.pipeline = Gst.Pipeline.new(None)
        self.bin = Gst.ElementFactory.make("webrtcbin", None)
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", lambda _bin, index, candidate: self.signal(
            index=index, candidate=candidate))
        self.bin.connect("on-data-channel", lambda _bin, channel: self.use(channel))
        self.pipeline.set_state(Gst.State.PLAYING)
        if self.offers:
            self.use(self.bin.emit("create-data-channel", "bench", Gst.Structure.new_empty("o")))
            self.describe("offer")

    # webrtcbin works in a thread of its own, so its promises can be waited for here.

    def ask(self, signal, *arguments):
        promise = Gst.Promise.new()
        self.bin.emit(signal, *arguments, promise)
        promise.wait()
        return promise, promise.get_reply()

    def describe(self, kind):
        _promise, reply = self.ask("create-" + kind, None)
        sdp = reply.get_value(kind).sdp.as_text()
        self.ask("set-local-description", self.parse(kind, sdp))
        self.signal(type=kind, sdp=sdp)

    @staticmethod
    def parse(kind, sdp):
        _result, message = GstSdp.SDPMessage.new_from_text(sdp)
        return GstWebRTC.WebRTCSessionDescription.new(TYPES[kind], message)

    def take(self, frame):
        if not self.pipeline:
            return
        if "candidate" in frame:
            self.bin.emit("add-ice-candidate", frame["index"], frame["candidate"])
            return
        self.ask("set-remote-description", self.parse(frame["type"], frame["sdp"]))
        if frame["type"] == "offer":
            self.describe("answer")

    def disconnect(self):
        self.pipeline.set_state(Gst.State.NULL)
        self.pipeline = self.bin = self.channel = None

    def send(self, data):
        self.channel.send_data_full(GLib.Bytes.new(data))

    def buffered(self):
        return self.channel.get_property("buffered-amount")


def main():
    Gst.init(None)
    GstAgent(post, sys.argv[1] == "offer", int(sys.argv[2])).start()
    GLib.MainLoop().run()


main()
