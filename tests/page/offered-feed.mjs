// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The feed that a page opens for a listener, and what becomes of it, for client.py: prints JSON.
//
//   node offered-feed.mjs FOLDER      where call.js is
const folder = process.argv[2];
const {Call} = await import(`${folder}/call.js`);
const {Feed} = await import(`${folder}/feed.js`);
const {FEED_PROTOCOL, putWhole} = await import(`${folder}/feed-frame.js`);
const {Outbox} = await import(`${folder}/outbox.js`);
const {Trust} = await import(`${folder}/trust.js`);

const TYPES = ['', 'HELLO', 'WELCOME', 'GREETING', 'GREETED', 'DATA', 'ACK'];
const sdp = `v=0\r\na=ice-ufrag:x\r\na=fingerprint:sha-256 AA\r\na=x-rtcbus-protocol:${FEED_PROTOCOL} x\r\n`;

class Channel {
    readyState = 'connecting';
    bufferedAmount = 0;
    sent = [];

    constructor(label, {protocol = ''} = {}) {
        Object.assign(this, {label, protocol});
    }

    open() {
        this.readyState = 'open';
        this.onopen?.();
    }

    send(data) {
        this.sent.push(data);
        this.other?.(data);
    }

    say(type, ...whole) {
        const out = [TYPES.indexOf(type)];
        whole.forEach((value) => putWhole(out, value));
        this.onmessage({data: Uint8Array.from(out).buffer});
    }

    close() {
        this.readyState = 'closed';
        this.onclose?.();
    }

    get types() {
        return this.sent.map((data) => TYPES[new Uint8Array(data)[0]]).join(' ');
    }
}

class Connection {
    signalingState = 'have-local-offer';
    localDescription = {type: 'offer', sdp};
    remoteDescription = null;
    channels = [];

    createDataChannel(label, options) {
        this.channels.push(new Channel(label, options));
        return this.channels.at(-1);
    }

    async setLocalDescription() {}
    async setRemoteDescription() {}
    async createOffer() {}
    async getStats() { return new Map(); }
    restartIce() {}
    close() {}

    become(state) {
        this.connectionState = state;
        this.onconnectionstatechange();
    }
}

const told = []; // to the program, as channels of its own

function newCall(direction, outbox) {
    const connection = new Connection(), frames = [];
    const call = new Call({
        direction, remote: 'x', name: '', session: 'x', options: {}, send: (frame) => frames.push(frame), outbox,
        RTCPeerConnection: function () { return connection; }, trust: new Trust({getItem: () => null})});
    call.addEventListener('channel', ({detail}) => told.push(detail.label));
    return {call, connection, frames};
}

/** A channel for a feed that the remote of CONNECTION opens. */
function openedBy(connection) {
    const channel = new Channel('rtcbus-readings', {protocol: FEED_PROTOCOL});
    channel.open();
    connection.ondatachannel({channel});
    return channel;
}

/** We are the emitter of OUTBOX, and have an answer that takes feeds: our channels, which are open. */
function answered(outbox, text = sdp) {
    const {call, connection} = newCall('incoming', outbox);
    call.offer();
    call.takeAnswer(text);
    connection.channels.forEach((channel) => channel.open());
    return {call, connection, feed: connection.channels[1]};
}

/** An outbox with COUNT series of large texts. */
function filled(count) {
    const outbox = new Outbox();
    for (let i = 0; i < count; i++)
        outbox.add('x'.repeat(10000), {series: `series ${i}`});
    return outbox;
}

const small = new Outbox();
small.add(1, {series: 'a'});
small.add(2, {series: 'a'});
const foreign = answered(small, sdp.replace('readings', 'other')).connection.channels.map(({label}) => label);

// Taken: goes on with what is published.
const taken = answered(small);
const offered = [taken.feed.label, taken.feed.types, taken.call.open];
taken.feed.say('ACK', 0, 0);
taken.call.publish(small.add(3, {series: 'a'}));
const after = [taken.feed.types, taken.call.open];
const second = openedBy(taken.connection);

// No more than a message too much, until the listener says something.
const large = answered(filled(20));
const before = large.feed.sent.length;
large.feed.say('ACK', 0, 0);
const most = [before, large.feed.sent.length > before, large.feed.types.endsWith('GREETED')];

// The listener has opened one itself: each reading comes once, from that one.
const yielding = answered(small);
const theirs = openedBy(yielding.connection), heard = [];
const feed = new Feed({place: null, send: (data) => theirs.onmessage({data}), take: ({value, greeting}) => heard.push([value, greeting])});
theirs.sent.forEach((data) => feed.receive(data));
theirs.other = (data) => feed.receive(data);
yielding.call.publish(small.add(4, {series: 'a'}));

// It has closed that, and opens another.
const open = [yielding.call.open];
theirs.close();
open.push(yielding.call.open);
openedBy(yielding.connection).say('HELLO', 0, 65536);
open.push(yielding.call.open);

// As the listener we open the feed ourselves.
const listening = newCall('outgoing', small);
listening.call.takeOffer(sdp);
openedBy(listening.connection);

// A remote closes the channels before its "bye": how long that is waited for, ms.
function patience(isForeign) {
    const {call, connection} = answered(small), {setTimeout} = globalThis;
    let waits;
    call.foreign = isForeign;
    globalThis.setTimeout = (_action, ms) => { waits = ms; };
    connection.channels[0].close();
    globalThis.setTimeout = setTimeout;
    return waits;
}
const patient = [patience(true) < 1000, patience(false) > 5000];

// Firefox gives up the channels of a silent connection, and BACK is how it finds a path for it later: what the
// call is then.
function revived(back) {
    const {call, connection, frames} = newCall('outgoing', small), states = [];
    const channel = new Channel('msg_channel');
    const become = (state) => {
        connection.become(state);
        states.push(call.state);
    };
    call.takeOffer(sdp);
    connection.ondatachannel({channel});
    become('connected');
    become('failed');
    channel.close();
    back(connection);
    return [...states, call.state, call.reason, frames.at(-1)?.reason];
}

const withDtls = (connection) => connection.become('connected');
const withoutDtls = (connection) => {
    connection.iceConnectionState = 'connected';
    connection.oniceconnectionstatechange();
};

console.log(JSON.stringify({foreign, offered, after, second: second.readyState, most,
                            ours: yielding.feed.readyState, heard, open, told, patient,
                            revived: [revived(withDtls), revived(withoutDtls)]}));
process.exit(0);
