#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Readings on D-Bus, and what is left of them after a restart, a kill and a full disk."""

import os
import resource
import signal
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from gi.repository import GLib  # noqa: E402
from harness import check, equal, expect_error, note, wait_for  # noqa: E402

INVALID = "org.rtcbus.Error.InvalidArgument"
FAILED = "org.rtcbus.Error.Failed"


def publish(peer, series, value, **options):
    types = {"unit": "s", "time": "t"}
    kind = {float: "d", str: "s", bytes: "ay"}[type(value)]
    given = {key: option if isinstance(option, GLib.Variant) else GLib.Variant(types[key], option)
             for key, option in options.items()}
    return peer.invoke("PublishReading", "(sva{sv})", series, GLib.Variant(kind, value), given)[0]


def read(listener, after=0, maximum=0, **filters):
    types = {"peer": "s", "series": "s", "since": "t", "last": "u"}
    given = {key: value if isinstance(value, GLib.Variant) else GLib.Variant(types[key], value)
             for key, value in filters.items()}
    return listener.invoke("ReadReadings", "(tua{sv})", after, maximum, given)


def store_of(peer):
    return os.path.join(peer.state_directory, "rtcbus-peer", "readings.db")


def feed_pair(world, **listener_config):
    """An emitter, and a listener that has five numbers of it: 1 to 5."""
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    listener = world.peer("listener", relay, config={"Feed": listener_config})
    listener.call("emitter").wait_state("connected")
    wait_for(lambda: emitter.get("ListenerCount") == 1, 10, "the listener")
    for value in range(1, 6):
        emitter.publish(value)
    listener.wait_numbers(5, 10)
    return emitter, listener


# ---- publishing ------------------------------------------------------------------


def test_what_can_be_published(world):
    peer = world.peer("alone", world.relay())
    equal(publish(peer, "température", 21.5, unit="°C"), 1, "a number")
    equal(publish(peer, "note", "two\nlines", time=1), 2, "a text")
    equal(publish(peer, "picture", bytes(range(256)) * 256), 3, "64 KiB")
    equal(publish(peer, "", -0.5), 4, "a plain number")
    equal(peer.publish(7), 5, "one by Publish")
    equal(publish(peer, "s" * 64, "", unit="u" * 16), 6, "an empty text, and the longest names")
    wrong = {
        "a long name": ("s" * 65, 1.0, {}),
        "a control character": ("a\tb", 1.0, {}),
        "a C1 control character": ("a\x85b", 1.0, {}),
        "a long unit": ("a", 1.0, {"unit": "u" * 17}),
        "a unit of two lines": ("a", 1.0, {"unit": "a\nb"}),
        "infinity": ("a", float("inf"), {}),
        "not a number": ("a", float("nan"), {}),
        "more than 64 KiB": ("a", b"x" * 65537, {}),
        "a text of more than 64 KiB": ("a", "x" * 65537, {}),
        "a time after the end of time": ("a", 1.0, {"time": 2 ** 63}),
        "an unknown option": ("a", 1.0, {"colour": GLib.Variant("s", "red")}),
        "a time that is a text": ("a", 1.0, {"time": GLib.Variant("s", "now")}),
    }
    for what, (series, value, options) in wrong.items():
        error = expect_error(INVALID, publish, peer, series, value, **options)
        note(f"{what}: {error.message}")
    for value in GLib.Variant("i", 1), GLib.Variant("b", True), GLib.Variant("as", ["a"]):
        expect_error(INVALID, peer.invoke, "PublishReading", "(sva{sv})", "a", value, {})
    equal(peer.publish(8), 7, "nothing of that has taken a sequence")


def test_many_at_once(world):
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    desk = world.peer("desk", relay)

    def publish_all(rows):
        return emitter.invoke("PublishReadings", "(a(sva{sv}))", rows)[0]

    def row(value, kind="d", series="many"):
        return (series, GLib.Variant(kind, value), {"unit": GLib.Variant("s", "m")})

    equal(publish_all([]), [], "sequences of none")
    equal(publish_all([row(n) for n in range(1000)]), list(range(1, 1001)), "the sequences")
    for wrong in row(1, "u"), row(1.0, series="\n"):
        expect_error(INVALID, publish_all, [row(1.0), wrong])
    equal(publish_all([row("end", "s"), row(b"end", "ay")]), [1001, 1002], "those after an error")
    desk.call("emitter")
    got = wait_for(lambda: desk.invoke("ListSeries")[0], 20, "the series")
    equal((got[0][1], got[0][2], bytes(got[0][3])), ("many", "m", b"end"), "the last one")


def test_sequences_go_on(world):
    """After a restart, and after a kill: what was answered is there, and no sequence comes twice."""
    peer = world.peer("alone", world.relay())
    last = 0
    for end in peer.stop, peer.kill, peer.kill, peer.stop:
        for _ in range(20):
            sequence = publish(peer, "a", 1.0)
            equal(sequence, last + 1, "sequence")
            last = sequence
        end()
        peer.restart()
        with_store = read(peer)
        equal(with_store, ([], 0), "what we publish is not what we receive")


