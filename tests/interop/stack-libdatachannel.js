// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// libdatachannel (node-datachannel), its own API dressed as the browsers'. The
// package has such a dress as well, but it knows neither media nor mids longer
// than three characters.

'use strict';

const { load, version } = require('./modules.js');
const { Audio, PeerConnection, Video, getLibraryVersion } = load('node-datachannel');

class DataChannel {
  constructor(native) {
    this.native = native;
    this.label = native.getLabel();
    this.protocol = native.getProtocol();
    this.readyState = native.isOpen() ? 'open' : 'connecting';
    native.onOpen(() => {
      this.readyState = 'open';
      this.onopen();
    });
    native.onClosed(() => {
      this.readyState = 'closed';
      this.onclose();
    });
    native.onError((message) => this.onerror({ error: new Error(message) }));
    native.onMessage((data) => this.onmessage({ data }));
  }

  get id() {
    return this.native.getId();
  }

  send(data) {
    if (typeof data === 'string') this.native.sendMessage(data);
    else this.native.sendMessageBinary(data);
  }

  close() {
    this.native.close();
  }
}

// setRemoteDescription() lets ICE begin before it keeps the fingerprint: where its thread is not run
// in between, a handshake is refused as by an unknown CA. So our remote hears of no candidate until
// then.
class Connection {
  constructor() {
    this.held = [];
    this.native = new PeerConnection('agent', { iceServers: [], disableAutoNegotiation: true });
    this.native.onLocalDescription((sdp, type) => {
      this.localDescription = { type, sdp };
      this.described();
    });
    this.native.onLocalCandidate((candidate, sdpMid) => {
      const event = { candidate: { candidate, sdpMid } };
      if (this.held) this.held.push(event);
      else this.onicecandidate(event);
    });
    this.native.onStateChange((state) => {
      this.connectionState = state;
      this.onconnectionstatechange();
    });
    this.native.onDataChannel((channel) => {
      this.ondatachannel({ channel: new DataChannel(channel) });
    });
  }

  createDataChannel(label, { ordered = true, ...options } = {}) {
    const native = this.native.createDataChannel(label, { ...options, unordered: !ordered });
    return new DataChannel(native);
  }

  async createOffer() {
    return { type: 'offer' };
  }

  async createAnswer() {
    return { type: 'answer' };
  }

  // It is silent if it thinks that nothing has changed.
  async setLocalDescription({ type }) {
    const described = new Promise((resolve) => { this.described = resolve; });
    this.native.setLocalDescription(type);
    if (!this.localDescription || this.changed) await described;
    this.changed = false;
  }

  async setRemoteDescription({ type, sdp }) {
    this.native.setRemoteDescription(sdp, type);
    const held = this.held || [];
    this.held = null;
    held.forEach((event) => this.onicecandidate(event));
  }

  async addIceCandidate({ candidate, sdpMid }) {
    this.native.addRemoteCandidate(candidate, sdpMid);
  }

  close() {
    this.native.close();
  }
}

module.exports = {
  version: `node-datachannel ${version('node-datachannel')}, libdatachannel ${getLibraryVersion()}`,
  createConnection: () => new Connection(),
  addMedia: (connection) => {
    const { native } = connection;
    const audio = new Audio('audio', 'RecvOnly');
    audio.addOpusCodec(111);
    const video = new Video('video', 'RecvOnly');
    video.addVP8Codec(96);
    native.tracks = [native.addTrack(audio), native.addTrack(video)];
    connection.changed = true;
  },
};
