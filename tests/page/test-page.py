#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The web page in real browsers, with the real daemons: what a visitor does and sees.

tests/page/install fetches what drives the browsers; without it all is skipped. The relay
listens on an address of the network that tests/page/run makes, so that to the browsers the
page is one of plain HTTP from another machine.
"""

import functools
import os
import re
import shutil
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]

import harness  # noqa: E402
import client  # noqa: E402
import sending  # noqa: E402
import tokens  # noqa: E402
import views  # noqa: E402
from browser import EXECUTABLES, Browser, executable, module_folder  # noqa: E402
from fronts import caddy, haproxy, nginx  # noqa: E402
from harness import check, equal, hold, note, wait_for  # noqa: E402
from wsclient import WsClient  # noqa: E402
from pages import (ADDRESS, FOREIGN, ROOM, WEB, emitter, fact, open_page, own_key,  # noqa: E402
                   page_url, publish, rungs, shoot, slide, start_relay, told_of_the_end, wait_connected,
                   wait_growing, wait_people, wait_still)

# ---- tests, each for each browser ------------------------------------------------


def test_two_emitters(world, kind):
    """Join, call all, numbers, plot, connection, ladder; and the pictures of it."""
    relay = start_relay(world)
    boiler = emitter(world, relay, "boiler", "10ms")
    emitter(world, relay, "window", "200ms")
    roof = "a sensor on the roof of the house at the lake"
    world.peer(roof, relay, room=ROOM)
    browser = Browser(world, kind)
    note(browser.version)
    page = browser.open("page", page_url(relay))
    shoot(page, "join")
    page.join("desk")
    wait_people(page, "boiler", "window", roof)
    page.click("#call-all")
    for peer, least in (("boiler", 300), ("window", 15)):
        wait_for(lambda: page.count(peer) >= least, 20, f"numbers of {peer}")
        value = page.eval(f"Number(document.querySelector({page.card(peer, '.value')!r}).dataset.value)")
        check(0 <= value <= 16777215, f"{value} is none of the numbers")
        page.wait_text(page.card(peer, ".pill"), "connected")
        page.wait(f"document.querySelector({page.card(peer, '.link')!r}).textContent.includes('udp')")
        check(re.search(r"host udp .*:\d+", fact(page, peer, "Path")), fact(page, peer, "Path"))
        check(fact(page, peer, "Round trip") not in ("", "–"), "no round-trip time")
        check(re.fullmatch(r"[\d.]+ m?s", fact(page, peer, "Set-up")), fact(page, peer, "Set-up"))
    equal(fact(page, "boiler", "Fingerprint"), boiler.get("Fingerprint"), "fingerprint")
    wait_for(lambda: 25 < float(fact(page, "boiler", "Rate").split()[0]) < 110,
             what="the rate of a number each 10 ms, or what a busy machine leaves of it")

    seen = rungs(page)
    for rung in ("welcome", "call", "offer", "answer", "candidate", "connected", "channel open",
                 "first number"):
        check(rung in seen, f"no {rung} among {seen}")
    check(seen.index("call") < seen.index("offer") < seen.index("answer"), seen)
    page.eval("[...document.querySelectorAll('.rung')]"
              ".find((r) => r.querySelector('b').textContent === 'offer').open = true")
    page.wait_text(".content", "a=fingerprint:sha-256")
    page.wait_text(".content .sdp", "hash of the certificate")
    page.eval("document.querySelector('.rung[open]').open = false")
    check(page.eval("document.querySelector('.here').getBoundingClientRect().right <= "
                    "document.querySelector('.numbers').getBoundingClientRect().left"),
          "a long name makes things overlap")
    shoot(page, "desk")
    page.do("size", width=390, height=844, mobile=kind == "chromium")
    page.wait("document.documentElement.scrollWidth <= innerWidth", what="nothing to be too wide")
    shoot(page, "phone")
    if kind == "chromium":
        page.do("dark", dark=True)
        shoot(page, "phone-dark")
        page.do("size", width=1700, height=1000)
        page.wait("innerWidth === 1700")
        shoot(page, "wide-dark")
    equal(page.problems(), [], "complaints in the console")


def test_plot(world, kind):
    """It moves, at 100 numbers a second it never flickers, and out of sight it rests."""
    relay = start_relay(world)
    emitter(world, relay, "boiler", "10ms")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#people button")
    wait_for(lambda: page.count("boiler") > 50, 10, "numbers")
    first, _ = page.pixels("boiler")
    wait_for(lambda: page.pixels("boiler")[0] != first, 5, "the plot to move")
    # In each of 60 frames: what is painted, and the value.
    frames = page.eval("""new Promise((resolve) => {
        const canvas = document.querySelector(%r), value = document.querySelector(%r);
        const context = canvas.getContext('2d'), seen = [];
        function look() {
            const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
            let painted = 0;
            for (let i = 3; i < data.length; i += 4)
                painted += data[i] > 0;
            seen.push([painted, value.textContent.length]);
            if (seen.length < 60)
                requestAnimationFrame(look);
            else
                resolve(seen);
        }
        requestAnimationFrame(look);
    })""" % (page.card("boiler", "canvas"), page.card("boiler", ".value")))
    painted = [frame[0] for frame in frames]
    # On a busy machine they take long, and the curve grows: from one to the next it stays.
    check(all(after > 0.7 * before > 0 for before, after in zip(painted, painted[1:])), f"it flickers: {painted}")
    check(all(frame[1] > 0 for frame in frames), "the value is empty at times")
    page.click("#window label:first-of-type")
    wait_for(lambda: page.pixels("boiler")[1] > 1.5 * max(painted), 10,
             "a shorter time to show a wider curve")
    # Out of sight nothing is painted: what we paint over stays.
    page.eval("document.body.style.paddingTop = '3000px'")
    page.eval("scrollTo(0, 0)")

    def rests():
        page.eval("(() => { const c = document.querySelector('canvas'); "
                  "c.getContext('2d').clearRect(0, 0, c.width, c.height); })()")
        wait_growing(page, "boiler", 30)
        return page.pixels("boiler")[1] == 0

    wait_for(rests, what="nothing to be painted out of sight")
    page.eval("document.querySelector('canvas').scrollIntoView()")
    wait_for(lambda: page.pixels("boiler")[1] > 0, 5, "the plot in sight")


def test_relay_killed_and_back(world, kind):
    """Said in words; numbers go on; and then everything is as before."""
    relay = start_relay(world, port=harness.free_port())
    peer = emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#call-all")
    wait_growing(page, "boiler")
    relay.kill()
    page.wait_text("#banner-text", "relay")
    page.wait("document.getElementById('relay').dataset.state !== 'connected'")
    wait_growing(page, "boiler", 20)
    page.wait_text("#banner-text", "does not answer")
    shoot(page, "relay-lost", full=False)
    relay.start()
    relay.wait_ready()
    wait_connected(page, 40)
    page.wait("document.getElementById('banner').hidden")
    wait_for(lambda: peer.get("RelayState") == "connected", 40, "the peer to be back")
    wait_people(page, "boiler")
    wait_growing(page, "boiler", 20)
    # And new calls work, too.
    page.click(".card header button")
    page.wait_text(page.card("boiler", ".note"), "You hung up")
    page.click("#people button")
    wait_growing(page, "boiler")


def test_relay_frozen(world, kind):
    """A relay that keeps the connection but says nothing any more is lost, too: asked from time to
    time, or when the browser tells of its network."""
    relay = start_relay(world)
    emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#call-all")
    wait_growing(page, "boiler")
    relay.signal(signal.SIGSTOP)
    if kind == "firefox":
        page.eval("dispatchEvent(new Event('offline'))")
    try:
        page.wait_text("#banner-text", "The relay", 40)
        wait_growing(page, "boiler", 20)
    finally:
        relay.signal(signal.SIGCONT)
    wait_connected(page, 40)
    wait_growing(page, "boiler", 20)


def test_network_lost_and_back(world, kind):
    """The direct way is cut while the relay is still there."""
    if not shutil.which("nft"):
        raise harness.Skip("nftables is not installed")
    relay = start_relay(world)
    emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#call-all")
    wait_growing(page, "boiler")

    def nft(script):
        subprocess.run(["nft", script], check=True)

    nft("add table inet cut; add chain inet cut out { type filter hook output priority 0; }; "
        "add rule inet cut out meta l4proto udp drop")
    try:
        page.wait("['reconnecting', 'calling', 'connecting', 'closed'].includes("
                  f"document.querySelector({page.card('boiler', '.pill')!r}).dataset.state)", 30,
                  "the silence to be noticed")
        page.wait("document.querySelector('.card.stale') !== null")
        note(page.text(page.card("boiler", "header")) + page.text(page.card("boiler", ".note")))
    finally:
        nft("delete table inet cut")
    # Firefox has given up the channels by now, and calls anew when there is a path. There is a gap only if the
    # emitter had nobody to publish for: what it has published comes late.
    wait_growing(page, "boiler", 20, 90)
    page.wait("document.querySelector('.card.stale') === null")


def test_emitter_restarted(world, kind):
    """It hangs up and comes back; then it dies and comes back."""
    relay = start_relay(world)
    peer = emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#call-all")
    wait_growing(page, "boiler")
    peer.stop()
    page.wait_text(page.card("boiler", ".note"), "comes back")
    page.wait("document.querySelector('.card.stale') !== null", what="the silence to be seen")
    check("boiler hung up" in page.text(page.card("boiler", ".note")), "the reason is not told")
    wait_still(page, "boiler")  # so long that it is a gap
    peer.start()
    peer.wait_ready()
    wait_growing(page, "boiler", 20, 20)
    page.wait(f"document.querySelector({page.card('boiler', '.note')!r}).hidden")
    gaps = fact(page, "boiler", "Gaps")
    check(re.match(r"[1-9]", gaps), f"the pause is no gap: {gaps}")
    peer.kill()
    page.wait("document.querySelectorAll('#people li').length === 0")
    peer.start()
    peer.wait_ready()
    wait_growing(page, "boiler", 20, 40)


def test_slider(world, kind):
    """What it says reaches a peer daemon that calls the page."""
    relay = start_relay(world)
    peer = world.peer("logger", relay, room=ROOM)
    page = open_page(world, kind, relay)
    peer.wait_peer("desk")
    call = peer.call("desk")
    call.wait_state("connected", 10)
    page.wait_text("#listeners", "1 listener")
    slide(page, 3)
    numbers = peer.wait_numbers(3)
    equal([number[3] for number in numbers[:3]], [51, 52, 53], "numbers")
    equal([number[2] for number in numbers[:3]], ["desk"] * 3, "whose numbers")
    equal(page.text("#emit-value"), "53", "value shown")
    page.click("#repeat")
    peer.wait_numbers(5, 10)
    page.click("#repeat")
    # A second listener hears the present value at once.
    other = world.peer("other", relay, room=ROOM)
    other.wait_peer("desk")
    other.call("desk")
    equal(other.wait_numbers(1, 10)[0][3], 53, "the first number")
    page.wait_text("#listeners", "2 listeners")
    call.hangup()
    page.wait_text("#listeners", "1 listener")
    # One that calls everybody is answered, too.
    third = world.peer("third", relay, room=ROOM)
    third.call("")
    equal(third.wait_numbers(1, 10)[0][3], 53, "the number of whoever answers")


def test_page_to_page(world, kind):
    relay = start_relay(world)
    browser = Browser(world, kind)

    def front(page):
        page.do("front")
        return page

    def enter(tab, name):
        page = browser.open(tab, page_url(relay, f"?name={name}"))
        wait_connected(page)
        return page

    kitchen, hall = [enter(name, name) for name in ("kitchen", "hall")]
    wait_people(hall, "kitchen")
    hall.click("#call-all")
    hall.wait_text(hall.card("kitchen", ".pill"), "connected")
    slide(front(kitchen), -2)
    front(hall).wait_text(hall.card("kitchen", ".value"), "48")
    # Both ways at once.
    front(kitchen).click("#call-all")
    kitchen.wait_text(kitchen.card("hall", ".pill"), "connected")
    slide(front(hall), 1)
    front(kitchen).wait_text(kitchen.card("hall", ".value"), "51")
    # One goes: the other is told, and calls again when it is back.
    kitchen.do("close")
    front(hall).wait_text(hall.card("kitchen", ".note"), "comes back", 20)
    enter("kitchen2", "kitchen")
    front(hall).wait_text(hall.card("kitchen", ".pill"), "connected", 20)


def test_hang_up_and_reload(world, kind):
    """The other side is told; a reload joins again under the same name, and calls again whom it had
    called."""
    relay = start_relay(world)
    peer = emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    told_of_the_end(page, peer, lambda: page.click("#people button"))
    hold(lambda: peer.get("ListenerCount") == 0, 2, "the hang-up")
    page.click("#people button")
    wait_growing(page, "boiler")
    former = peer.calls()[0]
    page.do("reload")
    former.wait_ended(15)
    page.wait_text("#relay", "connected as desk")
    check("-2" not in page.text("#relay"), "the page has lost its name to itself")
    wait_growing(page, "boiler")
    # The emitter hangs up: said, and not called again against its will.
    peer.calls()[0].hangup()
    page.wait_text(page.card("boiler", ".note"), "boiler hung up")
    hold(lambda: peer.get("ListenerCount") == 0, 3, "the emitter's hang-up")
    page.click("#leave")
    page.wait("!document.getElementById('join').hidden")
    wait_for(lambda: relay.get("Connections") == 1, 5, "the page to have left")


def series_text(page, peer, series):
    return page.eval("document.querySelector(%r)?.innerText ?? ''" %
                     page.card(peer, f"[data-series='{series}'] .reading"))


def test_series(world, kind):
    """Several series with units and texts; what is published during a reload is not missed."""
    relay = start_relay(world)
    peer = world.peer("boiler", relay, room=ROOM)
    publish(peer, "temperature", 20.5, "°C")  # before anybody listens
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#people button")
    page.wait_text(page.card("boiler", ".value"), "20.5\u202f°C")
    publish(peer, "state", "heating <b>up</b>")
    publish(peer, "pressure", 1013.0, "hPa")
    for series, text in (("temperature", "20.5\u202f°C"), ("state", "heating <b>up</b>"),
                         ("pressure", "1,013\u202fhPa")):
        wait_for(lambda s=series, t=text: series_text(page, "boiler", s) == t, 10,
                 f"{text} of {series}, not {series_text(page, 'boiler', series)}")
    page.click(page.card("boiler", "[data-series='state'] button"))
    page.wait_text(page.card("boiler", ".value"), "heating <b>up</b>")
    page.wait(f"document.querySelector({page.card('boiler', 'canvas')!r}).hidden", what="texts to have no curve")
    check(re.search(r"ago|just now", fact(page, "boiler", "Last")), "when the text came is not told")
    page.click(page.card("boiler", "[data-series='pressure'] button"))
    page.wait(f"!document.querySelector({page.card('boiler', 'canvas')!r}).hidden", what="a curve")
    page.wait_text(page.card("boiler", ".value"), "1,013\u202fhPa")
    shoot(page, "series")

    page.click(page.card("boiler", "[data-series='temperature'] button"))
    for value in range(5):
        publish(peer, "temperature", 21.0 + value, "°C")
    wait_for(lambda: fact(page, "boiler", "Count") == "6", 10, "six temperatures")
    url = page.eval("location.href")
    page.do("go", url="about:blank")
    wait_for(lambda: not peer.calls(), 15, "the page to be gone")
    for value in range(5):
        publish(peer, "temperature", 31.0 + value, "°C")
    page.do("go", url=url)
    wait_connected(page)
    # All but the one of before the first call, and the same series is shown
    wait_for(lambda: fact(page, "boiler", "Count") == "10", 20, "all temperatures")
    page.wait_text(page.card("boiler", ".value"), "35\u202f°C")
    equal(fact(page, "boiler", "Missed"), "0", "what was missed")


def code_of(fingerprint):
    """What "rtcbusctl fingerprint" shows of it."""
    digest = bytes.fromhex(fingerprint.removeprefix("sha-256 ").replace(":", ""))
    return " ".join(f"{int.from_bytes(digest[at:at + 5], 'big') % 100000:05}" for at in range(0, 30, 5))


def test_identity(world, kind):
    """Our key outlives a reload; the other's is remembered, and another one is refused."""
    relay = start_relay(world)
    peer = emitter(world, relay, "boiler")
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    own = own_key(page)
    check(re.fullmatch(r"sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}", own), f"own key: {own}")
    page.click("#call-all")
    wait_growing(page, "boiler")
    old = peer.get("Fingerprint")
    check(fact(page, "boiler", "Key").startswith("new"), fact(page, "boiler", "Key"))
    equal(peer.invoke("ListKnownPeers")[0], [], "whom the peer knows, which has been called")

    page.do("reload")
    wait_connected(page)
    equal(own_key(page), own, "own key")
    wait_growing(page, "boiler")  # it is called again
    equal(fact(page, "boiler", "Key"), "known", "trust")

    peer.stop()
    os.unlink(os.path.join(peer.state_directory, "rtcbus-peer", "certificate.pem"))
    peer.start()
    peer.wait_ready()
    new = peer.get("Fingerprint")
    check(new != old, "the peer has its old key")
    page.wait_text(page.card("boiler", ".note"), "somebody may be in between", 20)
    codes = page.eval("[...document.querySelectorAll('.keys .code')].map((code) => code.textContent)")
    equal(codes, [code_of(new), code_of(old)], "the digits to read out, of the key now and before")
    text = page.text(page.card("boiler", ".keys"))
    check(old in text and new in text, f"not both keys are told: {text}")
    wait_still(page, "boiler")
    equal(peer.get("ListenerCount"), 0, "listeners")
    shoot(page, "changed-key", full=False)
    page.eval("[...document.querySelectorAll('.card button')]"
              ".find((b) => b.textContent.startsWith('Forget the old')).click()")
    wait_growing(page, "boiler", 5, 20)
    equal(fact(page, "boiler", "Fingerprint"), new, "fingerprint")


