# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Channels of two peers that are in a call, for the tests of what they carry."""

import socket

import harness
from harness import CALL_INTERFACE, CHANNEL_INTERFACE, Gio, GLib, Skip, wait_for


class Channel:
    def __init__(self, peer, path):
        self.peer = peer
        self.path = path

    def get(self, name):
        return self.peer.get(name, self.path, CHANNEL_INTERFACE)

    def invoke(self, method, signature=None, *values):
        return self.peer.invoke(method, signature, *values, path=self.path,
                                interface=CHANNEL_INTERFACE)

    def received(self, member):
        return [s[3][0] for s in self.peer.signals.find(member, self.path)]


def needs(peer, path, method):
    xml = peer.bus.invoke(harness.PEER[0], path, "org.freedesktop.DBus.Introspectable",
                          "Introspect")[0]
    if f'name="{method}"' not in xml:
        raise Skip(f"{method} is not implemented")


def call_pair(world):
    relay = world.relay()
    emitter, listener = world.peer("emitter", relay), world.peer("listener", relay)
    call = listener.call("emitter")
    call.wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 5, "the listener")
    needs(listener, call.path, "OpenChannel")
    return emitter, listener, call


def open_channel(call, label, **options):
    path = call.peer.invoke("OpenChannel", "(sa{sv})", label, options, path=call.path,
                            interface=CALL_INTERFACE)[0]
    return Channel(call.peer, path)


def remote_channel(peer, label):
    def found():
        return [p for p, i in peer.objects().items()
                if CHANNEL_INTERFACE in i and i[CHANNEL_INTERFACE]["Label"] == label]

    return Channel(peer, wait_for(found, 5, f"channel {label} at {peer.name}")[0])


class Acquired:
    """A channel's socket; `maximum` is its max_message_size."""

    def __init__(self, channel, **options):
        peer = channel.peer
        try:
            reply, fds = peer.bus.connection.call_with_unix_fd_list_sync(
                harness.PEER[0], channel.path, CHANNEL_INTERFACE, "Acquire",
                GLib.Variant("(a{sv})", (options,)), None, Gio.DBusCallFlags.NO_AUTO_START,
                int(harness.PATIENCE * harness.SLOW * 1000), None, None)
        except GLib.Error as error:
            name = Gio.DBusError.get_remote_error(error)
            raise harness.BusError(name, error.message) from None
        handle, self.maximum = reply.unpack()
        self.socket = socket.socket(fileno=fds.get(handle))
        self.socket.setblocking(True)
        self.socket.settimeout(harness.PATIENCE * harness.SLOW)
        peer.world.closing(self.socket)

    def read(self):
        """One message, or None at the end."""
        packet, control, _, _ = self.socket.recvmsg(1 << 20, 256)
        return packet if packet or control else None

    def read_all(self):
        """Until the end."""
        return list(iter(self.read, None))


def acquired_pair(world, label="acquired", **options):
    """(ours, theirs, our Channel, their Channel, the call)"""
    emitter, _, call = call_pair(world)
    here = open_channel(call, label, **options)
    there = remote_channel(emitter, label)
    return Acquired(here), Acquired(there), here, there, call
