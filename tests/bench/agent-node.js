// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// An ordinary program that uses a WebRTC package of npm, for the bench: the commands are those of
// agent.c. Signaling goes to the other program over a socket that both have inherited.
//
//   node agent-node.js libwebrtc|libdatachannel offer|answer FD
//
//   connect       asks the other for a connection ("answer" only)
//   calls - N     one after the other, each until the first number comes ("answer" only)

'use strict';

const net = require('net');
const path = require('path');
const readline = require('readline');
const { createRequire } = require('module');

const folder = process.env.RTCBUS_BENCH_NODE ||
  path.join(__dirname, '..', '..', '_lab', 'node', 'bench');
const load = createRequire(path.join(folder, 'package.json'));

// A sender stops at HIGH and goes on at LOW: enough to keep the network busy. More makes nobody
// faster, and libwebrtc much slower with small messages.
const HIGH = 256 * 1024;
const LOW = HIGH / 4;

// Each stack has its own idea of a channel: { send, buffered, onmessage, onlow, onopen }.

const stacks = {
  libwebrtc() {
    const { RTCPeerConnection } = load('@roamhq/wrtc');
    const wrap = (native) => {
      const channel = {
        send: (data) => native.send(data),
        buffered: () => native.bufferedAmount,
      };
      native.binaryType = 'arraybuffer';
      native.onmessage = ({ data }) => channel.onmessage(data, data.byteLength);
      channel.polled = true; // there is no bufferedamountlow event
      native.onopen = () => channel.onopen();
      return channel;
    };
    return (signal, incoming) => {
      const native = new RTCPeerConnection();
      let ready = Promise.resolve();
      native.onicecandidate = ({ candidate }) => candidate && signal({ candidate });
      native.ondatachannel = ({ channel }) => {
        const wrapped = wrap(channel);
        incoming(wrapped);
        if (channel.readyState === 'open') wrapped.onopen();
      };
      const describe = async (kind) => {
        const description = await native[kind === 'offer' ? 'createOffer' : 'createAnswer']();
        await native.setLocalDescription(description);
        signal({ description });
      };
      return {
        open: () => {
          const channel = wrap(native.createDataChannel('bench'));
          describe('offer');
          return channel;
        },
        // One after the other: a candidate can come while the description is being set.
        take: (frame) => {
          ready = ready.then(async () => {
            if (frame.candidate) await native.addIceCandidate(frame.candidate);
            if (!frame.description) return;
            await native.setRemoteDescription(frame.description);
            if (frame.description.type === 'offer') await describe('answer');
          });
        },
        close: () => native.close(),
      };
    };
  },

  libdatachannel() {
    const { PeerConnection } = load('node-datachannel');
    const wrap = (native) => {
      const channel = {
        send: (data) => native.sendMessageBinary(data),
        buffered: () => native.bufferedAmount(),
      };
      native.setBufferedAmountLowThreshold(LOW);
      native.onMessage((data) => channel.onmessage(data, data.length));
      native.onBufferedAmountLow(() => channel.onlow());
      native.onOpen(() => channel.onopen());
      return channel;
    };
    return (signal, incoming) => {
      const native = new PeerConnection('bench', { iceServers: [] });
      native.onLocalDescription((sdp, type) => signal({ description: { sdp, type } }));
      native.onLocalCandidate((candidate, mid) => signal({ candidate: { candidate, mid } }));
      native.onDataChannel((channel) => {
        const wrapped = wrap(channel);
        incoming(wrapped);
        if (channel.isOpen()) wrapped.onopen();
      });
      return {
        open: () => wrap(native.createDataChannel('bench')),
        take: ({ description, candidate }) => {
          if (description) native.setRemoteDescription(description.sdp, description.type);
          if (candidate) native.addRemoteCandidate(candidate.candidate, candidate.mid);
        },
        close: () => native.close(),
      };
    };
  },
};

// Libraries may print; what they say must not be taken for an answer.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const answer = (value) => write(`${JSON.stringify(value)}\n`);
const now = () => Number(process.hrtime.bigint()) / 1e3; // µs

const createConnection = stacks[process.argv[2]]();
const offers = process.argv[3] === 'offer';
let connection;
let channel;
let opened = () => {};
let received = () => {};
let gone = () => {};
const counts = { messages: 0, bytes: 0 };

// ---- the connection

const peer = new net.Socket({ fd: Number(process.argv[4]) });
const signal = (frame) => peer.write(`${JSON.stringify(frame)}\n`);

// An event may come twice, or before the channel was given to us.
function use(wrapped) {
  let told = false;
  channel = wrapped;
  wrapped.onmessage = (data, length) => received(data, length);
  wrapped.onlow = () => {};
  wrapped.onopen = () => {
    if (!told) opened();
    told = true;
  };
}

function connect() {
  connection = createConnection(signal, use);
  if (offers) use(connection.open());
}

function disconnect() {
  connection.close();
  connection = channel = undefined;
}

readline.createInterface({ input: peer }).on('line', (line) => {
  const frame = JSON.parse(line);
  if (frame.call) {
    connect();
  } else if (frame.bye) {
    disconnect();
    signal({ gone: true });
  } else if (frame.gone) {
    gone();
  } else if (connection) {
    connection.take(frame);
  }
});

// ---- commands

const commands = {
  connect() {
    connect();
    signal({ call: true });
  },

  receive() {
    received = (data, length) => {
      counts.messages += 1;
      counts.bytes += length;
    };
    answer({});
  },

  echo() {
    received = (data) => channel.send(data);
    answer({});
  },

  count() {
    answer({ ...counts, time: now() / 1e6 });
  },

  send(size) {
    const data = Buffer.alloc(Number(size));
    const sender = { sent: 0, held: false };
    // A turn of the event loop is not to take longer than this, or nobody else gets one
    const burst = Math.max(Math.floor(HIGH / data.length / 4), 16);
    let waiting = false;
    const more = () => {
      waiting = false;
      if (sender.held) return;
      for (let i = 0; i < burst; i += 1) {
        if (channel.buffered() >= HIGH) {
          if (channel.polled) setTimeout(more, 1);
          waiting = true;
          return;
        }
        channel.send(data);
        sender.sent += 1;
      }
      setImmediate(more);
    };
    channel.onlow = () => waiting && more();
    commands.hold = () => {
      sender.held = true;
      answer({ sent: sender.sent });
    };
    answer({});
    more();
  },

  ping(size, count) {
    const data = Buffer.alloc(Number(size));
    const times = [];
    let began;
    const next = () => {
      began = now();
      channel.send(data);
    };
    received = () => {
      times.push(now() - began);
      if (times.length < Number(count)) next();
      else answer({ times });
    };
    next();
  },

  async calls(_peer, count) {
    const times = [];
    opened = () => {};
    for (let i = 0; i < Number(count); i += 1) {
      const began = now();
      commands.connect();
      await new Promise((resolve) => { received = resolve; });
      times.push(now() - began);
      disconnect();
      signal({ bye: true });
      await new Promise((resolve) => { gone = resolve; });
    }
    answer({ times });
  },

  // The emitter's part of it
  emit() {
    opened = () => channel.send(Buffer.from('12345678'));
    answer({});
  },
};

opened = () => answer({ event: 'open' });
readline.createInterface({ input: process.stdin })
  .on('line', (line) => {
    const [name, ...values] = line.split(' ');
    commands[name](...values);
  })
  .on('close', () => process.exit(0));
answer({ event: 'ready' });
