#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Readings between two rtcbus peers: each once and in order, whatever is killed meanwhile."""

import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import equal, expect_error, wait_for  # noqa: E402

from gi.repository import GLib  # noqa: E402


def publish(emitter, series, value, **options):
    return emitter.invoke("PublishReading", "(sva{sv})", series, value, options)[0]


def readings(peer, after=0):
    return peer.invoke("ReadReadings", "(tua{sv})", after, 0, {})[0]


def missed(peer):
    return sum(series[6] for series in peer.invoke("ListSeries", None)[0])


def pair(world, keep=True, **config):
    relay = world.relay(port=harness.free_port())
    emitter = world.peer("emitter", relay, config=config or None)
    listener = world.peer("listener", relay)
    if keep:
        listener.invoke("Keep", "(s)", "emitter")
        wait_for(lambda: emitter.get("ListenerCount") == 1, 10, "a listener")
    return relay, emitter, listener


def numbers_of(listener):
    return [int(number[3]) for number in listener.numbers()[0]]


def test_series_units_and_times(world):
    _, emitter, listener = pair(world)
    publish(emitter, "temperature", GLib.Variant("d", 21.37), unit=GLib.Variant("s", "°C"),
            time=GLib.Variant("t", 1_700_000_000_123_456))
    publish(emitter, "door", GLib.Variant("s", "öpen"))
    publish(emitter, "picture", GLib.Variant("ay", bytes(range(256)) * 256))
    wait_for(lambda: len(readings(listener)) == 3, 10, "three readings")
    first, second, third = readings(listener)
    equal((first[2], first[3], first[4], first[5], first[6]),
          (1_700_000_000_123_456, "emitter", "temperature", 21.37, "°C"), "a number")
    equal((second[4], second[5], second[6]), ("door", "öpen", ""), "a text")
    equal(bytes(third[5]), bytes(range(256)) * 256, "64 KiB of bytes")


def test_a_newcomer_gets_the_last_of_each_series(world):
    _, emitter, listener = pair(world, keep=False)
    for i in range(300):
        publish(emitter, f"series {i % 100}", GLib.Variant("d", float(i)))
    listener.call("emitter").wait_state("connected")
    wait_for(lambda: len(readings(listener)) == 100, 10, "the last of each")
    equal([reading[5] for reading in readings(listener)], [float(i) for i in range(200, 300)],
          "values")
    publish(emitter, "series 0", GLib.Variant("d", 300.0))
    wait_for(lambda: len(readings(listener)) == 101, 10, "what is published")
    equal(missed(listener), 0, "missed")


def test_numbers_come_once(world):
    """By the feed, and not on msg_channel as well; and the feed is nobody else's."""
    _, emitter, listener = pair(world, keep=False)
    call = listener.call("emitter")
    call.wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 10, "a listener")
    for value in range(20):
        emitter.publish(value)
    wait_for(lambda: len(numbers_of(listener)) == 20, 10, "twenty numbers")
    equal(numbers_of(listener), list(range(20)), "numbers")
    channels = [path for path in listener.objects() if path.startswith(call.path + "/channel/")]
    equal(len(channels), 1, "channels")
    equal(listener.get("MessagesReceived", channels[0], "org.rtcbus.Peer1.Channel"), 0,
          "messages of msg_channel")
    expect_error("org.rtcbus.Error.InvalidArgument", listener.invoke, "OpenChannel", "(sa{sv})", "mine",
                 {"protocol": GLib.Variant("s", "rtcbus.readings.1")}, path=call.path,
                 interface="org.rtcbus.Peer1.Call")


def test_two_calls_double_nothing(world):
    _, emitter, listener = pair(world, keep=False)
    for _ in range(3):
        listener.call("emitter", another=True).wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 3, 10, "three feeds")
    for value in range(50):
        emitter.publish(value)
    wait_for(lambda: len(numbers_of(listener)) >= 50, 10, "fifty numbers")
    emitter.publish(50)
    wait_for(lambda: numbers_of(listener)[-1] == 50, 10, "the last one")
    equal(numbers_of(listener), list(range(51)), "numbers")


def test_what_left_the_outbox_is_counted(world):
    _, emitter, listener = pair(world, **{"Feed": {"Outbox": "100"}})
    emitter.publish(0)
    wait_for(lambda: numbers_of(listener) == [0], 10, "the first number")
    publish(emitter, "rare", GLib.Variant("d", 7.0))
    wait_for(lambda: len(readings(listener)) == 2, 10, "the rare one")
    listener.kill()
    publish(emitter, "quiet", GLib.Variant("d", 8.0))
    publish(emitter, "rare", GLib.Variant("d", 9.0))
    publish(emitter, "rare", GLib.Variant("d", 10.0))
    for value in range(1, 301):
        emitter.publish(value)
    listener.restart()
    wait_for(lambda: numbers_of(listener)[-1:] == [300], 30, "the newest")
    equal(numbers_of(listener), [0] + list(range(201, 301)), "numbers")
    equal([reading[5] for reading in readings(listener) if reading[4]], [7.0, 8.0, 10.0],
          "the last of quiet series")
    equal(missed(listener), 201, "missed")


def test_killed_again_and_again(world):
    relay, emitter, listener = pair(world)
    chance = random.Random(7)
    victims = [emitter, listener, emitter, relay, listener, emitter]
    value = 0
    for victim in victims:
        for _ in range(chance.randrange(20, 60)):
            emitter.publish(value)
            value += 1
        victim.kill()
        if victim is not emitter:
            for _ in range(30):
                emitter.publish(value)
                value += 1
        victim.restart()
        if victim is emitter:
            emitter.publish(value)
            value += 1
    wait_for(lambda: numbers_of(listener)[-1:] == [value - 1], 60, "the last number")
    equal(numbers_of(listener), list(range(value)), "numbers")
    equal(missed(listener), 0, "missed")


def test_a_new_store_is_a_new_emitter(world):
    _, emitter, listener = pair(world)
    for value in range(5):
        emitter.publish(value)
    wait_for(lambda: len(numbers_of(listener)) == 5, 10, "five numbers")
    emitter.kill()
    for root, _, files in os.walk(world.path("")):
        for name in files:
            if name.startswith("readings.db") and "emitter" in root:
                os.unlink(os.path.join(root, name))
    emitter.restart()
    for value in range(5, 8):
        emitter.publish(value)
    wait_for(lambda: numbers_of(listener)[-1:] == [7], 30, "the new ones")
    equal(numbers_of(listener), list(range(8)), "numbers")
    equal(missed(listener), 0, "missed")


if __name__ == "__main__":
    harness.main([
        test_series_units_and_times,
        test_a_newcomer_gets_the_last_of_each_series,
        test_numbers_come_once,
        test_two_calls_double_nothing,
        test_what_left_the_outbox_is_counted,
        test_killed_again_and_again,
        test_a_new_store_is_a_new_emitter,
    ])
