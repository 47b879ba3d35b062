// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCPeerConnection (webrtc-pc 4.4)

'use strict';

const {RTCIceCandidate, parseCandidate} = require('./candidate.js');
const {generateCertificate} = require('./certificate.js');
const {ChannelList} = require('./channel-list.js');
const {checkChange, copyConfiguration, readConfiguration} = require('./configuration.js');
const {RTCSessionDescription, descriptionInit, parseSdp, withLine} = require('./description.js');
const {RTCDataChannelEvent, RTCPeerConnectionIceErrorEvent, RTCPeerConnectionIceEvent} =
  require('./events.js');
const {Session} = require('./session.js');
const {makeReport} = require('./stats.js');
const {OperationsChain, queueTask} = require('./tasks.js');
const {TransportStates} = require('./transport-states.js');
const {slotsOf} = require('./transports.js');
const {defineHandlers, defineInterface, domException, requireArguments, takeListeners,
  toDictionary} = require('./webidl.js');

// signalingState → what it becomes; of the side that sets the description
const NEXT_STATES = {
  local: {
    'stable': {offer: 'have-local-offer'},
    'have-local-offer': {offer: 'have-local-offer', rollback: 'stable'},
    'have-remote-offer': {answer: 'stable', pranswer: 'have-local-pranswer', rollback: 'stable'},
    'have-local-pranswer': {answer: 'stable', pranswer: 'have-local-pranswer'},
    'have-remote-pranswer': {},
  },
  remote: {
    'stable': {offer: 'have-remote-offer'},
    'have-local-offer': {answer: 'stable', pranswer: 'have-remote-pranswer', rollback: 'stable'},
    'have-remote-offer': {offer: 'have-remote-offer', rollback: 'stable'},
    'have-local-pranswer': {},
    'have-remote-pranswer': {answer: 'stable', pranswer: 'have-remote-pranswer'},
  },
};

const NO_DESCRIPTIONS = {
  currentLocal: null, pendingLocal: null, currentRemote: null, pendingRemote: null,
};

function refuseMedia(args, what) {
  requireArguments(args, 1, what);
  throw domException('rtcbus has data channels, and no media', 'NotSupportedError');
}

// The older form: what has callbacks gives a promise of undefined.
function withCallbacks(promise, success, failure) {
  promise.then((value) => success(value), (error) => failure(error));
  return Promise.resolve();
}

class RTCPeerConnection extends EventTarget {
  #configuration;
  #isClosed = false;
  #signalingState = 'stable';
  #iceGatheringState = 'new';
  // {type, text, sdp, public} each, or null
  #descriptions = {...NO_DESCRIPTIONS};
  #lastCreated = {offer: '', answer: ''};
  #isOfferer = null; // of the descriptions that stand, or are about to
  #toReplace = new Set(); // user name fragments that a restart has to replace
  #restartNext = false;
  #needsNegotiation = false;
  #updateOnEmpty = false;
  #hasData = false; // data channels have been negotiated
  #early = []; // tasks of channels, before the connection is up
  #held = null; // tasks that wait until a description is set, or null
  #operations;
  #session;
  #states;
  #channels;

