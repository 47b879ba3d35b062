// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The listener's end of a feed: the readings of an rtcbus peer, each once and in order, from
// where we had them last (rtcbus-readings(7)). No I/O here: messages come in and go out.

import {ACK, Cursor, DATA, GREETED, GREETING, HELLO, Reader, WELCOME, putWhole} from './feed-frame.js';

const WINDOW = 256 * 1024; // bytes that may be on their way to us

/**
 * PACE: ms between two messages, for one who draws what comes, or 0.
 * SEND takes an ArrayBuffer. PLACE is {epoch, sequence}, what we have of this emitter, or null.
 * TAKE is given each reading, {series, unit, value, sequence, time (ms since the epoch of its
 * emitter's clock), missed: how many of its series we shall not see, greeting: it is older
 * than we are}.
 */
export class Feed {
    place;
    #send;
    #take;
    #state = 'asking';
    #reader = null;
    #start = 0;
    #bytes = 0;      // since WELCOME
    #acknowledged = 0;
    #nth = new Map(); // series → the last one that we have

    constructor({send, place, take, pace = 0}) {
        this.place = place;
        this.#send = send;
        this.#take = take;
        const out = [HELLO, (place ? 1 : 0) | (pace > 0 ? 2 : 0)];
        putWhole(out, WINDOW);
        if (place) {
            out.push(...place.epoch.match(/../g).map((digits) => parseInt(digits, 16)));
            putWhole(out, place.sequence);
        }
        if (pace > 0)
            putWhole(out, pace);
        send(Uint8Array.from(out).buffer);
    }

    /** BUFFER: an ArrayBuffer. False: what it says makes no sense, and nothing more will. */
    receive(buffer) {
        try {
            this.#receive(buffer);
        } catch (error) {
            console.warn('rtcbus: readings:', error);
            this.#state = 'broken';
        }
        return this.#state !== 'broken';
    }

    #receive(buffer) {
        const [type] = new Uint8Array(buffer), cursor = new Cursor(buffer);
        if (type === WELCOME && this.#state === 'asking')
            this.#welcome(cursor);
        else if (type === GREETING && this.#state === 'greeting')
            this.#reader.read(cursor).forEach((reading) => this.#give({...reading, greeting: true}));
        else if (type === GREETED && this.#state === 'greeting')
            this.#live();
        else if (type === DATA && this.#state === 'live')
            this.#data(cursor);
        else
            return;
        if (type !== WELCOME)
            this.#count(buffer.byteLength);
    }

    #welcome(cursor) {
        const greeting = cursor.byte() & 1, epoch = cursor.hex(16);
        this.#start = cursor.whole();
        if (epoch !== this.place?.epoch)
            this.#nth.clear();
        this.place = {epoch, sequence: greeting ? 0 : this.#start};
        this.#reader = new Reader();
        this.#bytes = this.#acknowledged = 0;
        if (greeting)
            this.#state = 'greeting';
        else
            this.#live();
    }

    #live() {
        this.#reader.sequence = this.#start;
        this.place.sequence = this.#start;
        this.#state = 'live';
    }

    #data(cursor) {
        for (const reading of this.#reader.read(cursor))
            this.#give({...reading, greeting: false});
        this.place.sequence = this.#reader.sequence;
    }

    #give(reading) {
        const before = this.#nth.get(reading.series);
        this.#nth.set(reading.series, reading.nth);
        reading.missed = before === undefined ? 0 : Math.max(reading.nth - before - 1, 0);
        this.#take(reading);
    }

    /** SCTP sees to it that all arrives; this only says that more may come. */
    #count(bytes) {
        this.#bytes += bytes;
        if (this.#bytes - this.#acknowledged < WINDOW / 4)
            return;
        this.#acknowledged = this.#bytes;
        const out = [ACK];
        putWhole(out, this.#bytes);
        putWhole(out, this.place.sequence);
        this.#send(Uint8Array.from(out).buffer);
    }
}
