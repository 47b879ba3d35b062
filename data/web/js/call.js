// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// One call: a RTCPeerConnection and the frames that belong to it. The listener sends `call`;
// the emitter creates the channel and offers; the listener answers. Which frame belongs to
// which call is for contacts.js to know.

import {event} from './event.js';
import {Feed} from './feed.js';
import {FEED_LABEL, FEED_PROTOCOL} from './feed-frame.js';
import {FeedSender} from './outbox.js';
import {printable} from './printable.js';
import {hex, randomBytes} from './random.js';
import {fingerprintIn, sayProtocol, takesProtocol, textOf} from './sdp.js';

const CHANNEL = 'msg_channel';
const TIMEOUT = 20000;         // ms to be connected
const LAST_WORDS = 500;        // ms in which a bye may follow the end of the channels,
const ORDERLY_END = 6000;      // and of rtcbus, which says it when all that was sent is there
const MAX_EARLY = 64;          // candidates before their description
const MAX_BUFFERED = 1 << 20;  // bytes; a listener that is slower loses numbers
const FIRST_RESTART = 500, LONGEST_RESTART = 8000; // ms between restarts of ICE

const WHO = globalThis.document ? 'the browser' : 'Node.js'; // in a `bye`

const NEXT = {
    calling: ['connecting', 'closed'],
    connecting: ['connected', 'closed'],
    connected: ['reconnecting', 'closed'],
    reconnecting: ['connected', 'closed'],
    closed: [],
};

// Why a call ends, as `bye` says it: ours, its word, and what that is to the other side (rtcbus-signaling(7))
const REASONS = [
    ['changed', 'untrusted', 'untrusted'], ['busy', 'busy', 'busy'], ['unreachable', 'no-path', 'unreachable'],
    ['timeout', 'timeout', 'gaveup'], ['silent', 'unheard', 'silent'], ['bad', 'failed', 'failed'],
    [null, 'gone', 'ended'], [null, 'stopped', 'stopped'], [null, 'new-key', 'newkey'],
];

export const wordOf = (reason) => REASONS.find(([ours]) => ours === reason)?.[1];

/** What the WORD of a remote's `bye` means; without one it has just hung up, or refused a call that was PENDING. */
export function reasonOf(word, pending) {
    return REASONS.find(([, known]) => known === word)?.[2] ?? (pending ? 'refused' : 'bye');
}

const MAX_WORDS = 200;         // characters

/** What its `bye` says besides the word: text of the remote's, for people. */
export const wordsOf = ({message}) => typeof message === 'string' ? printable(message, MAX_WORDS).trim() : '';

export const makeSession = () => hex(randomBytes(16));

/**
 * Events: "state" (.state, and .reason when closed), "number" (detail: text that came),
 * "reading" (detail: as feed.js gives it), "open" (the channel of numbers is open), "channel"
 * (detail: one that the remote has opened), "step" (detail: {step, …} for the ladder),
 * "restart" (the path is silent: may restart() be called?).
 */
export class Call extends EventTarget {
    state = 'calling';
    reason = null;
    words = '';          // the remote's own about it
    foreign = false;     // the remote does not know sessions
    stats = null;        // see readStats()
    setupTime = NaN;     // ms from the start to the first open channel
    remoteFingerprint = '';
    trust = null;        // known, new, unknown or changed, once there is a fingerprint
    #RTCPeerConnection;
    #trust;
    #connection = null;
    #channels = new Set();
    #early = [];
    #started = performance.now();
    #timer = 0;
    #endTimer = 0;
    #work = Promise.resolve(); // descriptions and candidates, one after the other
    #feed = null;
    #emptied = false;    // there were channels of numbers, and all have closed
    #emits = false;      // our readings: it is we who have opened the channel of numbers
    #sender = null;      // of them, to a listener that knows feeds
    #takesFeed = false;  // it does
    #restarts = 0;       // since it was connected last
    #restartTimer = 0;

    /**
     * DIRECTION: outgoing (we listen) or incoming. REMOTE: its id; NAME: what it is known by.
     * OPTIONS: for the RTCPeerConnection, which is made by the class of that name. SEND: takes a
     * frame for the remote. TRUST, OUTBOX and PACE are those of the room.
     */
    constructor({direction, remote, name, session, options, send, RTCPeerConnection, trust, outbox, pace}) {
        super();
        Object.assign(this, {direction, remote, name, session, options, outbox, pace});
        this.#RTCPeerConnection = RTCPeerConnection;
        this.#trust = trust;
        this.sendFrame = send;
        this.#timer = setTimeout(() => this.close('timeout', true), TIMEOUT);
    }

    get pending() {
        return this.state === 'calling' || this.state === 'connecting';
    }

