# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The client for web developers: the examples in a page from elsewhere and in Node.js."""

import functools
import http.server
import json
import os
import shutil
import subprocess
import threading

import harness
from browser import Browser
from harness import check, equal, wait_for
from pages import ADDRESS, ROOM, WEB, open_page, publish, slide, start_relay, wait_people

HERE = os.path.dirname(os.path.abspath(__file__))
EXAMPLES = os.path.join(harness.TOP_SRCDIR, "data", "examples", "web")


EXAMPLE_RELAY = "http://127.0.0.1:41337"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/favicon.ico":
            self.send_response(204)
            self.end_headers()
        elif self.path == "/page.html":
            self.send_page()
        else:
            super().do_GET()

    def send_page(self):
        """The example, with the relay that somebody would put there."""
        with open(os.path.join(self.directory, "page.html"), encoding="utf-8") as f:
            before, after = f.read().split(EXAMPLE_RELAY)
        page = f"{before}{self.server.relay}{after}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)

    def log_message(self, *_arguments):
        pass


class WebServer:
    """Another origin than the relay's, which serves the examples."""

    def __init__(self, world):
        self.server = http.server.ThreadingHTTPServer(
            (ADDRESS, 0), functools.partial(Handler, directory=EXAMPLES))
        self.origin = f"http://{ADDRESS}:{self.server.server_address[1]}"
        self.server.relay = EXAMPLE_RELAY
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        world.closing(self)

    def open_example(self, browser, relay):
        self.server.relay = f"http://{ADDRESS}:{relay.port}"
        return browser.open("example", f"{self.origin}/page.html")

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def test_page_from_elsewhere(world, kind):
    """The whole page of rtcbus-web(7): readings, a channel, a key, and what it publishes."""
    web = WebServer(world)
    relay = start_relay(world, AllowedOrigins=f"same-origin;{web.origin}")
    boiler = world.peer("boiler", relay, room=ROOM)
    publish(boiler, "temperature", 20.5, "°C")
    page = web.open_example(Browser(world, kind), relay)
    page.wait_text("#value", "20.5 °C", 20)
    page.wait_text("#state", "its key is new: ")
    publish(boiler, "temperature", 21.0, "°C")
    page.wait_text("#value", "21 °C")

    channel = wait_for(lambda: [path for path, interfaces in boiler.objects().items()
                                if interfaces.get("org.rtcbus.Peer1.Channel", {}).get("Label") == "chat"],
                       what="the channel of the page")[0]
    interface = "org.rtcbus.Peer1.Channel"
    wait_for(lambda: boiler.get("State", channel, interface) == "open", what="the channel to open")
    page.click("#hello")
    wait_for(lambda: boiler.get("MessagesReceived", channel, interface) == 1, what="the page's hello")
    boiler.invoke("SendText", "(s)", "good day", path=channel, interface=interface)
    page.wait_text("#answers", "good day")

    boiler.call("viewer")
    read = lambda: boiler.invoke("ReadReadings", "(tua{sv})", 0, 0, {})[0]  # noqa: E731
    wait_for(lambda: [(one[3], one[4], one[5]) for one in read()] == [("viewer", "viewer", "looks at it")],
             10, "what the page has published")
    # It calls again whoever comes back.
    boiler.kill()
    boiler.start()
    boiler.wait_ready()
    publish(boiler, "temperature", 22.0, "°C")
    page.wait_text("#value", "22 °C", 40)
    equal(page.problems(), [], "complaints in the console")


ERROR = """(async () => {
    const {join} = await import('http://%s/rtcbus.js');
    try { await (%s)(join); return 'none'; } catch ({name}) { return name; }
})()"""


def test_client_errors(world, kind):
    """Promises are rejected with errors that have names."""
    relay = start_relay(world, AllowedOrigins="same-origin")
    web = WebServer(world)
    where = f"{ADDRESS}:{relay.port}"
    page = Browser(world, kind).open("page", f"http://{where}/{ROOM}")
    enter = f"await join('http://{where}/{ROOM}', {{name: 'me'}})"

    def error(code):
        return page.eval(ERROR % (where, f"async (join) => {{ {code} }}"))

    for code, name in (
            (f"const room = {enter}; try {{ await room.call('nobody', {{timeout: 300}}); }} "
             "finally { room.leave(); }", "NoSuchPeer"),
            (f"(await {enter}).publish(NaN)", "InvalidArgument"),
            ("(await join('http://%s:1/', {timeout: 300}))" % ADDRESS, "NotConnected")):
        equal(error(code), name, code)
    elsewhere = web.open_example(page.browser, relay)
    elsewhere.wait_text("#state", "Denied: ", 20)


