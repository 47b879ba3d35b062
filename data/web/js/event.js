// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Events and errors as this client makes them, in browsers and in Node.js.

/** An Event with a detail; CustomEvent is not everywhere. */
export const event = (type, detail) => Object.assign(new Event(type), {detail});

/**
 * The error's name is one of NotConnected, NoSuchPeer, Denied, Timeout, LimitExceeded,
 * InvalidArgument and Failed, as those of rtcbus-peer's D-Bus; the message is for people.
 */
export class RtcbusError extends Error {
    constructor(name, message) {
        super(message);
        this.name = name;
    }
}
