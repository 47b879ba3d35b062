// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The data channels of a connection: their options, their ids (RFC 8832 6), and how much they may
// have waiting.

'use strict';

const {Core, RTCDataChannel} = require('./data-channel.js');
const {MAX_CHANNELS} = require('./transport-states.js');
const {INTERNAL, domException, member, nullable, toDictionary, toEnum, toRange, toUsv} =
  require('./webidl.js');

const MAX_ID = 65534;
const MAX_LABEL = 65535; // bytes
const MAX_BUFFERED = 16 * 1024 * 1024; // of all channels, as the daemon takes it
const PRIORITIES = ['very-low', 'low', 'medium', 'high'];

function readInit(label, dataChannelDict) {
  const given = toDictionary(dataChannelDict, 'RTCDataChannelInit');
  const short = (name) => nullable((value) => toRange(value, 65535, name));
  const init = {
    label: toUsv(label),
    id: member(given, 'id', short('id'), null),
    maxPacketLifeTime: member(given, 'maxPacketLifeTime', short('maxPacketLifeTime'), null),
    maxRetransmits: member(given, 'maxRetransmits', short('maxRetransmits'), null),
    negotiated: member(given, 'negotiated', Boolean, false),
    ordered: member(given, 'ordered', Boolean, true),
    priority: member(given, 'priority', (v) => toEnum(v, PRIORITIES, 'RTCPriorityType'), 'low'),
    protocol: member(given, 'protocol', toUsv, ''),
  };
  if (Buffer.byteLength(init.label) > MAX_LABEL || Buffer.byteLength(init.protocol) > MAX_LABEL)
    throw new TypeError(`a label or protocol is at most ${MAX_LABEL} bytes long`);
  if (init.negotiated && init.id === null)
    throw new TypeError('a negotiated channel needs an id');
  if (init.maxPacketLifeTime !== null && init.maxRetransmits !== null)
    throw new TypeError('maxPacketLifeTime and maxRetransmits exclude each other');
  if (!init.negotiated)
    init.id = null;
  if (init.id > MAX_ID)
    throw new TypeError(`an id is at most ${MAX_ID}`);
  return init;
}

class ChannelList {
  cores = [];
  created = 0; // also those that are gone
  opened = 0;
  closed = 0;
  #user;
  #buffered = 0;

  // USER: queueTask(), whenUp(), isClosed(), maxMessageSize(), open(core)
  constructor(user) {
    this.#user = user;
  }

  #host() {
    const user = this.#user;
    return {
      queueTask: (task) => user.queueTask(task),
      whenUp: (task) => user.whenUp(task),
      isClosed: () => user.isClosed(),
      get maxMessageSize() { return user.maxMessageSize(); },
      charge: (bytes) => this.#charge(bytes),
      refund: (bytes) => { this.#buffered -= bytes; },
      forget: (core) => this.#forget(core),
    };
  }

  #charge(bytes) {
    if (this.#buffered + bytes > MAX_BUFFERED)
      return false;
    this.#buffered += bytes;
    return true;
  }

  #forget(core) {
    this.cores = this.cores.filter((other) => other !== core);
    this.closed++;
  }

  #add(init) {
    const core = new Core(this.#host(), init, ++this.created);
    new RTCDataChannel(INTERNAL, core);
    this.cores.push(core);
    return core;
  }

  #isUsed(id) {
    return this.cores.some((core) => core.id === id);
  }

  #freeId(isClient, limit) {
    for (let id = isClient ? 0 : 1; id < limit; id += 2) {
      if (!this.#isUsed(id))
        return id;
    }
    return null;
  }

  // ISCLIENT is null before it is known. Throws what createDataChannel() throws.
  create(label, dataChannelDict, isClient, connected) {
    const init = readInit(label, dataChannelDict);
    const limit = connected ? MAX_CHANNELS : MAX_ID + 1;
    if (init.id !== null && (this.#isUsed(init.id) || init.id >= limit))
      throw domException(`the id ${init.id} cannot be used`, 'OperationError');
    if (init.id === null && isClient !== null) {
      init.id = this.#freeId(isClient, MAX_CHANNELS);
      if (init.id === null)
        throw domException('no id is free', 'OperationError');
    }
    const core = this.#add(init);
    if (isClient !== null)
      this.#begin(core);
    return core.channel;
  }

  // The DTLS roles are known: those that wait get their ids, and begin.
  begin(isClient) {
    for (const core of [...this.cores].filter((c) => !c.begun)) {
      core.id ??= this.#freeId(isClient, MAX_CHANNELS);
      if (core.id === null || core.readyState === 'closing')
        core.enterLater('closed', core.id === null ? 'no id is free' : '');
      else
        this.#begin(core);
    }
  }

  #begin(core) {
    core.begun = true;
    this.#user.open(core);
  }

  // One that the remote has opened
  take(remote, properties) {
    const limit = (value) => (value < 0 ? null : value);
    const core = this.#add({
      label: properties.Label, protocol: properties.Protocol, id: properties.Id,
      ordered: properties.Ordered, negotiated: false, priority: properties.Priority ?? 'low',
      maxRetransmits: limit(properties.MaxRetransmits),
      maxPacketLifeTime: limit(properties.MaxPacketLifeTime),
    });
    core.begun = true;
    core.attach(remote);
    return core;
  }

  end() {
    this.cores.forEach((core) => core.end());
  }
}

module.exports = {ChannelList};
