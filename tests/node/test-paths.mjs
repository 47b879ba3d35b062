// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Tests of test-webrtc.mjs: what a program may know of paths and keys, and what Web IDL makes of the
// interfaces.

import {RTCPeerConnection, carry, check, connected, equal, event, make, negotiate, rejectsName, rtc,
  test, until} from './suite.mjs';

const OFFER = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n' +
  'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n' +
  'a=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7ZQl\r\na=setup:actpass\r\n' +
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\na=sctp-port:5000\r\n`;

test('descriptions that cannot be', async () => {
  for (const [part, other] of [['ETEn', 'E$En'], ['OtSK0WpN', 'OtSK0 pN'],
    [/a=fingerprint.*\r\n/, '']])
    await rejectsName(make().setRemoteDescription({type: 'offer', sdp: OFFER.replace(part, other)}),
      'InvalidAccessError');
  const pc = make();
  await pc.setLocalDescription();
  const set = pc.setRemoteDescription({type: 'offer', sdp: 'none'});
  await event(pc, 'signalingstatechange');
  equal(pc.signalingState, 'stable', 'our offer is rolled back');
  check(await set.catch((error) => error) instanceof rtc.RTCError, 'what is no SDP is no RTCError');
});

test('the address of a remote that nobody has told us of', async () => {
  const [a, b] = [make(), make()];
  carry(a, b); // and nothing comes back
  const known = event(b, 'datachannel');
  const channel = a.createDataChannel('x');
  const open = event(channel, 'open');
  await negotiate(a, b);
  await open;
  await known;
  const {remote} = a.sctp.transport.iceTransport.getSelectedCandidatePair();
  equal([remote.type, remote.address, remote.candidate], ['prflx', null, ''], 'remote candidate');
  const [entry] = [...(await a.getStats()).values()].filter((e) => e.type === 'remote-candidate');
  equal([entry.candidateType, entry.address], ['prflx', null], 'its statistics');
});

test('the pair in use has the candidates of both sides', async () => {
  const {a, b} = await connected();
  const pair = (pc) => pc.sctp.transport.iceTransport.getSelectedCandidatePair();
  await until(() => pair(a).local.candidate === pair(b).remote.candidate &&
    pair(b).local.candidate === pair(a).remote.candidate, 'pairs of one another');
});

test('another key than the description says', async () => {
  const [a, b] = [make(), make()];
  carry(a, b);
  carry(b, a);
  a.createDataChannel('x');
  await a.setLocalDescription();
  const flip = (digit) => (digit === '0' ? '1' : '0');
  const sdp = a.localDescription.sdp.replace(/^(a=fingerprint:.*)([0-9A-F])(?=\r?$)/m,
    (_, before, digit) => before + flip(digit));
  await b.setRemoteDescription({type: 'offer', sdp});
  await b.setLocalDescription();
  const failed = event(b.sctp.transport, 'error');
  await a.setRemoteDescription(b.localDescription);
  const {error} = await failed;
  equal([error.name, error.errorDetail], ['OperationError', 'fingerprint-failure'], 'error');
  await until(() => b.connectionState === 'failed', 'failed');
});

test('interfaces are as Web IDL makes them', async () => {
  for (const name of ['RTCPeerConnection', 'RTCDataChannel', 'RTCIceTransport', 'RTCDtlsTransport',
    'RTCSctpTransport']) {
    const {prototype, length} = rtc[name];
    equal(Object.getPrototypeOf(rtc[name]) === EventTarget, true, `${name} is an EventTarget`);
    equal(length, 0, `${name}.length`);
    for (const [member, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (!descriptor.get)
        continue;
      equal(descriptor.get.name, `get ${member}`, 'name of a getter');
      await rejectsName((async () => descriptor.get.call({}))(), 'TypeError');
    }
  }
  const {prototype} = RTCPeerConnection;
  for (const member of ['createOffer', 'createAnswer', 'setLocalDescription', 'addIceCandidate'])
    await rejectsName(prototype[member].call({}), 'TypeError');
  equal(prototype.setRemoteDescription.length, 1, 'setRemoteDescription.length');
});

// It takes a minute until ICE gives up.
if (process.env.LONG) {
  test('a restart where no path was found', async () => {
    const [a, b] = [make(), make()];
    const nowhere = {candidate: 'candidate:1 1 udp 2113929471 203.0.113.9 9 typ host', sdpMid: '0'};
    const channel = a.createDataChannel('x');
    const bare = ({type, sdp}) => ({type, sdp: sdp.replace(/a=candidate.*\r\n/g, '')});
    await a.setLocalDescription();
    await b.setRemoteDescription(bare(a.localDescription));
    await b.setLocalDescription();
    await a.setRemoteDescription(bare(b.localDescription));
    await a.addIceCandidate(nowhere);
    await b.addIceCandidate(nowhere);
    for (const pc of [a, b])
      await until(() => pc.iceConnectionState === 'failed', 'failed');
    equal([a.connectionState, channel.readyState], ['failed', 'connecting'], 'states');
    carry(a, b);
    carry(b, a);
    a.restartIce();
    await event(a, 'negotiationneeded');
    const states = [];
    a.oniceconnectionstatechange = () => states.push(a.iceConnectionState);
    const open = event(channel, 'open');
    await negotiate(a, b);
    await open;
    equal(states, ['checking', 'connected'], 'states of ICE');
    equal(a.connectionState, 'connected', 'connectionState');
  });
}

test('ICE servers that fail', async () => {
  const urls = ['turn:127.0.0.1:1?transport=tcp', 'turns:[::1]:2']; // nobody listens there
  const pc = make({iceServers: [{urls, username: 'user', credential: 'secret'}]});
  const errors = new Map();
  pc.onicecandidateerror = (e) => errors.set(e.url, e);
  pc.createDataChannel('x');
  await pc.setLocalDescription();
  await until(() => errors.size === urls.length, 'two events');
  equal([...errors.keys()].sort(), [urls[0], 'turns:[::1]:2?transport=tcp'], 'their URLs');
  for (const e of errors.values()) {
    check(e instanceof rtc.RTCPeerConnectionIceErrorEvent, 'kind of event');
    equal([e.errorCode, e.address], [701, null], e.url);
    check(e.errorText, 'no text');
  }
});
