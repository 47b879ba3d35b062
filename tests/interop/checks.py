# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The columns of the matrix, in the order they run: most share one call, the last
ones end it or need calls of their own."""

import re
import subprocess
import time
from dataclasses import dataclass

import carried
import raw
from harness import SLOW, BusError, Failed, Skip, check, equal, wait_for
from payload import payload
from session import AgentError, Pair, partly

NUMBERS = ["0", "42", "16777215"]
SIZES = (1, 1024, 65536)
# Firefox takes 1 GiB: more than we queue for a call (16 MiB), let alone a test.
LARGEST_SENT = 1 << 20
BEYOND_QUOTA = (16 << 20) + 1
NEGOTIATED_ID = 101
OTHER_ADDRESS = "10.99.0.3/24"
HANGUP_SECONDS = 2 * SLOW
HANGUP_TRIES = 3  # where the machine has other things to do
OPTIONS = (
    {},
    {"ordered": False},
    {"maxRetransmits": 3},
    {"ordered": False, "maxPacketLifeTime": 500},
    {"ordered": False, "maxRetransmits": 0, "protocol": "chat.v1"},
)


def numbers(row):
    """The numbers of the feed, from whoever is the emitter."""
    if row.they_offer:
        start = row.peer.get("LastNumber")[0]
        for number in NUMBERS:
            row.main.text_to_us(number)
        came = row.peer.wait_numbers(len(NUMBERS), after=start)
        equal([n[3] for n in came], [float(n) for n in NUMBERS], "the numbers")
        equal({n[2] for n in came}, {row.name}, "whose numbers they are")
        return
    wait_for(lambda: len(row.remote.find("message", channel=row.main.number)) >= 5, 5,
             "five numbers at the agent")
    for message in row.remote.find("message", channel=row.main.number):
        check(message["kind"] == "text" and re.fullmatch(r"\d{1,8}", message["text"]),
              f"{message} is no number")


def text(row):
    pair = row.open(True)
    pair.to_them("plain, naïve, 漢字, 😀, \t\n\"\\")
    pair.text_to_us("plain, naïve, 漢字, 😀, \t\n\"\\")


def binary(row):
    pair = row.open(True)
    every = bytes(range(256))
    pair.to_them(every)
    pair.to_us("binary", 256)


def empty(row):
    """Messages of no bytes have payload protocol ids of their own (RFC 8831 6.6)."""
    pair = row.open(True)
    for kind, content in (("text", ""), ("binary", b"")):
        pair.to_them(content)
        if "empty" not in row.stack.partly:
            pair.to_us(kind, 0)
    partly(row, "empty")


def sizes(row):
    pair = row.open(True)
    for size in SIZES:
        for kind in ("text", "binary"):
            pair.to_them(payload(kind, size, 7))
            pair.to_us(kind, size, seed=9)


def maximum(row):
    """Exactly what each side has announced, both kinds."""
    pair = row.open(True)
    theirs = min(row.announced("local") or LARGEST_SENT, LARGEST_SENT)
    ours = min(row.announced("remote"), row.stack.sends_at_most)
    for kind in ("text", "binary"):
        pair.to_them(payload(kind, theirs, 3), timeout=20)
        pair.to_us(kind, ours, seed=5, timeout=20)


def too_large(row):
    """One byte more is an error that says why, and nothing else is hurt."""
    pair = row.open(True)
    announced = row.announced("local")
    size = announced + 1 if 0 < announced < BEYOND_QUOTA else BEYOND_QUOTA
    try:
        pair.ours.send(bytes(size))
        raise Failed(f"we sent {size} bytes where {announced} were announced")
    except BusError as error:
        check(error.name in ("org.rtcbus.Error.InvalidArgument",
                             "org.rtcbus.Error.LimitExceeded"), f"the error is {error.name}")
        check(re.search(r"\d", error.message), f"the error names no size: {error.message}")
    pair.exchange("after the refused one")
    ours = row.announced("remote")
    if row.stack.too_large != "refuses":
        row.remote.do("send", channel=pair.number, kind="binary", size=ours + 1, seed=1)
        row.remote.wait("closed", channel=pair.number)
        if row.stack.too_large == "closes":
            pair.ours.close()
        pair.ours.wait_gone()
        check(not pair.ours.received()[1:], "some of the message was delivered")
        if row.stack.too_large == "sends":
            check("max-message-size" in pair.ours.reason(), "we gave no reason for closing")
    else:
        try:
            row.remote.do("send", channel=pair.number, kind="binary", size=ours + 1, seed=1)
            raise Failed("the stack was to refuse it, and has sent it")
        except AgentError:
            pair.exchange("after theirs")
    row.main.to_them("the call goes on")
    row.open(False).exchange("on a new channel")


def ten(row):
    """Ten channels from each side, opened without waiting for each other."""
    begun = []
    for _ in range(10):
        for by_us in (True, False):
            label = row.label()
            begun.append((by_us, label, row.begin_open(by_us, label)))
    pairs = [row.finish_open(*one) for one in begun]
    equal(len({p.theirs["stream"] for p in pairs}), 20, "different stream ids")
    for pair in pairs:
        pair.exchange(pair.theirs["label"])


def hundred(row):
    """As many channels as one side may need; not every stack adds streams when it is asked."""
    labels = [row.label() for _ in range(100)]
    begun = [(True, label, row.begin_open(True, label)) for label in labels]
    pairs = [row.finish_open(*one) for one in begun]
    for pair in pairs:
        pair.exchange("one of a hundred")
    for pair in pairs:
        pair.ours.close()
    for pair in pairs:
        row.remote.wait("closed", channel=pair.number)
        pair.ours.wait_gone()


def protocol_beyond_ascii(row, options):
    if "protocol" not in options or row.stack.ascii_names:
        return options
    return {**options, "protocol": options["protocol"] + " é漢"}


def seen_here(row):
    """What they open is seen here as it is meant."""
    for options in OPTIONS:
        if "seen-here" in row.stack.partly and len(options) > 1:
            continue
        options = protocol_beyond_ascii(row, options)
        pair = row.open(False, **options)
        ours = pair.ours.added()
        equal(ours["Ordered"], options.get("ordered", True), f"Ordered of {options}")
        equal(ours["MaxRetransmits"], options.get("maxRetransmits", -1),
              f"MaxRetransmits of {options}")
        equal(ours["MaxPacketLifeTime"], options.get("maxPacketLifeTime", -1),
              f"MaxPacketLifeTime of {options}")
        equal(ours["Protocol"], options.get("protocol", ""), f"Protocol of {options}")
        pair.exchange("with these options")
    partly(row, "seen-here")


def seen_there(row):
    for options in OPTIONS:
        options = protocol_beyond_ascii(row, options)
        pair = row.open(True, **options)
        theirs = pair.theirs
        equal(theirs["protocol"], options.get("protocol", ""), f"protocol of {options}")
        pair.exchange("with these options")
        if "seen-there" in row.stack.partly:
            continue
        equal(theirs["ordered"], options.get("ordered", True), f"ordered of {options}")
        for name in ("maxRetransmits", "maxPacketLifeTime"):
            equal(theirs.get(name), options.get(name), f"{name} of {options}")
    partly(row, "seen-there")


def negotiated(row):
    """Both open the channel themselves, with a stream id they have agreed on."""
    label = row.label()
    options = {"negotiated": True, "stream": NEGOTIATED_ID}
    ours = row.begin_open(True, label, **options)
    row.remote.do("open", label=label, **options)
    theirs = row.remote.wait("opened", label=label)
    ours.wait_open()
    equal((ours.get("Id"), theirs["stream"]), (NEGOTIATED_ID, NEGOTIATED_ID), "the stream ids")
    pair = Pair(row, ours, theirs)
    pair.exchange("without DCEP")
    ours.close()
    row.remote.wait("closed", channel=pair.number)
    ours.wait_gone()


def closed(row, close):
    for opened_by_us in (True, False):
        first = row.open(opened_by_us)
        first.exchange("before")
        close(first)
        row.remote.wait("closed", channel=first.number)
        first.ours.wait_gone()
        if row.stack.frees_ids_early:
            row.main.exchange("behind our answer to the reset")
        second = row.open(opened_by_us)
        if opened_by_us or not row.stack.ids_once:
            equal(second.theirs["stream"], first.theirs["stream"], "the stream id used again")
        second.exchange("after")
        close(second)
        row.remote.wait("closed", channel=second.number)
        second.ours.wait_gone()


def closed_here(row):
    closed(row, lambda pair: pair.ours.close())


def closed_there(row):
    closed(row, lambda pair: row.remote.do("close", channel=pair.number))


def media(row):
    """An offer with audio and video first: those are rejected, the data is not."""
    row.call(media=True)
    answer = row.description("remote")
    lines = re.findall(r"(?m)^m=(\w+) (\d+)", answer)
    equal([name for name, _ in lines], ["audio", "video", "application"], "the m-lines")
    equal([port == "0" for _, port in lines], [True, True, False], "which are rejected")
    row.main.exchange("beside rejected media")


def mid(row):
    row.call(mid="data-7")
    check(re.search(r"(?m)^a=mid:data-7\r?$", row.description("remote")),
          "our answer has another mid")
    row.main.exchange("with that mid")


def unasked(row):
    """An offer that nobody has called for."""
    known = {c.path for c in row.peer.calls()}
    after = row.remote.mark()
    row.remote.do("offer", to=row.peer.get("Name"))
    call = wait_for(lambda: [c for c in row.peer.calls() if c.path not in known], 5,
                    "a call for the offer")[0]
    call.wait_state("connected", 15)
    equal(call.get("Direction"), "incoming", "its direction")
    opened = row.remote.wait("opened", 5, after, label="msg_channel")
    start = row.peer.get("LastNumber")[0]
    row.remote.do("send", channel=opened["channel"], kind="text", text="7")
    row.peer.wait_numbers(1, after=start)
    call.hangup()
    partly(row, "unasked")
    row.remote.wait("closed", 5, after, channel=opened["channel"])


def soon(row, end, settle=lambda _: None):
    """END ends the call and waits until that is noticed; of HANGUP_TRIES one has to take no more
    than HANGUP_SECONDS. Returns how long it was, and what END did, which SETTLE was told."""
    for _ in range(HANGUP_TRIES):
        row.ensure_call()
        began = time.monotonic()
        result = end()
        took = time.monotonic() - began
        settle(result)
        if took <= HANGUP_SECONDS:
            return f"{took * 1000:.0f} ms", result
    raise Failed(f"it took {took:.1f} s to be noticed")


def ufrag(sdp):
    return re.search(r"(?m)^a=ice-ufrag:(\S+)", sdp)[1]


def reoffer(row, **what):
    """An offer of theirs within the call, whoever made the first one. Returns our answer."""
    after = row.remote.mark()
    channels = row.remote.find("closed")
    row.remote.do("reoffer", **what)
    answer = row.remote.wait("description", 10, after, side="remote", type="answer")["sdp"]
    row.main.exchange("after another offer")
    equal(row.remote.find("problem", after), [], "problems")
    equal(row.remote.find("closed"), channels, "closed channels")
    equal(len(row.remote.find("heard", after, type="answer")), 2 if what.get("lose") else 1,
          "the number of answers")
    equal(row.call_.get("State"), "connected", "the state of the call")
    return answer


def restart_there(row):
    """An ICE restart of theirs: the old path goes on until there is a new one."""
    for lose in (False, True):
        before = row.call_.get("LocalCandidate")
        ours, theirs = (ufrag(row.description(side)) for side in ("remote", "local"))
        answer = reoffer(row, restart=True, lose=lose)
        check(ufrag(answer) != ours, "our answer has the old ICE credentials")
        check(ufrag(row.description("local")) != theirs, "it was no restart")
        wait_for(lambda: row.call_.get("LocalCandidate") != before, 10, "another path")
        row.main.exchange("by the new path")


def restart_here(row):
    """An ICE restart of ours, for there is another address."""
    if not row.they_offer:
        raise Skip("without a session there is no restart while the path is good")
    before, after = row.call_.get("LocalCandidate"), row.remote.mark()
    subprocess.run(["ip", "addr", "add", OTHER_ADDRESS, "dev", "lan0"], check=True)
    try:
        row.remote.wait("description", 10, after, side="remote", type="offer")
        if "restart-here" not in row.stack.partly:
            wait_for(lambda: row.call_.get("LocalCandidate") != before, 10, "another path")
        row.main.exchange("after the restart")
        equal(row.call_.get("State"), "connected", "the state of the call")
    finally:
        subprocess.run(["ip", "addr", "del", OTHER_ADDRESS, "dev", "lan0"], check=True)
    # What is said over an address that has gone reaches nobody: the next check may hang up.
    gone = OTHER_ADDRESS.split("/", 1)[0]
    wait_for(lambda: gone not in row.call_.get("LocalCandidate"), 20, "a path without that address")
    partly(row, "restart-here")


def reoffered(row):
    """Offers that are no restart: the same again, and one with more m-lines."""
    ours = ufrag(row.description("remote"))
    if "reoffered" not in row.stack.partly:
        answer = reoffer(row, media=True)
        equal(ufrag(answer), ours, "our user name")
        lines = dict(re.findall(r"(?m)^m=(\w+) (\d+)", answer))
        equal({name: port == "0" for name, port in lines.items()},
              {"application": False, "audio": True, "video": True}, "which m-lines are rejected")
    equal(ufrag(reoffer(row, lose=True)), ours, "our user name")
    partly(row, "reoffered")


def hangup_here(row):
    """The agent knows no `bye`: it sees what DTLS and SCTP say."""
    def end():
        after = row.remote.mark()
        row.call_.hangup()
        if "hangup-here" not in row.stack.partly:
            row.remote.wait("closed", after=after, channel=row.main.number)

    took = soon(row, end, lambda _: row.call_.wait_ended())[0]
    partly(row, "hangup-here")
    return took


def hangup_there(row):
    def end():
        row.remote.begin("hangup", bye=row.stack.silent)
        return row.call_.wait_ended()

    took, reason = soon(row, end)
    return f"{took}: {reason}" + (", by its `bye` alone" if row.stack.silent else "")


def reload(row):
    def end():
        return row.remote.begin("reload"), row.call_.wait_ended()

    def settle(ended):
        row.remote.finish(ended[0])
        wait_for(lambda: row.name not in [name for _, name in row.peer.get("Peers")], 5,
                 "the old page to be out of the room")
        row.join()

    took, (_, reason) = soon(row, end, settle)
    row.call()
    row.main.exchange("after the reload")
    return f"{took}: {reason}"


@dataclass
class Column:
    name: str
    check: callable
    only_offers: str = ""  # why it makes no sense when they answer
    own_call: bool = False


ONLY_OFFERS = "only who offers can"
COLUMNS = [
    Column("numbers", numbers),
    Column("text", text),
    Column("binary", binary),
    Column("empty", empty),
    Column("sizes", sizes),
    Column("maximum", maximum),
    Column("too-large", too_large),
    Column("ten", ten),
    Column("hundred", hundred),
    Column("seen-here", seen_here),
    Column("seen-there", seen_there),
    Column("negotiated", negotiated),
    Column("label-nul", raw.label_nul),
    Column("raw-dcep", raw.raw_dcep),
    Column("closed-here", closed_here),
    Column("closed-there", closed_there),
    Column("reoffered", reoffered),
    Column("restart-there", restart_there),
    Column("restart-here", restart_here),
    Column("hangup-here", hangup_here),
    Column("hangup-there", hangup_there),
    Column("reload", reload),
    Column("media", media, ONLY_OFFERS, own_call=True),
    Column("mid", mid, ONLY_OFFERS, own_call=True),
    Column("edited", carried.edited, ONLY_OFFERS, own_call=True),
    Column("unasked", unasked, ONLY_OFFERS, own_call=True),
]
