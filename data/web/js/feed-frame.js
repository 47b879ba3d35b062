// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The messages of a feed, bytes to objects and back: rtcbus-readings(7) has the protocol,
// src/peer/readings/feed-frame.c the same in C. No I/O, no policy.

export const FEED_LABEL = 'rtcbus-readings';
export const FEED_PROTOCOL = 'rtcbus.readings.1';

export const HELLO = 1, WELCOME = 2, GREETING = 3, GREETED = 4, DATA = 5, ACK = 6;
export const MAX_SERIES = 4096, MAX_NAME = 64, MAX_UNIT = 16, MAX_VALUE = 65536; // bytes

// A reading's byte of flags: what its value is, and what stands before it
const TEXT = 0, BYTES = 1, DOUBLE = 2, DECIMAL = 3, LAST_DECIMAL = 9, NONE = 10;
const SAME = 16, DEFINE = 32, NTH = 64, JUMP = 128;

class Malformed extends Error {}

/** What is left of a message. */
export class Cursor {
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

export function putWhole(out, value) {
    for (; value >= 128; value = Math.floor(value / 128))
        out.push(value % 128 + 128);
    out.push(value);
}

/** What both ends remember of a channel, so that a reading takes a few bytes. */
export class Reader {
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

/** The other end of Reader: OUT is a list of bytes. */
export class Writer {
    sequence = 0;
    #time = 0;
    #series = new Map(); // name → {place, unit, nth}
    #before = null;      // the series of the reading before in this message

    /** An empty message of TYPE. */
    begin(type) {
        this.#before = null;
        return [type];
    }

    /** READING: {series, unit, nth, sequence, time (ms), value}; without a value it is a base. */
    add(out, reading) {
        const {series: name, unit, nth, sequence, value} = reading;
        let known = this.#series.get(name), flags = value === undefined ? NONE : kindOf(value);
        const define = known?.unit !== unit, jump = sequence - this.sequence - 1;
        known ??= {place: this.#series.size, unit, nth: 0};
        flags |= (known === this.#before ? SAME : 0) | (define ? DEFINE : 0) |
            (nth !== known.nth + 1 ? NTH : 0) | (value !== undefined && jump > 0 ? JUMP : 0);
        out.push(flags);
        if (!(flags & SAME))
            putWhole(out, known.place);
        if (define) {
            putText(out, name);
            putText(out, unit);
        }
        if (flags & NTH)
            putWhole(out, nth);
        this.#before = Object.assign(known, {unit, nth});
        this.#series.set(name, known);
        if (value === undefined)
            return;
        if (jump > 0)
            putWhole(out, jump);
        const time = Math.round(reading.time * 1000);
        putSigned(out, time - this.#time);
        putValue(out, value, flags & 15);
        this.sequence = sequence;
        this.#time = time;
    }
}

function putSigned(out, value) {
    putWhole(out, value < 0 ? -value * 2 - 1 : value * 2);
}

function putBytes(out, bytes) {
    putWhole(out, bytes.length);
    for (const byte of bytes)
        out.push(byte);
}

export const utf8 = (text) => new TextEncoder().encode(text);
const putText = (out, text) => putBytes(out, utf8(text));

/** Numbers of a few digits take a few bytes. */
function kindOf(value) {
    if (typeof value === 'string')
        return TEXT;
    if (value instanceof Uint8Array)
        return BYTES;
    for (let digits = 0; digits <= LAST_DECIMAL - DECIMAL; digits++) {
        const whole = Math.round(value * 10 ** digits);
        if (Math.abs(whole) < 1e15 && !Object.is(whole, -0) && whole / 10 ** digits === value)
            return DECIMAL + digits;
    }
    return DOUBLE;
}

function putValue(out, value, kind) {
    if (kind === TEXT)
        putText(out, value);
    else if (kind === BYTES)
        putBytes(out, value);
    else if (kind === DOUBLE)
        out.push(...new Uint8Array(doubleBytes(value)));
    else
        putSigned(out, Math.round(value * 10 ** (kind - DECIMAL)));
}

function doubleBytes(value) {
    const view = new DataView(new ArrayBuffer(8));
    view.setFloat64(0, value, true);
    return view.buffer;
}
