# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""What the page looks like: the wall, small screens, without a mouse, the ladder and its files."""

import json
import os

import harness
from browser import Browser, module_folder
from harness import check, equal, wait_for
from pages import (ADDRESS, ROOM, emitter, open_page, page_url, publish, shoot, start_relay,
                   wait_connected, wait_growing, wait_people)

PEERS = [f"sensor {n}" for n in range(1, 24)] + ["a boiler with a name that is far too long for its card"]


def open_wall(world, kind, relay):
    """A page that has called 24 peers before a reload, and one that does publish."""
    page = Browser(world, kind).open("page", f"http://{ADDRESS}:{relay.port}/-/rtcbus/icon.svg")
    page.eval("sessionStorage.setItem('rtcbus.calls /%s', %s)" % (ROOM, json.dumps(json.dumps(
        [{"name": name, "place": None, "chosen": ""} for name in reversed(PEERS)]))))
    page.do("go", url=page_url(relay, "?name=desk&view=wall"))
    wait_connected(page)
    return page


def wait_narrow(page, width, height=700):
    page.do("size", width=width, height=height)
    page.wait(f"innerWidth === {width} && document.documentElement.scrollWidth <= innerWidth",
              what=f"nothing to be wider than {width} pixels")


def wait_in_sight(page, width):
    page.wait(f"innerWidth === {width} && [...document.querySelectorAll('.card')].every((card) => "
              "card.getBoundingClientRect().bottom <= innerHeight)", what="all cards to be in sight")
    page.wait("document.documentElement.scrollHeight <= innerHeight", what="nothing to scroll to")


def test_wall(world, kind):
    """24 peers in one screen, sorted, with nothing but their values, also if there is more to say."""
    relay = start_relay(world)
    sensor = emitter(world, relay, PEERS[0], "200ms")
    page = open_wall(world, kind, relay)
    wait_growing(page, PEERS[0])
    publish(sensor, "humidity", 40.0, "%")
    page.wait_text(page.card(PEERS[0], ".series"), "humidity")
    page.wait(f"document.querySelector({page.card(PEERS[0], '[data-series=humidity] .reading')!r}).offsetParent !== null")
    for width, height in ((1280, 900), (1920, 1080)):
        page.do("size", width=width, height=height)
        wait_in_sight(page, width)
    names = page.eval("[...document.querySelectorAll('.card')].map((card) => card.dataset.peer)")
    equal(names, [PEERS[-1], *PEERS[:-1]], "the order of the cards")
    for part in (".more", ".facts", "button"):
        check(page.eval(f"document.querySelector({page.card(PEERS[0], part)!r}).offsetParent === null"),
              f"{part} is on the wall")
    check(page.text(page.card(PEERS[1], ".note")).startswith("sensor 2 is not in the room"), "why it is empty")
    shoot(page, "wall", full=False)
    page.eval("document.querySelector('.card .keys').hidden = false")  # as one with a changed key has it
    relay.kill()
    page.wait_text("#banner-text", "relay")
    wait_in_sight(page, 1920)
    wait_narrow(page, 320)
    # The banner's words change, and what is below it moves away from the pointer.
    wait_for(lambda: page.eval("!location.search.includes('view')") or page.click("#wall"), 30,
             "the wall to be left")
    check(page.eval(f"document.querySelector({page.card(PEERS[0], '.facts')!r}).offsetParent !== null"),
          "the facts are not back")