    get awaitsOffer() {
        return this.state === 'calling' && this.direction === 'outgoing';
    }

    /** As the listener: asks for an offer. */
    ring() {
        this.#send({type: 'call', channel_id: CHANNEL});
    }

    /** As the emitter: creates the channel and offers it. */
    offer() {
        this.#emits = true;
        this.#enter('connecting');
        this.#connect();
        this.#adopt(this.#connection.createDataChannel(CHANNEL));
        this.#then(async (connection) => this.#send({type: 'offer', sdp: await describe(connection)}));
    }

    takeOffer(sdp) {
        if (this.state !== 'calling') {
            this.#takeLaterOffer(sdp);
            return;
        }
        this.#enter('connecting');
        this.#connect();
        if (this.direction === 'outgoing' && takesProtocol(textOf(sdp), FEED_PROTOCOL))
            this.#openFeed();
        this.#describe('offer', sdp, (connection) => this.#answer(connection));
    }

    takeAnswer(sdp) {
        if (this.#connection?.signalingState !== 'have-local-offer')
            return;
        if (!this.#connection.remoteDescription)
            this.#takeAnswer(sdp);
        else if (this.#isTheirs(sdp))
            this.#then(async (connection) => {
                if (connection.signalingState === 'have-local-offer') // another answer may have been before it
                    await connection.setRemoteDescription({type: 'answer', sdp: textOf(sdp)});
            });
    }

    #takeAnswer(sdp) {
        this.#takesFeed = takesProtocol(textOf(sdp), FEED_PROTOCOL);
        this.#describe('answer', sdp);
        if (this.#takesFeed && this.state !== 'closed')
            this.#offerFeed();
    }

    /**
     * Looks for another path; the one there is carries data until then. What is missing is a
     * relay to do it with, or a remote that knows how: then it is for others to call anew.
     */
    restart() {
        if (this.foreign || !this.#connection?.remoteDescription || this.state === 'closed')
            return;
        this.#connection.restartIce();
        this.#then(async (connection) => {
            if (connection.signalingState === 'have-remote-offer')
                return;
            this.#send({type: 'offer', sdp: await describe(connection), restart: true});
        });
    }

    /** What we have of the remote's readings, or null. */
    get place() {
        return this.#feed?.place ?? null;
    }

    takeCandidate(candidate) {
        if (this.#early)
            this.#early.length < MAX_EARLY && this.#early.push(candidate);
        else
            this.#then((connection) => addCandidate(connection, candidate));
    }

    /** The listener hears READING, which is in the outbox; one that knows no feed hears numbers only. */
    publish({series, value}) {
        const [channel] = this.#channels;
        this.#sender?.wake();
        if (this.#sender || this.#takesFeed || series !== '' || typeof value !== 'number' ||
            channel?.readyState !== 'open' || channel.bufferedAmount > MAX_BUFFERED)
            return;
        channel.send(String(value));
    }

    /** A channel of LABEL, an RTCDataChannel that is not open yet. */
    openChannel(label, options) {
        return this.#connection.createDataChannel(label, options);
    }

    /** Numbers arrive at the listener: a feed begins when that has said what it has. */
    get open() {
        if (this.#takesFeed)
            return this.#sender?.heard ?? false;
        return [...this.#channels].some((channel) => channel.readyState === 'open');
    }

    /** For the next time that candidates are gathered: credentials end, calls go on. */
    setOptions(options) {
        this.options = options;
        try {
            if (this.state !== 'closed')
                this.#connection?.setConfiguration(this.options);
        } catch (error) {
            console.warn('rtcbus: the relay\'s ICE servers are of no use:', error);
        }
    }

    /** WORDS: with a `bye`, what a person at the other side may want to know; without one, what its own says. */
    close(reason, sayBye, words = '') {
        if (this.state === 'closed')
            return;
        clearTimeout(this.#restartTimer);
        clearTimeout(this.#endTimer);
        if (sayBye)
            this.#send({type: 'bye', reason: wordOf(reason), message: words.slice(0, MAX_WORDS) || undefined});
        else
            this.words = words;
        this.#connection?.close();
        this.reason = reason;
        this.#enter('closed');
    }

    /** Selected pair, {local, remote, rtt}, in .stats. */
    async readStats() {
        if (this.state !== 'connected')
            return;
        const report = await this.#connection.getStats().catch(() => null);
        if (report)
            this.stats = selectedPair(report) ?? this.stats;
    }

    #send(frame) {
        frame.to = this.remote;
        if (this.session)
            frame.session = this.session;
        this.sendFrame(frame);
    }

    #tell(type, detail) {
        this.dispatchEvent(event(type, detail));
    }

    #step(step, detail = {}) {
        this.#tell('step', {step, ...detail});
    }

    #enter(state) {
        if (!NEXT[this.state].includes(state))
            return;
        this.state = state;
        clearTimeout(this.#timer);
        if (state === 'connecting')
            this.#timer = setTimeout(() => this.close('timeout', true), TIMEOUT);
        this.#tell('state');
    }

    async #answer(connection) {
        this.#send({type: 'answer', sdp: await describe(connection)});
    }

    #isTheirs(sdp) {
        return fingerprintIn(textOf(sdp)) === this.remoteFingerprint;
    }

