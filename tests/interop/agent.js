// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The agent of the interop matrix for every stack with the API of the browsers: in
// a page as it is, in Node.js with the stack that node-agent.js has loaded. It is
// what a stranger would write from rtcbus-signaling(7): no ids, no rtcbus.1, and it
// ignores `bye`, so that a hang-up has to be seen on the wire.
//
// It carries out commands, each answered by {event: 'done'|'failed', id, …}, and
// tells what happens:
//
//   connect {url}                 WebSocket to the room
//   configure {media, mid}        of the next offer: m-lines for audio and video
//                                 first; another mid for the data channels
//   call {to}, offer {to}         asks for an offer; offers unasked
//   carry {on}, frame {frame}     frames are events and commands, not the room's; one comes in
//   reoffer {restart, media, lose}
//                                 offers within the call: an ICE restart; more m-lines;
//                                 loses the first answer and offers the same again
//   open {label, ordered, maxRetransmits, maxPacketLifeTime, protocol,
//         negotiated, stream}
//   send {channel, kind, text | size, seed}
//   raw {channel, messages}       messages [ppid, hex] on its stream, as they are
//   close {channel}, hangup {bye}, leave {}
//
//   connected, left · heard {type} · frame {frame} · description {side, type, sdp}
//   state {state}
//   opened {channel, by, label, stream, …} · closed {channel}
//   message {channel, kind, size, sha256, text} · problem {message}
//
// `channel` is a number of our own; `stream` is the SCTP stream.

'use strict';

const CHANNEL_OPTIONS = ['ordered', 'maxRetransmits', 'maxPacketLifeTime', 'protocol'];

// The same content as payload() in session.py.
function payload(kind, size, seed) {
  const bytes = new Uint8Array(size);
  if (kind === 'binary') {
    for (let i = 0; i < size; i++) bytes[i] = (i * 167 + (i >> 8) * 59 + seed) & 255;
    return bytes;
  }
  const beyondAscii = 'é漢😀';
  const head = size >= 9 ? new TextEncoder().encode(beyondAscii) : [];
  for (let i = 0; i < size; i++) bytes[i] = 32 + ((i * 31 + (i >> 7) * 17 + seed) % 95);
  bytes.set(head);
  return new TextDecoder().decode(bytes);
}

// The mid of the m-line of data channels, or null.
function dataMid(sdp) {
  const section = sdp.split(/^m=/m).find((part) => part.startsWith('application'));
  const found = section && section.match(/^a=mid:(\S+)/m);
  return found ? found[1] : null;
}

function renameMid(sdp, from, to) {
  return sdp
    .replace(/^a=mid:(\S+)/gm, (line, mid) => (mid === from ? `a=mid:${to}` : line))
    .replace(/^a=group:BUNDLE.*$/gm, (line) =>
      line.split(' ').map((word) => (word.trim() === from ? word.replace(from, to) : word))
        .join(' '));
}

class Agent {
  // PLATFORM: {createConnection(), openSocket(url, handlers) → {send, close},
  // sha256(bytes) → promise of hex, addMedia(connection), tidy(event), optional}
  constructor(platform, emit) {
    this.platform = platform;
    this.emit = emit;
    this.channels = new Map();
    this.nextChannel = 1;
    this.configuration = {};
    this.early = [];
    this.work = Promise.resolve();
    this.told = Promise.resolve();
  }

  // Commands and frames are carried out one after the other.
  enqueue(task) {
    this.work = this.work.then(task).catch((error) => this.problem(error));
    return this.work;
  }

  problem(error) {
    this.emit({ event: 'problem', message: String((error && error.stack) || error) });
  }

  command({ id, do: name, ...options }) {
    return this.enqueue(async () => {
      try {
        this.emit({ event: 'done', id, ...(await this[`do_${name}`](options)) });
      } catch (error) {
        this.emit({ event: 'failed', id, message: String((error && error.message) || error) });
      }
    });
  }

  // ---- commands ----

