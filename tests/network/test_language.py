# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""rtcbusctl speaks the language of who runs it, whatever the daemon's is. The catalogue is put where
an installed program finds it, in a mount namespace, which needs the rights that these tests have."""

import os
import re
import subprocess

import ctl
import harness
from harness import Skip, check, equal, wait_for
from net import Space
from tokens import closed_relay

RUN = """
set -e
mount -t tmpfs tmpfs "${1%/*}"
mkdir -p "$1/ja/LC_MESSAGES"
cp "$2" "$1/ja/LC_MESSAGES/rtcbus.mo"
shift 2
exec "$@"
"""


def locale_folder():
    """Where the programs look, as they were built"""
    with open(os.path.join(harness.TOP_BUILDDIR, "Makefile"), encoding="utf-8") as f:
        values = dict(re.findall(r"^(\w+) = (.*)$", f.read(), re.M))
    path = values["localedir"]
    while "$" in path:
        path = re.sub(r"\$[{(](\w+)[})]", lambda found: values[found.group(1)], path)
    return path


def make_locale(world):
    """ja_JP.UTF-8 as the administrator of a Japanese machine has it; where its source is not
    installed, the language alone."""
    folder = world.path("locales")
    os.makedirs(folder, exist_ok=True)
    try:
        subprocess.run(["localedef", "-i", "ja_JP", "-f", "UTF-8", folder + "/ja_JP.UTF-8"],
                       capture_output=True, check=False)
    except FileNotFoundError:
        pass
    if os.path.exists(folder + "/ja_JP.UTF-8/LC_CTYPE"):
        return {"LOCPATH": folder, "LANG": "ja_JP.UTF-8"}
    return {"LC_ALL": "C.UTF-8", "LANGUAGE": "ja"}


class Speech:
    """Programs as they run on a machine with our catalogue, in one of two languages"""

    def __init__(self, world):
        catalogue = world.path("rtcbus") + ".mo"
        subprocess.run(["msgfmt", "-o", catalogue, os.path.join(harness.TOP_SRCDIR, "po", "ja.po")],
                       check=True)
        self.languages = {"Japanese": make_locale(world), "English": {"LC_ALL": "C.UTF-8"}}
        self.prefix = ["unshare", "--mount", "sh", "-c", RUN, "sh", locale_folder(), catalogue]

    def wrapper(self, language):
        unset = [word for name in ("LC_ALL", "LANGUAGE", "LANG") for word in ("-u", name)]
        values = [f"{name}={value}" for name, value in self.languages[language].items()]
        return ["env", *unset, *values, *self.prefix]

    def ask(self, peer, language, *arguments):
        """(exit status, what rtcbusctl says on both streams)"""
        done = subprocess.run([*self.wrapper(language), *ctl.command(*arguments)],
                              env=ctl.environment(peer), stdout=subprocess.PIPE, text=True,
                              stderr=subprocess.STDOUT, check=False, timeout=60 * harness.SLOW)
        return done.returncode, done.stdout


REFUSALS = {
    # what is asked for: what is in the answer, whatever the language
    ("call", "nobody-there"): "nobody-there",
    ("hangup", "77"): "77",
    ("forget", "stranger"): "stranger",
    ("publish", "--series", "x" * 99, "1"): "64",
}


def test_language_of_the_caller(world):
    """Of each refusal, for a daemon of either language"""
    if not os.path.isdir(os.path.dirname(locale_folder())):
        raise Skip("there is no folder that the catalogue could be put over")
    speech = Speech(world)
    with world.inside(Space(world, "here")):
        relay = world.relay()
        peers = [world.peer("desk", relay, wrapper=speech.wrapper(language))
                 for language in speech.languages]
        lonely = [world.peer("lonely", "ws://127.0.0.1:9/", wrapper=speech.wrapper(language),
                             connected=False) for language in speech.languages]
        closed = closed_relay(world)
        shut_out = world.peer("shut-out", closed, connected=False)
    for peer in [*lonely, shut_out]:
        wait_for(lambda peer=peer: peer.get("RelayError"), 20, "a reason")
    asked = [(peer, *row) for peer in peers for row in REFUSALS.items()]
    asked += [(peer, (word,), "127.0.0.1") for peer in lonely for word in ("status", "doctor")]
    asked.append((shut_out, ("status",), "401"))
    for language, words in ("Japanese", "トークンがありません"), ("English", "and there is none"):
        for daemon, command in (shut_out, "status"), (closed, "relay"):
            said = speech.ask(daemon, language, command)[1]
            check(words in said, f"{words} is not in {said!r}")
    for peer, arguments, word in asked:
        for language in speech.languages:
            status, said = speech.ask(peer, language, *arguments)
            check(status != 0, f"{arguments} does not fail")
            check(word in said, f"{word!r} is not in {said!r}")
            lines = [line for line in said.splitlines() if re.search("[\u3040-\u9fff]", line)]
            equal(lines[-1:] == said.splitlines()[-1:], language == "Japanese",
                  f"an answer in Japanese: {said}")
            check(not lines or language == "Japanese", f"Japanese in {said}")