    /**
     * ICE restarts, or media that we reject. When both have offered, the offer of who made the
     * first one stands (W3C webrtc-pc 10.7: the other side is polite). Nothing that goes wrong
     * here ends a call that works.
     */
    #takeLaterOffer(sdp) {
        if (!this.#connection?.remoteDescription || !this.#isTheirs(sdp))
            return;
        const polite = this.direction === 'outgoing';
        this.#work = this.#work.then(async () => {
            const connection = this.#connection;
            if (connection.signalingState === 'have-local-offer' && !polite)
                return;
            await connection.setRemoteDescription({type: 'offer', sdp: textOf(sdp)});
            await this.#answer(connection);
        }).catch((error) => console.warn('rtcbus: a later offer:', error));
    }

    /** With the channel of numbers, so that our first readings need not wait until they are asked for. */
    #offerFeed() {
        const channel = this.#connection.createDataChannel(FEED_LABEL, {protocol: FEED_PROTOCOL});
        const sender = new FeedSender(channel, this.outbox, () => this.#tell('open'));
        channel.onopen = () => sender.offer();
        this.#sender = sender;
    }

    /** The listener has opened CHANNEL: one at a time, and ours only if it has taken that. */
    #serve(channel) {
        if (this.#sender?.heard) {
            channel.close();
            return;
        }
        this.#sender?.giveWay();
        this.#sender = new FeedSender(channel, this.outbox, () => this.#tell('open'));
    }

    /** Opened by whoever listens. What was on the way before it is missed by nobody. */
    #openFeed() {
        const channel = this.#connection.createDataChannel(FEED_LABEL, {protocol: FEED_PROTOCOL});
        channel.binaryType = 'arraybuffer';
        channel.onopen = () => {
            this.#feed = new Feed({
                place: this.wantedPlace ?? null,
                pace: this.pace,
                send: (buffer) => channel.send(buffer),
                take: (reading) => this.#tell('reading', reading),
            });
        };
        channel.onmessage = ({data}) => this.#feed?.receive(data) || channel.close();
    }

    #silent() {
        clearTimeout(this.#restartTimer);
        if (this.state !== 'reconnecting')
            return;
        this.#tell('restart');
        const pause = Math.min(FIRST_RESTART * 2 ** this.#restarts++, LONGEST_RESTART);
        this.#restartTimer = setTimeout(() => this.#silent(), pause * (1 + Math.random()));
    }

    #connect() {
        const connection = new this.#RTCPeerConnection(this.options);
        this.#connection = connection;
        connection.onicecandidate = ({candidate}) => {
            // A foreign client may stumble over the end of the list: it gets none.
            if (candidate?.candidate)
                this.#send({type: 'candidate', candidate: candidate.toJSON?.() ?? {...candidate}});
            else if (!candidate && !this.foreign)
                this.#send({type: 'candidate', candidate: null});
        };
        connection.onconnectionstatechange = () => this.#connectionChanged();
        connection.oniceconnectionstatechange = () => this.#iceChanged();
        connection.ondatachannel = ({channel}) => this.#take(channel);
    }

    #connectionChanged() {
        switch (this.#connection.connectionState) {
        case 'connected':
            if (!this.#foundEmpty())
                this.#connected(this.state === 'connecting');
            break;
        case 'disconnected':
        case 'failed':
            if (this.pending) {
                if (this.#connection.connectionState === 'failed')
                    this.close('unreachable', true);
                break;
            }
            if (this.state !== 'reconnecting') { // disconnected, and failed soon after, is one silence
                this.#enter('reconnecting');
                this.#silent();
            }
            break;
        case 'closed':
            this.#ended();
            break;
        }
    }

    async #connected(first) {
        const at = performance.now();
        if (first && this.trust === 'new' && this.direction === 'outgoing')
            this.#trust.remember(this.name, this.remoteFingerprint);
        this.#enter('connected');
        clearTimeout(this.#restartTimer);
        this.#restarts = 0;
        await this.readStats();
        if (first)
            this.#step('connected', {stats: this.stats, at});
    }

    /** There is a path again, but all channels are gone: that call ends, and another one is made. */
    #foundEmpty() {
        if (this.state !== 'reconnecting' || !this.#emptied)
            return false;
        this.close('silent', true);
        return true;
    }

    /**
     * Firefox gives up DTLS and all channels when a restart of ICE fails, and when a later one finds a path
     * it makes no channel anew, and at times not even DTLS: then this alone tells that there is a path.
     */
    #iceChanged() {
        if (['connected', 'completed'].includes(this.#connection.iceConnectionState))
            this.#foundEmpty();
    }

    /**
     * By the direct way the end is often here before the bye, which says that it was meant. In a silence
     * nobody has meant it: as soon as there is a path, it is called anew.
     */
    #ended() {
        clearTimeout(this.#endTimer);
        this.#endTimer = setTimeout(() => {
            if (this.state !== 'reconnecting' || this.#emits || this.#connection.connectionState === 'closed')
                this.close('ended', false);
        }, this.foreign ? LAST_WORDS : ORDERLY_END);
    }

    /**
     * A channel of the remote: for its feed, its numbers, or one for whoever knows what it is for.
     * The feed that an emitter offers gives way to the one that we open.
     */
    #take(channel) {
        channel.binaryType = 'arraybuffer';
        if (channel.protocol === FEED_PROTOCOL)
            this.#emits && this.#serve(channel);
        else if (channel.label === CHANNEL || (this.foreign && this.#channels.size === 0))
            this.#adopt(channel);
        else
            this.#tell('channel', channel);
    }

    #adopt(channel) {
        this.#channels.add(channel);
        this.#emptied = false;
        channel.onopen = () => {
            if (Number.isNaN(this.setupTime))
                this.setupTime = performance.now() - this.#started;
            this.#step('channel', {label: channel.label});
            this.#tell('open');
        };
        channel.onmessage = ({data}) => this.#tell('number', data);
        channel.onclose = () => {
            this.#channels.delete(channel);
            this.#emptied = this.#channels.size === 0;
            if (this.#emptied)
                this.#ended();
        };
    }

    #describe(type, sdp, then) {
        const text = textOf(sdp);
        this.remoteFingerprint = fingerprintIn(text);
        this.trust = this.#trust.judge(this.name, this.remoteFingerprint);
        if (this.trust === 'changed' || !this.remoteFingerprint) {
            if (this.remoteFingerprint)
                this.close('changed', true);
            else
                this.close('bad', true, `${WHO} finds no fingerprint in the ${type}, or several`);
            return;
        }
        this.#then(async (connection) => {
            await connection.setRemoteDescription({type, sdp: text});
            for (const candidate of this.#early)
                await addCandidate(connection, candidate);
            this.#early = null;
            await then?.(connection);
        });
    }

    /** One thing after the other; what fails ends the call, unless it has ended. */
    #then(action) {
        this.#work = this.#work.then(() => this.state !== 'closed' && action(this.#connection))
            .catch((error) => {
                console.warn('rtcbus:', error);
                this.close('bad', true, `${WHO} says ${error.message}`);
            });
    }
}