def test_untrusted(world, kind):
    """A peer that knows another key by our name says so, and the page does not go on asking."""
    relay = start_relay(world)
    peer = emitter(world, relay, "boiler")
    peer.invoke("TrustPeer", "(ss)", "desk", peer.get("Fingerprint"))
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#people button")
    page.wait_text(page.card("boiler", ".note"), "boiler refuses the call: it does not know your key", 20)
    equal(peer.get("ListenerCount"), 0, "listeners")


def test_last_words(world, kind):
    """Why the other side ends a call, in its own words, which are nothing but text; and ours."""
    relay = start_relay(world)
    page = open_page(world, kind, relay)
    odd = WsClient(relay.port, f"/{ROOM}?name=odd", host=ADDRESS, protocols=("rtcbus.1",))
    world.closing(odd)
    wait_people(page, "odd")
    page.click("#people button")
    call = odd.expect("call")
    to = {"to": call["from"], "session": call["session"]}
    odd.send_json({"type": "bye", "reason": "failed", "message": "<b>no</b>\nmemory\u202e " + "!" * 500, **to})
    page.wait_text(page.card("odd", ".note"), "The call failed at odd. odd says: “<b>no</b>_memory_ !!!")
    check(page.text(page.card("odd", ".note")).count("!") < 200, "a novel is shown")
    call = odd.expect("call", 60)  # again, since the page wants it
    odd.send_json({"type": "offer", "sdp": {"type": "offer", "sdp": "v=0\r\n"}, "to": call["from"],
                   "session": call["session"]})
    bye = odd.expect("bye", session=call["session"])
    equal((bye["reason"], bye["message"]), ("failed", "the browser finds no fingerprint in the offer, or several"),
          "the page's own words")
    page.wait_text(page.card("odd", ".note"), "What odd sent could not be understood. It is called again")