def test_an_emitter_stays_one(world):
    """It has something to give after a restart, and so it answers a call for whoever answers."""
    relay = world.relay()
    emitter = world.peer("emitter", relay)
    emitter.publish(1)
    emitter.restart()
    emitter.wait_connected()
    listener = world.peer("listener", relay)
    listener.call("").wait_state("connected", 10)


# ---- receiving -------------------------------------------------------------------


def test_read_readings(world):
    _, listener = feed_pair(world)
    readings, lost = read(listener)
    equal(lost, 0, "lost")
    equal([(r[0], r[3], r[4], r[5], r[6]) for r in readings],
          [(n, "emitter", "", float(n), "") for n in range(1, 6)], "readings")
    for reading in readings:
        check(0 <= reading[1] - reading[2] < 60e6, f"received and emitted: {reading}")
    equal([r[0] for r in read(listener, 2, 2)[0]], [3, 4], "two after the second")
    equal([r[0] for r in read(listener, last=2)[0]], [4, 5], "the last two")
    equal([r[0] for r in read(listener, peer="emitter", series="")[0]], [1, 2, 3, 4, 5], "of it")
    equal([r[0] for r in read(listener, since=readings[3][1])[0]],
          [r[0] for r in readings if r[1] >= readings[3][1]], "since the fourth")
    equal(read(listener, since=2 ** 62), ([], 0), "since the end of time")
    equal(read(listener, peer="nobody"), ([], 0), "of nobody")
    equal(read(listener, series="x"), ([], 0), "of no series")
    equal(read(listener, 2 ** 64 - 1), ([], 0), "after the largest sequence")
    expect_error(INVALID, read, listener, colour=GLib.Variant("s", "red"))
    expect_error(INVALID, read, listener, last=GLib.Variant("s", "two"))
    equal([n[0] for n in listener.numbers()[0]], [1, 2, 3, 4, 5], "the same sequences")
    for name in "ReadingReceived", "NumberReceived":
        wait_for(lambda name=name: len(listener.signals.find(name)) == 5, 10, f"five of {name}")
    listed = listener.invoke("ListSeries")[0]
    equal([(s[0], s[1], s[2], s[3], s[5], s[6]) for s in listed],
          [("emitter", "", "", 5.0, 5, 0)], "series")


def test_history_over_restarts(world):
    """A poller that keeps its place sees each number once, however the daemon ends."""
    emitter, listener = feed_pair(world)
    history = listener.get("HistoryId")
    check(len(history) == 32, history)
    seen = [n[3] for n in listener.numbers()[0]]
    after = listener.numbers()[0][-1][0]
    value = 5
    for end in listener.stop, listener.kill:
        before = [call.path for call in emitter.calls()]
        end()
        listener.restart()
        listener.wait_connected()
        equal(listener.get("HistoryId"), history, "HistoryId")
        equal(listener.received(), len(seen), "NumbersReceived")
        equal(listener.get("LastNumber")[3], float(value), "LastNumber")
        equal(listener.numbers(after), ([], 0), "nothing new yet")
        listener.wait_peer("emitter")
        listener.call("emitter").wait_state("connected", 10)
        wait_for(lambda: not [c for c in emitter.calls() if c.path in before], 60, "its end")
        wait_for(lambda: emitter.get("ListenerCount") == 1, 30, "the listener")
        value += 1
        emitter.publish(value)
        for number in listener.wait_numbers(1, 10, after=after):
            after = number[0]
            seen.append(number[3])
    equal(seen, [float(n) for n in range(1, value + 1)], "each once")


def test_a_smaller_history(world):
    """A reload takes what is too much out, and says how much was lost."""
    _, listener = feed_pair(world)
    listener.configure({**listener.config, "Feed": {"History": 2}})
    listener.signal(1)
    wait_for(lambda: len(read(listener)[0]) == 2, 10, "a history of two")
    equal(read(listener)[1], 3, "lost")
    equal(listener.numbers()[1], 3, "lost numbers")
    equal(listener.received(), 5, "NumbersReceived")


def test_all_kinds_arrive(world):
    """By the feed, with their series, units and times, and what rtcbusctl shows of them."""
    emitter, listener = feed_pair(world)
    sent = [("température", 21.5, "°C"), ("note", "two\nlines", ""), ("picture", b"\0\xff", "raw"),
            ("note", "", "")]
    for number, (series, value, unit) in enumerate(sent):
        publish(emitter, series, value, unit=unit, time=1000 + number)
    wait_for(lambda: len(read(listener)[0]) >= 9, 30, "all of them")
    found = [(r[4], bytes(r[5]) if isinstance(r[5], list) else r[5], r[6], r[2])
             for r in read(listener, 5)[0]]
    equal(found, [(*reading, 1000 + n) for n, reading in enumerate(sent)], "readings")
    equal([n[3] for n in listener.numbers()[0]], [1.0, 2.0, 3.0, 4.0, 5.0], "numbers")
    listed = {s[1]: (s[2], s[4], s[5], s[6]) for s in listener.invoke("ListSeries")[0]}
    equal(listed["note"], ("", 1003, 2, 0), "the series of notes")
    equal(listed["température"], ("°C", 1000, 1, 0), "the series of temperatures")


