// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Whose numbers we want, and which call a frame belongs to.
//
// A contact is a peer that we call, by its name (a peer that returns has a new id), or by its
// id if it has no name. A contact that is wanted is called again after a failure, with growing
// pauses; after a hang-up by the other side only when it comes back into the room.
//
// Clients that know neither session nor "to" are matched by their sender alone.

import {Call, makeSession, reasonOf, wordOf, wordsOf} from './call.js';
import {RtcbusError, event, until} from './event.js';
import {FILES_LABEL, FILES_PROTOCOL, newTransfer, sendFile} from './files.js';
import {Readings} from './readings.js';
import {codeOf} from './sdp.js';
import {parseNumber} from './series.js';
import {isId} from './signaling.js';

const FIRST_PAUSE = 1000, LONGEST_PAUSE = 30000; // ms
const FOREIGN_PATIENCE = 5000, PATIENCE = 60000; // ms for a connection to come back
const PROOF_OF_LIFE = 2000;  // ms for a peer that joined again to show that our call lives
const MAX_INCOMING = 64, MAX_PENDING = 4;        // of all, and not yet connected of one
const CUT_LIMIT = 600000;    // ms that a transfer waits for the call to come back
const FINAL = ['bye', 'stopped', 'refused', 'untrusted', 'changed']; // reasons not to call again at once
const STATS_PERIOD = 3000;   // ms: a browser needs milliseconds for each
const MAX_OFFERED = 64;      // contacts that others may make us have
const MAX_EARLY = 128, EARLY_LIFETIME = 30000;   // candidates before their offer

export const peerKey = (id, name) => name || id;

/**
 * Events: "state" (.state, .reason), "reading" (detail: {series, unit, value, time (ms since the
 * epoch of its emitter's clock), missed, greeting}), "channel" (detail: an RTCDataChannel that the
 * peer has opened).
 */
export class Contact extends EventTarget {
    readings = new Readings();
    place = null;        // of its readings, from before a reload
    call = null;
    reason = null;       // of the last call's end
    words = '';          // what the other side has said about it
    trust = null;        // known, new, unknown or changed, by the last call
    fingerprint = '';    // what that one has shown
    wanted = false;
    attempts = 0;
    timer = 0;

    #contacts;

    constructor(contacts, key, id, name) {
        super();
        this.#contacts = contacts;
        Object.assign(this, {key, id, name});
    }

    /** closed, calling, connecting, connected or reconnecting */
    get state() {
        return this.call?.state ?? 'closed';
    }

    /** The digits of its key that people read to each other. */
    get code() {
        return codeOf(this.fingerprint);
    }

    /** Ends the call for good; what has been read stays. */
    hangUp() {
        this.#contacts.hangUp(this);
    }

    /** An open RTCDataChannel; OPTIONS as createDataChannel() has them. */
    channel(label, options = {}) {
        return openedChannel(this, label, options);
    }

    /** FILE, a File or a Blob with a name, to the peer; PROGRESS is told (bytes there, size). */
    send(file, {progress} = {}) {
        return sendAll(this, file, progress);
    }
}

/** A transfer that is cut goes on in the next call: as long as each cut has brought it on, or the call was lost. */
async function sendAll(contact, file, progress) {
    const transfer = newTransfer();
    for (let last = -1;;) {
        let there = 0;
        const channel = await contact.channel(FILES_LABEL, {protocol: FILES_PROTOCOL});
        try {
            await sendFile(channel, file, transfer, (sent, size) => {
                there = sent;
                progress?.(sent, size);
            });
            return;
        } catch (error) {
            channel.close();
            if (error.name !== 'NotConnected' || !contact.wanted || (contact.state === 'connected' && there <= last))
                throw error;
            last = Math.max(last, there);
            await until(contact, 'state', () => contact.state === 'connected', CUT_LIMIT, () => error);
        }
    }
}

function openedChannel(contact, label, options) {
    return new Promise((resolve, reject) => {
        if (contact.state !== 'connected')
            throw new RtcbusError('NotConnected', `${contact.key} is not connected`);
        const channel = contact.call.openChannel(label, options), {call} = contact;
        channel.binaryType = 'arraybuffer';
        const fail = () => reject(new RtcbusError('NotConnected', `the channel ${label} was not opened`));
        channel.addEventListener('open', () => resolve(channel), {once: true});
        channel.addEventListener('close', fail, {once: true});
        call.addEventListener('state', () => call.state === 'closed' && fail());
    });
}