/** Our offer, or our answer to the remote's, as it is sent. */
async function describe(connection) {
    const answers = connection.signalingState === 'have-remote-offer';
    await connection.setLocalDescription(answers ? await connection.createAnswer() : await connection.createOffer());
    const {type, sdp} = connection.localDescription;
    return {type, sdp: sayProtocol(sdp, FEED_PROTOCOL)};
}

/** A candidate that the browser does not like is not worth the call. */
async function addCandidate(connection, candidate) {
    try {
        await connection.addIceCandidate(candidate || undefined);
    } catch (error) {
        console.debug('rtcbus: a candidate is left out:', error.message);
    }
}

function endpoint(candidate) {
    if (!candidate)
        return null;
    const {candidateType: type, protocol, port} = candidate;
    const address = candidate.address ?? candidate.ip ?? '';
    const host = address.includes(':') ? `[${address}]` : address;
    return {type, protocol, text: host && !host.endsWith('.local') ? `${host}:${port}` : ''};
}

/** RTCStatsReport → {local, remote, rtt (ms)}, as Chromium and Firefox each tell it. */
function selectedPair(report) {
    let pair = null;
    for (const entry of report.values()) {
        if (entry.type === 'transport' && entry.selectedCandidatePairId)
            pair = report.get(entry.selectedCandidatePairId) ?? pair;
        else if (entry.type === 'candidate-pair' && entry.selected)
            pair = entry;
    }
    pair ??= [...report.values()].find((entry) => entry.type === 'candidate-pair' &&
                                       entry.nominated && entry.state === 'succeeded');
    if (!pair)
        return null;
    return {
        local: endpoint(report.get(pair.localCandidateId)),
        remote: endpoint(report.get(pair.remoteCandidateId)),
        rtt: pair.currentRoundTripTime === undefined ? NaN : pair.currentRoundTripTime * 1000,
    };
}
