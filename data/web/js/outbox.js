// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What we publish, and the emitter's end of a feed (rtcbus-readings(7)): each listener gets each
// reading once and in order, also after a cut, as long as it is among the last ones. They are
// kept in memory, so a program that starts again is another emitter, with another epoch.

import {RtcbusError, inOrder} from './event.js';
import {ACK, Cursor, DATA, GREETED, GREETING, HELLO, MAX_NAME, MAX_UNIT, MAX_VALUE, WELCOME,
        Writer, putWhole, utf8} from './feed-frame.js';
import {randomBytes} from './random.js';

const MAX_READINGS = 4096, MAX_BYTES = 8 << 20, MAX_SERIES = 1024;
const FULL = 12 * 1024;        // bytes, after which a message is not made longer
const MIN_WINDOW = 1024, MAX_WINDOW = 1 << 20;
const OFFER_WINDOW = 4096;     // bytes, which are in vain if the listener has another place
const TAKEN_WINDOW = 256 * 1024;
const HELLOS = 8, HELLO_PERIOD = 1000; // at once, and then one in so many ms

const costOf = (value) => 64 + (typeof value === 'number' ? 8 : value.length * 2);
const isText = (text) => !/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]/u.test(text);

function invalid(message) {
    throw new RtcbusError('InvalidArgument', message);
}

export class Outbox {
    epoch = randomBytes(16);
    sequence = 0;          // of the last reading
    last = new Map();      // series → its last reading
    #readings = [];        // the oldest first
    #bytes = 0;

    /** The reading that VALUE (a number, a text or a Uint8Array) has become. */
    add(value, {series = '', unit = '', time = Date.now()} = {}) {
        check(value, series, unit, time);
        if (!this.last.has(series) && this.last.size >= MAX_SERIES)
            throw new RtcbusError('LimitExceeded', `more than ${MAX_SERIES} series`);
        const reading = {series, unit, time, value, sequence: ++this.sequence,
                         nth: (this.last.get(series)?.nth ?? 0) + 1};
        this.last.set(series, reading);
        this.#readings.push(reading);
        this.#bytes += costOf(value);
        while (this.#readings.length > MAX_READINGS || (this.#bytes > MAX_BYTES && this.#readings.length > 1))
            this.#bytes -= costOf(this.#readings.shift().value);
        return reading;
    }

    /** Those above SEQUENCE that there are, and before them the last ones of series that have been silent since. */
    * after(sequence) {
        const oldest = this.#readings[0]?.sequence ?? this.sequence + 1;
        if (sequence + 1 < oldest)
            yield* this.lastOnes(sequence, oldest - 1);
        yield* this.#readings.slice(Math.max(sequence + 1 - oldest, 0));
    }

    /** The last reading of each series, above AFTER and up to UPTO, in order. */
    lastOnes(after, upTo) {
        return [...this.last.values()].filter(({sequence}) => sequence > after && sequence <= upTo)
            .sort((a, b) => a.sequence - b.sequence);
    }
}

function check(value, series, unit, time) {
    if (typeof series !== 'string' || utf8(series).length > MAX_NAME || !isText(series))
        invalid(`a series is a text of at most ${MAX_NAME} bytes without control characters`);
    if (typeof unit !== 'string' || utf8(unit).length > MAX_UNIT || !isText(unit))
        invalid(`a unit is a text of at most ${MAX_UNIT} bytes`);
    if (typeof value === 'string' ? utf8(value).length > MAX_VALUE
        : value instanceof Uint8Array ? value.length > MAX_VALUE
        : typeof value !== 'number' || !Number.isFinite(value))
        invalid(`a value is a finite number, or a text or a Uint8Array of at most ${MAX_VALUE} bytes`);
    if (!(time >= 0 && time < 8.64e15 / 2))
        invalid('a time is in milliseconds since 1970');
}

/** CHANNEL is an RTCDataChannel with the feed's protocol, which a listener has opened, or we for one. */
export class FeedSender {
    #channel;
    #outbox;
    #writer = null;
    #greeting = null;     // what a newcomer is not told yet of where all stands, or null
    #pending = [];        // readings that have been taken from the outbox and not sent
    #place = 0;           // the last sequence that we have looked at
    #window = 0;
    #sent = 0;
    #acknowledged = 0;
    #hellos = 0;
    #helloAt = 0;
    #offering = false;    // the listener has said nothing yet
    #begun;