def walk_ladder(page):
    """Tab stops at one rung alone; arrow keys lead to the others, and Enter opens one."""
    here = "[...document.querySelectorAll('#ladder summary')].indexOf(document.activeElement)"
    stops = "document.querySelectorAll('#ladder summary[tabindex=\"0\"]').length"
    page.do("press", selector="#ladder summary[tabindex='0']", key="Home")
    for key, place in (("ArrowUp", 0), ("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1)):
        page.do("press", selector="#ladder summary[tabindex='0']", key=key)
        equal((page.eval(here), page.eval(stops)), (place, 1), f"the rung after {key}, and stops of Tab")
    page.do("press", selector="#ladder summary[tabindex='0']", key="Enter")
    page.wait("document.querySelectorAll('#ladder summary')[1].parentElement.open")


def test_small_and_by_keyboard(world, kind):
    """320 pixels, all opened, with an explanation that Enter opens."""
    relay = start_relay(world)
    peer = world.peer("boiler", relay, room=ROOM)
    page = open_page(world, kind, relay)
    wait_people(page, "boiler")
    page.click("#people button")
    page.wait_text(page.card("boiler", ".note"), "has published nothing yet", 20)
    publish(peer, "temperature of the water in the second pipe", 20.5, "°C")
    publish(peer, "state", "heating")
    page.wait(f"document.querySelectorAll({page.card('boiler', '[data-series] button')!r}).length === 2")
    page.wait(f"document.querySelector({page.card('boiler', '.note')!r}).hidden")
    term = page.card("boiler", ".facts .term")
    page.do("press", selector=term, key="Enter")
    page.wait_text(page.card("boiler", ".why:not([hidden])"), "three times the usual interval")
    page.do("press", selector=term, key="Enter")
    page.wait("document.querySelector('.why:not([hidden])') === null")
    walk_ladder(page)
    page.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.eval("document.querySelectorAll('.term').forEach((one) => one.click())")
    wait_narrow(page, 320)


def save(page, kind):
    """The file that the page gives to be kept."""
    page.eval("URL.createObjectURL = (blob) => { window.saved = blob; return '#'; }")
    page.eval(f"(() => {{ const choice = document.getElementById('ladder-save'); choice.value = {kind!r};"
              "choice.dispatchEvent(new Event('change')); })()")
    return page.eval("window.saved.text()")


def test_ladder_of_two_calls(world, kind):
    """Causes before effects in each of two calls at once; and a call as a file."""
    relay = start_relay(world)
    for name in ("boiler", "pump"):
        emitter(world, relay, name)
    page = open_page(world, kind, relay)
    wait_people(page, "boiler", "pump")
    page.click("#call-all")
    for name in ("boiler", "pump"):
        page.wait(f"document.querySelectorAll('#ladder [data-peer={name}] .direct').length === 3")
        page.eval("(() => { const filter = document.getElementById('ladder-filter');"
                  f"filter.value = '{name}'; filter.onchange(); }})()")
        whole = json.loads(save(page, "json"))["rungs"]
        rungs = [rung for rung in whole if rung["session"]]
        equal({rung["peer"] for rung in rungs}, {name}, "whose frames")
        order = [rung["type"] for rung in rungs if rung["type"] != "candidate"]
        equal(order, ["call", "offer", "answer", "connected", "channel open", "first number"], "the order")
        check(all(a["ms"] <= b["ms"] for a, b in zip(rungs, rungs[1:])), "the times go back")
        check("a=ice-pwd:…" in json.dumps(rungs, ensure_ascii=False), "ICE's passwords are in the file")
        mermaid, svg = save(page, "mermaid"), save(page, "svg")
        check(mermaid.startswith("sequenceDiagram\n") and "me->>p" in mermaid, mermaid)
        equal(svg.count("<line "), len(whole) + 3, "lines of the figure")
        equal(page.eval("new DOMParser().parseFromString(%s, 'image/svg+xml').documentElement.localName"
                        % json.dumps(svg)), "svg", "what a parser makes of the figure")


def test_ladder_of_both_ends(world, kind):
    """Two pages, side by side: each frame as it went, and as it came."""
    relay = start_relay(world)
    browser = Browser(world, kind)
    hall, desk = [browser.open(name, page_url(relay, f"?name={name}")) for name in ("hall", "desk")]
    for page in (hall, desk):
        wait_connected(page)
    wait_people(desk, "hall")
    desk.click("#call-all")
    desk.wait("document.querySelectorAll('#ladder [data-peer=hall] .direct').length >= 2")
    desk.eval("(() => { const filter = document.getElementById('ladder-filter');"
              "filter.value = 'hall'; filter.onchange(); })()")
    desk.click("#ladder-ask")
    desk.wait_text("#ladder-told", "right as hall has")
    desk.wait("document.querySelectorAll('#ladder-both svg > g').length === 2")
    both = json.loads(save(desk, "json"))
    ours, theirs = both["rungs"], both["other"]["rungs"]
    equal({rung["session"] for rung in ours}, {ours[0]["session"]}, "whose frames")
    ways = {"out": "in", "in": "out"}
    for rung in ours:
        if rung["way"] in ways and rung["type"] != "candidate":
            check([one for one in theirs if (one["type"], one["way"]) == (rung["type"], ways[rung["way"]])],
                  f"{rung['type']} is at one end only")
    check(abs(theirs[0]["ms"] - ours[0]["ms"]) < 5000 * harness.SLOW, "the clocks are apart")
    check("a=ice-pwd:…" in json.dumps(theirs, ensure_ascii=False), "passwords of ICE are told")
    equal(save(desk, "svg").count("<line "), len(ours) + len(theirs) + 6, "lines of the figure")
    equal(save(desk, "mermaid").count("Note over p0"), len(theirs), "notes of the other end")


def test_ladder_of_a_daemon(world, kind):
    """The other end is rtcbus-peer, which has no frames to show, and its steps in our language."""
    relay = start_relay(world)
    emitter(world, relay, "boiler")
    page = Browser(world, kind).open("page", page_url(relay, "?name=desk"))
    wait_connected(page)
    wait_people(page, "boiler")
    page.click("#call-all")
    page.wait("document.querySelectorAll('#ladder [data-peer=boiler] .direct').length === 3")
    page.eval("(() => { const filter = document.getElementById('ladder-filter');"
              "filter.value = 'boiler'; filter.onchange(); })()")
    page.click("#ladder-ask")
    page.wait_text("#ladder-told", "right as boiler has")
    both = json.loads(save(page, "json"))
    theirs = [(rung["way"], rung["type"]) for rung in both["other"]["rungs"] if rung["type"] != "candidate"]
    equal(theirs, [("in", "call"), ("out", "offer"), ("in", "answer"), ("direct", "connected"),
                   ("direct", "channel open")], "what the daemon has seen")
    check(all(abs(a["ms"] - both["rungs"][0]["ms"]) < 60000 for a in both["other"]["rungs"]), "the clocks are apart")
    shoot(page, "ladder-both")


def findings(page, what):
    found = page.eval("axe.run(document).then(({violations}) => violations.map(({id, nodes}) => "
                      "`${id}: ${nodes.map(({target}) => target.join(' ')).join(', ')}`))")
    equal(found, [], f"findings of axe-core in {what}")


def test_accessible(world):
    """axe-core finds nothing, in each state of the page."""
    source = os.path.join(module_folder(), "axe-core", "axe.min.js")
    if not os.path.exists(source):
        raise harness.Skip("tests/page/install has not run")
    relay = start_relay(world)
    boiler = emitter(world, relay, "boiler")
    publish(world.peer("hall", relay, room=ROOM), "state", "dark")
    page = Browser(world, "chromium").open("page", page_url(relay))
    with open(source, encoding="utf-8") as f:
        page.eval(f.read() + "\n0")
    findings(page, "the form to join")
    page.join("desk")
    wait_people(page, "boiler", "hall")
    page.click("#call-all")
    wait_growing(page, "boiler")
    page.eval("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.eval("document.querySelectorAll('.term').forEach((one) => one.click())")
    page.wait("document.getElementById('pair').offsetParent !== null && "
              "document.querySelector('.send').offsetParent !== null")
    findings(page, "a call with all opened")
    page.do("dark", dark=True)
    findings(page, "the dark")
    page.click("#wall")
    findings(page, "the wall")
    page.click("#wall")
    boiler.stop()
    os.unlink(os.path.join(boiler.state_directory, "rtcbus-peer", "certificate.pem"))
    boiler.start()
    page.wait_text(page.card("boiler", ".note"), "somebody may be in between", 20)
    findings(page, "a changed key")
    relay.kill()
    wait_for(lambda: page.text("#banner-text"), what="a word about the relay")
    page.wait_text("#nobody", "told by the relay")
    findings(page, "a lost relay")