def test_japanese(world, kind):
    relay = start_relay(world)
    emitter(world, relay, "boiler")
    browser = Browser(world, kind, "ja")
    page = browser.open("page", page_url(relay))
    equal(page.eval("document.documentElement.lang"), "ja", "language")
    page.wait_text("#join", "お名前")
    page.join("机")
    page.wait_text("#relay", "机 として接続済み")
    wait_people(page, "boiler")
    page.click("#call-all")
    page.wait_text(page.card("boiler", ".pill"), "接続済み")
    wait_growing(page, "boiler")
    words = page.eval("document.body.innerText")
    known = {"rtcbus", "English", "boiler", "ms", "min", "host", "udp", "tcp", "sha", "local",
             "candidate", "call", "offer", "answer", "welcome", "joined", "msg", "channel", "NAT",
             "srflx", "prflx", "TURN", "relay", "greenhouse", "SVG", "JSON", "Mermaid"}
    strange = {word for word in re.findall(r"\b[A-Za-z]{3,}\b", words)
               if word not in known and not re.fullmatch(r"[0-9A-Fa-f]+", word)}
    equal(strange, set(), "English words on the Japanese page")
    shoot(page, "japanese")
    page.click("#language")
    page.wait("document.documentElement.lang === 'en'")
    page.wait_text("#relay", "connected as 机")


