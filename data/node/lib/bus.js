// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// A connection to a message bus. It keeps the process alive only while an answer is waited for or
// somebody has asked for that with hold().

'use strict';

const net = require('node:net');
const {CALL, REPLY, ERROR, SIGNAL, messageLength, readMessage, writeMessage} =
  require('./marshal.js');

const BUS = 'org.freedesktop.DBus';

// A bus answers for whom has more calls without an answer, with an error; the system bus has 128.
const MAX_PENDING = 100;

class BusError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

// "unix:path=/run/x,guid=…" → the options of net.connect(), or null for what Node.js has no way to
function connectOptions(address) {
  const [transport, rest = ''] = address.split(/:(.*)/s);
  const keys = {};
  for (const pair of rest.split(',')) {
    const [key, value = ''] = pair.split(/=(.*)/s);
    keys[key] = decodeURIComponent(value);
  }
  if (transport === 'unix' && keys.path)
    return {path: keys.path};
  if (transport === 'unix' && keys.abstract)
    return {path: `\0${keys.abstract}`};
  if (transport === 'tcp' && keys.port)
    return {host: keys.host || '127.0.0.1', port: Number(keys.port)};
  return null;
}

class Bus {
  constructor(socket) {
    this.socket = socket;
    this.serial = 0;
    this.holds = 0;
    this.pending = new Map(); // serial → {resolve, reject, onReply}
    this.waiting = []; // {serial, message, call}, until fewer are pending
    this.chunks = [];
    this.size = 0;
    this.onSignal = () => {};
    this.onClose = () => {};
    this.closed = false;
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.end());
    socket.unref();
  }

  hold() {
    if (this.holds++ === 0)
      this.socket.ref();
  }

  release() {
    if (--this.holds === 0)
      this.socket.unref();
  }

  close() {
    this.socket.destroy();
    this.end();
  }

  end() {
    if (this.closed)
      return;
    this.closed = true;
    for (const {reject} of [...this.pending.values(), ...this.waiting.map(({call}) => call)])
      reject(new BusError('org.freedesktop.DBus.Error.Disconnected', 'the bus has gone'));
    this.pending.clear();
    this.waiting = [];
    this.onClose();
  }

  receive(chunk) {
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.size >= 16) {
      if (this.chunks[0].length < 16)
        this.chunks = [Buffer.concat(this.chunks)];
      let length;
      try {
        length = messageLength(this.chunks[0]);
        if (this.size < length)
          return;
        this.dispatch(readMessage(this.take(length)));
      } catch (error) {
        this.socket.destroy(error);
        return;
      }
    }
  }

  take(length) {
    if (this.chunks[0].length < length)
      this.chunks = [Buffer.concat(this.chunks)];
    const [first] = this.chunks;
    if (first.length === length)
      this.chunks.shift();
    else
      this.chunks[0] = first.subarray(length);
    this.size -= length;
    return first.subarray(0, length);
  }

  dispatch(message) {
    if (message.type === SIGNAL) {
      this.onSignal(message);
      return;
    }
    const waiting = this.pending.get(message.replySerial);
    if (!waiting || (message.type !== REPLY && message.type !== ERROR))
      return;
    this.pending.delete(message.replySerial);
    this.release();
    this.writeWaiting();
    if (message.type === ERROR) {
      waiting.reject(new BusError(message.errorName, String(message.body[0] ?? '')));
    } else {
      waiting.onReply?.(...message.body);
      waiting.resolve(message.body);
    }
  }

  // Resolves to the list of what is returned. ONREPLY is called with it as well, before any message
  // that comes later is looked at.
  call(destination, path, iface, member, signature = '', body = [], onReply = undefined) {
    if (this.closed)
      return Promise.reject(new BusError('org.freedesktop.DBus.Error.Disconnected',
        'the bus has gone'));
    const serial = ++this.serial;
    const message = writeMessage({
      type: CALL, serial, destination, path, interface: iface, member, signature, body,
    });
    this.hold();
    return new Promise((resolve, reject) => {
      this.waiting.push({serial, message, call: {resolve, reject, onReply}});
      this.writeWaiting();
    });
  }

  writeWaiting() {
    while (this.waiting.length > 0 && this.pending.size < MAX_PENDING) {
      const {serial, message, call} = this.waiting.shift();
      this.pending.set(serial, call);
      this.socket.write(message);
    }
  }

  callBus(member, signature, ...body) {
    return this.call(BUS, '/org/freedesktop/DBus', BUS, member, signature, body);
  }
}

// EXTERNAL (D-Bus specification, "Authentication mechanisms"): the kernel says who we are.
function authenticate(socket) {
  const id = Buffer.from(String(process.getuid())).toString('hex');
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk) => {
      text += chunk.toString('latin1');
      if (!text.includes('\r\n'))
        return;
      socket.removeListener('data', onData);
      socket.removeAllListeners('error');
      socket.removeAllListeners('close');
      if (text.startsWith('OK ')) {
        socket.write('BEGIN\r\n');
        resolve();
      } else {
        reject(new Error(`the bus does not let us in: ${text.trim()}`));
      }
    };
    socket.on('data', onData);
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the bus has hung up')));
    socket.write(`\0AUTH EXTERNAL ${id}\r\n`);
  });
}

// ADDRESSES is a list as D-Bus has it, with ";" between.
async function connect(addresses) {
  let problem = new Error(`no bus address that can be used: "${addresses}"`);
  for (const address of addresses.split(';').filter(Boolean)) {
    const options = connectOptions(address);
    if (!options)
      continue;
    const socket = net.connect(options);
    try {
      await authenticate(socket);
    } catch (error) {
      socket.destroy();
      problem = error;
      continue;
    }
    const bus = new Bus(socket);
    await bus.callBus('Hello');
    return bus;
  }
  throw problem;
}

module.exports = {BUS, Bus, BusError, connect, connectOptions};
