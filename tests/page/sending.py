# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What the page sends and takes: values, texts, files; and how it pairs."""

import json
import os
import subprocess

from ctl import Ctl
from harness import Skip, check, equal, wait_for
from pages import ROOM, open_page, own_key, start_relay, wait_people

MIB = 1024 * 1024


def publish_on_page(page, value, series, unit="", kind="auto"):
    page.eval("""(() => {
        const form = document.getElementById('publish'), fields = %s;
        for (const name of Object.keys(fields))
            form.elements[name].value = fields[name];
        form.requestSubmit();
    })()""" % json.dumps({"value": value, "series": series, "unit": unit, "kind": kind}))


RECORD_CHANNELS = """(() => {
    const {createDataChannel} = RTCPeerConnection.prototype;
    window.made = [];
    RTCPeerConnection.prototype.createDataChannel = function (...words) {
        window.made.push(createDataChannel.apply(this, words));
        return window.made.at(-1);
    };
})()"""


def test_values(world, kind):
    """Numbers and texts with series and unit, to who listens and who comes later."""
    relay = start_relay(world)
    early, late = (world.peer(name, relay, room=ROOM) for name in ("early", "late"))
    page = open_page(world, kind, relay)
    early.wait_peer("desk")
    page.eval(RECORD_CHANNELS)
    early.call("desk").wait_state("connected", 10)
    page.wait_text("#listeners", "1 listener")
    check("early" in page.text("#listener-names"), "who listens")
    page.eval("document.querySelector('.emit details').open = true")
    for value, series, unit, how, said in (
            ("21,5", "temperature", "°C", "auto", "temperature: 21.5 °C is published"),
            ("open", "door", "", "auto", "door: open"), ("007", "agent", "", "text", "agent: 007"),
            ("8", "x" * 65, "", "auto", "Not published")):
        publish_on_page(page, value, series, unit, how)
        page.wait_text("#published", said)

    def read(peer):
        return [(one[4], one[5], one[6]) for one in peer.invoke("ReadReadings", "(tua{sv})", 0, 0, {})[0]]

    wanted = [("temperature", 21.5, "°C"), ("door", "open", ""), ("agent", "007", "")]
    wait_for(lambda: read(early) == wanted, 10, "the values at the one that has listened")
    equal(page.eval("window.made.map(({label, readyState}) => `${label} ${readyState}`)"),
          ["msg_channel open", "rtcbus-readings open"], "the channels that the page has opened")
    late.call("desk")
    wait_for(lambda: read(late) == wanted, 10, "the last values at the one that came later")


def give(page, peer, name, size):
    """Chooses a file of SIZE bytes for PEER, whose content is told by content()."""
    page.eval("""(() => {
        const bytes = new Uint8Array(%d), data = new DataTransfer(), input = document.querySelector(%s);
        for (let i = 0; i < bytes.length; i++)
            bytes[i] = (i >> 16) + i * 7;
        data.items.add(new File([bytes], %s));
        input.files = data.files;
        input.dispatchEvent(new Event('change'));
    })()""" % (size, json.dumps(page.card(peer, "input[type=file]")), json.dumps(name)))


def content(size):
    row = bytes(i * 7 & 255 for i in range(256)) * 256
    return b"".join(bytes((byte + high) & 255 for byte in row) for high in range(size >> 16))


def receive(peer, folder, *arguments):
    os.makedirs(folder, exist_ok=True)
    return Ctl(peer, "receive", "--anyone", *arguments, folder, stdin=subprocess.DEVNULL)


def test_file_to_peer(world, kind):
    """It arrives whole, although the one who receives it is ended in the middle and begins again."""
    relay = start_relay(world)
    box = world.peer("box", relay, room=ROOM)
    page = open_page(world, kind, relay)
    wait_people(page, "box")
    folder, size = world.path("there"), 24 * MIB
    page.click("#people button")
    page.wait_text(page.card("box", ".pill"), "connected")
    receiver = receive(box, folder)
    give(page, "box", "report.bin", size)
    part, whole = (os.path.join(folder, name) for name in (".report.bin.rtcbus-part", "report.bin"))
    wait_for(lambda: os.path.exists(whole) or (os.path.exists(part) and os.path.getsize(part) > MIB),
             what="some of the file")
    if os.path.exists(whole):
        raise Skip("the file was faster than we")
    receiver.child.kill()
    receiver.child.wait()
    again = receive(box, folder)
    page.wait_text(page.card("box", ".send"), "report.bin has arrived", 60)
    equal(again.status(), 0, "exit status of rtcbusctl receive")
    with open(os.path.join(folder, "report.bin"), "rb") as f:
        check(f.read() == content(size), "another file has come")


def test_file_from_peer(world, kind):
    """Asked first; refused, and then taken, by a name that cannot do harm."""
    relay = start_relay(world)
    box = world.peer("box", relay, room=ROOM)
    page = open_page(world, kind, relay)
    box.wait_peer("desk")
    path = os.path.join(world.directory, "<b>report.bin")
    with open(path, "wb") as f:
        f.write(os.urandom(3 * MIB))

    def send():
        return Ctl(box, "send", path, "desk", stdin=subprocess.DEVNULL)

    sender = send()
    page.wait_text("#file-list li:first-child", "box offers <b>report.bin (3,145,728 bytes)", 20)
    page.click("#file-list li:first-child button.quiet")
    equal(sender.status(), 1, "exit status of a refused file")
    page.wait_text("#file-list", "Refused.")
    sender = send()
    page.wait("document.querySelectorAll('#file-list button').length === 2", 20)
    page.click("#file-list li:first-child button")
    page.wait_text("#file-list li:first-child", "whole and checked", 30)
    equal(page.eval("document.querySelector('#file-list a').download"), "<b>report.bin", "its name")
    equal(sender.status(), 0, f"exit status ({sender.errors()})")


def known(peer):
    return {entry[0]: entry[1] for entry in peer.invoke("ListKnownPeers")[0]}


def known_on_page(page):
    return json.loads(page.eval("localStorage.getItem('rtcbus.known')") or "{}")


def test_pairing(world, kind):
    """A code made by the daemon and typed here, wrong at first; and one made here."""
    relay = start_relay(world)
    box, hut = (world.peer(name, relay, room=ROOM) for name in ("box", "hut"))
    page = open_page(world, kind, relay)
    box.wait_peer("desk")
    hut.wait_peer("desk")
    own = own_key(page)
    code = box.invoke("Pair", "(a{sv})", {})[0]
    page.eval("document.getElementById('pairing').open = true")

    def type_code(text):
        page.do("type", selector="#pair-code", text=text, clear=True)
        page.click("#pair button")

    type_code(code[:-1] + str((int(code[-1]) + 1) % 10))
    page.wait_text("#pair-result", "Not paired: the code is wrong", 20)
    type_code(code)
    page.wait_text("#pair-result", "Paired with box.", 20)
    equal(known_on_page(page), {"box": box.get("Fingerprint")}, "whom the page knows")
    equal(known(box), {"desk": own}, "whom the peer knows")
    page.click("#pair-offer")
    page.wait("document.getElementById('pair-own').textContent !== ''")
    hut.invoke("PairWith", "(sa{sv})", page.text("#pair-own"), {})
    page.wait_text("#pair-result", "Paired with hut.", 20)
    equal(known_on_page(page)["hut"], hut.get("Fingerprint"), "hut's key on the page")
    wait_for(lambda: known(hut) == {"desk": own}, 10, "the page's key at hut")