def test_name_taken(world, kind):
    relay = start_relay(world)
    world.peer("desk", relay, room=ROOM)
    page = Browser(world, kind).open("page", page_url(relay))
    page.wait("!document.getElementById('join').hidden")
    for bad, words in (("\u202e", "cannot be shown"), ("あ" * 17, "too long")):
        page.eval(f"document.getElementById('name').value = {bad!r}")
        page.click("#join button")
        page.wait_text("#name-problem", words)
    page.join("desk")
    page.wait_text("#notice", "“desk” is taken in this room, so you are “desk-2”")
    page.wait_text("#relay", "connected as desk-2")


def test_refused(world, kind):
    """A relay that does not want this origin: said in words, and tried again."""
    relay = start_relay(world, AllowedOrigins="https://example.org")
    page = Browser(world, kind).open("page", page_url(relay, "?name=desk"))
    page.wait_text("#banner-text", f"loaded from http://{ADDRESS}:{relay.port}: pages of this origin")
    page.wait_text("#banner-text", "AllowedOrigins=")
    relay.configure({"Relay": {}, "Web": {"Directory": WEB}})
    relay.signal(signal.SIGHUP)
    wait_connected(page, 20)


def run_foreign(world, relay, program, *args):
    """Programs that know neither sessions nor ids."""
    folder = os.path.join(harness.TOP_SRCDIR, "_lab", "node", "node_modules")
    if not os.path.isdir(os.path.join(folder, "@roamhq", "wrtc")):
        raise harness.Skip("tests/foreign/install has not run")
    return world.run(program, ["node", os.path.join(FOREIGN, program + ".js"), relay.url(ROOM),
                               *args], env=dict(os.environ, NODE_PATH=folder))


