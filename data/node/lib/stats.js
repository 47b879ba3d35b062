// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCStatsReport, of what webrtc-stats has for data channels

'use strict';

const {createHash} = require('node:crypto');
const {INTERNAL, checkInternal, defineInterface} = require('./webidl.js');

class RTCStatsReport {
  #map;

  constructor(key, entries) {
    checkInternal(key, 'RTCStatsReport');
    this.#map = new Map(entries.map((entry) => [entry.id, entry]));
  }

  get size() { return this.#map.size; }
  get(id) { return this.#map.get(id); }
  has(id) { return this.#map.has(id); }
  keys() { return this.#map.keys(); }
  values() { return this.#map.values(); }
  entries() { return this.#map.entries(); }
  [Symbol.iterator]() { return this.#map.entries(); }

  forEach(callback, thisArg) {
    this.#map.forEach((value, key) => callback.call(thisArg, value, key, this));
  }
}

defineInterface(RTCStatsReport, {isMadeHere: true});

function fingerprint(der) {
  const hex = createHash('sha256').update(der).digest('hex').toUpperCase();
  return hex.match(/../g).join(':');
}

function candidateId(candidate, side) {
  return `I${side}${candidate.address ?? ''}:${candidate.port}${candidate.type}`;
}

function candidateEntry(candidate, type, base) {
  return {
    ...base, type, id: candidateId(candidate, type === 'local-candidate' ? 'L' : 'R'),
    transportId: 'T1', address: candidate.address, port: candidate.port,
    protocol: candidate.protocol, candidateType: candidate.type, priority: candidate.priority,
    foundation: candidate.foundation, usernameFragment: candidate.usernameFragment,
  };
}

function channelEntry(core, base) {
  return {
    ...base, type: 'data-channel', id: `D${core.number}`, label: core.label,
    protocol: core.protocol, dataChannelIdentifier: core.id, state: core.readyState,
    messagesSent: core.messagesSent, bytesSent: core.bytesSent,
    messagesReceived: core.messagesReceived, bytesReceived: core.bytesReceived,
  };
}

function certificateEntry(id, der, base) {
  return {
    ...base, type: 'certificate', id, fingerprint: fingerprint(der),
    fingerprintAlgorithm: 'sha-256', base64Certificate: Buffer.from(der).toString('base64'),
  };
}

function role(isClient) {
  return isClient === null ? 'unknown' : isClient ? 'client' : 'server';
}

// ICE's checks of the selected pair, as the daemon has counted them
function checkEntries(counted) {
  const round = counted['round-trip-time'];
  return {
    requestsSent: counted['requests-sent'] ?? 0,
    responsesReceived: counted['responses-received'] ?? 0,
    requestsReceived: counted['requests-received'] ?? 0,
    responsesSent: counted['responses-sent'] ?? 0,
    totalRoundTripTime: (counted['total-round-trip-time'] ?? 0) / 1e6,
    ...(round ? {currentRoundTripTime: round / 1e6} : {}),
  };
}

// The selected pair, and the transport that it carries
function pathEntries(connection, base) {
  const {pair, values, ice, dtls} = connection;
  const counted = values.PathStatistics ?? {};
  const traffic = {
    bytesSent: values.BytesSent ?? 0, bytesReceived: values.BytesReceived ?? 0,
    packetsSent: counted['packets-sent'] ?? 0, packetsReceived: counted['packets-received'] ?? 0,
  };
  const entries = [];
  if (pair) {
    entries.push({
      ...base, ...traffic, type: 'candidate-pair', id: 'CP1', transportId: 'T1',
      localCandidateId: candidateId(pair.local, 'L'), remoteCandidateId: candidateId(pair.remote, 'R'),
      state: 'succeeded', nominated: true, ...checkEntries(counted),
    });
  }
  entries.push({
    ...base, ...traffic, type: 'transport', id: 'T1', dtlsState: dtls.state,
    dtlsRole: role(connection.isClient), iceState: ice.state, iceRole: ice.role,
    iceLocalUsernameFragment: ice.getLocalParameters()?.usernameFragment,
    selectedCandidatePairChanges: connection.pairChanges,
    ...(pair ? {selectedCandidatePairId: 'CP1'} : {}),
    ...(values.Cipher ? {tlsVersion: 'FEFD', dtlsCipher: values.Cipher} : {}), // DTLS 1.2
    ...(values.LocalCertificate?.length ? {localCertificateId: 'CF1'} : {}),
    ...(values.RemoteCertificate?.length ? {remoteCertificateId: 'CF2'} : {}),
  });
  return entries;
}

// CONNECTION: channels (Cores), opened, closed; and ice, dtls, pair, pairChanges, isClient, values
// (the call's properties) if there is a transport.
function makeReport(connection) {
  const base = {timestamp: performance.timeOrigin + performance.now()};
  const entries = [{
    ...base, type: 'peer-connection', id: 'P', dataChannelsOpened: connection.opened,
    dataChannelsClosed: connection.closed,
  }];
  entries.push(...connection.channels.map((core) => channelEntry(core, base)));
  if (connection.ice) {
    const {pair} = connection;
    const withPair = (list, one) => (one && !list.includes(one) ? [...list, one] : list);
    const locals = withPair(connection.ice.getLocalCandidates(), pair?.local)
      .filter((c) => c.type).map((c) => candidateEntry(c, 'local-candidate', base));
    const remotes = withPair(connection.ice.getRemoteCandidates(), pair?.remote)
      .filter((c) => c.type).map((c) => candidateEntry(c, 'remote-candidate', base));
    entries.push(...locals, ...remotes, ...pathEntries(connection, base));
    const {LocalCertificate, RemoteCertificate} = connection.values;
    for (const [id, der] of [['CF1', LocalCertificate], ['CF2', RemoteCertificate]]) {
      if (der?.length)
        entries.push(certificateEntry(id, der, base));
    }
  }
  return new RTCStatsReport(INTERNAL, entries);
}

module.exports = {RTCStatsReport, makeReport};
