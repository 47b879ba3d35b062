#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""The web page as the relay serves it, in raw HTTP, and its sources: what they
refer to is there, and both languages say everything. (That the page works is
for tests/page to show, in real browsers.)
"""

import json
import os
import re
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import harness  # noqa: E402
from harness import check, equal, wait_for  # noqa: E402
from wsclient import Refused, WsClient  # noqa: E402

WEB = os.path.join(harness.TOP_SRCDIR, "data", "web")
ASSETS = "/-/rtcbus/"
TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
    "d.ts": "application/typescript; charset=utf-8",
    "json": "application/json",
}


def source(name):
    with open(os.path.join(WEB, name), encoding="utf-8") as f:
        return f.read()


def top(name):
    with open(os.path.join(harness.TOP_SRCDIR, name), encoding="utf-8") as f:
        return f.read()


def all_files():
    """As the relay serves them: those of its folder, and of js in it."""
    return {os.path.relpath(os.path.join(folder, name), WEB)
            for folder, _, names in os.walk(WEB) for name in names}


def start(world, enabled="yes", directory=WEB, **relay):
    return world.relay(config={"Relay": relay, "Web": {"Enabled": enabled, "Directory": directory}})


class Answer:
    def __init__(self, data):
        head, separator, self.body = data.partition(b"\r\n\r\n")
        check(separator, f"no whole answer: {data[:200]!r}")
        first, *fields = head.decode("latin-1").split("\r\n")
        version, status, self.phrase = first.split(" ", 2)
        equal(version, "HTTP/1.1", "version")
        self.status = int(status)
        self.fields = {}
        for field in fields:
            name, _, value = field.partition(": ")
            check(name.lower() not in self.fields, f"{name} comes twice")
            self.fields[name.lower()] = value


def send(relay, data, piece=None):
    """DATA goes to the relay as it is; what comes until the relay ends the connection."""
    with socket.create_connection((relay.host, relay.port), harness.PATIENCE) as connection:
        for at in range(0, len(data), piece or len(data)):
            connection.sendall(data[at:at + (piece or len(data))])
            if piece:
                time.sleep(0.001)  # so that they leave one by one; nothing depends on it
        answer = b""
        while part := connection.recv(1 << 16):
            answer += part
        return Answer(answer)


def get(relay, path, method="GET", version="1.1", **fields):
    lines = [f"{method} {path} HTTP/{version}", "Host: relay"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return send(relay, ("\r\n".join(lines) + "\r\n\r\n").encode())


def type_of(name):
    return next(TYPES[suffix] for suffix in sorted(TYPES) if name.endswith("." + suffix))


def is_page(answer):
    return answer.status == 200 and answer.body == source("index.html").encode()


def test_page_at_every_room(world):
    relay = start(world)
    for path in ["/", "/greenhouse", "/a/b", "/%E6%B8%A9%E5%AE%A4", "/?name=x", "/room?lang=ja",
                 "//", "/.well-known/x", "/...", "/-", "/index.html", "http://relay/room"]:
        answer = get(relay, path)
        check(is_page(answer), f"{path} gives {answer.status}, not the page")
        equal(answer.fields["content-type"], TYPES["html"], "type")
    check(is_page(get(relay, "/", version="1.0")), "HTTP/1.0 gets no page")


def test_files(world):
    relay = start(world)
    for name in sorted(all_files()):
        with open(os.path.join(WEB, name), "rb") as f:
            wanted = f.read()
        answer = get(relay, ASSETS + name)
        equal(answer.status, 200, name)
        equal(answer.body, wanted, name)
        equal(int(answer.fields["content-length"]), len(wanted), f"length of {name}")
        equal(answer.fields["content-type"], type_of(name), f"type of {name}")
        equal(answer.fields["x-content-type-options"], "nosniff", name)
        equal(answer.fields["referrer-policy"], "no-referrer", name)


def test_client_for_pages_from_elsewhere(world):
    """They may load what lies in js and nothing else, and find it at a path to remember."""
    relay = start(world)
    for name in sorted(all_files()):
        first = get(relay, ASSETS + name)
        again = get(relay, ASSETS + name, If_None_Match=first.fields["etag"])
        equal(again.status, 304, name)
        for answer in first, again:
            equal(answer.fields.get("access-control-allow-origin"),
                  "*" if name.startswith("js/") else None, f"who may load {name}")
            equal(answer.fields["cross-origin-resource-policy"],
                  "cross-origin" if name.startswith("js/") else "same-origin", name)
    check("access-control-allow-origin" not in get(relay, "/").fields, "others may read the page")
    for name in ("rtcbus.js", "rtcbus.d.ts"):
        answer = get(relay, "/" + name)
        equal(answer.status, 302, name)
        equal(answer.fields["location"], f".{ASSETS}js/{name}", "where it leads to")
        equal(answer.fields["access-control-allow-origin"], "*", name)
    check(is_page(get(relay, "/rtcbus.json")), "a room is taken for a file")
    check(is_page(get(relay, "/call.js")), "a room is taken for a file")


def test_policy_allows_nothing_but_own_files(world):
    relay = start(world)
    policy = dict(
        part.strip().split(" ", 1)
        for part in get(relay, "/").fields["content-security-policy"].split(";"))
    equal(policy["default-src"], "'none'", "default-src")
    equal(policy["script-src"], "'self'", "script-src")
    equal(policy["style-src"], "'self'", "style-src")
    for name in ["base-uri", "form-action", "frame-ancestors"]:
        equal(policy[name], "'none'", name)
    check("unsafe" not in str(policy), "the policy allows unsafe things")
    page = source("index.html")
    check(not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|javascript:", page),
          "the page has inline code or style")


def test_caching(world):
    relay = start(world)
    for path in ["/greenhouse", ASSETS + "app.js"]:
        first = get(relay, path)
        etag = first.fields["etag"]
        check(re.fullmatch(r'"[0-9a-f]{16,}"', etag), f"{etag} is no strong tag")
        equal(first.fields["cache-control"], "no-cache", "Cache-Control")
        for tags in [etag, "W/" + etag, f'"other", {etag}', f'"a",W/{etag} , "b"', "*"]:
            again = get(relay, path, If_None_Match=tags)
            equal(again.status, 304, f"with If-None-Match: {tags}")
            equal(again.body, b"", "body of 304")
            equal(again.fields["etag"], etag, "ETag of 304")
            check("content-security-policy" in again.fields, "304 takes the policy away")
        for tags in ['"other"', etag.strip('"'), "", etag[:-2] + '"']:
            equal(get(relay, path, If_None_Match=tags).status, 200, f"with {tags}")
    check(get(relay, "/").fields["etag"] != get(relay, ASSETS + "app.js").fields["etag"],
          "two files have the same tag")


def test_head(world):
    relay = start(world)
    for path in ["/", ASSETS + "style.css", ASSETS + "missing"]:
        full, head = get(relay, path), get(relay, path, "HEAD")
        equal(head.status, full.status, f"HEAD {path}")
        equal(head.body, b"", "body of HEAD")
        equal(head.fields, full.fields, "fields of HEAD")


def test_other_methods(world):
    relay = start(world)
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "get"]:
        answer = get(relay, "/", method)
        equal(answer.status, 405, method)
        equal(answer.fields["allow"], "GET, HEAD", "Allow")


def test_no_way_out(world):
    """Nothing but the files of the table, whatever the path looks like."""
    folder = os.path.join(world.directory, "web")
    os.makedirs(os.path.join(folder, "below"))
    for name, text in [("index.html", "page"), ("a.js", "a"), (".hidden.js", "hidden"),
                       ("a.js~", "copy"), ("notes", "notes"), ("below/b.js", "below")]:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as f:
            f.write(text)
    with open(os.path.join(world.directory, "secret.js"), "w", encoding="utf-8") as f:
        f.write("secret")
    relay = start(world, directory=folder)
    equal(get(relay, ASSETS + "a.js").body, b"a", "a.js")
    up = ["../secret.js", "..%2fsecret.js", "%2e%2e/secret.js", "%2e%2e%2fsecret.js",
          "..%5csecret.js", "..\\secret.js", "./a.js", "below/../a.js", "below/b.js",
          "//a.js", "a.js/", "a.js%20", "A.JS", "", ".", "..", ".hidden.js", "a.js~", "notes",
          "below", world.directory + "/secret.js", "....//secret.js", "..;/secret.js",
          "%252e%252e/secret.js", "a.js%00", "a.js%00.html", "%c0%ae%c0%ae/secret.js"]
    for path in up:
        for prefix in [ASSETS, "/%2d/rtcbus/", "/-%2Frtcbus%2F"]:
            answer = get(relay, prefix + path)
            check(answer.status in (400, 404), f"{prefix}{path} gives {answer.status}")
            check(b"secret" not in answer.body and b"below" not in answer.body, "it was read")
    for path in ["/../secret.js", "/..", "/.", "/a/../../secret.js", "/%2e%2e/secret.js",
                 "/..%5c..%5csecret.js", "/-/", "/-/other", "/" + "x" * 129, "/%01", "/%zz",
                 "/%00", "/%ff", "*", "index.html"]:
        answer = get(relay, path)
        check(answer.status in (400, 404), f"{path} gives {answer.status}")


def test_links_in_folder_are_refused(world):
    folder = os.path.join(world.directory, "web")
    os.makedirs(folder)
    with open(os.path.join(folder, "index.html"), "w", encoding="utf-8") as f:
        f.write("page")
    os.symlink("/etc/passwd", os.path.join(folder, "passwd.txt"))
    relay = start(world, directory=folder)
    equal(get(relay, "/").status, 404, "the page")
    equal(get(relay, ASSETS + "passwd.txt").status, 404, "the link")
    check("the web page is not loaded" in relay.stderr(), "the log says nothing")
    WsClient(relay.port).close()


def test_no_room_where_the_files_are(world):
    relay = start(world)
    for path in [ASSETS + "app.js", "/-/", "/-/x", "/%2d/x", "/-%2fx"]:
        try:
            WsClient(relay.port, path).close()
            raise harness.Failed(f"{path} is a room")
        except Refused as refused:
            equal(refused.status, 400, path)
    WsClient(relay.port, "/-").close()
    WsClient(relay.port, "/a/-/b").close()


def test_turned_off(world):
    relay = start(world, enabled="no")
    for path in ["/", "/greenhouse", ASSETS + "app.js"]:
        answer = get(relay, path)
        equal(answer.status, 404, path)
        equal(answer.fields["content-type"], "text/plain; charset=utf-8", "type")
        check(b"WebSocket" in answer.body, "the answer does not say what this is")
    WsClient(relay.port, "/greenhouse").close()


def test_reload(world):
    folder = os.path.join(world.directory, "web")
    os.makedirs(folder)
    page = os.path.join(folder, "index.html")

    def write(text):
        with open(page, "w", encoding="utf-8") as f:
            f.write(text)

    def reload(enabled="yes", directory=folder):
        relay.configure({"Web": {"Enabled": enabled, "Directory": directory}})
        relay.signal(signal.SIGHUP)

    write("first")
    relay = start(world, directory=folder)
    first = get(relay, "/")
    equal(first.body, b"first", "page")
    write("second")
    equal(get(relay, "/").body, b"first", "page before the reload")
    reload()
    wait_for(lambda: get(relay, "/").body == b"second", what="the new page")
    check(get(relay, "/").fields["etag"] != first.fields["etag"], "the tag stays the same")
    reload(enabled="no")
    wait_for(lambda: get(relay, "/").status == 404, what="the page to go")
    reload()
    wait_for(lambda: get(relay, "/").status == 200, what="the page to come back")
    reload(directory=folder + "-missing")
    wait_for(lambda: "the web page is not loaded" in relay.stderr(), what="a word about it")
    equal(get(relay, "/").body, b"second", "page after a bad reload")


def test_package_folder_is_the_default(world):
    """Without Directory= the page is the installed one; if there is none, the relay works."""
    relay = world.relay()
    status = get(relay, "/").status
    check(status == 200 or "the web page is not loaded" in relay.stderr(), f"{status}, and no word")
    WsClient(relay.port).close()


def test_hard_requests(world):
    """Large heads, small pieces, slow readers, and those who leave."""
    relay = start(world, HandshakeTimeout="3s")
    idle = relay.fds()
    large = "x" * 7000
    check(is_page(get(relay, "/", Cookie=large)), "a large head gets no page")
    equal(get(relay, "/", Cookie="x" * 9000).status, 431, "too large a head")
    request = b"GET /room HTTP/1.1\r\nHost: relay\r\n\r\n"
    check(is_page(send(relay, request, piece=1)), "byte by byte gets no page")
    equal(get(relay, "/", Content_Length="5").status, 400, "with a body")
    for _ in range(50):
        with socket.create_connection((relay.host, relay.port)) as connection:
            connection.sendall(b"GET " + ASSETS.encode() + b"i18n.js HTTP/1.1\r\nHost: relay\r\n\r\n")
    wait_for(lambda: relay.fds() <= idle, 10, "the relay to notice who left")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        slow.connect((relay.host, relay.port))
        slow.sendall(b"GET " + ASSETS.encode() + b"i18n.js HTTP/1.1\r\nHost: relay\r\n\r\n")
        wait_for(lambda: relay.fds() > idle, 10, "the relay to see a slow reader")
        wait_for(lambda: relay.fds() <= idle, 10, "the relay to leave a reader that does not read")
    check(is_page(get(relay, "/")), "the relay does not work any more")


def test_load_counts_as_visitors(world):
    """Page requests are under the same quota as handshakes: the oldest of all goes."""
    relay = start(world, MaxHandshakes="2", HandshakeTimeout="30s")
    idle = [socket.create_connection((relay.host, relay.port)) for _ in range(2)]
    equal(get(relay, "/").status, 200, "status")
    idle[0].settimeout(harness.PATIENCE)
    equal(idle[0].recv(1), b"", "what the oldest gets")
    for connection in idle:
        connection.close()


# ---- the sources -----------------------------------------------------------------


def test_references(world):
    """What the files refer to is there, and everything is referred to."""
    names = all_files()
    page = source("index.html")
    seen = {"index.html"}
    for link in re.findall(r'\b(?:src|href)="([^"]+)"', page):
        check(link.startswith("." + ASSETS), f"{link} is not below .{ASSETS}")
        seen.add(link[1 + len(ASSETS):])
    preloaded = set(re.findall(r'modulepreload" href="\./-/rtcbus/([^"]+)"', page))
    imported = set()
    for name in names:
        if name.endswith(".js"):
            links = re.findall(r"^(?:import|export) .*?from '([^']+)'", source(name), re.M | re.S)
            imported |= {os.path.join(os.path.dirname(name), link.removeprefix("./")) for link in links}
            check(all(link.startswith("./") for link in links), f"{name} imports from elsewhere")
    equal(preloaded, imported, "the modules that are preloaded")
    equal(seen | imported | {"js/package.json", "js/rtcbus.d.ts"}, names, "the files in use")
    package = json.loads(source("js/package.json"))
    version = re.search(r"AC_INIT\(\[rtcbus\], \[([^]]+)\]", top("configure.ac")).group(1)
    equal(package["version"], version, "the version of the npm package")
    module = json.loads(top("data/node/package.json"))
    equal(module["version"], version, "that of the module for Node.js")
    equal([package["name"], module["name"]], ["rtcbus-web", "rtcbus"], "their names, which npm has once")
    check({"js/" + package["main"], "js/" + package["types"]} <= names, "what the package names")
    with open(os.path.join(harness.TOP_SRCDIR, "data", "module.am"), encoding="utf-8") as f:
        equal(set(re.findall(r"\bdata/web/(\S+)", f.read())), names, "the files in data/module.am")
    for name in names:
        check("LGPL-2.1-or-later" in source(name), f"{name} has no licence")
        check(not re.search(r"\b(?:https?:)?//(?!www\.w3\.org/)[a-z0-9-]+\.[a-z]", source(name)),
              f"{name} names another host")


def test_manual_has_the_example(world):
    """The whole page of rtcbus-web(7) is the one that tests/page runs, of 30 lines."""
    page = top("data/examples/web/page.html")
    equal(len(page.splitlines()), 30, "lines of the example")
    check(page.replace("\\", "\\e") in top("data/man/rtcbus-web.7"), "the manual page has another one")
    check("location" not in page, "whoever makes a link to the example chooses whose program it runs")


def test_languages(world):
    """Every text is there in both languages, with the same places to fill."""
    text = source("i18n.js")
    tables = {}
    for language in ("en", "ja"):
        body = text.split(f"const {language} = {{\n", 1)[1].split("\n};\n", 1)[0]
        tables[language] = dict(re.findall(
            r"^    '([\w.-]+)': ((?:'[^\n]*'|\s*\+\s*)+),$", body, re.M))
        keys = re.findall(r"^    '([\w.-]+)':", body, re.M)
        equal(len(keys), len(set(keys)), f"keys of {language}")
        equal(set(tables[language]), set(keys), f"texts of {language}")
    en, ja = tables["en"], tables["ja"]
    equal({key for key in en if not key.endswith(".one")}, set(ja), "keys in Japanese")
    for key, value in ja.items():
        equal(set(re.findall(r"\{\w+\}", value)), set(re.findall(r"\{\w+\}", en[key])), f"places in {key}")
    page = source("index.html")
    used = set(re.findall(r'data-t="([^"]+)"', page))
    prefixes = set()
    for name in os.listdir(WEB):
        if name.endswith(".js"):
            used |= set(re.findall(r"\bt\('([^']+)'", source(name)))
            prefixes |= set(re.findall(r"`([a-z]+)\.\$\{", source(name)))
    equal(used - set(en), set(), "keys without a text")
    for prefix in prefixes:
        check(any(key.startswith(prefix + ".") for key in en), f"nothing begins with {prefix}.")
    for key, value in re.findall(r'data-t="([^"]+)"[^>]*>([^<]+)<', page):
        equal(value, en[key].strip("'"), f"{key} in index.html")
    unused = {key for key in en if key not in used and key.partition(".")[0] not in prefixes
              and f"'{key}'" not in "".join(source(n) for n in all_files() if n != "i18n.js")
              and not key.endswith(".one")}
    equal(unused, set(), "texts that nobody says")


harness.main([
    test_page_at_every_room,
    test_files,
    test_client_for_pages_from_elsewhere,
    test_policy_allows_nothing_but_own_files,
    test_caching,
    test_head,
    test_other_methods,
    test_no_way_out,
    test_links_in_folder_are_refused,
    test_no_room_where_the_files_are,
    test_turned_off,
    test_reload,
    test_package_folder_is_the_default,
    test_hard_requests,
    test_load_counts_as_visitors,
    test_references,
    test_manual_has_the_example,
    test_languages,
])
