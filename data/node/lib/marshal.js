// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The wire format of D-Bus messages: values to bytes and back. No I/O.
//
// Values are numbers, strings, booleans, arrays, and Uint8Array for "ay". A dictionary is an
// object, a variant that is written is a Variant, and one that is read is just its value. What has
// 64 bits is a number, too: nothing of rtcbus's is beyond 2^53.

'use strict';

const MESSAGE_LIMIT = 128 * 1024 * 1024;

const CALL = 1, REPLY = 2, ERROR = 3, SIGNAL = 4;

const FIELDS = {
  1: ['path', 'o'], 2: ['interface', 's'], 3: ['member', 's'], 4: ['errorName', 's'],
  5: ['replySerial', 'u'], 6: ['destination', 's'], 7: ['sender', 's'], 8: ['signature', 'g'],
};

const ALIGNMENT = {
  y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, s: 4, o: 4, a: 4, h: 4,
  x: 8, t: 8, d: 8, '(': 8, '{': 8,
};

class Variant {
  constructor(type, value) {
    this.type = type;
    this.value = value;
  }
}

// The end of the single complete type that begins at START
function typeEnd(signature, start) {
  let depth = 0;
  for (let i = start; i < signature.length; i++) {
    const letter = signature[i];
    if (letter === '(' || letter === '{')
      depth++;
    else if (letter === ')' || letter === '}')
      depth--;
    if (depth === 0 && letter !== 'a')
      return i + 1;
  }
  throw new Error(`D-Bus: the signature "${signature}" is not whole`);
}

function splitTypes(signature) {
  const types = [];
  for (let i = 0; i < signature.length;) {
    const end = typeEnd(signature, i);
    types.push(signature.slice(i, end));
    i = end;
  }
  return types;
}

class Writer {
  constructor() {
    this.buffer = Buffer.alloc(512);
    this.length = 0;
  }

  room(bytes) {
    if (this.length + bytes <= this.buffer.length)
      return;
    const larger = Buffer.alloc(Math.max(this.buffer.length * 2, this.length + bytes));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }

  align(to) {
    const gap = (to - this.length % to) % to;
    this.room(gap);
    this.buffer.fill(0, this.length, this.length + gap);
    this.length += gap;
  }

  bytes(bytes) {
    this.room(bytes.length);
    this.buffer.set(bytes, this.length);
    this.length += bytes.length;
  }

  number(method, size, value) {
    this.align(size);
    this.room(size);
    this.buffer[method](value, this.length);
    this.length += size;
  }

  string(text) {
    const bytes = Buffer.from(text, 'utf8');
    this.number('writeUInt32LE', 4, bytes.length);
    this.bytes(bytes);
    this.number('writeUInt8', 1, 0);
  }

  array(type, value) {
    this.number('writeUInt32LE', 4, 0);
    const place = this.length - 4;
    this.align(ALIGNMENT[type[0]]);
    const start = this.length;
    if (type === 'y') {
      this.bytes(value);
    } else if (type[0] === '{') {
      const [key, item] = splitTypes(type.slice(1, -1));
      for (const name of Object.keys(value)) {
        this.align(8);
        this.value(key, name);
        this.value(item, value[name]);
      }
    } else {
      for (const item of value)
        this.value(type, item);
    }
    this.buffer.writeUInt32LE(this.length - start, place);
  }

  value(type, value) {
    switch (type[0]) {
    case 'y': return this.number('writeUInt8', 1, value);
    case 'n': return this.number('writeInt16LE', 2, value);
    case 'q': return this.number('writeUInt16LE', 2, value);
    case 'b': return this.number('writeUInt32LE', 4, value ? 1 : 0);
    case 'i': return this.number('writeInt32LE', 4, value);
    case 'u': return this.number('writeUInt32LE', 4, value);
    case 'x': return this.number('writeBigInt64LE', 8, BigInt(value));
    case 't': return this.number('writeBigUInt64LE', 8, BigInt(value));
    case 'd': return this.number('writeDoubleLE', 8, value);
    case 's':
    case 'o': return this.string(value);
    case 'g':
      this.number('writeUInt8', 1, value.length);
      this.bytes(Buffer.from(value, 'latin1'));
      return this.number('writeUInt8', 1, 0);
    case 'v':
      this.value('g', value.type);
      return this.value(value.type, value.value);
    case 'a': return this.array(type.slice(1), value);
    case '(':
      this.align(8);
      return this.values(type.slice(1, -1), value);
    default:
      throw new Error(`D-Bus: no value of type "${type}" can be written`);
    }
  }