/**
 * Events: "contacts" (which there are, or their states), "reading" (detail: as a Contact's, and
 * {contact, at: ms of performance.now()}), "listeners", "channel" (detail: {peer, contact,
 * channel}), "step" (detail: {peer, session, step, …}).
 */
export class Contacts extends EventTarget {
    contacts = new Map(); // key → Contact
    incoming = new Set(); // calls of those who listen to us
    certificate = null;   // ours
    everybody = false;    // whoever comes is called
    #signaling;
    #parts;
    #early = [];
    #statsTimer = 0;

    /** PARTS: {RTCPeerConnection, configuration (of each of them), trust, outbox, pace}. */
    constructor(signaling, parts) {
        super();
        this.#signaling = signaling;
        this.#parts = parts;
        signaling.addEventListener('frame', ({detail}) => this.#receive(detail));
        signaling.addEventListener('members', () => this.#membersChanged());
        signaling.addEventListener('joined', ({detail}) => this.#joined(detail));
        signaling.addEventListener('left', ({detail}) => this.#left(detail.id));
        signaling.addEventListener('error', ({detail}) => this.#refused(detail));
        signaling.addEventListener('state', () => this.#relayChanged());
        for (const event of ['state', 'iceServers'])
            signaling.addEventListener(event, () => this.#serversChanged());
    }

    get listeners() {
        return [...this.incoming].filter((call) => call.open);
    }

    /** Calls the peer with this name or id, now or when it comes into the room: its Contact. */
    place(peer) {
        const [id, name] = isId(peer) ? [peer, this.#signaling.nameOf(peer)] : [this.#signaling.idOf(peer), peer];
        const contact = this.#contact(peerKey(id, name), id, name);
        contact.id = id;
        contact.wanted = true;
        contact.attempts = 0;
        this.#dial(contact);
        return contact;
    }

    placeAll() {
        for (const [id, name] of this.#signaling.members) {
            if (!this.contacts.get(peerKey(id, name))?.wanted)
                this.place(id);
        }
    }

    /** Who is called, and from where on to ask for readings: for restore(), after a reload. */
    save() {
        return [...this.contacts.values()].filter((contact) => contact.wanted && contact.name)
            .map(({name, readings, place}) => ({name, place: readings.place ?? place,
                                                chosen: readings.chosen}));
    }

    /** They are called as soon as they are seen in the room. */
    restore(saved) {
        for (const {name, place, chosen} of saved) {
            const contact = this.#contact(name, '', name);
            Object.assign(contact, {wanted: true, reason: 'away', place});
            contact.readings.wish = chosen;
        }
        this.#tell('contacts');
    }

    /** Ends the call; the numbers stay to look at. */
    hangUp(contact) {
        contact.wanted = false;
        contact.reason = 'own';
        clearTimeout(contact.timer);
        contact.call?.close('own', true);
        contact.readings.end();
        this.#tellState(contact);
    }

    forget(contact) {
        this.hangUp(contact);
        this.contacts.delete(contact.key);
        this.#tell('contacts');
    }

    /** Ends everything, because the page goes or the name changes. */
    stop() {
        this.contacts.forEach((contact) => this.hangUp(contact));
        this.incoming.forEach((call) => call.close('own', true));
        clearInterval(this.#statsTimer);
        this.#statsTimer = 0;
    }

    /** READING, which is in the outbox, goes to whoever listens. */
    publish(reading) {
        this.incoming.forEach((call) => call.publish(reading));
    }

    #tell(type, detail) {
        this.dispatchEvent(event(type, detail));
    }

    /** The state of CONTACT is another. */
    #tellState(contact) {
        contact.dispatchEvent(event('state'));
        this.#tell('contacts');
    }

    #contact(key, id, name) {
        if (!this.contacts.has(key))
            this.contacts.set(key, new Contact(this, key, id, name));
        return this.contacts.get(key);
    }

    /** NAME: by which its key is judged. */
    #newCall(direction, remote, name, session) {
        const {RTCPeerConnection, trust, outbox, pace} = this.#parts;
        const call = new Call({
            direction, remote, name, session, RTCPeerConnection, trust, outbox, pace, options: this.#options(),
            send: (frame) => this.#signaling.send(frame),
        });
        const peer = peerKey(remote, name);
        call.peer = peer;
        call.addEventListener('channel', ({detail}) => this.#channel(call, detail));
        this.#statsTimer ||= setInterval(() => this.#readStats(), STATS_PERIOD);
        call.addEventListener('step', ({detail}) => this.#tell('step', {peer, session, ...detail}));
        return call;
    }

    /** For an RTCPeerConnection. */
    #options() {
        const {configuration = {}} = this.#parts;
        const options = {...configuration, iceServers: [...configuration.iceServers ?? [],
                                                        ...this.#signaling.iceServers]};
        return this.certificate ? {...options, certificates: [this.certificate]} : options;
    }

    #channel(call, channel) {
        const contact = [...this.contacts.values()].find((one) => one.call === call) ?? null;
        contact?.dispatchEvent(event('channel', channel));
        this.#tell('channel', {peer: call.peer, contact, channel});
    }

    // ---- as the listener ----------------------------------------------------------

    #dial(contact) {
        clearTimeout(contact.timer);
        if (this.#signaling.state !== 'connected' || !this.#signaling.members.has(contact.id)) {
            contact.reason = this.#signaling.state === 'connected' ? 'away' : 'relay';
            this.#tellState(contact);
            return;
        }
        const former = contact.call;
        contact.call = null;
        former?.close('replaced', true);
        const call = this.#newCall('outgoing', contact.id, contact.name, makeSession());
        this.#follow(contact, call);
        call.ring();
    }

    #follow(contact, call) {
        contact.call = call;
        contact.reason = null;
        call.addEventListener('state', () => this.#callChanged(contact, call));
        call.addEventListener('open', () => this.#tell('contacts'));
        call.addEventListener('number', ({detail}) => this.#message(contact, call, detail));
        call.addEventListener('reading', ({detail}) => this.#reading(contact, call, detail));
        call.addEventListener('restart', () => this.#restart(call));
        call.wantedPlace = contact.place;
        this.#tellState(contact);
    }

    #message(contact, call, text) {
        const value = parseNumber(text);
        if (contact.call !== call || Number.isNaN(value))
            return;
        const reading = {series: '', unit: '', value, time: Date.now(), missed: 0, greeting: false};
        this.#heard(contact, call, text);
        this.#tellReading(contact, reading, contact.readings.addNumber(reading));
    }

    #heard(contact, call, text) {
        if (!call.heard)
            this.#tell('step', {peer: call.peer, session: call.session, step: 'number', text});
        call.heard = true;
        contact.attempts = 0;
    }

    /** The next call asks for what comes after it. */
    #reading(contact, call, reading) {
        if (contact.call !== call)
            return;
        this.#heard(contact, call, String(reading.value));
        const at = contact.readings.add(reading, call.place.epoch);
        if (!reading.greeting)
            contact.place = {epoch: call.place.epoch, sequence: reading.sequence};
        this.#tellReading(contact, reading, at);
    }

    #tellReading(contact, reading, at) {
        contact.dispatchEvent(event('reading', reading));
        this.#tell('reading', {contact, at, ...reading});
    }

    #restart(call) {
        if (this.#signaling.state === 'connected' && this.#signaling.members.has(call.remote))
            call.restart();
    }

    #callChanged(contact, call) {
        if (contact.call !== call)
            return;
        contact.trust = call.trust ?? contact.trust;
        contact.fingerprint = call.remoteFingerprint || contact.fingerprint;
        if (call.state === 'reconnecting') {
            this.#lookAgain(contact, call);
        } else if (call.state === 'closed') {
            contact.call = null;
            contact.reason = call.reason;
            contact.words = call.words;
            if (call.reason === 'changed')
                contact.wanted = false; // the visitor has to decide
            if (contact.wanted && !FINAL.includes(call.reason))
                this.#redial(contact);
        }
        this.#tellState(contact);
    }

    /**
     * A call that stays silent is made anew, as soon as there is a relay to do it with. One that
     * can restart ICE does so meanwhile.
     */
    #lookAgain(contact, call) {
        setTimeout(() => {
            if (call.state !== 'reconnecting')
                return;
            if (this.#signaling.state === 'connected')
                call.close('silent', true);
            else
                this.#lookAgain(contact, call);
        }, call.foreign ? FOREIGN_PATIENCE : PATIENCE);
    }

    #redial(contact) {
        const pause = Math.min(FIRST_PAUSE * 2 ** contact.attempts++, LONGEST_PAUSE);
        clearTimeout(contact.timer);
        contact.timer = setTimeout(() => contact.wanted && this.#dial(contact),
                                   pause / 2 + Math.random() * pause / 2);
    }

    /** Credentials of TURN servers are only good for a time. */
    #serversChanged() {
        if (this.#signaling.state !== 'connected')
            return;
        for (const contact of this.contacts.values())
            contact.call?.setOptions(this.#options());
        for (const call of this.incoming)
            call.setOptions(this.#options());
    }

    // ---- the room -----------------------------------------------------------------

    /** Names keep their meaning, ids change: after a restart of relay or peer. */
    #membersChanged() {
        for (const [id, name] of this.#signaling.members) {
            const contact = this.contacts.get(peerKey(id, name));
            if (contact)
                contact.id = id;
            for (const call of this.#calls())
                if (call.peer === name && !this.#signaling.members.has(call.remote))
                    call.remote = id; // an offer from there shows whether it has the same key
            if (this.everybody && !contact)
                this.place(id);
        }
    }

    #relayChanged() {
        if (this.#signaling.state === 'connected') {
            // "members" comes next and may bring new ids.
            queueMicrotask(() => this.contacts.forEach((contact) => this.#dialIfMissed(contact)));
            return;
        }
        // What is connected needs no relay; what is not has lost frames.
        for (const contact of this.contacts.values())
            if (contact.call?.pending)
                contact.call.close('relay', false);
        for (const call of this.incoming)
            if (call.pending)
                call.close('relay', false);
    }

    #dialIfMissed(contact) {
        if (!contact.wanted || contact.call || FINAL.includes(contact.reason))
            return;
        contact.attempts = 0;
        this.#dial(contact);
    }

    #joined({id, name}) {
        const contact = this.contacts.get(peerKey(id, name));
        if (!contact?.wanted)
            return;
        contact.attempts = 0;
        if (!contact.call) {
            this.#dial(contact);
            return;
        }
        // It lost only the relay, or it began anew and knows nothing of our call: numbers tell.
        const {call} = contact;
        let alive = false;
        for (const event of ['number', 'reading'])
            call.addEventListener(event, () => alive = true, {once: true});
        setTimeout(() => contact.call === call && !alive && this.#dial(contact), PROOF_OF_LIFE);
    }

    #left(id) {
        for (const contact of this.contacts.values()) {
            if (contact.id === id && contact.call?.pending)
                contact.call.close('away', false);
        }
        for (const call of this.incoming)
            if (call.remote === id && call.pending)
                call.close('away', false);
    }

    #refused({code, to}) {
        if (code === 'no-such-peer')
            this.#left(to);
    }

    // ---- frames -------------------------------------------------------------------

    #receive(frame) {
        const {id, name} = this.#signaling;
        if (frame.to !== undefined && frame.to !== id && frame.to !== name)
            return;
        switch (frame.type) {
        case 'call':
            this.#receiveCall(frame);
            break;
        case 'offer':
            this.#receiveOffer(frame);
            break;
        case 'answer':
            this.#find(frame)?.takeAnswer(frame.sdp);
            break;
        case 'candidate':
            this.#receiveCandidate(frame);
            break;
        case 'bye':
            this.#receiveBye(frame);
            break;
        }
    }

    #calls() {
        const outgoing = [...this.contacts.values()].map((contact) => contact.call);
        return [...outgoing.filter(Boolean), ...this.incoming];
    }

    /** After a new start of the relay the sender has another id, but its name and session. */
    #isFrom(call, frame) {
        return call.remote === frame.from || call.peer === this.#signaling.nameOf(frame.from);
    }

    #find(frame) {
        const calls = this.#calls().filter((call) => this.#isFrom(call, frame));
        if (frame.session !== undefined)
            return calls.find((call) => call.session === frame.session);
        return calls.findLast((call) => call.foreign && call.pending) ??
            calls.findLast((call) => call.foreign);
    }

    #receiveCall(frame) {
        const session = typeof frame.session === 'string' ? frame.session : undefined;
        // To everybody: only an emitter has something to say, and 20 pages would say it.
        if ((frame.to === undefined && this.#parts.outbox.sequence === 0) || (session && this.#find(frame)))
            return;
        if (!session) // it has forgotten its former call
            this.incoming.forEach((call) =>
                call.foreign && call.remote === frame.from && call.close('replaced', false));
        const pending = [...this.incoming].filter((one) => one.pending && one.remote === frame.from);
        if (this.incoming.size >= MAX_INCOMING || pending.length >= MAX_PENDING) {
            this.#signaling.send({type: 'bye', to: frame.from, session, reason: wordOf('busy')});
            return;
        }
        const call = this.#newCall('incoming', frame.from, this.#signaling.nameOf(frame.from), session);
        call.foreign = !session;
        this.incoming.add(call);
        call.addEventListener('state', () => {
            if (call.state === 'closed')
                this.incoming.delete(call);
            this.#tell('listeners');
        });
        call.addEventListener('open', () => {
            const last = this.#parts.outbox.last.get('');
            if (last)
                call.publish(last);
            this.#tell('listeners');
        });
        call.offer();
    }

    /** The contact whose call this offer is for; a new one if we were offered unasked. */
    #receiveOffer(frame) {
        const waiting = this.#calls().find((call) => call.awaitsOffer && this.#isFrom(call, frame) &&
            (frame.session === undefined || call.session === frame.session));
        if (waiting) {
            waiting.foreign = frame.session === undefined;
            this.#takeOffer(waiting, frame);
            return;
        }
        const standing = this.#find(frame);
        if (standing) {
            standing.takeOffer(frame.sdp);
            return;
        }
        // A foreign emitter's offer to everybody is somebody else's, and a later offer of a call
        // that we do not know is nobody's.
        if (frame.to === undefined || frame.restart) {
            if (frame.restart)
                this.#signaling.send({type: 'bye', to: frame.from, session: frame.session, reason: 'gone'});
            return;
        }
        const name = this.#signaling.nameOf(frame.from), key = peerKey(frame.from, name);
        if (this.contacts.get(key)?.call ||
            (!this.contacts.has(key) && this.contacts.size >= MAX_OFFERED)) {
            this.#signaling.send({type: 'bye', to: frame.from, session: frame.session, reason: wordOf('busy')});
            return;
        }
        const contact = this.#contact(key, frame.from, name);
        const call = this.#newCall('incoming', frame.from, contact.name, frame.session);
        call.foreign = frame.session === undefined;
        this.#follow(contact, call);
        this.#takeOffer(call, frame);
    }

    #takeOffer(call, frame) {
        call.takeOffer(frame.sdp);
        for (const early of this.#early.filter((one) => belongsWith(one.frame, frame)))
            call.takeCandidate(early.frame.candidate);
        this.#early = this.#early.filter((one) => !belongsWith(one.frame, frame));
    }

    #receiveCandidate(frame) {
        const call = this.#find(frame), now = performance.now();
        if (call && !call.awaitsOffer) {
            call.takeCandidate(frame.candidate);
            return;
        }
        this.#early = this.#early.filter((early) => now - early.time < EARLY_LIFETIME);
        if (this.#early.length < MAX_EARLY)
            this.#early.push({frame, time: now});
    }

    #receiveBye(frame) {
        const call = this.#find(frame);
        call?.close(reasonOf(frame.reason, call.pending), false, wordsOf(frame));
    }

    #readStats() {
        if (!globalThis.document?.hidden)
            this.#calls().forEach((call) => call.readStats());
    }
}

function belongsWith(candidate, offer) {
    return candidate.from === offer.from && candidate.session === offer.session;
}