  async do_connect({ url }) {
    await new Promise((resolve, reject) => {
      this.socket = this.platform.openSocket(url, {
        opened: resolve,
        failed: () => reject(new Error(`cannot connect to ${url}`)),
        frame: (text) => this.enqueue(() => this.carried || this.onFrame(JSON.parse(text))),
        closed: () => this.emit({ event: 'left' }),
      });
    });
    this.emit({ event: 'connected' });
  }

  do_configure(configuration) {
    this.configuration = configuration;
  }

  do_call({ to }) {
    this.address = to ? { to } : {};
    this.send({ type: 'call', channel_id: 'interop' });
  }

  async do_offer({ to }) {
    this.address = { to };
    await this.offer();
  }

  async do_reoffer({ restart, media, lose }) {
    const { connection } = this;
    if (media) this.platform.addMedia(connection);
    this.lose = lose;
    this.unsent = [];
    this.early = [];
    const options = restart ? { iceRestart: true } : {};
    await connection.setLocalDescription(await connection.createOffer(options));
    this.sendLocal(connection);
  }

  do_open({ label, stream, ...options }) {
    if (stream !== undefined) options.id = stream;
    const channel = this.connection.createDataChannel(label, options);
    return { channel: this.adopt(channel, 'them') };
  }

  // Of browsers it throws; of one that is in another process it is a promise.
  async do_send({ channel, kind, text, size, seed }) {
    await this.channels.get(channel).send(text === undefined ? payload(kind, size, seed) : text);
  }

  async do_raw({ channel, messages }) {
    const { id } = this.channels.get(channel);
    for (const [ppid, hex] of messages) await this.platform.sendRaw(this.connection, id, ppid, hex);
  }

  do_close({ channel }) {
    this.channels.get(channel).close();
  }

  async do_hangup({ bye }) {
    if (bye) this.send({ type: 'bye' });
    await this.connection.close();
  }

  do_leave() {
    this.socket.close();
  }

  // ---- signaling ----

  do_carry({ on }) {
    this.carried = on;
  }

  async do_frame({ frame }) {
    await this.onFrame(frame);
  }

  send(frame) {
    const whole = { ...this.address, ...frame };
    if (this.carried) this.emit({ event: 'frame', frame: whole });
    else this.socket.send(JSON.stringify(whole));
  }

  async onFrame(frame) {
    this.emit({ event: 'heard', type: frame.type });
    switch (frame.type) {
      case 'call':
        this.answerTo(frame);
        await this.offer();
        break;
      case 'offer':
        if (this.connection && frame.session && frame.session === this.address.session) {
          await this.answer(this.connection, frame.sdp);
        } else {
          this.answerTo(frame);
          await this.answer(this.newConnection(), frame.sdp);
        }
        break;
      case 'answer':
        if (this.lose) {
          this.lose = false;
          this.sendLocal(this.connection);
        } else {
          await this.setRemote(frame.sdp);
        }
        break;
      case 'candidate':
        if (this.early) this.early.push(frame.candidate);
        else await this.addCandidate(frame.candidate);
        break;
    }
  }

  answerTo({ from, session }) {
    this.address = { ...(from && { to: from }), ...(session && { session }) };
  }

  newConnection() {
    if (this.connection) this.connection.close();
    const connection = this.platform.createConnection();
    this.connection = connection;
    this.early = [];
    this.mid = null;
    connection.onicecandidate = ({ candidate }) => {
      if (this.connection === connection) this.sendCandidate(candidate);
    };
    connection.onconnectionstatechange = () => {
      if (this.connection !== connection) return;
      this.emit({ event: 'state', state: connection.connectionState });
    };
    connection.ondatachannel = ({ channel }) => this.adopt(channel, 'us');
    return connection;
  }

  async offer() {
    const connection = this.newConnection();
    const configuration = this.configuration;
    this.configuration = {};
    if (configuration.media) this.platform.addMedia(connection);
    this.adopt(connection.createDataChannel('msg_channel'), 'them');
    this.unsent = [];
    await connection.setLocalDescription(await connection.createOffer());
    this.alias = configuration.mid;
    this.mid = dataMid(connection.localDescription.sdp);
    this.sendLocal(connection);
  }

