# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Tokens made by hand, and relays that want them."""

import base64
import hashlib
import hmac
import json
import os
import time

SECRET = "correct horse battery staple of thirty-two"


def part(value):
    data = value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(room="*", secret=SECRET, header=None, seconds=None, **claims):
    """For ROOM, and for so many SECONDS from now."""
    if seconds is not None:
        claims["exp"] = time.time() + seconds
    text = part(header or {"alg": "HS256"}) + "." + part({"room": room, **claims})
    return text + "." + part(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def bearer(text):
    return [("Authorization", "Bearer " + text)]


def secret_file(world, text=SECRET, name="secret", mode=0o600):
    path = world.path(name)
    with open(path, "w", encoding="ascii") as f:
        f.write(text + "\n")
    os.chmod(path, mode)
    return path


def closed_relay(world, **keys):
    """A relay with a secret of its own, that lets in nobody without a token."""
    access = {"Tokens": "required", "Secret": secret_file(world), **keys.pop("access", {})}
    return world.relay(config={"Relay": keys.pop("relay", {}), "Access": access, **keys})
