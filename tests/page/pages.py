# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What the tests of the page do and look at."""

import os

import harness
from browser import Browser
from harness import GLib, equal, note, wait_for, watch

WEB = os.path.join(harness.TOP_SRCDIR, "data", "web")
FOREIGN = os.path.join(harness.TOP_SRCDIR, "tests", "foreign")
SCREENSHOTS = os.path.join(harness.TOP_SRCDIR, "_lab", "screenshots")
ROOM = "greenhouse"
ADDRESS = "10.99.0.2"


def start_relay(world, port=0, **settings):
    return world.relay(port=port, host=ADDRESS,
                       config={"Relay": settings, "Web": {"Directory": WEB}})


def emitter(world, relay, name, interval="50ms"):
    return world.peer(name, relay, room=ROOM, source="random", interval=interval)


def page_url(relay, query=""):
    return f"http://{ADDRESS}:{relay.port}/{ROOM}{query}"


def open_page(world, kind, relay, name="desk", language="en", **options):
    """A new browser whose page has joined the room."""
    page = Browser(world, kind, language).open("page", page_url(relay), **options)
    equal(page.status, 200, "status of the page")
    page.join(name)
    return page


def wait_connected(page, timeout=10):
    page.wait("document.getElementById('relay').dataset.state === 'connected'", timeout,
              "the page to be in its room")


def wait_people(page, *names):
    page.wait("[...document.querySelectorAll('#people li')].map((li) => li.dataset.peer)"
              f".sort().join() === {','.join(sorted(names))!r}", what=f"{names} to be listed")


def wait_growing(page, peer, by=5, timeout=10):
    """Until BY more numbers of PEER have come."""
    before = page.count(peer)
    wait_for(lambda: page.count(peer) >= before + by, timeout, f"numbers of {peer} to come")


def wait_still(page, peer, seconds=3):
    """Until no number of PEER comes for SECONDS: the last ones may be told late."""
    def still():
        before = page.count(peer)
        return not watch(lambda: page.count(peer) != before, seconds)

    wait_for(still, what=f"numbers of {peer} to end")


def own_key(page):
    """The page's fingerprint, which it shows when the browser has found or made it."""
    return page.wait("document.getElementById('own-fingerprint').textContent", what="the page's key")


def told_of_the_end(page, peer, end):
    """PEER is called and END ends the call, which PEER is told: it need not find out by the silence."""
    wait_people(page, peer.name)
    page.click("#people button")
    wait_growing(page, peer.name)
    call = peer.calls()[0]
    end()
    equal(call.wait_ended(15), "the remote hung up", "what the peer knows of the end")


def slide(page, steps):
    """Emits the next STEPS numbers, up or down."""
    page.do("press", selector="#emit", key="ArrowRight" if steps > 0 else "ArrowLeft",
            times=abs(steps))


def rungs(page):
    return page.eval("[...document.querySelectorAll('#ladder b')].map((b) => b.textContent)")


def shoot(page, name, **options):
    os.makedirs(SCREENSHOTS, exist_ok=True)
    path = os.path.join(SCREENSHOTS, f"{page.browser.kind}-{name}.png")
    page.shoot(path, **options)
    note(path)


def fact(page, peer, name):
    """The text beside the term NAME in PEER's card."""
    return page.eval(
        "[...document.querySelectorAll(%r)].find((f) => f.firstChild.textContent === %r)"
        "?.lastChild.textContent ?? ''" % (page.card(peer, ".fact"), name))


def publish(peer, series, value, unit=""):
    variants = {float: "d", str: "s", bytes: "ay"}
    peer.invoke("PublishReading", "(sva{sv})", series,
                GLib.Variant(variants[type(value)], value), {"unit": GLib.Variant("s", unit)})
