// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// A peer of an rtcbus relay for programs in browsers and in Node.js; rtcbus-web(7) has how it is
// used. The relay's own page is built on this.

import {Contacts} from './contacts.js';
import {RtcbusError, event, until} from './event.js';
import {FILES_PROTOCOL, receiveFiles} from './files.js';
import {fingerprintOfOwn, ownCertificate} from './identity.js';
import {Outbox} from './outbox.js';
import {Pairings} from './pairing.js';
import {codeOf} from './sdp.js';
import {Signaling} from './signaling.js';
import {Trust} from './trust.js';

export {RtcbusError} from './event.js';
export {peerKey} from './contacts.js';
export {parseNumber} from './series.js';
export {checkName} from './signaling.js';

const PATIENCE = 30000;       // ms, of join() and call()
const IDENTITY_LIMIT = 20000; // ms; then it goes with a key that nobody will see again
const MAX_OFFERS = 16, MAX_OFFERS_OF_ONE = 4; // of files, not yet through
const FATAL = ['token', 'refused', 'closed']; // problems that no patience mends

// Why a call has ended, as an error
const ENDS = {
    timeout: ['Timeout', 'did not answer'],
    refused: ['Denied', 'refuses the call'],
    untrusted: ['Denied', 'refuses the call: it does not know our key, or another one by our name'],
    busy: ['LimitExceeded', 'has too many calls'],
    gaveup: ['Timeout', 'gave up waiting'],
    stopped: ['NotConnected', 'is being stopped'],
    bye: ['NotConnected', 'hung up'],
    changed: ['Denied', 'shows another key than the known one: somebody may be in between'],
    away: ['NoSuchPeer', 'is not in the room'],
    relay: ['NotConnected', 'cannot be called: the relay is lost'],
    unreachable: ['NotConnected', 'cannot be reached: there is a firewall, or NAT without STUN or TURN'],
    own: ['NotConnected', 'has been hung up'],
};

/**
 * A room of a relay, with us in it. It connects again by itself, and so do its calls.
 *
 * Events: "state" (.state, .problem), "peers", "contacts", "reading", "listeners", "channel",
 * "file" (detail: {peer, name, size, files, accept(), refuse(), done, progress}), and for those who want to see how it works: "sent", "received" (frames), "step".
 */
export class Room extends EventTarget {
    trust;
    certificate = null;
    fingerprint = '';      // ours, once the certificate is there
    #signaling;
    #contacts;
    #outbox = new Outbox();
    #RTCPeerConnection;
    #identity;             // a promise
    #entering = null;
    #pairings;
    #offers = [];          // of files, that are not through: whose they are

