// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCConfiguration: read and checked (webrtc-pc 4.4.1.6; alwaysNegotiateDataChannels is of
// webrtc-extensions)

'use strict';

const {RTCCertificate} = require('./certificate.js');
const {domException, member, toDictionary, toEnum, toRange, toText} = require('./webidl.js');

function toSequence(value, what) {
  if (value === null || typeof value !== 'object' || typeof value[Symbol.iterator] !== 'function')
    throw new TypeError(`${what} is no sequence`);
  return [...value];
}

function toUrls(value) {
  if (value !== null && typeof value === 'object' && typeof value[Symbol.iterator] === 'function')
    return [...value].map(toText);
  return [toText(value)]; // as browsers show it in getConfiguration()
}

function readServer(value) {
  const given = toDictionary(value, 'RTCIceServer');
  if (value === undefined || value === null || given.urls === undefined)
    throw new TypeError('RTCIceServer needs urls');
  const server = {};
  if (given.credential !== undefined)
    server.credential = toText(given.credential);
  if (given.credentialType !== undefined)
    server.credentialType = toEnum(given.credentialType, ['password'], 'RTCIceCredentialType');
  server.urls = toUrls(given.urls);
  if (given.username !== undefined)
    server.username = toText(given.username);
  return server;
}

// RFC 7064, 7065
const URL_FORM = /^(stuns?|turns?):((?:\[[0-9a-fA-F:.]+\])|(?:[^:/?#@[\]\s]+))(?::(\d{1,5}))?(\?.*)?$/;

function checkUrl(url, server) {
  const match = URL_FORM.exec(url);
  if (!match)
    throw domException(`"${url}" is no address of a STUN or TURN server`, 'SyntaxError');
  const [, scheme, , port, query] = match;
  const isTurn = scheme.startsWith('turn');
  if ((query && !(isTurn && /^\?transport=(udp|tcp)$/.test(query))) || Number(port) > 65535)
    throw domException(`"${url}" is no address of a STUN or TURN server`, 'SyntaxError');
  if (isTurn && (server.username === undefined || server.credential === undefined))
    throw domException(`"${url}" needs a user name and a credential`, 'InvalidAccessError');
  if (isTurn && Buffer.byteLength(server.username) > 509)
    throw domException('a user name is at most 509 bytes long', 'SyntaxError');
}

function checkServer(server) {
  if (server.urls.length === 0)
    throw domException('an RTCIceServer has at least one URL', 'SyntaxError');
  server.urls.forEach((url) => checkUrl(url, server));
}

function readConfiguration(value) {
  const given = toDictionary(value, 'RTCConfiguration');
  const toServers = (list) => toSequence(list, 'iceServers').map(readServer);
  const configuration = {
    alwaysNegotiateDataChannels: member(given, 'alwaysNegotiateDataChannels', Boolean, false),
    bundlePolicy: member(given, 'bundlePolicy', (v) => toEnum(v,
      ['balanced', 'max-compat', 'max-bundle'], 'RTCBundlePolicy'), 'balanced'),
    certificates: member(given, 'certificates', (v) => toSequence(v, 'certificates'), []),
    iceCandidatePoolSize: member(given, 'iceCandidatePoolSize',
      (v) => toRange(v, 255, 'iceCandidatePoolSize'), 0),
    iceServers: member(given, 'iceServers', toServers, []),
    iceTransportPolicy: member(given, 'iceTransportPolicy', (v) => toEnum(v, ['all', 'relay'],
      'RTCIceTransportPolicy'), 'all'),
    rtcpMuxPolicy: member(given, 'rtcpMuxPolicy', (v) => toEnum(v, ['require',
      'negotiate'], 'RTCRtcpMuxPolicy'), 'require'),
  };
  for (const certificate of configuration.certificates) {
    if (!(certificate instanceof RTCCertificate))
      throw new TypeError('certificates are RTCCertificates');
    if (certificate.expires < Date.now())
      throw domException('a certificate has expired', 'InvalidAccessError');
  }
  configuration.iceServers.forEach(checkServer);
  return configuration;
}

// What may not change (webrtc-pc 4.4.1.6, "set a configuration")
function checkChange(before, after, hasLocalDescription) {
  const same = before.certificates.length === after.certificates.length &&
    before.certificates.every((c, i) => c === after.certificates[i]);
  const wrong = (what) => domException(`${what} cannot be changed`, 'InvalidModificationError');
  if (after.certificates.length > 0 && !same)
    throw wrong('certificates');
  if (before.bundlePolicy !== after.bundlePolicy)
    throw wrong('bundlePolicy');
  if (before.rtcpMuxPolicy !== after.rtcpMuxPolicy)
    throw wrong('rtcpMuxPolicy');
  if (hasLocalDescription && before.iceCandidatePoolSize !== after.iceCandidatePoolSize)
    throw wrong('iceCandidatePoolSize');
}

function copyConfiguration(configuration) {
  return {
    ...configuration,
    certificates: [...configuration.certificates],
    iceServers: configuration.iceServers.map((server) => ({...server, urls: [...server.urls]})),
  };
}

// The URIs of peer.conf(5), which have the user in them. What the daemon has no way to is left out.
function serverUris(configuration) {
  return configuration.iceServers.flatMap((server) => server.urls.flatMap((url) => {
    const [scheme, rest] = url.split(/:(.*)/s);
    if (scheme === 'stuns')
      return [];
    if (scheme === 'stun')
      return [url];
    const user = [server.username, server.credential].map(encodeURIComponent).join(':');
    return [`${scheme}:${user}@${rest}`];
  }));
}

module.exports = {checkChange, copyConfiguration, readConfiguration, serverUris};
