// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What the page's client makes of a relay that puts itself in between, and what a ladder that is
// given away tells, for client.py: prints JSON.
//
//   node hostile-relay.mjs FOLDER      the one of the page
import {readFile} from 'node:fs/promises';

const folder = process.argv[2];
const {Contacts} = await import(`${folder}/js/contacts.js`);
const {fingerprintIn} = await import(`${folder}/js/sdp.js`);
const {Trust} = await import(`${folder}/js/trust.js`);
const source = await readFile(`${folder}/ladder-log.js`, 'utf8');
const {toJson} = await import(`data:text/javascript,${encodeURIComponent(source)}`);

const keyOf = (digits) => Array(32).fill(digits).join(':');
const BOILER = `sha-256 ${keyOf('AA')}`, ID = 'f'.repeat(32);
const sdp = `v=0\r\na=ice-ufrag:x\r\na=fingerprint:sha-256 ${keyOf('BB')}\r\n`;

class Connection {
    signalingState = 'stable';
    localDescription = {type: 'answer', sdp};

    async setRemoteDescription() {}
    async setLocalDescription() {}
    async createAnswer() {}
    close() {}
}

/** The relay, which says who is in the room, and whose frames these are. */
class Relay extends EventTarget {
    state = 'connected';
    id = 'e'.repeat(32);
    name = 'desk';
    iceServers = [];
    sent = [];

    nameOf = (id) => this.members.get(id) || '';
    idOf = (name) => [...this.members].find(([, known]) => known === name)?.[0] ?? '';

    constructor(id, name) {
        super();
        this.members = new Map([[id, name]]);
    }

    send(frame) {
        this.sent.push(frame);
        return true;
    }

    forward(frame) {
        this.dispatchEvent(Object.assign(new Event('frame'), {detail: {to: this.id, ...frame}}));
    }
}

function enter(relay) {
    const trust = new Trust({getItem: () => JSON.stringify({boiler: BOILER}), setItem: () => {}});
    const outbox = {sequence: 0, last: new Map()};
    return new Contacts(relay, {RTCPeerConnection: Connection, trust, outbox});
}

const endOf = ({trust, state, reason}) => `${trust} ${state} ${reason}`;

/** "boiler", who is waited for, comes as the member ID, which then has another name: what comes of the call. */
function renamed(id, before, after) {
    const relay = new Relay(ID, 'other'), contacts = enter(relay), contact = contacts.place('boiler');
    for (const name of [before, after]) {
        relay.members = new Map([[id, name]]);
        relay.dispatchEvent(new Event('members'));
    }
    relay.dispatchEvent(Object.assign(new Event('joined'), {detail: {id, name: before}}));
    return answered(relay, contact, id);
}

/** The relay has only somebody without a name, whom it gives this id. */
function posing() {
    const relay = new Relay('boiler', ''), contacts = enter(relay);
    return answered(relay, contacts.place('boiler'), 'boiler');
}

function answered(relay, contact, id) {
    const call = relay.sent.find(({type}) => type === 'call');
    if (call)
        relay.forward({type: 'offer', from: id, session: call.session, sdp});
    return call ? endOf(contact) : 'not called';
}

/** Somebody without a name, whom the relay calls "boiler", offers a call. */
function offered() {
    const relay = new Relay(ID, 'boiler'), contacts = enter(relay), contact = contacts.place('boiler');
    contacts.hangUp(contact);
    relay.members = new Map([['boiler', '']]);
    relay.forward({type: 'offer', from: 'boiler', session: 'x', sdp});
    return endOf(contact);
}

const a = 'a=fingerprint:sha-256 AA:BB', lines = (...all) => fingerprintIn(['v=0', ...all, ''].join('\r\n'));
const fingerprints = [lines(a), lines(a, 'm=application', a.toLowerCase()), lines()];
const bad = [
    'a=fingerprint sha-256 CC:DD', ' a=fingerprint:sha-256 CC:DD', 'a= fingerprint:sha-256 CC:DD',
    'a=fingerprint: sha-256 CC:DD', 'a=fingerprint:sha-256  CC:DD', 'A=FINGERPRINT\tsha-256 CC:DD',
    'a=fingerprint:sha-256 AA:BB and more', 'a=fingerprint:sha-256 CC:DD', 'a=fingerprint:sha-1 AA:BB',
    'a=x\ra=fingerprint:sha-256 CC:DD', 'a=x\u2028a=fingerprint:sha-256 AA:BB',
].filter((line) => lines(a, line) !== '' || lines(line, a) !== '');

const ladder = toJson([{at: 0, frame: {type: 'welcome', iceServers: [
    {urls: 'turn:turn', username: '1795780000:x', credential: 'secret'}]}}], 'desk');
console.log(JSON.stringify({
    renamed: renamed(ID, 'boiler', ''), other: renamed(ID, 'boiler', 'kettle'), unnamed: renamed('boiler', '', ''), posing: posing(),
    offered: offered(), fingerprints, bad,
    secrets: ['1795780000:x', 'secret'].filter((word) => ladder.includes(word)), servers: ladder.includes('turn:turn'),
}));
process.exit(0);
