// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// pion, in Go: pion/main.go is behind this, a process a connection, and here is the interface of
// browsers to it.

'use strict';

const { execFileSync, spawn } = require('child_process');
const readline = require('readline');

class Channel {
  constructor(connection, name, properties) {
    Object.assign(this, { ordered: true, maxRetransmits: null, maxPacketLifeTime: null,
      protocol: '', id: null, ...properties });
    this.connection = connection;
    this.name = name;
    this.readyState = 'connecting';
  }

  send(data) {
    const content = typeof data === 'string' ? { text: data }
      : { bytes: Buffer.from(data).toString('base64') };
    return this.connection.ask('send', { channel: this.name, ...content });
  }

  close() {
    this.connection.tell('close-channel', { channel: this.name }, this);
  }

  on({ event, stream, text, bytes }) {
    if (event === 'open') {
      this.readyState = 'open';
      this.id = stream;
      this.onopen();
    } else if (event === 'close') {
      this.readyState = 'closed';
      this.onclose();
    } else {
      this.onmessage({ data: text === undefined ? Buffer.from(bytes, 'base64') : text });
    }
  }
}

class Connection {
  constructor() {
    this.waiting = new Map();
    this.channels = new Map();
    this.last = 0;
    this.connectionState = 'new';
    this.child = spawn(process.env.RTCBUS_PION, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.child.stdin.on('error', () => {});
    readline.createInterface({ input: this.child.stdout })
      .on('line', (line) => this.on(JSON.parse(line)));
    this.tell('connect', {});
  }

  ask(name, members) {
    const id = ++this.last;
    this.child.stdin.write(`${JSON.stringify({ id, do: name, ...members })}\n`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  // What fails is told as the channel's error, or is the agent's problem.
  tell(name, members, channel) {
    this.ask(name, members).catch((error) => {
      if (channel) channel.onerror({ error });
      else throw error;
    });
  }

  on({ id, error, ...result }) {
    if (id !== undefined) {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(result);
    } else if (result.event === 'state') {
      this.connectionState = result.state;
      this.onconnectionstatechange();
    } else if (result.event === 'candidate') {
      this.onicecandidate(result);
    } else if (result.event === 'datachannel') {
      const { event, channel, stream, ...properties } = result;
      const made = this.add(channel, { ...properties, id: stream });
      this.ondatachannel({ channel: made });
    } else {
      this.channels.get(result.channel).on(result);
    }
  }

  add(name, properties) {
    const channel = new Channel(this, name, properties);
    this.channels.set(name, channel);
    return channel;
  }

  createDataChannel(label, options = {}) {
    const name = `ours-${this.channels.size}`;
    this.tell('open', { channel: name, label, options });
    return this.add(name, { label, ...options });
  }

  createOffer({ iceRestart = false } = {}) {
    return this.ask('describe', { type: 'offer', restart: iceRestart });
  }

  createAnswer() {
    return this.ask('describe', { type: 'answer' });
  }

  async setLocalDescription({ type, sdp }) {
    this.localDescription = { type, ...(await this.ask('local', { type, sdp })) };
  }

  setRemoteDescription({ type, sdp }) {
    return this.ask('remote', { type, sdp });
  }

  addIceCandidate(candidate) {
    return this.ask('candidate', { candidate });
  }

  async close() {
    await this.ask('close', {});
    this.child.stdin.end();
  }
}

const version = execFileSync('dpkg-query',
  ['--show', '--showformat=${Version}', 'golang-github-pion-webrtc.v3-dev']);

module.exports = {
  version: `pion ${version}`,
  createConnection: () => new Connection(),
  addMedia: (connection) => connection.tell('media', {}),
};
