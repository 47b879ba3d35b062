// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCSessionDescription, and as much of SDP (RFC 8866) as its interface needs: the daemon reads the
// rest. What has no data channel in it never gets to the daemon, and is written here.

'use strict';

const {randomBytes} = require('node:crypto');
const {RTCError} = require('./events.js');
const {defineInterface, member, requireArguments, toDictionary, toEnum, toText} =
  require('./webidl.js');

const TYPES = ['offer', 'pranswer', 'answer', 'rollback'];
const DEFAULT_MESSAGE_SIZE = 65536; // RFC 8841 6.1

function descriptionInit(value, what) {
  const values = toDictionary(value, what);
  return {
    type: member(values, 'type', (type) => toEnum(type, TYPES, 'RTCSdpType'), undefined),
    sdp: member(values, 'sdp', toText, ''),
  };
}

class RTCSessionDescription {
  #type;
  #sdp;

  constructor(descriptionInitDict) {
    requireArguments(arguments, 1, 'RTCSessionDescription');
    const {type, sdp} = descriptionInit(descriptionInitDict, 'RTCSessionDescriptionInit');
    if (type === undefined)
      throw new TypeError('RTCSessionDescriptionInit needs a type');
    this.#type = type;
    this.#sdp = sdp;
  }

  get type() { return this.#type; }
  get sdp() { return this.#sdp; }

  toJSON() {
    return {type: this.#type, sdp: this.#sdp};
  }
}

defineInterface(RTCSessionDescription);

function syntaxError(line, message) {
  return new RTCError({errorDetail: 'sdp-syntax-error', sdpLineNumber: line}, message);
}

// One m-section, or the session
class Section {
  constructor(line) {
    this.line = line; // behind "m="; null for the session
    this.attributes = [];
  }

  get(name) {
    for (const attribute of this.attributes) {
      if (attribute === name)
        return '';
      if (attribute.startsWith(`${name}:`))
        return attribute.slice(name.length + 1);
    }
    return null;
  }

  getAll(name) {
    return this.attributes.filter((a) => a.startsWith(`${name}:`))
      .map((a) => a.slice(name.length + 1));
  }

  get isData() {
    const [kind, , protocol] = this.line.split(' ');
    return kind === 'application' && protocol.endsWith('DTLS/SCTP');
  }

  get isRejected() {
    return this.line.split(' ')[1] === '0' && this.get('bundle-only') === null;
  }

  // What it lacks may be in the section that it is bundled with.
  get isBundled() {
    return this.get('bundle-only') !== null;
  }

  get mid() {
    return this.get('mid');
  }
}

// Throws an RTCError of sdp-syntax-error.
function parseSdp(text) {
  const session = new Section(null);
  const sections = [];
  const lines = text.split(/\r?\n/);
  if (!lines[0].startsWith('v=0'))
    throw syntaxError(1, 'the description does not begin with v=0');
  lines.forEach((line, i) => {
    if (line === '')
      return;
    if (!/^[a-z]=/.test(line))
      throw syntaxError(i + 1, `line ${i + 1} of the description is not type=value`);
    if (line.startsWith('m=')) {
      if (!/^[a-z]+ \d+(\/\d+)? \S+ \S/.test(line.slice(2)))
        throw syntaxError(i + 1, `line ${i + 1} of the description is no m-line`);
      sections.push(new Section(line.slice(2)));
    } else if (line.startsWith('a=')) {
      (sections.at(-1) ?? session).attributes.push(line.slice(2));
    }
  });
  return new Sdp(session, sections);
}

class Sdp {
  constructor(session, sections) {
    this.session = session;
    this.sections = sections;
  }

  // The m-section of the data channels, unless it is rejected; or null
  get data() {
    return this.sections.find((s) => s.isData && !s.isRejected) ?? null;
  }

  // In the section, or its session
  attribute(section, name) {
    return section.get(name) ?? this.session.get(name);
  }

  ufrags() {
    return [this.session, ...this.sections].map((s) => s.get('ice-ufrag')).filter(Boolean);
  }

  get ice() {
    const {data} = this;
    const tag = this.sections[0];
    for (const section of data ? [data, tag, this.session] : [this.session]) {
      const usernameFragment = section?.get('ice-ufrag');
      const password = section?.get('ice-pwd');
      if (usernameFragment && password)
        return {usernameFragment, password};
    }
    return null;
  }

  get setup() {
    return (this.data && this.attribute(this.data, 'setup')) ?? 'actpass';
  }

  // a=max-message-size; 0: no limit
  get maxMessageSize() {
    const size = this.data?.get('max-message-size');
    return size ? Number(size) : DEFAULT_MESSAGE_SIZE;
  }

  // Whether media would need two ports
  get lacksMux() {
    return this.sections.some((s) => /^(audio|video) /.test(s.line) && !s.isRejected &&
      s.get('rtcp-mux') === null);
  }

  // What is there and cannot be (RFC 8839 5.4, RFC 8842 5); null: nothing
  get problem() {
    for (const section of [this.session, ...this.sections]) {
      const [fragment, password] = ['ice-ufrag', 'ice-pwd'].map((name) => section.get(name));
      if (fragment !== null && !/^[A-Za-z0-9+/]{4,256}$/.test(fragment))
        return 'a=ice-ufrag has what cannot be in it';
      if (password !== null && !/^[A-Za-z0-9+/]{22,256}$/.test(password))
        return 'a=ice-pwd has what cannot be in it';
    }
    const open = this.sections.find((section) => !section.isRejected && !section.isBundled &&
      this.attribute(section, 'fingerprint') === null);
    return open ? `m=${open.line} has no a=fingerprint` : null;
  }

  get trickles() {
    return [this.session, ...this.sections].some((s) =>
      (s.get('ice-options') ?? '').split(' ').includes('trickle'));
  }

  candidates() {
    return this.sections.flatMap((section, i) => section.getAll('candidate')
      .map((candidate) => ({candidate: `candidate:${candidate}`, sdpMid: section.mid,
        sdpMLineIndex: i, usernameFragment: this.attribute(section, 'ice-ufrag')})));
  }
}

// TEXT with LINE at the end of the m-section INDEX, or of all of them (-1)
function withLine(text, index, line) {
  const parts = text.split(/(?=^m=)/m);
  return parts.map((part, i) => {
    if (i === 0 || (index >= 0 && i !== index + 1))
      return part;
    return `${part}${part.endsWith('\n') ? '' : '\r\n'}${line}\r\n`;
  }).join('');
}

// Descriptions without data channels, in the place of the daemon's
class BareSession {
  constructor() {
    this.id = (randomBytes(8).readBigUInt64BE() >> 2n).toString();
    this.version = 1;
  }

  // OFFER is what it answers, all of it rejected; null: it is an offer.
  describe(offer) {
    const rejected = (offer?.sections ?? []).map((section) => {
      const [kind, , ...rest] = section.line.split(' ');
      const mid = section.mid === null ? '' : `a=mid:${section.mid}\r\n`;
      return `m=${kind} 0 ${rest.join(' ')}\r\nc=IN IP4 0.0.0.0\r\n${mid}a=inactive\r\n`;
    });
    return `v=0\r\no=- ${this.id} ${++this.version} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n` +
      rejected.join('');
  }
}

module.exports = {
  BareSession, RTCSessionDescription, TYPES, descriptionInit, parseSdp, syntaxError, withLine,
};
