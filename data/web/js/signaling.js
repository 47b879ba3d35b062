// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The WebSocket to the relay: our name, who else is in the room, and frames in both
// directions. What is lost is connected again, with growing pauses.
//
// A browser does not tell a page why a WebSocket was refused (a taken name is HTTP 409, seen
// by nobody), so we ask with a plain request whether the relay is there at all and takes our
// token, and if it is and does, try again under another name.

import {RtcbusError, event} from './event.js';

const SUBPROTOCOL = 'rtcbus.1';
const TOKEN_PROTOCOL = 'rtcbus.token.'; // and the token: a page can set no field
const FIRST_PAUSE = 500, LONGEST_PAUSE = 30000; // ms
const STABLE = 10000;         // a connection that lasts this long resets the pauses
const WELCOME_LIMIT = 10000;
const SAME_NAME_PAUSE = 300;  // a reloaded page waits for its former self to leave
const PROBE_PERIOD = 15000, PROBE_LIMIT = 8000;
const NAME_BYTES = 48;
const LIMIT_OF_ASKING = 5000; // ms
const CLIENT = '-/rtcbus/js/rtcbus.js'; // from any room's path on
const WORDS_LIMIT = 200;      // characters
const POLICY = 1008;          // a close code with a reason for people
const MISDIRECTED = 421;      // the relay takes no page that was loaded by this name

/** Whether TEXT is an id, as the relay makes them: no name looks like one. */
export const isId = (text) => /^[0-9a-f]{32}$/i.test(text);

/** NULL if NAME is good, else what is wrong with it: "name.empty", "name.long" or "name.bad". */
export function checkName(name) {
    if (name === '')
        return 'name.empty';
    if (new TextEncoder().encode(name).length > NAME_BYTES)
        return 'name.long';
    if (/[\p{C}\p{Zl}\p{Zp}]/u.test(name) || isId(name))
        return 'name.bad';
    return null;
}

/** Names to try, in this order. The last one tells a taken name from other refusals. */
function* names(name) {
    yield name;
    if (name === '')
        return;
    yield name;
    yield `${name}-2`;
    yield `${name}-3`;
    yield `${name}-${1000 + Math.floor(Math.random() * 9000)}`;
}

/**
 * Events: "state" (see .state, .problem, .retryAt), "members", "joined" and "left" (detail:
 * {id, name}), "iceServers" (.iceServers are others), "frame" (detail: from a peer), "error"
 * (detail: from the relay), "sent" and "received" (detail: every frame, for the ladder).
 */
export class Signaling extends EventTarget {
    state = 'idle';     // connecting, connected, waiting
    problem = null;     // why it is waiting: offline, unreachable, refused, lost, silent, closed, token
    words = '';         // the relay's own, for the last two
    token = null;       // what opens the room
    retryAt = 0;        // performance.now() of the next attempt
    wanted = '';        // the name asked for
    name = '';          // the name we have
    id = null;
    members = new Map(); // id → name, without ourselves
    iceServers = [];
    #WebSocket;
    #watching = null;
    #socket = null;
    #names = null;
    #failures = 0;
    #timers = {};

    /** URL: of the room, absolute or beside the page; WEBSOCKET: the class that makes them. */
    constructor({url, token = null, WebSocket}) {
        super();
        this.url = new URL(url, globalThis.location?.href);
        this.url.protocol = this.url.protocol.replace('http', 'ws');
        this.url.hash = '';
        if (!/^wss?:$/.test(this.url.protocol))
            throw new RtcbusError('InvalidArgument', `not the URL of a relay: ${url}`);
        this.token = token;
        this.#WebSocket = WebSocket;
    }

    join(name) {
        this.leave();
        this.#watch();
        this.wanted = name;
        this.#failures = 0;
        this.#connect();
    }

    leave() {
        this.#watching?.abort();
        this.#drop();
        this.#enter('idle');
    }

    /** What a browser says of its network, and of being looked at again. */
    #watch() {
        this.#watching = new AbortController();
        const {signal} = this.#watching;
        globalThis.addEventListener?.('online', () => this.retry(), {signal});
        globalThis.addEventListener?.('offline', () => this.#probe(), {signal});
        globalThis.document?.addEventListener('visibilitychange',
                                              () => document.hidden || this.#probe(), {signal});
    }

    /** Tries now instead of later. */
    retry() {
        if (this.state !== 'waiting')
            return;
        this.#drop();
        this.#connect();
    }

    /** Tries now, with another token. */
    setToken(token) {
        this.token = token;
        if (this.state === 'idle')
            return;
        this.#drop();
        this.#connect();
    }

    /** False if FRAME cannot be sent now. */
    send(frame) {
        if (this.state !== 'connected')
            return false;
        this.#socket.send(JSON.stringify(frame));
        this.#tell('sent', frame);
        return true;
    }

    nameOf(id) {
        return this.members.get(id) || '';
    }

    /** "" if nobody here has this NAME. */
    idOf(name) {
        return [...this.members].find(([, known]) => known === name)?.[0] ?? '';
    }

    #tell(type, detail) {
        this.dispatchEvent(event(type, detail));
    }