  constructor(configuration = {}) {
    super();
    takeListeners(this);
    this.#configuration = readConfiguration(configuration);
    this.#operations = new OperationsChain(() => this.#isClosed, () => {
      if (this.#updateOnEmpty) {
        this.#updateOnEmpty = false;
        this.#updateNegotiationNeeded();
      }
    });
    this.#session = new Session(this.#configuration, {
      candidate: (line, mid) => this.#told(() => this.#localCandidate(line, mid)),
      serverFailed: (...what) => this.#told(() => this.#serverFailed(...what)),
      state: (state, reason) => this.#told(() => this.#callState(state, reason)),
      pathFailed: () => this.#told(() => this.#states.pathFailed()),
      path: (properties) => this.#told(() => this.#states.setPair(properties)),
      channel: (remote, properties) => this.#incoming(remote, properties),
    });
    this.#states = new TransportStates({
      fire: (name) => this.dispatchEvent(new Event(name)),
      mid: () => this.#descriptions.currentLocal?.sdp.data?.mid ?? '0',
    });
    this.#channels = new ChannelList({
      queueTask: (task) => this.#told(task),
      whenUp: (task) => this.#whenUp(task),
      isClosed: () => this.#isClosed,
      maxMessageSize: () => this.#states.sctp?.maxMessageSize ?? 65536,
      open: (core) => this.#session.openChannel(core),
    });
  }

  // Runs TASK in a turn of its own, unless the connection is closed by then.
  #later(task) {
    queueTask(() => this.#isClosed || task());
  }

  #turn() {
    return new Promise((resolve) => this.#later(resolve));
  }

  // What the daemon tells while a description is being set may be what follows from that.
  #told(task) {
    if (this.#held)
      this.#held.push(task);
    else
      this.#later(task);
  }

  // The daemon's channels are open a little before their call says that it is connected.
  #whenUp(task) {
    if (this.#states.sctp?.state === 'connecting' && this.#session.call)
      this.#early.push(task);
    else
      this.#told(task);
  }

  #fire(name) {
    this.dispatchEvent(new Event(name));
  }

  // ---- attributes

  get signalingState() { return this.#signalingState; }
  get iceGatheringState() { return this.#iceGatheringState; }
  get iceConnectionState() { return this.#states.iceConnectionState; }
  get connectionState() { return this.#states.connectionState; }
  get sctp() { return this.#states.sctp; }
  get currentLocalDescription() { return this.#descriptions.currentLocal?.public ?? null; }
  get pendingLocalDescription() { return this.#descriptions.pendingLocal?.public ?? null; }
  get currentRemoteDescription() { return this.#descriptions.currentRemote?.public ?? null; }
  get pendingRemoteDescription() { return this.#descriptions.pendingRemote?.public ?? null; }

  get localDescription() { return this.pendingLocalDescription ?? this.currentLocalDescription; }

  get remoteDescription() {
    return this.pendingRemoteDescription ?? this.currentRemoteDescription;
  }

  get canTrickleIceCandidates() {
    const {currentRemote, pendingRemote} = this.#descriptions;
    return (pendingRemote ?? currentRemote)?.sdp.trickles ?? null;
  }

  // ---- offer and answer

  createOffer(...args) {
    if (typeof args[0] === 'function')
      return withCallbacks(this.createOffer(args[2]), args[0], args[1]);
    const {iceRestart = false} = toDictionary(args[0], 'RTCOfferOptions');
    return this.#operations.chain(() => this.#createOffer(Boolean(iceRestart)));
  }

  createAnswer(...args) {
    if (typeof args[0] === 'function')
      return withCallbacks(this.createAnswer(), args[0], args[1]);
    toDictionary(args[0], 'RTCAnswerOptions');
    return this.#operations.chain(() => this.#createAnswer());
  }

  #checkState(states, what) {
    if (!states.includes(this.#signalingState))
      throw domException(`${what} in the state ${this.#signalingState}`, 'InvalidStateError');
  }

  async #createOffer(iceRestart) {
    this.#checkState(['stable', 'have-local-offer'], 'createOffer()');
    const restart = iceRestart || this.#toReplace.size > 0 || this.#restartNext;
    const sdp = await this.#session.makeOffer(this.#isWithData('offer'), restart);
    await this.#turn();
    this.#lastCreated.offer = sdp;
    return {type: 'offer', sdp};
  }

  // Whether the next description has data channels in it
  #isWithData(kind) {
    return kind === 'offer' ? this.#wantsData() || this.#hasData
      : Boolean(this.#descriptions.pendingRemote?.sdp.data);
  }

  #wantsData() {
    return this.#channels.created > 0 || this.#configuration.alwaysNegotiateDataChannels;
  }

  async #createAnswer() {
    this.#checkState(['have-remote-offer', 'have-local-pranswer'], 'createAnswer()');
    const provisional = this.#descriptions.pendingLocal;
    const sdp = this.#signalingState === 'have-local-pranswer' ? provisional.text
      : await this.#session.makeAnswer(this.#descriptions.pendingRemote.sdp);
    await this.#turn();
    this.#lastCreated.answer = sdp;
    return {type: 'answer', sdp};
  }

  setLocalDescription(...args) {
    if (typeof args[1] === 'function')
      return withCallbacks(this.setLocalDescription(args[0]), args[1], args[2]);
    const given = descriptionInit(args[0], 'RTCLocalSessionDescriptionInit');
    return this.#operations.chain(() => this.#setLocal(given));
  }

  async #setLocal(given) {
    const answers = ['have-remote-offer', 'have-local-pranswer'].includes(this.#signalingState);
    const type = given.type ?? (answers ? 'answer' : 'offer');
    let {sdp} = given;
    if (type === 'rollback')
      return this.#set(type, '', true);
    if (type === 'pranswer')
      this.#checkNext(type, true);
    const kind = type === 'offer' ? 'offer' : 'answer';
    if (sdp !== '' && sdp !== this.#lastCreated[kind])
      throw domException(`this is not the ${kind} that was created last`,
        'InvalidModificationError');
    this.#checkNext(type, true);
    const created = this.#lastCreated[kind];
    if (sdp === '' && this.#session.holds(created, this.#isWithData(kind)))
      sdp = created;
    if (sdp === '')
      ({sdp} = await (kind === 'offer' ? this.#createOffer(false) : this.#createAnswer()));
    return this.#set(type, sdp, true);
  }

  setRemoteDescription(description, ...callbacks) {
    if (typeof callbacks[0] === 'function')
      return withCallbacks(this.setRemoteDescription(description), ...callbacks);
    requireArguments(arguments, 1, 'setRemoteDescription()');
    const given = descriptionInit(description, 'RTCSessionDescriptionInit');
    if (given.type === undefined)
      throw new TypeError('RTCSessionDescriptionInit needs a type');
    return this.#operations.chain(() => this.#setRemote(given));
  }

  async #setRemote({type, sdp}) {
    if (type === 'offer' && this.#signalingState === 'have-local-offer')
      await this.#set('rollback', '', true);
    await this.#set(type, type === 'rollback' ? '' : sdp, false);
  }

  #checkNext(type, isLocal) {
    const next = NEXT_STATES[isLocal ? 'local' : 'remote'][this.#signalingState][type];
    if (!next)
      throw domException(`a ${isLocal ? 'local' : 'remote'} ${type} cannot be set in the state ` +
        this.#signalingState, 'InvalidStateError');
    return next;
  }

  // Sets a description (webrtc-pc 4.4.1.5), and resolves when that is told.
  async #set(type, text, isLocal) {
    const next = this.#checkNext(type, isLocal);
    const description = type === 'rollback' ? null
      : {type, text, sdp: this.#parse(text), public: new RTCSessionDescription({type, sdp: text})};
    this.#held = [];
    try {
      if (!description)
        await this.#session.rollBack();
      else if (isLocal)
        await this.#giveLocal(description);
      else
        await this.#giveRemote(description);
    } catch (error) {
      this.#letGo();
      throw error;
    }
    await new Promise((resolve) => {
      this.#later(() => {
        if (description)
          this.#stand(description, isLocal);
        else
          this.#rolledBack();
        this.#letGo();
        this.#enterSignaling(next);
        resolve();
      });
    });
  }

  #parse(text) {
    const sdp = parseSdp(text);
    const wrong = sdp.problem;
    if (wrong)
      throw domException(wrong, 'InvalidAccessError');
    if (sdp.lacksMux && this.#configuration.rtcpMuxPolicy === 'require')
      throw domException('media without a=rtcp-mux', 'InvalidAccessError');
    return sdp;
  }

  #letGo() {
    const held = this.#held;
    this.#held = null;
    held.forEach((task) => this.#later(task));
  }

  // What the daemon has already is not set again: an offer once more, or the answer after it was
  // provisional.
  #giveLocal({type, text, sdp}) {
    const pending = this.#descriptions.pendingLocal;
    return pending?.text === text ? undefined : this.#session.setLocal(type, sdp);
  }

  #giveRemote({type, text, sdp}) {
    const pending = this.#descriptions.pendingRemote;
    const isSame = type === 'answer' && pending?.type === 'pranswer';
    return isSame ? undefined : this.#session.setRemote(type, text, sdp);
  }

  #enterSignaling(state) {
    const changed = state !== this.#signalingState;
    this.#signalingState = state;
    if (state === 'stable') {
      this.#needsNegotiation = false;
      this.#updateNegotiationNeeded();
    }
    if (changed)
      this.#fire('signalingstatechange');
  }

  #rolledBack() {
    this.#descriptions.pendingLocal = this.#descriptions.pendingRemote = null;
    this.#isOfferer = null;
    if (!this.#descriptions.currentLocal) {
      this.#states.forget();
      this.#enterGathering('new');
    }
  }

  #stand(description, isLocal) {
    const {type, sdp} = description;
    const all = this.#descriptions;
    const side = isLocal ? 'Local' : 'Remote';
    if (type === 'offer')
      this.#isOfferer = isLocal;
    if (type === 'answer') {
      const offer = isLocal ? all.pendingRemote : all.pendingLocal;
      Object.assign(all, {pendingLocal: null, pendingRemote: null,
        currentLocal: isLocal ? description : offer, currentRemote: isLocal ? offer : description});
      this.#lastCreated = {offer: '', answer: ''};
    } else {
      all[`pending${side}`] = description;
    }
    if (sdp.data)
      this.#standData(description, isLocal);
  }

  #standData({type, sdp}, isLocal) {
    this.#states.need();
    if (sdp.ice)
      this.#noteIce(sdp, isLocal, type);
    if (type !== 'offer') {
      const {currentRemote, pendingRemote} = this.#descriptions;
      this.#states.begin((pendingRemote ?? currentRemote).sdp, this.#isOfferer);
      this.#hasData = true;
      this.#channels.begin(this.#states.isClient);
    }
    if (!isLocal)
      sdp.candidates().forEach((init) => this.#states.addRemote(new RTCIceCandidate(init)));
  }

  #noteIce(sdp, isLocal, type) {
    const before = isLocal ? this.#states.ice.getLocalParameters() : null;
    this.#states.setParameters(isLocal, sdp.ice);
    if (!isLocal)
      return;
    if (before?.usernameFragment !== sdp.ice.usernameFragment) {
      slotsOf(this.#states.ice).localCandidates = [];
      this.#later(() => this.#enterGathering('gathering'));
    }
    if (type !== 'offer' || !this.#toReplace.has(sdp.ice.usernameFragment)) {
      this.#toReplace.clear();
      this.#restartNext = false;
    }
  }

  // ---- candidates

  #enterGathering(state) {
    if (this.#states.ice && slotsOf(this.#states.ice).gatheringState !== state) {
      slotsOf(this.#states.ice).gatheringState = state;
      this.#states.ice.dispatchEvent(new Event('gatheringstatechange'));
    }
    if (this.#iceGatheringState === state)
      return;
    this.#iceGatheringState = state;
    this.#fire('icegatheringstatechange');
  }

  #localDescriptionOf(usernameFragment) {
    const {pendingLocal, currentLocal} = this.#descriptions;
    return [pendingLocal, currentLocal].find((d) =>
      d?.sdp.ice?.usernameFragment === usernameFragment) ?? pendingLocal ?? currentLocal;
  }

  #addLine(description, index, line) {
    description.public = new RTCSessionDescription({
      type: description.type, sdp: withLine(description.public.sdp, index, line),
    });
  }

  #localCandidate(line, mid) {
    const ice = this.#states.ice?.getLocalParameters();
    const description = ice && this.#localDescriptionOf(ice.usernameFragment);
    if (!description)
      return;
    const {sections, data} = description.sdp;
    const candidate = new RTCIceCandidate({
      candidate: line, sdpMid: mid || data?.mid, sdpMLineIndex: Math.max(sections.indexOf(data), 0),
      usernameFragment: ice.usernameFragment,
    });
    this.#enterGathering('gathering');
    this.#addLine(description, candidate.sdpMLineIndex,
      line ? `a=${line}` : 'a=end-of-candidates');
    if (line)
      this.#states.addLocal(candidate);
    this.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', {candidate}));
    if (line || this.#isClosed)
      return;
    this.#later(() => {
      this.#enterGathering('complete');
      if (!this.#isClosed)
        this.dispatchEvent(new RTCPeerConnectionIceEvent('icecandidate', {candidate: null}));
    });
  }

  // From which address it was asked is not known.
  #serverFailed(url, errorCode, errorText) {
    this.dispatchEvent(new RTCPeerConnectionIceErrorEvent('icecandidateerror',
      {address: null, port: 0, url, errorCode, errorText}));
  }

  addIceCandidate(...args) {
    if (typeof args[1] === 'function')
      return withCallbacks(this.addIceCandidate(args[0]), args[1], args[2]);
    const given = toDictionary(args[0], 'RTCIceCandidateInit');
    const init = new RTCIceCandidate({
      candidate: given.candidate, sdpMid: given.sdpMid ?? null,
      sdpMLineIndex: given.sdpMLineIndex ?? 0, usernameFragment: given.usernameFragment,
    });
    const noIndex = (given.sdpMLineIndex ?? null) === null;
    if (init.candidate !== '' && init.sdpMid === null && noIndex)
      throw new TypeError('a candidate needs sdpMid or sdpMLineIndex');
    const index = noIndex ? null : init.sdpMLineIndex;
    const added = this.#states.announce(init);
    return this.#operations.chain(() => this.#addCandidate(init, index).finally(added));
  }

  // The index of the m-section that a candidate is for; -1: of all
  #sectionOf(init, index, sections) {
    let found = index ?? -1;
    if (init.sdpMid !== null)
      found = sections.findIndex((section) => section.mid === init.sdpMid);
    if ((init.sdpMid !== null && found < 0) || found >= sections.length)
      throw domException('there is no such media section', 'OperationError');
    return found;
  }

  async #addCandidate(init, index) {
    const {pendingRemote, currentRemote} = this.#descriptions;
    const all = [pendingRemote, currentRemote].filter(Boolean);
    if (all.length === 0)
      throw domException('there is no remote description yet', 'InvalidStateError');
    const fragment = init.usernameFragment;
    const [description] = all.filter((d) => fragment === null || d.sdp.ufrags().includes(fragment));
    const section = this.#sectionOf(init, index, (description ?? all[0]).sdp.sections);
    if (!description || (fragment !== null && section >= 0 &&
        description.sdp.attribute(description.sdp.sections[section], 'ice-ufrag') !== fragment))
      throw domException('no remote description has this user name fragment', 'OperationError');
    if (init.candidate !== '' && !parseCandidate(init.candidate))
      throw domException('this is no candidate (RFC 8839 5.1)', 'OperationError');
    await this.#giveCandidate(init, description, section);
    await new Promise((resolve) => {
      this.#later(() => {
        const line = init.candidate.replace(/^a=/, '');
        this.#addLine(description, section, line ? `a=${line}` : 'a=end-of-candidates');
        if (line && description.sdp.data)
          this.#states.addRemote(init);
        resolve();
      });
    });
  }

  async #giveCandidate(init, {sdp}, section) {
    const {data} = sdp;
    if (!data || (section >= 0 && sdp.sections[section].isRejected))
      return;
    const named = init.candidate && !/ ufrag /.test(init.candidate) && sdp.ice
      ? `${init.candidate} ufrag ${sdp.ice.usernameFragment}` : init.candidate;
    await this.#session.addCandidate(named, data.mid);
  }

  // ---- the need to negotiate (webrtc-pc 4.7.3)

  restartIce() {
    const {currentLocal, pendingLocal} = this.#descriptions;
    for (const description of [currentLocal, pendingLocal]) {
      if (description?.sdp.ice)
        this.#toReplace.add(description.sdp.ice.usernameFragment);
    }
    this.#updateNegotiationNeeded();
  }

  #isNegotiationNeeded() {
    return this.#toReplace.size > 0 || (this.#channels.created > 0 && !this.#hasData);
  }

  #updateNegotiationNeeded() {
    if (!this.#operations.isEmpty) {
      this.#updateOnEmpty = true;
      return;
    }
    this.#later(() => {
      if (!this.#operations.isEmpty) {
        this.#updateOnEmpty = true;
        return;
      }
      if (this.#signalingState !== 'stable')
        return;
      const needed = this.#isNegotiationNeeded();
      if (needed && !this.#needsNegotiation) {
        this.#needsNegotiation = true;
        this.#fire('negotiationneeded');
      } else if (!needed) {
        this.#needsNegotiation = false;
      }
    });
  }

  // ---- what the daemon tells

  #callState(state, reason) {
    if (state === 'connected') {
      if (this.#states.sctp?.state === 'connecting')
        this.#states.connected(this.#session.call.properties);
      else
        this.#states.enter('connected');
    } else if (state === 'reconnecting') {
      this.#states.enter('disconnected');
    } else if (state === 'closed') {
      this.#states.ended(reason);
    }
    this.#early.splice(0).forEach((task) => this.#told(task));
  }

  #incoming(remote, properties) {
    if (this.#isClosed)
      return;
    const core = this.#channels.take(remote, properties);
    this.#whenUp(() => {
      core.readyState = 'open';
      this.dispatchEvent(new RTCDataChannelEvent('datachannel', {channel: core.channel}));
      core.announceOpen();
    });
  }

  // ---- data channels

  createDataChannel(label, dataChannelDict = {}) {
    requireArguments(arguments, 1, 'createDataChannel()');
    const isFirst = this.#channels.created === 0;
    if (this.#isClosed)
      throw domException('the connection is closed', 'InvalidStateError');
    const channel = this.#channels.create(label, dataChannelDict, this.#states.isClient,
      this.#states.sctp?.state === 'connected');
    if (isFirst)
      this.#updateNegotiationNeeded();
    return channel;
  }

  // ---- configuration, and the rest

  getConfiguration() {
    return copyConfiguration(this.#configuration);
  }

  setConfiguration(configuration = {}) {
    if (this.#isClosed)
      throw domException('the connection is closed', 'InvalidStateError');
    const next = readConfiguration(configuration);
    const {currentLocal, pendingLocal} = this.#descriptions;
    checkChange(this.#configuration, next, Boolean(currentLocal ?? pendingLocal));
    const same = JSON.stringify([next.iceServers, next.iceTransportPolicy]) ===
      JSON.stringify([this.#configuration.iceServers, this.#configuration.iceTransportPolicy]);
    next.certificates = this.#configuration.certificates;
    this.#configuration = next;
    if (same)
      return;
    this.#session.configure(next);
    this.#restartNext = Boolean(currentLocal ?? pendingLocal); // RFC 8829 4.1.18
  }

  async getStats(selector = null) {
    if (selector !== null && selector !== undefined)
      throw domException('there are no tracks', 'InvalidAccessError');
    await this.#turn();
    const {ice, dtls} = this.#states;
    const values = !this.#isClosed && this.#session.call
      ? await this.#session.call.getAll().catch(() => ({})) : {};
    return makeReport({
      channels: this.#channels.cores, opened: this.#channels.created,
      closed: this.#channels.closed, ice, dtls, values, isClient: this.#states.isClient,
      pair: ice?.getSelectedCandidatePair(), pairChanges: this.#states.pairChanges,
    });
  }

  close() {
    if (this.#isClosed)
      return;
    this.#isClosed = true;
    this.#signalingState = 'closed';
    this.#channels.end();
    this.#states.close();
    this.#session.close();
  }

  getSenders() { return []; }
  getReceivers() { return []; }
  getTransceivers() { return []; }
  addTrack(track) { refuseMedia(arguments, 'addTrack()'); }
  addTransceiver(trackOrKind) { refuseMedia(arguments, 'addTransceiver()'); }
  removeTrack(sender) { refuseMedia(arguments, 'removeTrack()'); }

  static generateCertificate(keygenAlgorithm) {
    return generateCertificate(keygenAlgorithm);
  }
}

defineHandlers(RTCPeerConnection, ['negotiationneeded', 'icecandidate', 'icecandidateerror',
  'signalingstatechange', 'iceconnectionstatechange', 'icegatheringstatechange',
  'connectionstatechange', 'datachannel', 'track']);
defineInterface(RTCPeerConnection, {promises: ['createOffer', 'createAnswer', 'setLocalDescription',
  'setRemoteDescription', 'addIceCandidate', 'getStats']});

module.exports = {RTCPeerConnection};