def test_token(world, kind):
    """A token behind the URL opens the room, and is nowhere to be seen after that."""
    config = {"Relay": {}, "Web": {"Directory": WEB},
              "Access": {"Tokens": "required", "Secret": tokens.secret_file(world)}}
    relay = world.relay(host=ADDRESS, config=config)
    text = tokens.token(ROOM, seconds=3600)
    page = Browser(world, kind).open("page", page_url(relay))
    page.wait("!document.getElementById('join').hidden", what="the form to join")
    page.do("type", selector="#name", text="desk", clear=True)
    page.click("#join button")
    page.wait_text("#banner-text", "this relay wants a token")
    page.eval(f"location.hash = 'token={tokens.token('elsewhere')}'")
    page.wait_text("#banner-text", "does not open this room")
    page.eval(f"location.hash = 'token={text}'")
    wait_connected(page)
    seen = "location.href + document.documentElement.outerHTML"
    check(text not in page.eval(seen), "the token is shown")
    page.do("reload")
    wait_connected(page)
    again = page.browser.open("again", page_url(relay, f"#token={text}"))
    wait_connected(again)  # the browser knows the name
    equal(again.eval("location.href"), page_url(relay), "the address")
    check(text not in relay.stderr(), "the token is in the journal")


def through_front(world, kind, front):
    """The page below a path of FRONT, by HTTP/2, hears a peer that is at the relay itself."""
    if kind != "chromium":
        raise harness.Skip("only chromium has an authority of a test's own")
    emitter(world, front.relay, "boiler")
    page = Browser(world, kind, authority=front.authority).open(
        "page", f"https://localhost:{front.port}/rtc/{ROOM}")
    equal(page.eval("performance.getEntriesByType('navigation')[0].nextHopProtocol"), "h2", "HTTP")
    page.join("desk")
    wait_people(page, "boiler")
    page.click("#people button")
    wait_growing(page, "boiler")
    equal(page.problems(), [], "complaints in the console")


