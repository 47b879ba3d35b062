// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCDataChannel (webrtc-pc 6.2). The connection that it belongs to has its Core.
//
// bufferedAmount is what the daemon has not answered for yet, and what it says that waits there.

'use strict';

const {RTCError, RTCErrorEvent} = require('./events.js');
const {checkInternal, defineHandlers, defineInterface, domException, requireArguments,
  takeListeners, toEnum, toRange, toUsv} = require('./webidl.js');

// The daemon holds the remote while 4 MiB are not acknowledged.
const ACKNOWLEDGE_BYTES = 256 * 1024;
const ACKNOWLEDGE_MESSAGES = 512;
const BINARY_TYPES = ['arraybuffer', 'blob'];

const cores = new WeakMap(); // RTCDataChannel → Core

// HOST is the connection: queueTask(), whenUp() (once SCTP is told to be connected), isClosed(), maxMessageSize, charge(bytes), refund(bytes).
class Core {
  constructor(host, init, number) {
    this.host = host;
    this.number = number; // on its connection
    this.begun = false; // the daemon is asked for it, or has it
    this.label = init.label;
    this.protocol = init.protocol;
    this.ordered = init.ordered;
    this.maxPacketLifeTime = init.maxPacketLifeTime;
    this.maxRetransmits = init.maxRetransmits;
    this.negotiated = init.negotiated;
    this.id = init.id;
    this.priority = init.priority;
    this.readyState = 'connecting';
    this.binaryType = 'arraybuffer';
    this.threshold = 0;
    this.unanswered = 0; // bytes given to the daemon, or waiting for a Blob
    this.waiting = 0; // bytes that wait in the daemon
    this.remote = null; // the daemon's channel
    this.blobs = null; // a promise that ends when all Blobs are read, or null
    this.closeAsked = false;
    this.openTold = false;
    this.takenMessages = this.takenBytes = 0; // and not acknowledged
    this.messagesSent = this.messagesReceived = this.bytesSent = this.bytesReceived = 0;
    this.channel = null;
  }

  get bufferedAmount() {
    return this.unanswered + this.waiting;
  }

  fire(event) {
    this.channel.dispatchEvent(event);
  }

  // ---- sending

  send(data) {
    if (this.readyState !== 'open')
      throw domException(`the channel is ${this.readyState}`, 'InvalidStateError');
    const blob = data instanceof Blob || Object.prototype.toString.call(data) === '[object Blob]'
      ? data : null;
    const kind = isBytes(data) || blob ? 'binary' : 'text';
    const bytes = blob ? null : toBytes(data);
    const length = blob ? blob.size : bytes.length;
    if (length > this.host.maxMessageSize)
      throw new TypeError(`the message has ${length} bytes, the remote takes ` +
        `${this.host.maxMessageSize}`);
    if (!this.host.charge(length))
      throw domException('too much is waiting to be sent', 'OperationError');
    this.unanswered += length;
    this.messagesSent++;
    this.bytesSent += length;
    if (blob || this.blobs)
      this.sendLater(kind, blob ? blob.arrayBuffer() : bytes, length);
    else
      this.give(kind, bytes, length);
  }

  // What comes after a Blob waits until that has been read.
  sendLater(kind, data, length) {
    const before = this.blobs ?? Promise.resolve();
    const mine = before.then(() => data).then(
      (read) => this.give(kind, new Uint8Array(read), length), () => this.fail());
    this.blobs = mine;
    mine.then(() => {
      if (this.blobs !== mine)
        return;
      this.blobs = null;
      if (this.closeAsked)
        this.remote?.close().catch(() => {});
    });
  }

  give(kind, bytes, length) {
    const answered = (waiting) => this.host.queueTask(() => this.settle(length, waiting));
    this.remote.send(kind, bytes, answered).catch(() => {
      answered(0);
      this.fail();
    });
  }

  settle(length, waiting) {
    const before = this.bufferedAmount;
    if (this.readyState === 'closed')
      return;
    this.unanswered -= length;
    this.waiting = waiting;
    this.tellLow(before);
  }

  drained(waiting) {
    const before = this.bufferedAmount;
    if (this.readyState === 'closed')
      return;
    this.waiting = waiting;
    this.tellLow(before);
  }

  tellLow(before) {
    this.host.refund(before - this.bufferedAmount);
    if (before > this.threshold && this.bufferedAmount <= this.threshold)
      this.fire(new Event('bufferedamountlow'));
  }

  // ---- what the daemon tells

  attach(remote) {
    this.remote = remote;
    remote.user = {
      message: (kind, bytes) => this.host.whenUp(() => this.receive(kind, bytes)),
      buffered: (amount) => this.host.queueTask(() => this.drained(amount)),
      state: (state, reason) => this.host[state === 'open' ? 'whenUp' : 'queueTask'](
        () => this.enter(state, reason)),
    };
    if (this.closeAsked)
      remote.close().catch(() => {});
  }

