#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""agent-aiortc.py offer|answer FD: the agent with aiortc, see agent.py.

aiortc gathers within setLocalDescription and does not trickle.
"""

import asyncio
import sys

import aiortc
from agent import LOW, Agent


class AiortcAgent(Agent):
    def __init__(self, loop, offers, fd):
        super().__init__(loop.call_soon_threadsafe, offers, fd)
        self.loop = loop
        self.tasks = set()

    def spawn(self, coroutine):
        task = self.loop.create_task(coroutine)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def use(self, channel):
        self.channel = channel
        channel.bufferedAmountLowThreshold = LOW
        channel.on("message", lambda data: self.on_message(data))
        channel.on("bufferedamountlow", self.on_low)
        if channel.readyState == "open":
            self.loop.call_soon(self.on_open)
        else:
            channel.on("open", lambda: self.on_open())

    def connect(self):
        self.connection = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
        self.connection.on("datachannel", self.use)
        if self.offers:
            self.use(self.connection.createDataChannel("bench"))
            self.spawn(self.describe(self.connection.createOffer))

    async def describe(self, create):
        await self.connection.setLocalDescription(await create())
        local = self.connection.localDescription
        self.signal(sdp=local.sdp, type=local.type)

    def take(self, frame):
        self.spawn(self.take_description(aiortc.RTCSessionDescription(**frame)))

    async def take_description(self, remote):
        await self.connection.setRemoteDescription(remote)
        if remote.type == "offer":
            await self.describe(self.connection.createAnswer)

    def disconnect(self):
        self.spawn(self.connection.close())

    def send(self, data):
        self.channel.send(data)

    def buffered(self):
        return self.channel.bufferedAmount


def main():
    loop = asyncio.new_event_loop()
    loop.call_soon(AiortcAgent(loop, sys.argv[1] == "offer", int(sys.argv[2])).start)
    loop.run_forever()


main()
