// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The W3C's interface for data channels, step by step (webrtc-pc): the same tests for each module
// that has it. Prints TAP.
//
//     test-webrtc.mjs MODULE [NAME…]      MODULE: what can be imported, or a path

import {setTimeout as sleep} from 'node:timers/promises';
import {RTCPeerConnection, carry, check, connected, equal, event, make, messages, negotiate,
  rejectsName, runTests, test, throwsName, until, within} from './suite.mjs';
import './test-paths.mjs';

// ---- the connection

test('a new connection', () => {
  const pc = make();
  equal([pc.signalingState, pc.iceConnectionState, pc.iceGatheringState, pc.connectionState],
    ['stable', 'new', 'new', 'new'], 'states');
  equal([pc.localDescription, pc.remoteDescription, pc.sctp, pc.canTrickleIceCandidates],
    [null, null, null, null], 'attributes');
  for (const type of ['negotiationneeded', 'icecandidate', 'icecandidateerror', 'datachannel',
    'signalingstatechange', 'iceconnectionstatechange', 'icegatheringstatechange',
    'connectionstatechange'])
    equal(pc[`on${type}`], null, `on${type}`);
});

test('configurations that cannot be', () => {
  throwsName(() => new RTCPeerConnection({iceServers: null}), 'TypeError');
  throwsName(() => new RTCPeerConnection({iceServers: [{urls: 'http://x'}]}), 'SyntaxError');
  throwsName(() => new RTCPeerConnection({iceServers: [{urls: []}]}), 'SyntaxError');
  throwsName(() => new RTCPeerConnection({iceServers: [{urls: 'turn:x'}]}), 'InvalidAccessError');
  throwsName(() => new RTCPeerConnection({iceTransportPolicy: 'none'}), 'TypeError');
  throwsName(() => new RTCPeerConnection({bundlePolicy: 'other'}), 'TypeError');
  throwsName(() => new RTCPeerConnection({iceCandidatePoolSize: -1}), 'TypeError');
});

test('setConfiguration', () => {
  const pc = make({bundlePolicy: 'max-bundle'});
  throwsName(() => pc.setConfiguration({}), 'InvalidModificationError');
  pc.setConfiguration({bundlePolicy: 'max-bundle', iceServers: [{urls: 'stun:127.0.0.1'}]});
  equal(pc.getConfiguration().iceServers.length, 1, 'servers');
  equal(pc.getConfiguration().iceTransportPolicy, 'all', 'policy');
});

test('descriptions in the wrong state', async () => {
  const pc = make();
  await rejectsName(pc.createAnswer(), 'InvalidStateError');
  await rejectsName(pc.setLocalDescription({type: 'rollback'}), 'InvalidStateError');
  await rejectsName(pc.setRemoteDescription({type: 'answer', sdp: 'v=0\r\n'}),
    'InvalidStateError');
  await rejectsName(pc.addIceCandidate({candidate: '', sdpMid: '0'}), 'InvalidStateError');
  await rejectsName(pc.setRemoteDescription({type: 'nonsense'}), 'TypeError');
  const error = await rejectsName(pc.setRemoteDescription({type: 'offer', sdp: 'nonsense'}),
    'OperationError');
  equal(error.errorDetail, 'sdp-syntax-error', 'errorDetail');
  equal(pc.signalingState, 'stable', 'state');
});

test('a closed connection', async () => {
  const pc = make();
  const channel = pc.createDataChannel('x');
  pc.close();
  pc.close();
  equal([pc.signalingState, pc.iceConnectionState, pc.connectionState],
    ['closed', 'closed', 'closed'], 'states');
  equal(channel.readyState, 'closed', 'channel');
  throwsName(() => pc.createDataChannel('y'), 'InvalidStateError');
  throwsName(() => pc.setConfiguration({}), 'InvalidStateError');
  await rejectsName(pc.createOffer(), 'InvalidStateError');
});

