// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The transports of a connection, and what follows from what the daemon tells of its call: the
// states of ICE, DTLS and SCTP, and of the connection (webrtc-pc 4.4.3).

'use strict';

const {RTCIceCandidate, RTCIceCandidatePair, parseCandidate, peerReflexive} =
  require('./candidate.js');
const {RTCError, RTCErrorEvent} = require('./events.js');
const {RTCDtlsTransport, RTCIceTransport, RTCSctpTransport, enterState, slotsOf} =
  require('./transports.js');
const {INTERNAL} = require('./webidl.js');

const MAX_CHANNELS = 1024; // streams of the daemon's associations
const MAX_SEND = 1024 * 1024; // what the daemon takes

// As webrtc-pc 5.10 has it, where 0 is no limit
function messageLimit(remote) {
  return remote === 0 ? MAX_SEND : Math.min(remote, MAX_SEND);
}

function sameAddress(candidate, parsed) {
  return candidate.address === parsed.address && candidate.port === parsed.port &&
    candidate.protocol === parsed.protocol;
}

// USER: fire(name), mid(), ended().
class TransportStates {
  iceConnectionState = 'new';
  connectionState = 'new';
  ice = null;
  dtls = null;
  sctp = null;
  isClient = null; // our DTLS role; null: not known
  pairChanges = 0; // how often another pair was selected, the first one counted
  #user;
  #described = false; // both sides are
  #restarted = false; // the remote has other credentials, and none of its candidates is there yet
  #path = {}; // the properties of the call that name the pair in use
  #announced = new Set(); // remote candidates that are about to be added

  constructor(user) {
    this.#user = user;
  }

  // A description with data channels is set.
  need() {
    if (this.ice)
      return;
    this.ice = new RTCIceTransport(INTERNAL);
    this.dtls = new RTCDtlsTransport(INTERNAL, this.ice);
    this.sctp = new RTCSctpTransport(INTERNAL, this.dtls);
  }

  // What was set is rolled back, and nothing else was there.
  forget() {
    this.ice = this.dtls = this.sctp = null;
  }

  // Both descriptions stand.
  begin(remote, isOfferer) {
    this.need();
    this.#described = true;
    if (this.isClient === null) {
      this.isClient = isOfferer ? remote.setup === 'passive' : remote.setup !== 'active';
      slotsOf(this.ice).role = isOfferer ? 'controlling' : 'controlled';
    }
    slotsOf(this.sctp).maxMessageSize = messageLimit(remote.maxMessageSize);
    this.look();
  }

  // Local or remote parameters of a description that is set. Another remote user name fragment
  // restarts ICE.
  setParameters(isLocal, ice) {
    const slot = slotsOf(this.ice);
    const before = slot.remoteParameters?.usernameFragment;
    slot[isLocal ? 'localParameters' : 'remoteParameters'] = ice;
    if (!isLocal && before && before !== ice.usernameFragment) {
      slot.remoteCandidates = [];
      this.#restarted = this.ice.state !== 'connected';
    }
  }