    constructor(url, options = {}) {
        super();
        const {token, storage, configuration, pace = 0, identity = true,
               WebSocket = globalThis.WebSocket, RTCPeerConnection = globalThis.RTCPeerConnection} = options;
        if (!WebSocket || !RTCPeerConnection)
            throw new RtcbusError('InvalidArgument', 'there is no WebSocket or no RTCPeerConnection here: pass them');
        this.trust = new Trust(storage);
        this.#RTCPeerConnection = RTCPeerConnection;
        this.#signaling = new Signaling({url, token, WebSocket});
        this.#contacts = new Contacts(this.#signaling, {
            RTCPeerConnection, configuration, pace, trust: this.trust, outbox: this.#outbox});
        for (const [source, type, told] of [
            [this.#signaling, 'state'], [this.#signaling, 'members', 'peers'],
            [this.#signaling, 'sent'], [this.#signaling, 'received'],
            [this.#contacts, 'contacts'], [this.#contacts, 'reading'], [this.#contacts, 'listeners'],
            [this.#contacts, 'step']])
            source.addEventListener(type, ({detail}) => this.dispatchEvent(event(told ?? type, detail)));
        this.#contacts.addEventListener('channel', ({detail}) => this.#channel(detail));
        this.#pairings = new Pairings(this.#signaling, (peer, key) => this.trust.pair(peer, key));
        this.#identity = this.#loadIdentity(identity);
    }

    /** idle, connecting, connected, or waiting (to connect again) */
    get state() {
        return this.#signaling.state;
    }

    /** Why it is waiting: offline, unreachable, lost, silent, closed, token or refused; or null. */
    get problem() {
        return this.#signaling.problem;
    }

    /** What the relay says about it, as a sentence; may be empty. */
    get words() {
        return this.#signaling.words;
    }

    /** When it tries again, in ms of performance.now(). */
    get retryAt() {
        return this.#signaling.retryAt;
    }

    get id() {
        return this.#signaling.id;
    }

    /** Ours; another one than was wanted if that is taken. */
    get name() {
        return this.#signaling.name;
    }

    get wanted() {
        return this.#signaling.wanted;
    }

    /** Who else is here: id → name ("" if it has none). */
    get peers() {
        return this.#signaling.members;
    }

    /** Whom we call: name (or id) → Contact. */
    get contacts() {
        return this.#contacts.contacts;
    }

    /** Who hears us: calls, each with its .peer and .remote. */
    get listeners() {
        return this.#contacts.listeners;
    }

    /** Our own digits to read out. */
    get code() {
        return codeOf(this.fingerprint);
    }

    /** Whoever is in the room, or comes into it, is called. */
    set everybody(everybody) {
        this.#contacts.everybody = everybody;
    }

    async #loadIdentity(wanted) {
        if (!wanted || !globalThis.indexedDB)
            return;
        try {
            this.certificate = await ownCertificate(this.#RTCPeerConnection);
            this.#contacts.certificate = this.certificate;
            this.fingerprint = await fingerprintOfOwn(this.certificate, this.#RTCPeerConnection);
            this.dispatchEvent(event('state'));
        } catch (error) {
            console.warn('rtcbus: no certificate of our own:', error);
        }
    }

    /** Goes in as NAME, and again whenever the relay is lost, until leave(). */
    async enter(name = '') {
        const entering = this.#entering = {};
        await Promise.race([this.#identity, new Promise((resolve) => setTimeout(resolve, IDENTITY_LIMIT))]);
        if (this.#entering === entering) // not left meanwhile
            this.#signaling.join(name);
    }

    /** Hangs up and goes. */
    leave() {
        this.#entering = null;
        this.#contacts.stop();
        this.#signaling.leave();
    }

    retry() {
        this.#signaling.retry();
    }

    get token() {
        return this.#signaling.token;
    }

    set token(token) {
        this.#signaling.setToken(token);
    }

    /** Calls PEER, a name or an id, now and whenever it comes into the room: its Contact. */
    keep(peer) {
        return this.#contacts.place(peer);
    }

    keepAll() {
        this.#contacts.placeAll();
    }

    /** As keep(), but waits until it is connected; else it is hung up, and the reason thrown. */
    async call(peer, {timeout = PATIENCE} = {}) {
        const contact = this.keep(peer);
        contact.readings.keep();
        const failed = () => {
            const [name, words] = ENDS[contact.reason ?? 'timeout'] ?? ['Failed', `has ended the call (${contact.reason})`];
            return new RtcbusError(name, `${peer} ${words}${contact.words && ` and says: ${contact.words}`}`);
        };
        try {
            await until(contact, 'state', () => {
                if (['changed', 'refused', 'untrusted', 'own'].includes(contact.reason))
                    throw failed();
                return contact.state === 'connected';
            }, timeout, failed);
        } catch (error) {
            contact.hangUp();
            throw error;
        }
        return contact;
    }

    /** Hangs up, and forgets what has been read. */
    forget(contact) {
        this.#contacts.forget(contact);
    }

    /** VALUE (a number, a text or a Uint8Array) goes to whoever listens: its sequence. */
    publish(value, options = {}) {
        const reading = this.#outbox.add(value, options);
        this.#contacts.publish(reading);
        return reading.sequence;
    }

    /** A channel that a peer has opened; one with files is told as "file". */
    #channel(detail) {
        const {peer, channel} = detail;
        if (channel.protocol !== FILES_PROTOCOL) {
            this.dispatchEvent(event('channel', detail));
            return;
        }
        const ofOne = this.#offers.filter((one) => one === peer).length;
        if (this.#offers.length >= MAX_OFFERS || ofOne >= MAX_OFFERS_OF_ONE) {
            channel.close();
            return;
        }
        const offer = {peer, progress: null};
        this.#offers.push(peer);
        offer.done = receiveFiles(channel, (about) => new Promise((resolve) => {
            Object.assign(offer, about, {accept: () => resolve(true), refuse: () => resolve(false)});
            this.dispatchEvent(event('file', offer));
        }), (got, size) => offer.progress?.(got, size)).finally(() => this.#offers.splice(this.#offers.indexOf(peer), 1));
        offer.done.catch(() => {}); // whoever waits for it is told
    }

    get #me() {
        if (!this.fingerprint || !this.name)
            throw new RtcbusError('InvalidArgument', 'a pairing needs a name and a key of our own');
        return {name: this.name, fingerprint: this.fingerprint};
    }

    /** A code for another to type, {code, done, cancel()}: done is a promise of its {name, fingerprint}. */
    offerPairing() {
        return this.#pairings.offer(this.#me);
    }

    /** With the CODE that another has: a promise of its {name, fingerprint}, which are known from then on. */
    async pair(code) {
        return this.#pairings.join(code, this.#me);
    }

    /** The calls, for restore() after a reload of the page. */
    save() {
        return this.#contacts.save();
    }

    restore(saved) {
        this.#contacts.restore(saved);
    }
}

/** A page of another origin is not told why. */
function notLetIn(problem, url) {
    const origin = globalThis.location?.origin;
    const lacks = origin && origin !== new URL(url, location.href).origin.replace(/^ws/, 'http')
        ? `, or AllowedOrigins= in its relay.conf lacks ${origin}` : '';
    return `the relay lets nobody in from here (${problem}): it may be full${lacks}`;
}

/**
 * The Room at URL, once we are in it. OPTIONS: name, token, timeout (ms), configuration (of each
 * RTCPeerConnection), storage (for the keys of others), identity (false: a new key each time), pace (ms
 * between two messages with readings, for one who draws them),
 * WebSocket and RTCPeerConnection (classes, where there are none).
 */
export async function join(url, options = {}) {
    const room = new Room(url, options);
    try {
        await room.enter(options.name);
        await until(room, 'state', () => {
            if (FATAL.includes(room.problem))
                throw new RtcbusError('Denied', room.words || notLetIn(room.problem, url));
            return room.state === 'connected';
        }, options.timeout ?? PATIENCE, () => new RtcbusError('NotConnected', `${room.problem ?? 'no answer'}: ${url}`));
    } catch (error) {
        room.leave();
        throw error;
    }
    return room;
}