test('only what was created last can be set', async () => {
  const pc = make();
  const other = make();
  pc.createDataChannel('x');
  other.createDataChannel('x');
  await pc.createOffer();
  await rejectsName(pc.setLocalDescription(await other.createOffer()),
    'InvalidModificationError');
});

test('the states of an offer and an answer', async () => {
  const a = make();
  const b = make();
  const seen = [];
  a.addEventListener('signalingstatechange', () => seen.push(`a ${a.signalingState}`));
  b.addEventListener('signalingstatechange', () => seen.push(`b ${b.signalingState}`));
  a.createDataChannel('x');
  await negotiate(a, b);
  equal(seen, ['a have-local-offer', 'b have-remote-offer', 'b stable', 'a stable'], 'states');
  equal([a.currentLocalDescription.type, a.currentRemoteDescription.type], ['offer', 'answer'],
    'descriptions');
  equal([a.pendingLocalDescription, a.pendingRemoteDescription], [null, null], 'pending ones');
  equal(b.canTrickleIceCandidates, true, 'canTrickleIceCandidates');
});

test('a description without arguments', async () => {
  const a = make();
  const b = make();
  a.createDataChannel('x');
  await a.setLocalDescription();
  equal(a.localDescription.type, 'offer', 'type');
  await b.setRemoteDescription(a.localDescription);
  await b.setLocalDescription();
  equal([b.localDescription.type, b.signalingState], ['answer', 'stable'], 'answer');
});

test('operations wait for one another', async () => {
  const a = make();
  a.createDataChannel('x');
  const order = [];
  await Promise.all([
    a.createOffer().then(() => order.push(1)), a.setLocalDescription().then(() => order.push(2)),
    a.createOffer().then(() => order.push(3)),
  ]);
  equal(order, [1, 2, 3], 'order');
});

test('rollback', async () => {
  const a = make();
  const b = make();
  a.createDataChannel('a');
  b.createDataChannel('b');
  await a.setLocalDescription();
  await a.setLocalDescription({type: 'rollback'});
  equal([a.signalingState, a.localDescription], ['stable', null], 'after it');
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  await a.setRemoteDescription({type: 'rollback'});
  equal([a.signalingState, a.remoteDescription], ['stable', null], 'after the other');
  await a.setRemoteDescription(b.localDescription);
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  equal(b.signalingState, 'stable', 'state');
});

test('an offer rolls back ours by itself', async () => {
  const a = make();
  const b = make();
  carry(a, b);
  carry(b, a);
  const channels = [a.createDataChannel('a'), b.createDataChannel('b')];
  const open = channels.map((channel) => event(channel, 'open'));
  await Promise.all([a.setLocalDescription(), b.setLocalDescription()]);
  await b.setRemoteDescription(a.localDescription);
  equal(b.signalingState, 'have-remote-offer', 'state');
  await b.setLocalDescription();
  await a.setRemoteDescription(b.localDescription);
  await Promise.all(open);
});

// As in webrtc-pc 10.7
function perfect(pc, polite, send) {
  let making = false;
  let ignore = false;
  pc.addEventListener('negotiationneeded', async () => {
    making = true;
    await pc.setLocalDescription();
    send({description: pc.localDescription});
    making = false;
  });
  pc.addEventListener('icecandidate', ({candidate}) => send({candidate}));
  return async ({description, candidate}) => {
    if (description) {
      ignore = !polite && description.type === 'offer' &&
        (making || pc.signalingState !== 'stable');
      if (ignore)
        return;
      await pc.setRemoteDescription(description);
      if (description.type === 'offer') {
        await pc.setLocalDescription();
        send({description: pc.localDescription});
      }
    } else if (candidate && !ignore) {
      await pc.addIceCandidate(candidate).catch((error) => {
        if (!ignore)
          throw error;
      });
    }
  };
}