  values(signature, values) {
    splitTypes(signature).forEach((type, i) => this.value(type, values[i]));
  }

  result() {
    return this.buffer.subarray(0, this.length);
  }
}

class Reader {
  constructor(buffer, little, at = 0) {
    this.buffer = buffer;
    this.suffix = little ? 'LE' : 'BE';
    this.at = at;
  }

  align(to) {
    this.at += (to - this.at % to) % to;
  }

  number(method, size) {
    this.align(size);
    const value = this.buffer[size === 1 ? method : method + this.suffix](this.at);
    this.at += size;
    return value;
  }

  bytes(length) {
    if (this.at + length > this.buffer.length)
      throw new Error('D-Bus: a value is longer than its message');
    this.at += length;
    return this.buffer.subarray(this.at - length, this.at);
  }

  text(length) {
    const text = this.bytes(length).toString('utf8');
    this.at++;
    return text;
  }

  array(type) {
    const length = this.number('readUInt32', 4);
    this.align(ALIGNMENT[type[0]]);
    const end = this.at + length;
    if (type === 'y')
      return new Uint8Array(this.bytes(length));
    if (end > this.buffer.length)
      throw new Error('D-Bus: an array is longer than its message');
    if (type[0] !== '{') {
      const list = [];
      while (this.at < end)
        list.push(this.value(type));
      return list;
    }
    const dictionary = Object.create(null);
    const [key, item] = splitTypes(type.slice(1, -1));
    while (this.at < end) {
      this.align(8);
      const name = this.value(key);
      dictionary[name] = this.value(item);
    }
    return dictionary;
  }

  value(type) {
    switch (type[0]) {
    case 'y': return this.number('readUInt8', 1);
    case 'n': return this.number('readInt16', 2);
    case 'q': return this.number('readUInt16', 2);
    case 'b': return this.number('readUInt32', 4) !== 0;
    case 'i': return this.number('readInt32', 4);
    case 'u':
    case 'h': return this.number('readUInt32', 4);
    case 'x': return Number(this.number('readBigInt64', 8));
    case 't': return Number(this.number('readBigUInt64', 8));
    case 'd': return this.number('readDouble', 8);
    case 's':
    case 'o': return this.text(this.number('readUInt32', 4));
    case 'g': return this.text(this.number('readUInt8', 1));
    case 'v': return this.value(this.value('g'));
    case 'a': return this.array(type.slice(1));
    case '(':
      this.align(8);
      return this.values(type.slice(1, -1));
    default:
      throw new Error(`D-Bus: no value of type "${type}" can be read`);
    }
  }

  values(signature) {
    return splitTypes(signature).map((type) => this.value(type));
  }
}

// MESSAGE: type, serial, path, interface, member, destination, signature, body (a list).
function writeMessage(message) {
  const body = new Writer();
  if (message.signature)
    body.values(message.signature, message.body);
  const head = new Writer();
  head.values('yyyyuu', ['l'.charCodeAt(0), message.type, 0, 1, body.length, message.serial]);
  const fields = [];
  for (const [code, [name, type]] of Object.entries(FIELDS)) {
    if (message[name])
      fields.push([Number(code), new Variant(type, message[name])]);
  }
  head.value('a(yv)', fields);
  head.align(8);
  head.bytes(body.result());
  return head.result();
}

// How long the message is that BUFFER begins with; 0: that cannot be told yet.
function messageLength(buffer) {
  if (buffer.length < 16)
    return 0;
  const head = new Reader(buffer, buffer[0] === 'l'.charCodeAt(0), 4);
  const body = head.value('u');
  head.value('u');
  const fields = head.value('u');
  const length = 16 + Math.ceil(fields / 8) * 8 + body;
  if (length > MESSAGE_LIMIT)
    throw new Error('D-Bus: a message is too long');
  return length;
}

// The body is read when it is asked for.
function readMessage(buffer) {
  const reader = new Reader(buffer, buffer[0] === 'l'.charCodeAt(0), 1);
  const message = {type: reader.value('y')};
  reader.at = 8;
  message.serial = reader.value('u');
  for (const [code, value] of reader.value('a(yv)')) {
    if (FIELDS[code])
      message[FIELDS[code][0]] = value;
  }
  reader.align(8);
  const start = reader.at;
  let body = null;
  Object.defineProperty(message, 'body', {
    get() {
      reader.at = start;
      body ??= message.signature ? reader.values(message.signature) : [];
      return body;
    },
  });
  return message;
}

module.exports = {
  CALL, REPLY, ERROR, SIGNAL, Variant, messageLength, readMessage, writeMessage,
};
