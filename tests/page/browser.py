# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""A real browser, driven by browser.js over a pipe."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))

import harness  # noqa: E402

EXECUTABLES = {"chromium": "chromium", "firefox": "firefox-esr"}


def module_folder():
    """Where install put puppeteer-core, or None."""
    for folder in (os.environ.get("RTCBUS_PAGE_NODE_DIR"),
                   os.path.join(harness.TOP_BUILDDIR, "_lab", "node", "page"),
                   os.path.join(harness.TOP_SRCDIR, "_lab", "node", "page")):
        if folder and os.path.isdir(os.path.join(folder, "node_modules", "puppeteer-core")):
            return os.path.join(folder, "node_modules")
    return None


def executable(kind):
    return shutil.which(EXECUTABLES[kind])


def trust(profile, authority):
    """Chromium asks the NSS database of its user."""
    if not shutil.which("certutil"):
        raise harness.Skip("certutil is not installed (libnss3-tools)")
    folder = os.path.join(profile, ".pki", "nssdb")
    os.makedirs(folder)
    for arguments in (["-N", "--empty-password"],
                      ["-A", "-t", "C,,", "-n", "ours", "-i", authority.file]):
        subprocess.run(["certutil", "-d", "sql:" + folder, *arguments], check=True)


class Process:
    """A browser with an empty profile, and browser.js that drives it, where PREFIX puts them."""

    def __init__(self, kind, language, authority, prefix):
        self.kind = kind
        self.profile = tempfile.mkdtemp(prefix=f"rtcbus-{kind}-", dir=os.environ.get("TMPDIR"))
        self.answering = False  # to a command, and until then deaf to others
        if authority:
            trust(self.profile, authority)
        self.log_path = os.path.join(self.profile, f"{kind}.err")
        self.log = open(self.log_path, "ab")
        self.child = subprocess.Popen(
            [*prefix, "node", os.path.join(HERE, "browser.js")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=self.log, text=True,
            env=dict(os.environ, NODE_PATH=module_folder()))
        try:
            self.version = self.do("launch", browser=kind, profile=self.profile, language=language,
                                   executable=executable(kind))
        except BaseException:
            self.close()
            raise

    def do(self, what, **arguments):
        self.answering = True
        self.child.stdin.write(json.dumps({"do": what, **arguments}) + "\n")
        self.child.stdin.flush()
        line = self.child.stdout.readline()
        harness.check(line, f"{self.kind} is gone")
        self.answering = False
        answer = json.loads(line)
        if "error" in answer:
            raise harness.Failed(f"{what} {arguments}: {answer['error']}")
        return answer["value"]

    def close(self):
        self.child.stdin.close()
        try:
            self.child.wait(60)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        self.child.stdout.close()
        self.log.close()
        shutil.rmtree(self.profile, ignore_errors=True)


shared = {}  # kind → Process: a browser needs longer to start than most tests with it


@atexit.register
def close_shared():
    while shared:
        shared.popitem()[1].close()


class Browser:
    """A browser that keeps nothing of what others have kept, where the world is. It believes
    AUTHORITY, if that is given."""

    def __init__(self, world, kind, language="en", authority=None):
        self.kind = kind
        self.world = world
        self.alone = bool(language != "en" or authority or world.prefix)
        self.process = None if self.alone else shared.pop(kind, None)
        self.process = self.process or Process(kind, language, authority, world.prefix)
        self.log_from = os.path.getsize(self.process.log_path)
        self.version = self.process.version
        world.closing(self)
        self.do("begin")

    def do(self, what, **arguments):
        return self.process.do(what, **arguments)

    def open(self, name, url, **options):
        return Page(self, name, url, options)

    def close(self):
        """What it has said is in the world's folder, in case that the test has failed."""
        with open(self.process.log_path, "rb") as log:
            log.seek(self.log_from)
            with open(os.path.join(self.world.directory, f"{self.kind}.err"), "ab") as f:
                shutil.copyfileobj(log, f)
        if self.alone or self.process.answering or self.kind in shared:
            self.process.close()
            return
        try:
            self.do("end")
        except (harness.Failed, OSError):
            self.process.close()
            return
        shared[self.kind] = self.process


class Page:
    def __init__(self, browser, name, url, options):
        self.browser = browser
        self.name = name
        self.url = url
        self.status = self.do("open", url=url, **options)

    def do(self, what, **arguments):
        return self.browser.do(what, page=self.name, **arguments)

    def eval(self, code):
        return self.do("eval", code=code)

    def text(self, selector):
        """What is written there; "" if there is no such element or it is hidden."""
        return self.eval(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def click(self, selector):
        self.do("click", selector=selector)

    def wait(self, code, timeout=10, what=None):
        return harness.wait_for(lambda: self.eval(code), timeout,
                                what or f"{code} in {self.browser.kind}")

    def wait_text(self, selector, part, timeout=10):
        return harness.wait_for(lambda: part in self.text(selector), timeout,
                                f"{part!r} at {selector} in {self.browser.kind}")

    def join(self, name):
        self.wait("!document.getElementById('join').hidden", what="the form to join")
        self.do("type", selector="#name", text=name, clear=True)
        self.click("#join button")
        self.wait("document.getElementById('relay').dataset.state === 'connected'",
                  what="the page to be in the room")

    def card(self, peer, part=""):
        return f".card[data-peer={json.dumps(peer)}] {part}".strip()

    def count(self, peer):
        """How many numbers of PEER the page has."""
        code = (f"document.querySelector({json.dumps(self.card(peer, '.fact dd'))})"
                "?.innerText.replace(/[^0-9]/g, '')")
        return int(self.eval(code) or 0)

    def pixels(self, peer):
        """A hash of what is on PEER's canvas, and how many of its pixels are painted."""
        return self.eval("""(() => {
            const canvas = document.querySelector(%s);
            const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            let hash = 0, painted = 0;
            for (let i = 0; i < data.length; i += 4) {
                painted += data[i + 3] > 0;
                hash = (hash * 31 + data[i] + data[i + 3]) | 0;
            }
            return [hash, painted];
        })()""" % json.dumps(self.card(peer, "canvas")))

    def shoot(self, path, **options):
        return self.do("shoot", path=path, **options)

    def problems(self):
        """What the console complains of."""
        return [line for line in self.do("log")
                if line.startswith(("error:", "pageerror:"))]