test('perfect negotiation, with both at once', async () => {
  const pcs = [make(), make()];
  const takes = [];
  const problems = [];
  const wire = [Promise.resolve(), Promise.resolve()];
  pcs.forEach((pc, i) => {
    takes[i] = perfect(pc, i === 1, (message) => {
      const copy = JSON.parse(JSON.stringify(message));
      wire[1 - i] = wire[1 - i].then(() => takes[1 - i](copy)).catch((e) => problems.push(e));
    });
  });
  const open = pcs.map((pc, i) => event(pc.createDataChannel(`of ${i}`), 'open'));
  await Promise.all(open);
  equal(problems.map(String), [], 'errors');
});

test('negotiationneeded', async () => {
  const pc = make();
  let count = 0;
  pc.addEventListener('negotiationneeded', () => count++);
  pc.createDataChannel('x');
  pc.createDataChannel('y');
  equal(count, 0, 'at once');
  await until(() => count > 0, 'negotiationneeded');
  await sleep(0);
  equal(count, 1, 'events');
});

// ---- candidates

test('gathering', async () => {
  const pc = make();
  const seen = [];
  const order = [];
  pc.addEventListener('icecandidate', ({candidate}) => seen.push(candidate));
  pc.addEventListener('icegatheringstatechange', () => order.push(pc.iceGatheringState));
  pc.createDataChannel('x');
  await pc.setLocalDescription(await pc.createOffer());
  equal(seen, [], 'candidates before the description is set');
  await until(() => seen.at(-1) === null, 'the end');
  equal(order, ['gathering', 'complete'], 'states');
  const [first] = seen;
  check(first.candidate.startsWith('candidate:'), first.candidate);
  equal([first.sdpMLineIndex, first.component, first.type], [0, 'rtp', 'host'], 'candidate');
  check(first.usernameFragment, 'no user name fragment');
  check(pc.localDescription.sdp.includes(first.candidate), 'it is not in the description');
});

test('candidates that cannot be', async () => {
  const a = make();
  const b = make();
  a.createDataChannel('x');
  await a.setLocalDescription();
  await b.setRemoteDescription(a.localDescription);
  const line = 'candidate:1 1 udp 2113929471 127.0.0.1 9 typ host';
  await rejectsName(b.addIceCandidate({candidate: line}), 'TypeError');
  await rejectsName(b.addIceCandidate({candidate: line, sdpMid: 'none'}), 'OperationError');
  await rejectsName(b.addIceCandidate({candidate: line, sdpMLineIndex: 9}), 'OperationError');
  await rejectsName(b.addIceCandidate({candidate: 'nonsense', sdpMLineIndex: 0}),
    'OperationError');
  await rejectsName(b.addIceCandidate({candidate: line, sdpMLineIndex: 0,
    usernameFragment: 'wrong'}), 'OperationError');
  await b.addIceCandidate({candidate: line, sdpMLineIndex: 0});
  await b.addIceCandidate();
});

test('no candidates but those of TURN servers', async () => {
  const pc = make({iceTransportPolicy: 'relay'});
  const seen = [];
  pc.addEventListener('icecandidate', ({candidate}) => seen.push(candidate));
  pc.createDataChannel('x');
  await pc.setLocalDescription(await pc.createOffer());
  await until(() => seen.at(-1) === null, 'the end');
  equal(seen.filter((c) => c?.candidate), [], 'candidates');
});

// ---- channels

test('what a channel is at first', () => {
  const channel = make().createDataChannel('name');
  equal([channel.label, channel.protocol, channel.ordered, channel.negotiated, channel.id],
    ['name', '', true, false, null], 'attributes');
  equal([channel.maxRetransmits, channel.maxPacketLifeTime], [null, null], 'limits');
  equal([channel.readyState, channel.bufferedAmount, channel.bufferedAmountLowThreshold],
    ['connecting', 0, 0], 'state');
  throwsName(() => channel.send('x'), 'InvalidStateError');
});

