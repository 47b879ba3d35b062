#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The agent with GStreamer's webrtcbin, see agent.py.

webrtcbin calls back from threads of its own: everything is posted to the main
loop. The end of the association is an error on the bus of the pipeline, and no
event of any channel.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import gi  # noqa: E402

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

from agent import Agent, emit  # noqa: E402

MEDIA = (
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=96,clock-rate=48000",
    "application/x-rtp,media=video,encoding-name=VP8,payload=97,clock-rate=90000",
)
SDP_TYPES = {"offer": GstWebRTC.WebRTCSDPType.OFFER, "answer": GstWebRTC.WebRTCSDPType.ANSWER}


def post(function, *arguments):
    GLib.idle_add(lambda: function(*arguments) and False)


class GstChannel:
    def __init__(self, agent, native, by):
        self.native = native
        self.told = False
        agent.open_channels.append(self)

        def opened():
            if not self.told:
                self.told = True
                agent.tell_opened(self, by, **self.properties())

        def on(name, function):
            native.connect(name, lambda _native, *values: post(function, *values))

        on("on-open", opened)
        on("on-close", lambda: agent.channel_closed(self))
        on("on-error", lambda error: emit("problem", message=error.message))
        on("on-message-string", lambda text: agent.tell_message(
            self, "text", (text or "").encode()))
        on("on-message-data", lambda data: agent.tell_message(
            self, "binary", data.get_data() if data and data.get_size() else b""))
        if native.get_property("ready-state") == GstWebRTC.WebRTCDataChannelState.OPEN:
            post(opened)

    def properties(self):
        get = self.native.get_property

        def limit(name):
            return None if get(name) == -1 else get(name)

        return {
            "label": get("label"), "stream": get("id"), "ordered": get("ordered"),
            "protocol": get("protocol") or "", "maxRetransmits": limit("max-retransmits"),
            "maxPacketLifeTime": limit("max-packet-lifetime"),
        }

    def send_text(self, text):
        self.check(self.native.send_string_full(text))

    def send_binary(self, data):
        self.check(self.native.send_data_full(GLib.Bytes.new(data)))

    @staticmethod
    def check(sent):
        if not sent:
            raise ValueError("webrtcbin did not take the message")

    def close(self):
        self.native.close()


class GstAgent(Agent):
    pipeline = bin = None
    open_channels = []

    def __init__(self):
        super().__init__(post)

    def new_connection(self, media):
        self.close_connection()
        self.open_channels = []
        self.pipeline = Gst.Pipeline.new(None)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        self.bin = Gst.ElementFactory.make("webrtcbin", None)
        self.pipeline.add(self.bin)
        self.bin.connect("on-ice-candidate", self.on_candidate)
        self.bin.connect("on-data-channel", lambda bin, channel: post(
            self.guard, GstChannel, self, channel, "us"))
        self.bin.connect("notify::connection-state", self.on_state)
        self.pipeline.set_state(Gst.State.PLAYING)
        self.pipeline.get_state(Gst.CLOCK_TIME_NONE)
        if media:
            self.add_media()

    def add_media(self):
        for caps in MEDIA:
            self.bin.emit("add-transceiver", GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY,
                          Gst.Caps.from_string(caps))

    def on_error(self, _bus, message):
        emit("problem", message=message.parse_error()[0].message)
        for channel in list(self.open_channels):
            self.channel_closed(channel)

    def channel_closed(self, channel):
        if channel in self.open_channels:
            self.open_channels.remove(channel)
            self.tell_closed(channel)

    def on_candidate(self, bin_, index, candidate):
        post(self.guard, lambda: bin_ is self.bin and self.send_candidate(
            candidate, self.mids.get(index), index))

    def on_state(self, bin_, _property):
        state = bin_.get_property("connection-state").value_nick
        post(lambda: bin_ is self.bin and self.tell_state(state))

    def open_channel(self, label, options):
        names = {"ordered": "ordered", "protocol": "protocol",
                 "maxRetransmits": "max-retransmits", "maxPacketLifeTime": "max-packet-lifetime",
                 "negotiated": "negotiated", "id": "id"}
        structure = Gst.Structure.new_empty("options")
        for key, value in options.items():
            structure.set_value(names[key], value)
        native = self.bin.emit("create-data-channel", label, structure)
        if native is None:
            raise ValueError("create-data-channel gave none")
        return GstChannel(self, native, "them")

    # webrtcbin works in a thread of its own, so its promises can be waited for here. What a
    # promise replies goes away with it.

    def ask(self, signal, *arguments):
        promise = Gst.Promise.new()
        self.bin.emit(signal, *arguments, promise)
        if promise.wait() != Gst.PromiseResult.REPLIED:
            raise ValueError(f"{signal}: no reply")
        reply = promise.get_reply()
        if reply and reply.has_field("error"):
            raise ValueError(f"{signal}: {reply.get_value('error').message}")
        return promise, reply

    def describe(self, kind, done):
        _promise, reply = self.ask("create-" + kind, None)
        sdp = reply.get_value(kind).sdp.as_text()
        self.mids = dict(enumerate(
            line[6:] for line in sdp.splitlines() if line.startswith("a=mid:")))
        self.ask("set-local-description", self.parse(kind, sdp))
        done(sdp)

    @staticmethod
    def parse(kind, sdp):
        _result, message = GstSdp.SDPMessage.new_from_text(sdp)
        return GstWebRTC.WebRTCSessionDescription.new(SDP_TYPES[kind], message)

    def make_offer(self, done):
        self.describe("offer", done)

    def make_answer(self, done):
        self.describe("answer", done)

    def set_remote(self, kind, sdp, done):
        self.ask("set-remote-description", self.parse(kind, sdp))
        done()

    def add_candidate(self, candidate, mid, index):
        self.bin.emit("add-ice-candidate", index or 0, candidate)

    def close_connection(self):
        if self.pipeline:
            self.pipeline.set_state(Gst.State.NULL)
            self.pipeline = self.bin = None


def main():
    Gst.init(None)
    agent = GstAgent()
    agent.start("GStreamer " + ".".join(str(part) for part in Gst.version()[:3]))
    GLib.MainLoop().run()


main()