def test_a_bus_that_is_held_up(world):
    """Signals are left out rather than kept for ever; the history has all, and the last is told."""
    emitter, listener = feed_pair(world)
    listener.bus.process.signal(signal.SIGSTOP)
    rss = listener.rss_kib()
    for number in range(400):
        publish(emitter, "b", "x" * 60000, time=number)

    def stored():
        with sqlite3.connect(f"file:{store_of(listener)}?mode=ro", uri=True) as store:
            return store.execute("SELECT max(sequence) FROM history").fetchone()[0]

    wait_for(lambda: stored() == 405, 60, "all readings on the disk")
    note(f"RSS {rss} KiB, and then {listener.rss_kib()} KiB")
    check(listener.sanitized() or listener.rss_kib() < rss + 16 * 1024, "signals are kept")
    listener.bus.process.signal(signal.SIGCONT)

    def told():
        return [s for s in listener.signals.find("ReadingReceived") if s[3][0] == 405]

    wait_for(told, 30, "the last signal")
    note(f"{len(listener.signals.find('ReadingReceived'))} of 405 signals")
    equal(read(listener, 404)[0][0][2], 399, "the last reading")


# ---- what goes wrong ---------------------------------------------------------------


LIMITED = ("sh", "-c", "trap '' XFSZ; exec \"$@\"", "sh")


def test_full_disk(world):
    """No file can grow: publishing says so, what is there can be read, and it goes on by itself."""
    relay = world.relay()
    peer = world.peer("full", relay, wrapper=LIMITED)
    publish(peer, "a", 1.0)
    size = os.path.getsize(store_of(peer) + "-wal")
    resource.prlimit(peer.child.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def fails():
        try:
            publish(peer, "a", b"x" * 60000)
        except harness.BusError as error:
            return error
        return None

    error = wait_for(fails, 30, "a failure")
    note(error.message)
    equal(error.name, FAILED, "error")
    check("mended" in error.message, error.message)
    equal(peer.get("ReadingsError"), error.message, "ReadingsError")
    equal(read(peer), ([], 0), "what can be read")
    expect_error(FAILED, publish, peer, "a", b"x" * 60000)
    resource.prlimit(peer.child.pid, resource.RLIMIT_FSIZE,
                     (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    sequence = publish(peer, "a", b"x" * 60000)
    equal(peer.get("ReadingsError"), "", "ReadingsError")
    equal(publish(peer, "a", 2.0), sequence + 1, "sequence")


def test_damaged(world):
    emitter, listener = feed_pair(world)
    history = listener.get("HistoryId")
    listener.stop()
    with open(store_of(listener), "r+b") as store:
        store.write(b"this is not what it was")
    listener.restart()
    check(listener.get("HistoryId") not in ("", history), "HistoryId is the old one")
    equal(read(listener), ([], 0), "a new history")
    aside = [name for name in os.listdir(os.path.dirname(store_of(listener)))
             if name.startswith("readings.db.damaged-") and not name.endswith("-wal")]
    equal(len(aside), 1, f"files put aside: {aside}")
    check(aside[0] in listener.get("ReadingsError"), listener.get("ReadingsError"))
    check(aside[0] in listener.stderr(), "the log does not name it")
    listener.wait_connected()
    listener.wait_peer("emitter")
    listener.call("emitter").wait_state("connected", 10)
    wait_for(lambda: emitter.get("ListenerCount") == 1, 30, "the listener")
    emitter.publish(6)
    wait_for(lambda: 6.0 in [r[5] for r in read(listener)[0]], 10, "a reading in the new history")
    os.remove(os.path.join(os.path.dirname(store_of(listener)), aside[0]))
    listener.restart()
    equal(listener.get("ReadingsError"), "", "ReadingsError once it is gone")


def test_no_place_for_it(world):
    """A folder has its name: readings are in memory, and that is said."""
    relay = world.relay()
    peer = world.peer("alone", relay)
    peer.stop()
    for end in "", "-wal":
        if os.path.exists(store_of(peer) + end):
            os.remove(store_of(peer) + end)
    os.mkdir(store_of(peer))
    peer.restart()
    check("memory" in peer.get("ReadingsError"), peer.get("ReadingsError"))
    equal(publish(peer, "a", 1.0), 1, "sequence")
    os.rmdir(store_of(peer))
    peer.restart()
    equal(peer.get("ReadingsError"), "", "ReadingsError")


def test_the_file_is_ours_alone(world):
    peer = world.peer("alone", world.relay())
    publish(peer, "a", 1.0)
    equal(os.stat(store_of(peer)).st_mode & 0o777, 0o600, "mode")
    equal(os.stat(store_of(peer) + "-wal").st_mode & 0o777, 0o600, "mode of the journal")
    peer.stop()
    with sqlite3.connect(store_of(peer)) as store:
        equal(store.execute("SELECT count(*) FROM outbox").fetchone(), (1,), "rows")


harness.main([t for name, t in list(globals().items()) if name.startswith("test_")])