test('channels that cannot be', () => {
  const pc = make();
  throwsName(() => pc.createDataChannel(), 'TypeError');
  throwsName(() => pc.createDataChannel('x', {maxRetransmits: 1, maxPacketLifeTime: 1}),
    'TypeError');
  throwsName(() => pc.createDataChannel('x', {negotiated: true}), 'TypeError');
  throwsName(() => pc.createDataChannel('x', {negotiated: true, id: 65535}), 'TypeError');
  throwsName(() => pc.createDataChannel('x'.repeat(65536)), 'TypeError');
  pc.createDataChannel('x', {negotiated: true, id: 7});
  throwsName(() => pc.createDataChannel('y', {negotiated: true, id: 7}), 'OperationError');
  equal(pc.createDataChannel('z', {id: 3}).id, null, 'an id that is not negotiated');
});

test('the other end has what was chosen', async () => {
  const options = {ordered: false, maxRetransmits: 3, protocol: 'p'};
  const {theirs} = await connected(options);
  equal([theirs.label, theirs.protocol, theirs.ordered, theirs.maxRetransmits, theirs.negotiated],
    ['chat', 'p', false, 3, false], 'attributes');
});

test('ids by the DTLS role', async () => {
  const {a, b, ours, theirs} = await connected();
  const isClient = b.currentLocalDescription.sdp.includes('a=setup:passive');
  equal(ours.id % 2, isClient ? 0 : 1, 'the first id');
  equal(theirs.id, ours.id, 'the id of the other end');
  const [first, second] = [a.createDataChannel('x'), a.createDataChannel('y')];
  equal([first.id - ours.id, second.id - ours.id], [2, 4], 'the next ones');
  equal(b.createDataChannel('z').id % 2, isClient ? 1 : 0, 'an id of the other side');
});

test('negotiated channels', async () => {
  const {ours, theirs, a} = await connected({negotiated: true, id: 500});
  equal([ours.id, theirs.id], [500, 500], 'ids');
  let announced = 0;
  a.addEventListener('datachannel', () => announced++);
  const got = messages(ours);
  theirs.send('over');
  await until(() => got.length === 1, 'the message');
  equal(announced, 0, 'datachannel events');
});

test('the datachannel event comes before open', async () => {
  const {a, b} = await connected();
  const order = [];
  const done = new Promise((resolve) => {
    b.addEventListener('datachannel', ({channel}) => {
      order.push(`datachannel ${channel.readyState}`);
      channel.send('early');
      channel.addEventListener('open', () => {
        order.push('open');
        resolve();
      });
    });
  });
  const channel = a.createDataChannel('later');
  const got = messages(channel);
  await within(done, 'open');
  equal(order, ['datachannel open', 'open'], 'order');
  await until(() => got.length === 1, 'what was sent in the event');
});

test('text and bytes, empty ones too', async () => {
  const {ours, theirs} = await connected();
  const got = messages(theirs);
  theirs.binaryType = 'arraybuffer';
  const sent = ['hello', '', 'a\0b', '\u00fc\ud83d\ude00'];
  sent.forEach((text) => ours.send(text));
  ours.send(new Uint8Array([1, 2, 3]));
  ours.send(new Uint8Array([9, 1, 2, 9]).subarray(1, 3));
  ours.send(new ArrayBuffer(0));
  ours.send(new DataView(new Uint8Array([7]).buffer));
  await until(() => got.length === 8, 'eight messages');
  equal(got.slice(0, 4), sent, 'texts');
  check(got[4] instanceof ArrayBuffer, 'no ArrayBuffer');
  equal(got.slice(4).map((b) => [...new Uint8Array(b)]), [[1, 2, 3], [1, 2], [], [7]], 'bytes');
});

test('Blobs keep their place', async () => {
  const {ours, theirs} = await connected();
  const got = messages(theirs);
  theirs.binaryType = 'blob';
  ours.send('first');
  ours.send(new Blob(['blob']));
  ours.send('last');
  equal(ours.bufferedAmount, 13, 'bufferedAmount');
  await until(() => got.length === 3, 'three messages');
  check(got[1] instanceof Blob, 'no Blob');
  equal([got[0], await got[1].text(), got[2]], ['first', 'blob', 'last'], 'messages');
});

