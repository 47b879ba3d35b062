// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCIceCandidate, and RTCIceCandidatePair

'use strict';

const {checkInternal, defineInterface, member, nullable, toDictionary, toEnum, toText,
  toUnsignedShort, toUsv} = require('./webidl.js');

const RELAY_PROTOCOLS = ['udp', 'tcp', 'tls'];
const TYPES = ['host', 'srflx', 'prflx', 'relay'];

// candidate-attribute of RFC 8839 5.1; null for what is none
function parseCandidate(text) {
  const words = text.replace(/^a=/, '').split(' ');
  const [foundation, component, transport, priority, address, port, typ, type] = words;
  if (words.length < 8 || !/^candidate:[A-Za-z0-9+/]{1,32}$/.test(foundation) || typ !== 'typ' ||
      !/^\d{1,3}$/.test(component) || !/^\d{1,10}$/.test(priority) || !/^\d{1,5}$/.test(port) ||
      !address || /[\r\n]/.test(text))
    return null;
  const extensions = {};
  for (let i = 8; i + 1 < words.length; i += 2)
    extensions[words[i]] = words[i + 1];
  const protocol = transport.toLowerCase();
  return {
    foundation: foundation.slice('candidate:'.length),
    component: {1: 'rtp', 2: 'rtcp'}[component] ?? null,
    priority: Number(priority),
    address,
    protocol: ['udp', 'tcp'].includes(protocol) ? protocol : null,
    port: Number(port),
    type: TYPES.includes(type) ? type : null,
    tcpType: extensions.tcptype ?? null,
    relatedAddress: extensions.raddr ?? null,
    relatedPort: 'rport' in extensions ? Number(extensions.rport) : null,
  };
}

const NOTHING = {
  foundation: null, component: null, priority: null, address: null, protocol: null, port: null,
  type: null, tcpType: null, relatedAddress: null, relatedPort: null,
};

let hideAddress; // (candidate, parsed): gives it all of PARSED that programs may see

class RTCIceCandidate {
  static {
    hideAddress = (candidate, parsed) => {
      candidate.#parsed = {...parsed, address: null, type: 'prflx'};
    };
  }

  #init;
  #parsed;
  #local;

  constructor(candidateInitDict = {}) {
    const values = toDictionary(candidateInitDict, 'RTCIceCandidateInit');
    this.#init = {
      candidate: member(values, 'candidate', toText, ''),
      sdpMid: member(values, 'sdpMid', nullable(toText), null),
      sdpMLineIndex: member(values, 'sdpMLineIndex', nullable(toUnsignedShort), null),
      usernameFragment: member(values, 'usernameFragment', nullable(toText), null),
    };
    if (this.#init.sdpMid === null && this.#init.sdpMLineIndex === null)
      throw new TypeError('RTCIceCandidateInit needs sdpMid or sdpMLineIndex');
    this.#parsed = parseCandidate(this.#init.candidate) ?? NOTHING;
    this.#local = { // RTCLocalIceCandidateInit
      relayProtocol: member(values, 'relayProtocol', nullable((v) => toEnum(v, RELAY_PROTOCOLS,
        'RTCIceServerTransportProtocol')), null),
      url: member(values, 'url', nullable(toUsv), null),
    };
  }

  get candidate() { return this.#init.candidate; }
  get sdpMid() { return this.#init.sdpMid; }
  get sdpMLineIndex() { return this.#init.sdpMLineIndex; }
  get foundation() { return this.#parsed.foundation; }
  get component() { return this.#parsed.component; }
  get priority() { return this.#parsed.priority; }
  get address() { return this.#parsed.address; }
  get protocol() { return this.#parsed.protocol; }
  get port() { return this.#parsed.port; }
  get type() { return this.#parsed.type; }
  get tcpType() { return this.#parsed.tcpType; }
  get relatedAddress() { return this.#parsed.relatedAddress; }
  get relatedPort() { return this.#parsed.relatedPort; }
  get usernameFragment() { return this.#init.usernameFragment; }
  get relayProtocol() { return this.#local.relayProtocol; }
  get url() { return this.#local.url; }

  toJSON() {
    return {...this.#init};
  }
}

// A remote one that nobody has told us of: its checks come from there (webrtc-pc 4.8.1). Its
// address is not the program's to know.
function peerReflexive(parsed, sdpMid) {
  const candidate = new RTCIceCandidate({sdpMid, sdpMLineIndex: 0});
  hideAddress(candidate, parsed);
  return candidate;
}

class RTCIceCandidatePair {
  #local;
  #remote;

  constructor(key, local, remote) {
    checkInternal(key, 'RTCIceCandidatePair');
    this.#local = local;
    this.#remote = remote;
  }

  get local() { return this.#local; }
  get remote() { return this.#remote; }
}

defineInterface(RTCIceCandidate);
defineInterface(RTCIceCandidatePair, {isMadeHere: true});

module.exports = {RTCIceCandidate, RTCIceCandidatePair, parseCandidate, peerReflexive};