def run_node(world, name, *arguments):
    """The example for Node.js, with its three packages where npm would put them."""
    modules = os.path.join(harness.TOP_SRCDIR, "_lab", "node", "node_modules")
    if not os.path.isdir(os.path.join(modules, "@roamhq", "wrtc")):
        raise harness.Skip("tests/foreign/install has not run")
    folder = world.path(name + ".d")
    os.makedirs(os.path.join(folder, "node_modules"))
    for package, target in (("@roamhq", os.path.join(modules, "@roamhq")),
                            ("ws", os.path.join(modules, "ws")), ("rtcbus-web", os.path.join(WEB, "js"))):
        os.symlink(target, os.path.join(folder, "node_modules", package))
    program = shutil.copy(os.path.join(EXAMPLES, "page.mjs"), folder)
    return world.run(name, ["node", program, *arguments])


def test_node(world):
    """A peer daemon's readings, each once and in order, also over a kill of the daemon."""
    relay = start_relay(world)
    boiler = world.peer("boiler", relay, room=ROOM)
    node = run_node(world, "node", relay.url(ROOM), "boiler")
    wait_for(lambda: any(line.startswith("connected new ") for line in node.lines()), 20,
             "the program to be connected")
    publish(boiler, "first", 1.0)  # a newcomer hears the last of each series, and then each
    wait_for(lambda: "first 1 " in node.lines(), what="the feed to begin")
    for value in range(10):
        publish(boiler, "n", float(value))
    wait_for(lambda: "n 9 " in node.lines(), what="ten readings")
    boiler.kill()
    boiler.start()
    boiler.wait_ready()
    for value in range(10, 20):
        publish(boiler, "n", float(value))
    wait_for(lambda: "n 19 " in node.lines(), 40, "readings after the kill")
    equal([line for line in node.lines() if line.startswith("n ")], [f"n {i} " for i in range(20)],
          "readings")
    call = boiler.call("node")
    call.wait_state("connected", 10)
    wait_for(lambda: [(one[4], one[5]) for one in boiler.invoke("ReadReadings", "(tua{sv})", 0, 0, {})[0]]
             [-1:] == [("version", node_version())], 10, "what Node.js has published")


def run_apart(program, folder):
    """What PROGRAM says of the modules in FOLDER, without a browser."""
    done = subprocess.run(["node", os.path.join(HERE, program), folder], capture_output=True, text=True,
                          timeout=60, check=True)
    return json.loads(done.stdout)


def test_hostile_relay(_world):
    """Whoever is called is known by the name that was asked for, and keys are read in one way."""
    key = "sha-256 AA:BB"
    equal(run_apart("hostile-relay.mjs", WEB), {
        "renamed": "changed closed changed", "other": "changed closed changed", "unnamed": "changed closed changed",
        "posing": "not called", "offered": "changed closed changed", "fingerprints": [key, key, ""], "bad": [],
        "secrets": [], "servers": True}, "what comes of it")


def test_hostile_sender(_world):
    """It fills no memory, and gives files no names that do harm."""
    equal(run_apart("hostile-sender.mjs", os.path.join(WEB, "js")), {
        "ends": ["closed"] * 3, "flood": "closed",
        "more": ["0 failed", "1 failed", "2 start", "3 done", "4 failed", "5 failed"],
        "names": ["a_b", "a_.txt", 5],
        "said": ["asking", "accept", "start", "got", "done", "failed", "finished"]}, "what comes of it")


def test_offered_feed(_world):
    """A page opens the feed for its listener, and leaves it to one that has opened its own; and when a call ends."""
    equal(run_apart("offered-feed.mjs", os.path.join(WEB, "js")), {
        "foreign": ["msg_channel"], "offered": ["rtcbus-readings", "WELCOME GREETING GREETED", False],
        "after": ["WELCOME GREETING GREETED DATA", True], "second": "closed", "most": [2, True, True],
        "ours": "closed", "heard": [[3, True], [4, False]], "open": [True, False, True],
        "told": [], "patient": [True, True],
        "revived": [["connected", "reconnecting", "closed", "silent", "unheard"]] * 2}, "what comes of it")


def node_version():
    return subprocess.run(["node", "--version"], capture_output=True, text=True,
                          check=True).stdout.strip()


def test_node_and_page(world):
    """The relay's page is called by Node.js, and the other way round."""
    relay = start_relay(world)
    page = open_page(world, "chromium", relay)
    node = run_node(world, "node", relay.url(ROOM), "desk")
    page.wait_text("#listeners", "1 listener", 20)
    slide(page, 2)
    wait_for(lambda: [line for line in node.lines() if not line.startswith("connected")] == [" 51 ", " 52 "],
             what="two numbers")
    wait_people(page, "node")
    page.click("#people button")
    page.wait_text(page.card("node", ".value"), node_version())
    check(page.text(page.card("node", ".pill")) == "connected", "the call to Node.js")