test('what is sent may be changed afterwards', async () => {
  const {ours, theirs} = await connected();
  const got = messages(theirs);
  theirs.binaryType = 'arraybuffer';
  const bytes = new Uint8Array([1]);
  ours.send(bytes);
  bytes[0] = 2;
  await until(() => got.length === 1, 'the message');
  equal(new Uint8Array(got[0])[0], 1, 'byte');
});

test('bufferedAmount and its low event', async () => {
  const {ours, theirs} = await connected();
  let low = 0;
  ours.addEventListener('bufferedamountlow', () => low++);
  const got = messages(theirs);
  const before = ours.bufferedAmount;
  ours.send('x'.repeat(1000));
  ours.send('\u00fc');
  equal(ours.bufferedAmount - before, 1002, 'bufferedAmount at once');
  await until(() => got.length === 2 && ours.bufferedAmount === 0, 'nothing left');
  await until(() => low > 0, 'bufferedamountlow');
});

test('the low event at a threshold, with much to send', async () => {
  const {ours, theirs} = await connected();
  const piece = new Uint8Array(16384);
  let bytes = 0;
  theirs.binaryType = 'arraybuffer';
  theirs.addEventListener('message', ({data}) => { bytes += data.byteLength; });
  ours.bufferedAmountLowThreshold = 65536;
  for (let sent = 0; sent < 256; sent++) {
    ours.send(piece);
    if (ours.bufferedAmount > 262144)
      await event(ours, 'bufferedamountlow');
    check(ours.bufferedAmount <= 262144, `bufferedAmount is ${ours.bufferedAmount}`);
  }
  await until(() => bytes === 256 * 16384, 'all of it');
  await until(() => ours.bufferedAmount === 0, 'nothing left');
});

test('messages up to maxMessageSize and no longer', async () => {
  const {a, ours, theirs} = await connected();
  const max = a.sctp.maxMessageSize;
  check(max >= 65536, `maxMessageSize is ${max}`);
  theirs.binaryType = 'arraybuffer';
  const got = messages(theirs);
  throwsName(() => ours.send(new Uint8Array(max + 1)), 'TypeError');
  ours.send(new Uint8Array(max));
  await until(() => got.length === 1, 'the message');
  equal(got[0].byteLength, max, 'length');
});

test('a channel is closed by one side', async () => {
  const {ours, theirs, b} = await connected();
  const order = [];
  for (const type of ['closing', 'close', 'error'])
    theirs.addEventListener(type, () => order.push(`${type} ${theirs.readyState}`));
  ours.addEventListener('closing', () => order.push('closing of ours'));
  const got = messages(theirs);
  const closed = Promise.all([event(ours, 'close'), event(theirs, 'close')]);
  ours.send('last');
  ours.close();
  equal(ours.readyState, 'closing', 'state');
  throwsName(() => ours.send('x'), 'InvalidStateError');
  await closed;
  equal(order, ['closing closing', 'close closed'], 'events');
  equal([ours.readyState, got.length], ['closed', 1], 'at the end');
  equal(b.connectionState, 'connected', 'connection');
});

test('a channel is closed by both sides', async () => {
  const {ours, theirs} = await connected();
  const closed = Promise.all([event(ours, 'close'), event(theirs, 'close')]);
  ours.close();
  theirs.close();
  await closed;
});

test('all that was sent comes before the channel is closed', async () => {
  const {ours, theirs} = await connected();
  theirs.binaryType = 'arraybuffer';
  let [sent, come] = [0, 0];
  theirs.onmessage = ({data}) => { come += data.byteLength; };
  const closed = event(theirs, 'close');
  const bytes = new Uint8Array(64 * 1024);
  for (; sent < 15 * 1024 * 1024; sent += bytes.length)
    ours.send(bytes);
  ours.close();
  await closed;
  equal(come, sent, 'bytes');
});

test('the id of a closed channel is given again', async () => {
  const {a, b, ours, theirs} = await connected();
  const {id} = ours;
  const closed = Promise.all([event(ours, 'close'), event(theirs, 'close')]);
  ours.close();
  await closed;
  const announced = event(b, 'datachannel');
  const next = a.createDataChannel('next');
  equal(next.id, id, 'id');
  equal((await announced).channel.label, 'next', 'label');
});