  // ICE begins when there is somebody to ask, and again when a restart has.
  look() {
    const isIdle = this.ice.state === 'new' || this.#restarted;
    if (!this.#described || !isIdle || slotsOf(this.ice).remoteCandidates.length === 0)
      return;
    this.#restarted = false;
    this.enter('checking');
  }

  addRemote(candidate) {
    const slot = this.ice && slotsOf(this.ice);
    if (!slot || slot.remoteCandidates.some((c) => c.candidate === candidate.candidate))
      return;
    slot.remoteCandidates.push(candidate);
    this.setPair(this.#path); // it may be in use already
    this.look();
  }

  // The program knows CANDIDATE, and it will be added soon. Returns what to call after that.
  announce(candidate) {
    this.#announced.add(candidate);
    this.setPair(this.#path);
    return () => this.#announced.delete(candidate);
  }

  addLocal(candidate) {
    if (this.ice)
      slotsOf(this.ice).localCandidates.push(candidate);
  }

  // ---- from the daemon

  #local(line) {
    const parsed = parseCandidate(line);
    return parsed && (slotsOf(this.ice).localCandidates.find((c) => sameAddress(c, parsed)) ??
      new RTCIceCandidate({candidate: line, sdpMid: this.#user.mid(), sdpMLineIndex: 0}));
  }

  #remote(line) {
    const parsed = parseCandidate(line);
    const slot = slotsOf(this.ice);
    const known = parsed && [...slot.remoteCandidates, ...this.#announced]
      .find((c) => sameAddress(c, parsed));
    if (known || !parsed)
      return known;
    if (slot.reflexive?.line !== line)
      slot.reflexive = {line, candidate: peerReflexive(parsed, this.#user.mid())};
    return slot.reflexive.candidate;
  }

  setPair({LocalCandidate: local, RemoteCandidate: remote}) {
    if (!this.ice || !local || !remote)
      return;
    this.#path = {LocalCandidate: local, RemoteCandidate: remote};
    const slot = slotsOf(this.ice);
    const pair = [this.#local(local), this.#remote(remote)];
    if (!pair[0] || !pair[1] || (slot.pair?.local === pair[0] && slot.pair.remote === pair[1]))
      return;
    slot.pair = new RTCIceCandidatePair(INTERNAL, ...pair);
    this.pairChanges++;
    this.ice.dispatchEvent(new Event('selectedcandidatepairchange'));
  }

  connected(values) {
    if (this.ice.state === 'new')
      this.enter('checking');
    this.setPair(values);
    this.enter('connected');
    if (values.RemoteCertificate?.length)
      slotsOf(this.dtls).remoteCertificates = [values.RemoteCertificate];
    if (enterState(this.dtls, 'connecting'))
      this.update();
    if (enterState(this.dtls, 'connected'))
      this.update();
    slotsOf(this.sctp).maxChannels = MAX_CHANNELS;
    enterState(this.sctp, 'connected');
  }

  // The call goes on without a path, until a restart finds one.
  pathFailed() {
    if (!this.ice || this.ice.state === 'failed')
      return;
    if (this.dtls.state === 'connected')
      this.enter('disconnected');
    this.enter('failed');
  }

  // The call has ended, and not by us.
  ended(reason) {
    const was = this.dtls?.state;
    if (!this.ice)
      return;
    if (was !== 'connected' && /certificate|key|DTLS/.test(reason)) {
      const errorDetail = /description announced/.test(reason) ? 'fingerprint-failure'
        : 'dtls-failure';
      this.dtls.dispatchEvent(new RTCErrorEvent('error',
        {error: new RTCError({errorDetail}, reason)}));
      enterState(this.dtls, 'failed');
    } else if (was === 'connected') {
      enterState(this.dtls, 'closed');
    }
    enterState(this.sctp, 'closed');
    if (was === 'connected')
      this.enter('disconnected');
    this.enter('failed');
  }

  // ---- states

  enter(state) {
    if (state === 'connected' && this.#restarted) {
      this.#restarted = false;
      this.enter('checking');
    }
    if (this.ice && enterState(this.ice, state))
      this.update();
  }

  #overall() {
    if (!this.ice)
      return 'new';
    const ice = this.ice.state;
    const dtls = this.dtls.state;
    if (ice === 'failed' || dtls === 'failed')
      return 'failed';
    if (ice === 'disconnected')
      return 'disconnected';
    if (ice === 'new' && (dtls === 'new' || dtls === 'closed'))
      return 'new';
    if (ice === 'checking' || ice === 'new' || dtls === 'new' || dtls === 'connecting')
      return 'connecting';
    return 'connected';
  }

  update() {
    const ice = this.ice?.state ?? 'new';
    const overall = this.#overall();
    const iceChanged = ice !== this.iceConnectionState;
    const changed = overall !== this.connectionState;
    this.iceConnectionState = ice;
    this.connectionState = overall;
    if (iceChanged)
      this.#user.fire('iceconnectionstatechange');
    if (changed)
      this.#user.fire('connectionstatechange');
  }

  // Without events (webrtc-pc 4.4.2, close()), but for that of SCTP, as browsers do
  close() {
    this.iceConnectionState = this.connectionState = 'closed';
    const wasUp = this.sctp?.state === 'connected';
    for (const transport of [this.ice, this.dtls, this.sctp]) {
      if (transport)
        slotsOf(transport).state = 'closed';
    }
    if (wasUp)
      setImmediate(() => this.sctp.dispatchEvent(new Event('statechange')));
  }
}

module.exports = {MAX_CHANNELS, TransportStates};
