// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Pairing by a code that two people carry from one to the other: both keys are proven by CPace,
// in which a relay learns nothing to guess with. rtcbus-signaling(7) has the frames,
// src/peer/trust the same in C.

import {RtcbusError} from './event.js';
import {hex, randomBytes} from './random.js';
import {multiply, pointFromHash, scalarFrom} from './ristretto.js';
import {hmacSha512, sha512} from './sha2.js';

const CHANNEL = 'rtcbus pairing 1', DSI = 'CPaceRistretto255';
const SLOT = 3, DIGITS = 11, TRIES = 3, MAX_RUNS = 4, MAX_ASKED = 200;
const ANSWER_LIMIT = 5000, DECISION_LIMIT = 125000, LIFETIME = 300000; // ms
const MAX_NAME = 64;

const utf8 = (text) => new TextEncoder().encode(text);
const join = (...parts) => Uint8Array.of(...parts.flatMap((part) => [...part]));
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
const fromBase64 = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);

/** With its length in front, seven bits a byte. */
function sized(bytes) {
    const length = [];
    let left = bytes.length;
    for (; left >= 128; left >>= 7)
        length.push(left & 127 | 128);
    return join([...length, left], bytes);
}

/** Fields with a byte of length each, all of BYTES. */
function fieldsOf(bytes) {
    const fields = [];
    for (let at = 0; at < bytes.length; at += bytes[at] + 1) {
        if (at + bytes[at] >= bytes.length)
            throw new RtcbusError('Failed', 'what the other side says makes no sense');
        fields.push(bytes.subarray(at + 1, at + 1 + bytes[at]));
    }
    return fields;
}

const text = (bytes) => new TextDecoder('utf-8', {fatal: true}).decode(bytes);

/** The digits of CODE, null if it is none. */
export function digitsOf(code) {
    const digits = code.normalize('NFKC').replace(/[\s\p{Pd}]/gu, '');
    return /^\d{11}$/.test(digits) ? digits : null;
}

function makeCode() {
    const number = (bytes) => bytes.reduce((value, byte) => value * 256 + byte, 0);
    const part = (digits) => String(number(randomBytes(6)) % 10 ** digits).padStart(digits, '0');
    return `${part(SLOT)}-${part(4)}-${part(4)}`;
}

/** One exchange. ROLE: joiner or host. */
class Run {
    other = null; // {point, data, name, fingerprint}
    #role;
    #digits;
    #session;
    #scalar = scalarFrom(randomBytes(64));
    #own;
    #macKey = null;