  async answer(connection, description) {
    this.alias = undefined;
    this.unsent = [];
    await this.setRemote(description);
    await connection.setLocalDescription(await connection.createAnswer());
    this.sendLocal(connection);
  }

  sendLocal(connection) {
    const { type } = connection.localDescription;
    let { sdp } = connection.localDescription;
    if (this.alias) sdp = renameMid(sdp, this.mid, this.alias);
    this.emit({ event: 'description', side: 'local', type, sdp });
    this.send({ type, sdp: { type, sdp } });
    const unsent = this.unsent || [];
    this.unsent = null;
    unsent.forEach((candidate) => this.sendCandidate(candidate));
  }

  // Some stacks find candidates before they give out their description.
  sendCandidate(candidate) {
    if (!candidate) return;
    if (this.unsent) {
      this.unsent.push(candidate);
      return;
    }
    const init = { ...(candidate.toJSON ? candidate.toJSON() : candidate) };
    if (this.alias && init.sdpMid === this.mid) init.sdpMid = this.alias;
    this.send({ type: 'candidate', candidate: init });
  }

  async setRemote(description) {
    this.emit({ event: 'description', side: 'remote', ...description });
    const remote = { ...description };
    if (this.alias) remote.sdp = renameMid(remote.sdp, this.alias, this.mid);
    await this.connection.setRemoteDescription(remote);
    const early = this.early || [];
    this.early = null;
    for (const candidate of early) await this.addCandidate(candidate);
  }

  async addCandidate(init) {
    if (!init || !init.candidate) return;
    const candidate = { ...init };
    if (this.alias && candidate.sdpMid === this.alias) candidate.sdpMid = this.mid;
    await this.connection.addIceCandidate(candidate);
  }

  // ---- channels ----

  // BY: who opened it, seen from rtcbus.
  adopt(channel, by) {
    const number = this.nextChannel++;
    let told = false;
    const opened = () => {
      if (told) return;
      told = true;
      const event = { event: 'opened', channel: number, by, label: channel.label };
      event.stream = channel.id;
      for (const name of CHANNEL_OPTIONS) event[name] = channel[name];
      if (this.platform.tidy) this.platform.tidy(event);
      this.tell(event);
    };
    this.channels.set(number, channel);
    channel.binaryType = 'arraybuffer';
    channel.onmessage = ({ data }) => this.onMessage(number, data);
    channel.onopen = opened;
    this.tellClosed(channel, number);
    channel.onerror = ({ error }) => this.tell({
      event: 'problem', message: `channel ${number}: ${error && error.message}`,
    });
    if (channel.readyState === 'open') opened();
    return number;
  }

  // Some bindings to C++ tell nothing of a close that comes at once: two looks find that, too.
  tellClosed(channel, number) {
    let looks = 0;
    const watch = setInterval(() => {
      if (channel.readyState === 'closed' && ++looks === 2) channel.onclose();
    }, 250);
    channel.onclose = () => {
      clearInterval(watch);
      channel.onclose = null;
      this.tell({ event: 'closed', channel: number });
    };
  }

  // Hashing takes its time, the order of events stays.
  tell(event) {
    this.told = this.told.then(async () => this.emit(await event)).catch((e) => this.problem(e));
  }

  onMessage(channel, data) {
    const kind = typeof data === 'string' ? 'text' : 'binary';
    const bytes = kind === 'text' ? new TextEncoder().encode(data) : new Uint8Array(data);
    const event = { event: 'message', channel, kind, size: bytes.length };
    if (kind === 'text' && bytes.length <= 64) event.text = data;
    this.tell(this.platform.sha256(bytes).then((sha256) => ({ ...event, sha256 })));
  }
}

if (typeof module !== 'undefined') module.exports = { Agent };
else globalThis.Agent = Agent;