    /** BEGUN is called when the listener has asked for readings, or taken what we offer. */
    constructor(channel, outbox, begun) {
        this.#begun = begun;
        this.#channel = channel;
        this.#outbox = outbox;
        channel.binaryType = 'arraybuffer';
        channel.bufferedAmountLowThreshold = MAX_WINDOW / 4;
        channel.onbufferedamountlow = () => this.wake();
        channel.onmessage = inOrder((data) => this.#receive(data));
    }

    get heard() {
        return this.#writer !== null && !this.#offering && this.#channel.readyState === 'open';
    }

    /** What a newcomer lacks, before it asks: the channel that we have opened is open. */
    offer() {
        if (this.#writer || this.#channel.readyState !== 'open')
            return;
        this.#offering = true;
        this.#begin(true, this.#outbox.sequence, OFFER_WINDOW);
        this.wake();
    }

    /** The listener has opened a channel itself. */
    giveWay() {
        this.#channel.onmessage = null;
        this.#channel.close();
    }

    /** There may be something to send. */
    wake() {
        if (!this.#writer || this.#channel.readyState !== 'open')
            return;
        while (this.#sent - this.#acknowledged < this.#window &&
               this.#channel.bufferedAmount < MAX_WINDOW && this.#sendMore());
    }

    #sendMore() {
        if (this.#greeting)
            return this.#greet();
        if (this.#pending.length === 0) {
            this.#pending = [...this.#outbox.after(this.#place)];
            this.#place = this.#outbox.sequence;
        }
        if (this.#pending.length === 0)
            return false;
        const out = this.#writer.begin(DATA);
        while (this.#pending.length > 0 && out.length < FULL)
            this.#writer.add(out, this.#pending.shift());
        this.#send(out);
        return true;
    }

    #send(out) {
        this.#channel.send(Uint8Array.from(out).buffer);
        if (out[0] !== WELCOME)
            this.#sent += out.length;
    }

    #receive(data) {
        try {
            const [type] = new Uint8Array(data), cursor = new Cursor(data);
            if (type === HELLO)
                this.#hello(cursor);
            else if (type === ACK)
                this.#ack(cursor);
            this.wake();
        } catch (error) {
            console.warn('rtcbus: a listener:', error);
            this.#channel.close();
        }
    }

    /** It may come again: the listener has lost what has come since. */
    #hello(cursor) {
        const now = performance.now(), {epoch, sequence} = this.#outbox;
        this.#hellos = Math.max(this.#hellos - (now - this.#helloAt) / HELLO_PERIOD, 0) + 1;
        this.#helloAt = now;
        if (this.#hellos > HELLOS)
            throw new RtcbusError('LimitExceeded', 'it begins again too often');
        const known = cursor.byte() & 1;
        const window = Math.min(Math.max(cursor.whole(), MIN_WINDOW), MAX_WINDOW);
        const ours = known && [...cursor.bytes(16)].every((byte, i) => byte === epoch[i]);
        const place = known ? ours ? Math.min(cursor.whole(), sequence) : 0 : sequence;
        this.#offering = false;
        this.#begin(!known, place, window);
        this.#begun();
    }

    #ack(cursor) {
        this.#acknowledged = Math.min(cursor.whole(), this.#sent);
        if (!this.#offering)
            return;
        this.#offering = false;
        this.#window = TAKEN_WINDOW;
        this.#begun();
    }

    #begin(newcomer, place, window) {
        this.#window = window;
        this.#sent = this.#acknowledged = 0;
        this.#pending = [];
        this.#place = place;
        this.#writer = new Writer();
        this.#writer.sequence = newcomer ? 0 : place;
        const out = [WELCOME, newcomer ? 1 : 0, ...this.#outbox.epoch];
        putWhole(out, place);
        this.#send(out);
        const last = newcomer ? this.#outbox.lastOnes(0, place) : [];
        this.#greeting = newcomer ? [...last.map((reading) => ({...reading, value: undefined})), ...last] : null;
    }

    /** A newcomer is told where all stands: a base for each series, then the last of each. */
    #greet() {
        const out = this.#writer.begin(this.#greeting.length > 0 ? GREETING : GREETED);
        while (this.#greeting.length > 0 && out.length < FULL)
            this.#writer.add(out, this.#greeting.shift());
        if (out[0] === GREETED) {
            this.#greeting = null;
            this.#writer.sequence = this.#place;
        }
        this.#send(out);
        return true;
    }
}
