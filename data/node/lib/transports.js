// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCIceTransport, RTCDtlsTransport and RTCSctpTransport: what the connection knows of its layers.
// Their state is the connection's to set, by the functions at the end.

'use strict';

const {checkInternal, defineHandlers, defineInterface, takeListeners} = require('./webidl.js');

const slots = new WeakMap(); // transport → its state

class RTCIceTransport extends EventTarget {
  constructor(key) {
    checkInternal(key, 'RTCIceTransport');
    super();
    takeListeners(this);
    slots.set(this, {
      state: 'new', gatheringState: 'new', role: 'unknown', localCandidates: [],
      remoteCandidates: [], localParameters: null, remoteParameters: null, pair: null,
      reflexive: null,
    });
  }

  get role() { return slots.get(this).role; }
  get component() { return 'rtp'; }
  get state() { return slots.get(this).state; }
  get gatheringState() { return slots.get(this).gatheringState; }
  getLocalCandidates() { return [...slots.get(this).localCandidates]; }
  getRemoteCandidates() { return [...slots.get(this).remoteCandidates]; }
  getSelectedCandidatePair() { return slots.get(this).pair; }

  getLocalParameters() {
    const parameters = slots.get(this).localParameters;
    return parameters && {...parameters};
  }

  getRemoteParameters() {
    const parameters = slots.get(this).remoteParameters;
    return parameters && {...parameters};
  }
}

class RTCDtlsTransport extends EventTarget {
  constructor(key, iceTransport) {
    checkInternal(key, 'RTCDtlsTransport');
    super();
    takeListeners(this);
    slots.set(this, {state: 'new', iceTransport, remoteCertificates: []});
  }

  get iceTransport() { return slots.get(this).iceTransport; }
  get state() { return slots.get(this).state; }

  getRemoteCertificates() {
    return slots.get(this).remoteCertificates.map((der) => Uint8Array.from(der).buffer);
  }
}

class RTCSctpTransport extends EventTarget {
  constructor(key, transport) {
    checkInternal(key, 'RTCSctpTransport');
    super();
    takeListeners(this);
    slots.set(this, {state: 'connecting', transport, maxMessageSize: 65536, maxChannels: null});
  }

  get transport() { return slots.get(this).transport; }
  get state() { return slots.get(this).state; }
  get maxMessageSize() { return slots.get(this).maxMessageSize; }
  get maxChannels() { return slots.get(this).maxChannels; }
}

defineHandlers(RTCIceTransport, ['statechange', 'gatheringstatechange',
  'selectedcandidatepairchange']);
defineHandlers(RTCDtlsTransport, ['statechange', 'error']);
defineHandlers(RTCSctpTransport, ['statechange']);
for (const constructor of [RTCIceTransport, RTCDtlsTransport, RTCSctpTransport])
  defineInterface(constructor, {isMadeHere: true});

// What the connection may change of TRANSPORT
function slotsOf(transport) {
  return slots.get(transport);
}

// Whether the state is another one now; the event is told.
function enterState(transport, state) {
  const slot = slots.get(transport);
  if (slot.state === state || slot.state === 'closed')
    return false;
  slot.state = state;
  transport.dispatchEvent(new Event('statechange'));
  return true;
}

module.exports = {RTCDtlsTransport, RTCIceTransport, RTCSctpTransport, enterState, slotsOf};