def test_websocket_over_http2(world, kind):
    """HAProxy announces RFC 8441: the WebSocket is a stream of the page's own connection."""
    front = haproxy(world, ("timeout client 1h", """timeout client 1h
    log stdout format raw local0
    option logasap
    log-format "%HM %HU %HV\""""))
    through_front(world, kind, front)
    said = wait_for(lambda: [line for line in front.process.stdout().splitlines()
                             if "name=desk" in line], what="HAProxy to tell of the WebSocket")
    check(all("HTTP/2.0" in line for line in said), said)


def test_page_through_nginx(world, kind):
    """Without RFC 8441 the browser makes another connection for the WebSocket."""
    through_front(world, kind, nginx(world))


def test_page_through_caddy(world, kind):
    through_front(world, kind, caddy(world))


def test_foreign_emitter(world, kind):
    relay = start_relay(world)
    run_foreign(world, relay, "emitter", "50")
    page = open_page(world, kind, relay)
    page.wait("document.querySelectorAll('#people li').length === 1")
    key = page.eval("document.querySelector('#people li').dataset.peer")
    page.click("#people button")
    wait_for(lambda: page.count(key) > 10, 10, "numbers of the foreign emitter")
    page.click("#people button")
    page.wait_text(page.card(key, ".note"), "You hung up")