test('a channel is closed before the connection is there', async () => {
  const pc = make();
  const channel = pc.createDataChannel('x');
  const closed = event(channel, 'close');
  channel.close();
  await closed;
  equal(channel.readyState, 'closed', 'state');
});

test('the connection is closed by the other side', async () => {
  const {a, theirs} = await connected();
  const order = [];
  let error;
  theirs.addEventListener('error', (e) => {
    order.push('error');
    error = e.error;
  });
  const closed = event(theirs, 'close').then(() => order.push('close'));
  a.close();
  await closed;
  equal(order, ['error', 'close'], 'events');
  equal([error.name, error.errorDetail], ['OperationError', 'sctp-failure'], 'error');
});

// ---- transports, restarts, statistics

test('the transports', async () => {
  const {a, b} = await connected();
  const {sctp} = a;
  await until(() => a.connectionState === 'connected', 'connectionState');
  equal([sctp.state, sctp.transport.state], ['connected', 'connected'], 'states');
  check(['connected', 'completed'].includes(sctp.transport.iceTransport.state), 'ICE');
  check(sctp.maxChannels > 0, 'maxChannels');
  const {iceTransport} = sctp.transport;
  equal([iceTransport.role, b.sctp.transport.iceTransport.role], ['controlling', 'controlled'],
    'roles');
  const pair = iceTransport.getSelectedCandidatePair();
  check(pair.local.candidate && pair.remote.candidate, 'no pair');
  equal(sctp.transport.getRemoteCertificates().length, 1, 'certificates');
  equal(iceTransport.getLocalParameters().usernameFragment,
    b.sctp.transport.iceTransport.getRemoteParameters().usernameFragment, 'parameters');
});

test('an ICE restart keeps the channel', async () => {
  const {a, b, ours, theirs} = await connected();
  const before = a.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1];
  const needed = event(a, 'negotiationneeded');
  a.restartIce();
  await needed;
  await negotiate(a, b);
  check(a.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1] !== before, 'the same credentials');
  const got = messages(theirs);
  ours.send('after it');
  await until(() => got.length === 1, 'the message');
});

test('an offer that changes nothing', async () => {
  const {a, b, ours, theirs} = await connected();
  const before = a.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1];
  await negotiate(b, a);
  equal(a.localDescription.sdp.match(/a=ice-ufrag:(.*)/)[1], before, 'credentials');
  const got = messages(theirs);
  ours.send('after it');
  await until(() => got.length === 1, 'the message');
});

test('statistics', async () => {
  const {a, ours, theirs} = await connected();
  const got = messages(theirs);
  ours.send('12345');
  await until(() => got.length === 1, 'the message');
  const stats = [...(await a.getStats()).values()];
  const of = (type) => stats.filter((s) => s.type === type);
  equal([of('data-channel')[0].messagesSent, of('data-channel')[0].bytesSent], [1, 5], 'channel');
  const [transport] = of('transport');
  equal([transport.dtlsState, transport.tlsVersion, transport.dtlsCipher],
    ['connected', 'FEFD', 'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256'], 'DTLS');
  equal([transport.dtlsRole, stats.find((s) => s.id === transport.localCertificateId)?.fingerprint],
    ['server', /fingerprint:sha-256 (\S+)/.exec(a.localDescription.sdp)[1]], 'our end of DTLS');
  const pair = stats.find((s) => s.id === transport.selectedCandidatePairId);
  check(stats.some((s) => s.id === pair.localCandidateId), 'no local candidate');
});