    #enter(state, problem = null) {
        this.state = state;
        this.problem = problem;
        if (state !== 'connected') {
            this.members.clear();
            this.id = null;
        }
        this.#tell('state');
    }

    #after(timer, delay, action) {
        clearTimeout(this.#timers[timer]);
        this.#timers[timer] = setTimeout(action, delay);
    }

    #drop() {
        const socket = this.#socket;
        this.#socket = null;
        this.#names = null;
        Object.values(this.#timers).forEach(clearTimeout);
        if (socket) {
            socket.onopen = socket.onmessage = socket.onclose = null;
            socket.close();
        }
    }

    #connect() {
        this.#names = names(this.wanted);
        this.#enter('connecting', this.problem);
        this.#attempt();
    }

    #attempt() {
        const {value: name, done} = this.#names.next();
        if (done) {
            this.#wait('refused');
            return;
        }
        const url = new URL(this.url);
        if (name)
            url.searchParams.set('name', name);
        const socket = this.#open(url);
        if (!socket)
            return;
        this.#socket = socket;
        this.name = name;
        socket.onmessage = (event) => this.#receive(event.data);
        socket.onclose = (closing) => this.#closed(closing);
        socket.onerror = () => {}; // the close says it all
        this.#after('welcome', WELCOME_LIMIT, () => this.#lose('silent'));
    }

    /** Null: the browser does not let us, by the port or because the page came by TLS. */
    #open(url) {
        const protocols = this.token ? [SUBPROTOCOL, TOKEN_PROTOCOL + this.token] : SUBPROTOCOL;
        try {
            return new this.#WebSocket(url.href, protocols);
        } catch (error) {
            console.warn('rtcbus:', error);
            this.#lose('unreachable');
            return null;
        }
    }

    async #closed({code, reason}) {
        const opened = this.state === 'connected', names = this.#names;
        if (opened || isOffline()) {
            this.words = code === POLICY ? reason : '';
            this.#lose(isOffline() ? 'offline' : this.words ? 'closed' : 'lost');
            return;
        }
        clearTimeout(this.#timers.welcome);
        const {there, refusal, problem} = await askRelay(this.url, this.name, this.token);
        if (this.#names !== names || this.state !== 'connecting')
            return; // something else has begun meanwhile
        this.words = refusal;
        if (refusal)
            this.#lose(problem);
        else if (there)
            this.#after('attempt', this.name === this.wanted ? SAME_NAME_PAUSE : 0,
                        () => this.#attempt());
        else
            this.#lose('unreachable');
    }

    #lose(problem) {
        this.#drop();
        this.#wait(problem);
    }

    /** Half to all of 0.5 s, 1 s, 2 s … 30 s, so that not everybody comes back at once. */
    #wait(problem) {
        const pause = Math.min(FIRST_PAUSE * 2 ** this.#failures++, LONGEST_PAUSE);
        const delay = pause / 2 + Math.random() * pause / 2;
        this.retryAt = performance.now() + delay;
        this.#after('retry', delay, () => this.#connect());
        this.#enter('waiting', problem);
    }

    #receive(text) {
        let frame;
        try {
            frame = JSON.parse(text);
        } catch {
            return;
        }
        if (frame.from === this.id && frame.type === 'probe') {
            clearTimeout(this.#timers.silence);
            return;
        }
        // Only frames of the relay itself have no "from", and nobody else can make such.
        if (frame.from === undefined)
            this.#receiveFromRelay(frame);
        this.#tell('received', frame);
        if (frame.from !== undefined)
            this.#tell('frame', frame);
    }

    #receiveFromRelay(frame) {
        switch (frame.type) {
        case 'welcome':
            clearTimeout(this.#timers.welcome);
            this.id = frame.id;
            this.members = new Map(frame.peers.map((peer) => [peer.id, peer.name]));
            this.iceServers = frame.iceServers ?? [];
            this.#after('stable', STABLE, () => { this.#failures = 0; });
            this.#after('probe', PROBE_PERIOD, () => this.#probe());
            this.#enter('connected');
            this.#tell('members');
            break;
        case 'iceServers':
            this.iceServers = frame.iceServers ?? [];
            this.#tell('iceServers');
            break;
        case 'joined':
            this.members.set(frame.id, frame.name);
            this.#tell('members');
            this.#tell('joined', frame);
            break;
        case 'left':
            this.members.delete(frame.id);
            this.#tell('members');
            this.#tell('left', frame);
            break;
        case 'error':
            this.#tell('error', frame);
            break;
        }
    }

    /** A pulled cable closes no connection. A frame to ourselves tells: it has to come back. */
    #probe() {
        if (this.state !== 'connected')
            return;
        this.#socket.send(JSON.stringify({type: 'probe', to: this.id}));
        this.#after('silence', PROBE_LIMIT, () => this.#lose(isOffline() ? 'offline' : 'silent'));
        this.#after('probe', PROBE_PERIOD, () => this.#probe());
    }
}

const isOffline = () => globalThis.navigator?.onLine === false;

const isThere = (url) => fetch(url, {
    method: 'HEAD', mode: 'no-cors', cache: 'no-store', signal: AbortSignal.timeout(LIMIT_OF_ASKING),
}).then(() => true, () => false);

/**
 * Whether a plain request gets any answer, and what the relay says of TOKEN if it does not take
 * it, or of the name that the page was loaded by. A page from elsewhere sees only the first, of what all pages may load.
 */
async function askRelay(room, name, token) {
    const url = new URL(room);
    url.protocol = room.protocol.replace('ws', 'http');
    if (name)
        url.searchParams.set('name', name);
    const ask = (method) => fetch(url, {
        method, cache: 'no-store', signal: AbortSignal.timeout(LIMIT_OF_ASKING),
        headers: {Authorization: `Bearer ${token ?? ''}`},
    });
    if (globalThis.location && location.origin !== url.origin)
        return {there: await isThere(new URL(CLIENT, url)), refusal: ''};
    try {
        const {status} = await ask('HEAD');
        if (![401, 403, MISDIRECTED, 429].includes(status))
            return {there: true, refusal: ''};
        const answer = await ask('GET');
        return {there: true, refusal: (await answer.text()).trim().slice(0, WORDS_LIMIT),
                problem: status === MISDIRECTED ? 'refused' : 'token'};
    } catch {
        return {there: false, refusal: ''};
    }
}
