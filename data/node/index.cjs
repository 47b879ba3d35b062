// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

'use strict';

const {RTCIceCandidate, RTCIceCandidatePair} = require('./lib/candidate.js');
const {RTCCertificate} = require('./lib/certificate.js');
const {RTCDataChannel} = require('./lib/data-channel.js');
const {RTCSessionDescription} = require('./lib/description.js');
const {RTCDataChannelEvent, RTCError, RTCErrorEvent, RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent} = require('./lib/events.js');
const {RTCPeerConnection} = require('./lib/peer-connection.js');
const {RTCStatsReport} = require('./lib/stats.js');
const {RTCDtlsTransport, RTCIceTransport, RTCSctpTransport} = require('./lib/transports.js');

module.exports = {
  RTCCertificate,
  RTCDataChannel,
  RTCDataChannelEvent,
  RTCDtlsTransport,
  RTCError,
  RTCErrorEvent,
  RTCIceCandidate,
  RTCIceCandidatePair,
  RTCIceTransport,
  RTCPeerConnection,
  RTCPeerConnectionIceErrorEvent,
  RTCPeerConnectionIceEvent,
  RTCSctpTransport,
  RTCSessionDescription,
  RTCStatsReport,
};
