# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The rtcbus authors

"""Messages of any size whose content can be checked; payload() of agent.js does the same."""

import hashlib

BEYOND_ASCII = "é漢😀".encode()


def payload(kind, size, seed):
    """str for kind "text" (SIZE counts bytes of UTF-8), bytes for "binary"."""
    if kind == "binary":
        return bytes((i * 167 + (i >> 8) * 59 + seed) & 255 for i in range(size))
    content = bytearray(32 + (i * 31 + (i >> 7) * 17 + seed) % 95 for i in range(size))
    if size >= len(BEYOND_ASCII):
        content[:len(BEYOND_ASCII)] = BEYOND_ASCII
    return content.decode()


def digest(content):
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()