test('statistics of the pair in use', async () => {
  const {a, b, ours, theirs} = await connected();
  const got = messages(theirs);
  for (let i = 0; i < 3; i++)
    ours.send('12345');
  await until(() => got.length === 3, 'the messages');
  for (const pc of [a, b]) {
    const stats = [...(await pc.getStats()).values()];
    const transport = stats.find((s) => s.type === 'transport');
    const pair = stats.find((s) => s.id === transport.selectedCandidatePairId);
    check(transport.selectedCandidatePairChanges > 0, 'selectedCandidatePairChanges');
    for (const entry of [pair, transport]) {
      for (const name of ['bytesSent', 'bytesReceived', 'packetsSent', 'packetsReceived'])
        check(entry[name] > 0, `${entry.type} has a ${name} of ${entry[name]}`);
    }
    for (const name of ['requestsSent', 'responsesReceived', 'requestsReceived', 'responsesSent'])
      check(pair[name] > 0, `${name}: ${pair[name]}`);
    check(pair.responsesReceived <= pair.requestsSent, 'more responses than requests');
    check(pair.currentRoundTripTime > 0 && pair.currentRoundTripTime <= pair.totalRoundTripTime,
      `round trips: ${pair.currentRoundTripTime} of ${pair.totalRoundTripTime}`);
    check(Math.abs(pair.timestamp - Date.now()) < 600000, 'timestamp');
  }
});

test('data channels are offered without one, if that is wanted', async () => {
  const pc = make({alwaysNegotiateDataChannels: true});
  check(/^m=application/m.test((await pc.createOffer()).sdp), 'there are none in the offer');
  pc.setConfiguration({});
  check(!/^m=/m.test((await pc.createOffer()).sdp), 'they are in the offer still');
});

test('numbers that are out of range', () => {
  const channel = make().createDataChannel('x');
  for (const value of [-1, 2 ** 32, NaN])
    throwsName(() => { channel.bufferedAmountLowThreshold = value; }, 'TypeError');
  equal(channel.bufferedAmountLowThreshold, 0, 'the threshold');
});

test('a certificate of its own', async () => {
  const certificate = await RTCPeerConnection.generateCertificate(
    {name: 'ECDSA', namedCurve: 'P-256'});
  check(certificate.expires > Date.now(), 'it has expired');
  const [{algorithm, value}] = certificate.getFingerprints();
  const {a} = await connected({}, {certificates: [certificate]});
  check(a.localDescription.sdp.toLowerCase().includes(`${algorithm} ${value}`.toLowerCase()),
    'another fingerprint in the description');
});

test('several certificates', async () => {
  const certificates = [];
  for (const algorithm of [{name: 'ECDSA', namedCurve: 'P-256'},
    {name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048,
      publicExponent: new Uint8Array([1, 0, 1])}])
    certificates.push(await RTCPeerConnection.generateCertificate(algorithm));
  const {a, ours, theirs} = await connected({}, {certificates});
  const value = (c) => c.getFingerprints()[0].value.toUpperCase();
  const described = [...a.localDescription.sdp.matchAll(/fingerprint:sha-256 (\S+)/g)];
  equal(described.map((m) => m[1].toUpperCase()).sort(), certificates.map(value).sort(),
    'in the description');
  const stats = [...(await a.getStats()).values()];
  const transport = stats.find((s) => s.type === 'transport');
  equal(stats.find((s) => s.id === transport.localCertificateId).fingerprint, value(certificates[0]),
    'the one that is shown');
  const got = messages(theirs);
  ours.send('with both');
  await until(() => got.length === 1, 'the message');
  check(certificates.every((c, i) => c === a.getConfiguration().certificates[i]), 'not all are kept');
});

test('no media', async () => {
  const sdp = 'v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n' +
    'm=audio 9 UDP/TLS/RTP/SAVPF 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\na=rtcp-mux\r\n' +
    'a=ice-ufrag:ETEn\r\na=ice-pwd:OtSK0WpNtpUjkY4+86js7ZQl\r\na=setup:actpass\r\n' +
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}\r\na=sendrecv\r\n`;
  const pc = make();
  await pc.setRemoteDescription({type: 'offer', sdp});
  await pc.setLocalDescription();
  check(/m=audio \d/.test(pc.localDescription.sdp), 'the m-line is gone');
});

await runTests();
