// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Events and errors as this client makes them, in browsers and in Node.js.

/** An Event with a detail; CustomEvent is not everywhere. */
export const event = (type, detail) => Object.assign(new Event(type), {detail});

/** Resolves on the event TYPE of TARGET as soon as DONE() is true; rejects after PATIENCE ms with LATE(). */
export function until(target, type, done, patience, late) {
    return new Promise((resolve, reject) => {
        const end = (action, value) => {
            clearTimeout(timer);
            target.removeEventListener(type, look);
            action(value);
        };
        const timer = setTimeout(() => end(reject, late()), patience);
        function look() {
            try {
                if (done())
                    end(resolve);
            } catch (error) {
                end(reject, error);
            }
        }
        target.addEventListener(type, look);
        look();
    });
}

/**
 * HANDLE for each message of a channel, as text or ArrayBuffer and in order: Firefox makes a Blob
 * of one that comes before the channel has been shown to us.
 */
export function inOrder(handle) {
    let last = null; // a promise, while something waits
    return ({data}) => {
        if (!last && !(data instanceof Blob)) {
            handle(data);
            return;
        }
        const mine = last = Promise.resolve(last)
            .then(() => data instanceof Blob ? data.arrayBuffer() : data).then(handle)
            .finally(() => { last = last === mine ? null : last; });
    };
}

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
