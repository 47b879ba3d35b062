// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Errors and events of webrtc-pc.

'use strict';

const {defineInterface, member, nullable, requireArguments, toDictionary, toEnum, toText,
  toUnsignedLong, toUnsignedShort} = require('./webidl.js');

const ERROR_DETAILS = [
  'data-channel-failure', 'dtls-failure', 'fingerprint-failure', 'sctp-failure',
  'sdp-syntax-error', 'hardware-encoder-not-available', 'hardware-encoder-error',
];

function toLong(value) {
  return Number(value) | 0;
}

class RTCError extends DOMException {
  #init;

  constructor(init, message = '') {
    requireArguments(arguments, 1, 'RTCError');
    const values = toDictionary(init, 'RTCErrorInit');
    if (values.errorDetail === undefined)
      throw new TypeError('RTCErrorInit needs errorDetail');
    super(toText(message), 'OperationError');
    this.#init = {
      errorDetail: toEnum(values.errorDetail, ERROR_DETAILS, 'RTCErrorDetailType'),
      sdpLineNumber: member(values, 'sdpLineNumber', toLong, null),
      sctpCauseCode: member(values, 'sctpCauseCode', toLong, null),
      receivedAlert: member(values, 'receivedAlert', toUnsignedLong, null),
      sentAlert: member(values, 'sentAlert', toUnsignedLong, null),
      httpRequestStatusCode: member(values, 'httpRequestStatusCode', toLong, null),
    };
  }

  get errorDetail() { return this.#init.errorDetail; }
  get sdpLineNumber() { return this.#init.sdpLineNumber; }
  get sctpCauseCode() { return this.#init.sctpCauseCode; }
  get receivedAlert() { return this.#init.receivedAlert; }
  get sentAlert() { return this.#init.sentAlert; }
  get httpRequestStatusCode() { return this.#init.httpRequestStatusCode; }
}

class RTCErrorEvent extends Event {
  #error;

  constructor(type, init) {
    requireArguments(arguments, 2, 'RTCErrorEvent');
    const values = toDictionary(init, 'RTCErrorEventInit');
    if (!(values.error instanceof RTCError))
      throw new TypeError('RTCErrorEventInit needs an RTCError as error');
    super(type, values);
    this.#error = values.error;
  }

  get error() { return this.#error; }
}

class RTCDataChannelEvent extends Event {
  #channel;

  constructor(type, init) {
    requireArguments(arguments, 2, 'RTCDataChannelEvent');
    const values = toDictionary(init, 'RTCDataChannelEventInit');
    // Here, because that file needs events, too.
    if (!(values.channel instanceof require('./data-channel.js').RTCDataChannel))
      throw new TypeError('RTCDataChannelEventInit needs an RTCDataChannel as channel');
    super(type, values);
    this.#channel = values.channel;
  }

  get channel() { return this.#channel; }
}

class RTCPeerConnectionIceEvent extends Event {
  #candidate;
  #url;

  constructor(type, init = {}) {
    requireArguments(arguments, 1, 'RTCPeerConnectionIceEvent');
    const values = toDictionary(init, 'RTCPeerConnectionIceEventInit');
    const candidate = values.candidate ?? null;
    if (candidate !== null && !(candidate instanceof require('./candidate.js').RTCIceCandidate))
      throw new TypeError('candidate is an RTCIceCandidate or null');
    super(type, values);
    this.#candidate = candidate;
    this.#url = member(values, 'url', nullable(toText), null);
  }

  get candidate() { return this.#candidate; }
  get url() { return this.#url; }
}

class RTCPeerConnectionIceErrorEvent extends Event {
  #init;

  constructor(type, init) {
    requireArguments(arguments, 2, 'RTCPeerConnectionIceErrorEvent');
    const values = toDictionary(init, 'RTCPeerConnectionIceErrorEventInit');
    if (values.errorCode === undefined)
      throw new TypeError('RTCPeerConnectionIceErrorEventInit needs errorCode');
    super(type, values);
    this.#init = {
      address: member(values, 'address', nullable(toText), null),
      port: member(values, 'port', nullable(toUnsignedShort), null),
      url: member(values, 'url', toText, ''),
      errorCode: toUnsignedShort(values.errorCode),
      errorText: member(values, 'errorText', toText, ''),
    };
  }

  get address() { return this.#init.address; }
  get port() { return this.#init.port; }
  get url() { return this.#init.url; }
  get errorCode() { return this.#init.errorCode; }
  get errorText() { return this.#init.errorText; }
}

for (const constructor of [RTCError, RTCErrorEvent, RTCDataChannelEvent, RTCPeerConnectionIceEvent,
  RTCPeerConnectionIceErrorEvent])
  defineInterface(constructor);

module.exports = {
  RTCDataChannelEvent, RTCError, RTCErrorEvent, RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent,
};