def test_foreign_listener(world, kind):
    relay = start_relay(world)
    page = open_page(world, kind, relay)
    slide(page, 1)
    listener = run_foreign(world, relay, "listener")
    page.wait_text("#listeners", "1 listener")
    slide(page, 2)
    wait_for(lambda: listener.lines() == ["51", "52", "53"], 10, "three numbers to be printed")
    check(listener.running(), "the foreign listener has ended")


TESTS = [
    test_two_emitters,
    test_plot,
    test_relay_killed_and_back,
    test_relay_frozen,
    test_network_lost_and_back,
    test_emitter_restarted,
    test_slider,
    test_page_to_page,
    test_hang_up_and_reload,
    test_series,
    test_identity,
    test_japanese,
    test_name_taken,
    test_refused,
    test_token,
    test_websocket_over_http2,
    test_page_through_nginx,
    test_page_through_caddy,
    test_foreign_emitter,
    test_foreign_listener,
    views.test_wall,
    views.test_small_and_by_keyboard,
    sending.test_file_to_peer,
    client.test_page_from_elsewhere,
]
IN_ONE = [  # what is the same in all browsers
    test_untrusted,
    test_last_words,
    views.test_ladder_of_two_calls,
    views.test_ladder_of_both_ends,
    views.test_ladder_of_a_daemon,
    sending.test_values,
    sending.test_file_from_peer,
    sending.test_pairing,
    client.test_client_errors,
]
ONCE = [
    views.test_accessible,
    client.test_node,
    client.test_node_and_page,
    client.test_hostile_relay,
    client.test_hostile_sender,
    client.test_offered_feed,
]


def main():
    if not module_folder():
        harness.skip_all("tests/page/install has not run")
    kinds = [kind for kind in EXECUTABLES if executable(kind)]
    if not kinds:
        harness.skip_all("neither chromium nor firefox-esr is installed")
    tests = []
    for kind in kinds:
        for test in TESTS + (IN_ONE if kind == kinds[0] else []):
            one = functools.partial(test, kind=kind)
            one.__name__ = f"{test.__name__}_{kind}"
            tests.append(one)
    harness.main(tests + ONCE)


main()