    constructor({role, digits, session, name, fingerprint}) {
        this.#role = role;
        this.#digits = digits;
        this.#session = utf8(session);
        const head = join(sized(utf8(DSI)), sized(utf8(digits)));
        const generator = pointFromHash(sha512(join(head,
            sized(new Uint8Array(Math.max(127 - head.length, 0))), sized(utf8(CHANNEL)), sized(this.#session))));
        this.#own = {point: multiply(this.#scalar, generator),
                     data: join(sized(utf8(name)), sized(utf8(fingerprint)))};
    }

    share() {
        const slot = utf8(this.#digits.slice(0, SLOT)), {point, data} = this.#own;
        return toBase64(join([slot.length], slot, [point.length], point, [data.length], data));
    }

    takeShare(data) {
        const [, point, about] = fieldsOf(fromBase64(data)), [name, fingerprint] = fieldsOf(about).map(text);
        const secret = point?.length === 32 && !same(point, this.#own.point) && multiply(this.#scalar, point);
        if (!secret || !name || utf8(name).length > MAX_NAME || /[\p{C}\p{Zl}\p{Zp}]/u.test(name) ||
            !/^sha-256 ([0-9A-F]{2}:){31}[0-9A-F]{2}$/.test(fingerprint))
            throw new RtcbusError('Failed', 'what the other side says makes no sense');
        this.other = {point, data: about, name, fingerprint};
        const key = sha512(join(sized(utf8(`${DSI}_ISK`)), sized(this.#session), sized(secret), ...this.#shares()));
        this.#macKey = sha512(join(utf8('CPaceMac'), this.#session, key));
    }

    /** The joiner's, then the host's. */
    #shares() {
        const both = this.#role === 'joiner' ? [this.#own, this.other] : [this.other, this.#own];
        return both.flatMap(({point, data}) => [sized(point), sized(data)]);
    }

    #tag(role) {
        return hmacSha512(this.#macKey, join(sized(utf8(role)), ...this.#shares()));
    }

    tag() {
        return toBase64(this.#tag(this.#role));
    }

    isTag(data) {
        return same(fromBase64(data), this.#tag(this.#role === 'joiner' ? 'host' : 'joiner'));
    }
}

/** Frames of pairings: SIGNALING sends and hears them, ME has name and fingerprint, REMEMBER takes (name, fingerprint). */
export class Pairings {
    #signaling;
    #remember;
    #hosting = null; // {digits, runs, tries, asked, resolve, reject, timer}

    constructor(signaling, remember) {
        this.#signaling = signaling;
        this.#remember = remember;
        signaling.addEventListener('frame', ({detail}) => detail.type === 'pair' && this.#receive(detail));
    }

    /** {code, done: a promise of {name, fingerprint}, cancel()}; the code is good for five minutes. */
    offer(me) {
        this.#end('another code has taken its place');
        const code = makeCode(), digits = digitsOf(code);
        const done = new Promise((resolve, reject) => {
            this.#hosting = {me, digits, resolve, reject, runs: new Map(), tries: TRIES, asked: 0,
                             timer: setTimeout(() => this.#end('nobody typed the code in time: it has expired'), LIFETIME)};
        });
        done.catch(() => {});
        return {code, done, cancel: () => this.#end('it has been cancelled')};
    }

    #end(message) {
        clearTimeout(this.#hosting?.timer);
        this.#hosting?.reject(new RtcbusError('Timeout', message));
        this.#hosting = null;
    }

    #receive(frame) {
        const host = this.#hosting, key = `${frame.from} ${frame.session}`;
        if (!host || typeof frame.session !== 'string' || typeof frame.data !== 'string')
            return;
        try {
            if (frame.step === 'ask' && !host.runs.has(key))
                this.#asked(frame, key);
            else if (frame.step === 'confirm' && host.runs.has(key))
                this.#confirmed(frame, host.runs.get(key), key);
        } catch (error) {
            host.runs.delete(key);
            console.debug('rtcbus: a pairing:', error);
        }
    }

    #answer({from, session}, step, data) {
        this.#signaling.send({type: 'pair', to: from, session, step, data});
    }

    #asked(frame, key) {
        const host = this.#hosting, slot = text(fieldsOf(fromBase64(frame.data))[0]);
        if (slot !== host.digits.slice(0, SLOT) || host.asked++ >= MAX_ASKED)
            return;
        const run = new Run({role: 'host', digits: host.digits, session: frame.session, ...host.me});
        run.takeShare(frame.data);
        host.runs.set(key, run);
        if (host.runs.size > MAX_RUNS)
            host.runs.delete(host.runs.keys().next().value);
        this.#answer(frame, 'answer', run.share());
    }

    #confirmed(frame, run, key) {
        const host = this.#hosting, {name, fingerprint} = run.other;
        host.runs.delete(key);
        if (!run.isTag(frame.data)) {
            this.#answer(frame, 'wrong');
            if (--host.tries === 0)
                this.#end('three wrong tries: the code is void');
            return;
        }
        try {
            this.#remember(name, fingerprint);
        } catch (error) {
            this.#answer(frame, 'failed');
            host.reject(error);
            this.#end('');
            return;
        }
        this.#answer(frame, 'done', run.tag());
        host.resolve({name, fingerprint});
        this.#end('');
    }

    /** With the CODE that another has made: a promise of {name, fingerprint}. */
    async join(code, me) {
        const digits = digitsOf(code), session = hex(randomBytes(16));
        if (!digits)
            throw new RtcbusError('InvalidArgument', `a pairing code is ${DIGITS} digits, as 123-4567-8901`);
        const run = new Run({role: 'joiner', digits, session, ...me});
        const answered = this.#hear(session, ['answer'], ANSWER_LIMIT,
            'nobody in the room waits for this code: look at its first three digits, and whether it has expired');
        if (!this.#signaling.send({type: 'pair', session, step: 'ask', data: run.share()}))
            throw new RtcbusError('NotConnected', 'not connected to the relay');
        const answer = await answered;
        run.takeShare(answer.data);
        this.#answer(answer, 'confirm', run.tag());
        const ends = ['done', 'wrong', 'failed'];
        let end = await this.#hear(session, [...ends, 'wait'], ANSWER_LIMIT, 'the other side did not finish the pairing');
        if (end.step === 'wait')
            end = await this.#hear(session, ends, DECISION_LIMIT, 'nobody there said whether to remember us');
        if (end.step === 'failed')
            throw new RtcbusError('Failed', 'the other side could not remember us');
        if (end.step === 'wrong' || !run.isTag(end.data ?? ''))
            throw new RtcbusError('Denied', 'the code is wrong, or somebody in between has changed what was sent');
        const {name, fingerprint} = run.other;
        this.#remember(name, fingerprint);
        return {name, fingerprint};
    }

    /** The next frame of SESSION with one of STEPS. */
    #hear(session, steps, limit, late) {
        return new Promise((resolve, reject) => {
            const end = (action, value) => {
                clearTimeout(timer);
                this.#signaling.removeEventListener('frame', look);
                action(value);
            };
            const look = ({detail}) => {
                if (detail.type === 'pair' && detail.session === session && steps.includes(detail.step))
                    end(resolve, detail);
            };
            const timer = setTimeout(() => end(reject, new RtcbusError('Timeout', late)), limit);
            this.#signaling.addEventListener('frame', look);
        });
    }
}
