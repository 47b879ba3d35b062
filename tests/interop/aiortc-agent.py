#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The agent with aiortc, see agent.py.

aiortc gathers within setLocalDescription and does not trickle: its candidates
are in the description.
"""

import asyncio
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import aiortc  # noqa: E402
from agent import Agent, emit  # noqa: E402
from aiortc.sdp import candidate_from_sdp  # noqa: E402


class AiortcChannel:
    def __init__(self, agent, native, by):
        self.agent = agent
        self.native = native
        native.on("message", lambda data: agent.tell_message(
            self, "text" if isinstance(data, str) else "binary",
            data.encode() if isinstance(data, str) else data))
        native.on("close", lambda: agent.tell_closed(self))

        def opened():
            agent.tell_opened(
                self, by, label=native.label, stream=native.id, protocol=native.protocol,
                ordered=native.ordered, maxRetransmits=native.maxRetransmits,
                maxPacketLifeTime=native.maxPacketLifeTime)

        if native.readyState == "open":
            opened()
        else:
            native.on("open", opened)

    def send_text(self, text):
        self.native.send(text)

    def send_binary(self, data):
        self.native.send(data)

    def send_raw(self, ppid, data):
        transport = self.agent.connection.sctp
        self.agent.spawn(transport._send(self.native.id, ppid, data))

    def close(self):
        self.native.close()


class AiortcAgent(Agent):
    connection = None

    def __init__(self, loop):
        super().__init__(loop.call_soon_threadsafe)
        self.loop = loop
        self.tasks = set()

    def spawn(self, coroutine):
        task = self.loop.create_task(self.watch(coroutine))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def watch(self, coroutine):
        try:
            await coroutine
        except Exception as error:
            emit("problem", message=f"{type(error).__name__}: {error}")

    def new_connection(self, media):
        self.close_connection()
        connection = self.connection = aiortc.RTCPeerConnection()
        if media:
            self.add_media()
        connection.on("datachannel", lambda channel: AiortcChannel(self, channel, "us"))

        @connection.on("connectionstatechange")
        def state():
            if connection is self.connection:
                self.tell_state(connection.connectionState)

    def add_media(self):
        for kind in ("audio", "video"):
            self.connection.addTransceiver(kind, direction="recvonly")

    def open_channel(self, label, options):
        return AiortcChannel(self, self.connection.createDataChannel(label, **options), "them")

    def make_offer(self, done):
        async def offer():
            connection = self.connection
            await connection.setLocalDescription(await connection.createOffer())
            done(connection.localDescription.sdp)

        self.spawn(offer())

    def make_answer(self, done):
        async def answer():
            connection = self.connection
            await connection.setLocalDescription(await connection.createAnswer())
            done(connection.localDescription.sdp)

        self.spawn(answer())

    def set_remote(self, kind, sdp, done):
        async def set_remote():
            await self.connection.setRemoteDescription(aiortc.RTCSessionDescription(sdp, kind))
            done()

        self.spawn(set_remote())

    def add_candidate(self, candidate, mid, index):
        parsed = candidate_from_sdp(candidate.removeprefix("candidate:"))
        parsed.sdpMid, parsed.sdpMLineIndex = mid, index
        self.spawn(self.connection.addIceCandidate(parsed))

    def close_connection(self):
        if self.connection:
            self.spawn(self.connection.close())


def main():
    loop = asyncio.new_event_loop()
    AiortcAgent(loop).start("aiortc " + aiortc.__version__)
    loop.run_forever()


main()
