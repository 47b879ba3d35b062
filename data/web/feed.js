// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The listener's end of a feed: the readings of an rtcbus peer, each once and in order, from
// where we had them last. rtcbus-readings(7) has the protocol, src/peer/readings/feed-frame.c
// the same in C. No I/O here: messages come in and go out.

export const FEED_LABEL = 'rtcbus-readings';
export const FEED_PROTOCOL = 'rtcbus.readings.1';

const HELLO = 1, WELCOME = 2, GREETING = 3, GREETED = 4, DATA = 5, ACK = 6;
const WINDOW = 256 * 1024;   // bytes that may be on their way to us
const MAX_SERIES = 4096, MAX_NAME = 64, MAX_UNIT = 16, MAX_VALUE = 65536;

// A reading's byte of flags: what its value is, and what stands before it
const TEXT = 0, BYTES = 1, DOUBLE = 2, DECIMAL = 3, LAST_DECIMAL = 9, NONE = 10;
const SAME = 16, DEFINE = 32, NTH = 64, JUMP = 128;

class Malformed extends Error {}

/** What is left of a message. */
class Cursor {
    #view;
    #at = 1; // behind the type

    constructor(buffer) {
        this.#view = new DataView(buffer);
    }

    get more() {
        return this.#at < this.#view.byteLength;
    }

    bytes(length) {
        if (length > this.#view.byteLength - this.#at)
            throw new Malformed('a message that ends early');
        this.#at += length;
        return new Uint8Array(this.#view.buffer, this.#at - length, length);
    }

    byte() {
        return this.bytes(1)[0];
    }

    /** Seven bits a byte, the lowest first. */
    whole() {
        let value = 0;
        for (let factor = 1; ; factor *= 128) {
            const byte = this.byte();
            value += (byte & 127) * factor;
            if (value > Number.MAX_SAFE_INTEGER)
                throw new Malformed('a number that is too large');
            if (byte < 128)
                return value;
        }
    }

    /** Folded: 0, −1, 1, −2, … */
    signed() {
        const folded = this.whole();
        return folded % 2 === 0 ? folded / 2 : -(folded + 1) / 2;
    }

    double() {
        const {buffer, byteOffset} = this.bytes(8);
        return new DataView(buffer, byteOffset).getFloat64(0, true);
    }

    text(most) {
        const length = this.whole();
        if (length > most)
            throw new Malformed('a text that is too long');
        return new TextDecoder('utf-8', {fatal: true}).decode(this.bytes(length));
    }

    hex(length) {
        return Array.from(this.bytes(length), (byte) => byte.toString(16).padStart(2, '0')).join('');
    }
}

function putWhole(out, value) {
    for (; value >= 128; value = Math.floor(value / 128))
        out.push(value % 128 + 128);
    out.push(value);
}

/** What both ends remember of a channel, so that a reading takes a few bytes. */
class Reader {
    sequence = 0;
    #time = 0;
    #series = []; // {name, unit, nth}

    /** The readings of a GREETING or DATA. */
    read(cursor) {
        const readings = [];
        for (let place = MAX_SERIES; cursor.more;) {
            const flags = cursor.byte(), kind = flags & 15;
            if (!(flags & SAME))
                place = cursor.whole();
            const series = this.#find(cursor, flags, place);
            series.nth = flags & NTH ? cursor.whole() : series.nth + 1;
            if (kind === NONE)
                continue;
            this.sequence += 1 + (flags & JUMP ? cursor.whole() : 0);
            this.#time += cursor.signed();
            readings.push({series: series.name, unit: series.unit, nth: series.nth,
                           sequence: this.sequence, time: this.#time / 1000,
                           value: value(cursor, kind)});
        }
        return readings;
    }

    #find(cursor, flags, place) {
        if (flags & DEFINE && place <= this.#series.length && place < MAX_SERIES) {
            const name = cursor.text(MAX_NAME), unit = cursor.text(MAX_UNIT);
            const nth = this.#series[place]?.name === name ? this.#series[place].nth : 0;
            this.#series[place] = {name, unit, nth};
        }
        if (!this.#series[place])
            throw new Malformed('a series that was not named');
        return this.#series[place];
    }
}

function value(cursor, kind) {
    if (kind === TEXT)
        return cursor.text(MAX_VALUE);
    if (kind === BYTES)
        return cursor.bytes(cursor.whole()).slice();
    if (kind === DOUBLE)
        return cursor.double();
    if (kind <= LAST_DECIMAL)
        return cursor.signed() / 10 ** (kind - DECIMAL);
    throw new Malformed('a value of a kind that we do not know');
}

/**
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

    constructor({send, place, take}) {
        this.place = place;
        this.#send = send;
        this.#take = take;
        const out = [HELLO, place ? 1 : 0];
        putWhole(out, WINDOW);
        if (place) {
            out.push(...place.epoch.match(/../g).map((digits) => parseInt(digits, 16)));
            putWhole(out, place.sequence);
        }
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