  announceOpen() {
    if (this.openTold || this.host.isClosed() || !['connecting', 'open'].includes(this.readyState))
      return;
    this.openTold = true;
    this.readyState = 'open';
    this.fire(new Event('open'));
  }

  taken(bytes) {
    this.takenMessages++;
    this.takenBytes += bytes;
    if (this.takenBytes < ACKNOWLEDGE_BYTES && this.takenMessages < ACKNOWLEDGE_MESSAGES)
      return;
    this.remote.acknowledge(this.takenMessages, this.takenBytes);
    this.takenMessages = this.takenBytes = 0;
  }

  receive(kind, bytes) {
    this.taken(bytes.length);
    this.announceOpen(); // a property may be told later than what follows from it
    if (this.readyState !== 'open' && this.readyState !== 'closing')
      return;
    this.messagesReceived++;
    this.bytesReceived += bytes.length;
    if (this.readyState !== 'open' || this.host.isClosed())
      return;
    let data;
    if (kind === 'text')
      data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
    else if (this.binaryType === 'blob')
      data = new Blob([bytes]);
    else
      data = bytes.buffer;
    this.fire(new MessageEvent('message', {data}));
  }

  enter(state, reason) {
    if (this.host.isClosed())
      return;
    if (state === 'open')
      this.announceOpen();
    else if (state === 'closing')
      this.closing();
    else if (state === 'closed')
      this.closed(reason);
  }

  enterLater(state, reason) {
    this.host.queueTask(() => this.enter(state, reason));
  }

  closing() {
    if (this.readyState !== 'open' && this.readyState !== 'connecting')
      return;
    this.readyState = 'closing';
    this.fire(new Event('closing'));
  }

  // An orderly end comes by way of closing; without it, what carried the channel is gone.
  closed(reason) {
    if (this.readyState === 'closed')
      return;
    const abrupt = this.readyState !== 'closing';
    this.host.refund(this.bufferedAmount);
    this.readyState = 'closed';
    this.host.forget(this);
    if (abrupt || reason)
      this.fire(new RTCErrorEvent('error', {error: new RTCError(
        {errorDetail: reason ? 'data-channel-failure' : 'sctp-failure'},
        reason || 'what carried the channel is gone')}));
    this.fire(new Event('close'));
  }

  fail() {
    if (this.readyState !== 'closed' && !this.host.isClosed())
      this.remote?.close().catch(() => {});
  }

  close() {
    if (this.readyState === 'closing' || this.readyState === 'closed')
      return;
    this.readyState = 'closing';
    this.closeAsked = true;
    if (this.blobs)
      return;
    if (this.remote)
      this.remote.close().catch(() => {});
    else
      this.host.queueTask(() => this.remote ?? this.closed(''));
  }

  // With its connection, and without events
  end() {
    this.readyState = 'closed';
    if (this.remote)
      this.remote.user = {};
  }
}

function isBytes(data) {
  return data instanceof ArrayBuffer || ArrayBuffer.isView(data) ||
    Object.prototype.toString.call(data) === '[object ArrayBuffer]';
}

// A copy: who sends may change what it has sent.
function toBytes(data) {
  if (ArrayBuffer.isView(data))
    return Uint8Array.from(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  if (isBytes(data))
    return Uint8Array.from(new Uint8Array(data));
  return Buffer.from(toUsv(data), 'utf8');
}

class RTCDataChannel extends EventTarget {
  constructor(key, core) {
    checkInternal(key, 'RTCDataChannel');
    super();
    takeListeners(this);
    cores.set(this, core);
    core.channel = this;
  }

  get label() { return cores.get(this).label; }
  get ordered() { return cores.get(this).ordered; }
  get maxPacketLifeTime() { return cores.get(this).maxPacketLifeTime; }
  get maxRetransmits() { return cores.get(this).maxRetransmits; }
  get protocol() { return cores.get(this).protocol; }
  get negotiated() { return cores.get(this).negotiated; }
  get id() { return cores.get(this).id; }
  get priority() { return cores.get(this).priority; }
  get readyState() { return cores.get(this).readyState; }
  get bufferedAmount() { return cores.get(this).bufferedAmount; }

  get bufferedAmountLowThreshold() { return cores.get(this).threshold; }
  set bufferedAmountLowThreshold(value) {
    cores.get(this).threshold = toRange(value, 0xffffffff, 'bufferedAmountLowThreshold');
  }

  get binaryType() { return cores.get(this).binaryType; }
  set binaryType(value) {
    let type;
    try {
      type = toEnum(value, BINARY_TYPES, 'BinaryType');
    } catch {
      return; // as all enumerations that are set
    }
    cores.get(this).binaryType = type;
  }

  close() { cores.get(this).close(); }

  send(data) {
    requireArguments(arguments, 1, 'send()');
    cores.get(this).send(data);
  }
}

defineHandlers(RTCDataChannel, ['open', 'bufferedamountlow', 'error', 'closing', 'close',
  'message']);
defineInterface(RTCDataChannel, {isMadeHere: true});

module.exports = {Core, RTCDataChannel};
