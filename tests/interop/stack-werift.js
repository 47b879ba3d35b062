// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// werift: ICE, DTLS and SCTP in TypeScript. Binary messages are Buffers there.

'use strict';

const { load, version } = require('./modules.js');
const { RTCPeerConnection } = load('werift');

function takeBuffers(channel) {
  const send = channel.send.bind(channel);
  channel.send = (data) => send(typeof data === 'string' ? data : Buffer.from(data));
  return channel;
}

const sendRaw = (connection, stream, ppid, hex) =>
  connection.sctpTransport.sctp.send(stream, ppid, Buffer.from(hex, 'hex'), { ordered: true });

module.exports = {
  sendRaw,
  version: `werift ${version('werift')}`,
  createConnection: () => {
    const connection = new RTCPeerConnection({ iceServers: [] });
    const create = connection.createDataChannel.bind(connection);
    connection.createDataChannel = (...args) => takeBuffers(create(...args));
    connection.onDataChannel.subscribe(takeBuffers);
    // It asks a STUN server of Google's if none is given, and waits 5 s for the answer.
    const setLocalDescription = connection.setLocalDescription.bind(connection);
    connection.setLocalDescription = (description) => {
      for (const transport of connection.iceTransports) transport.connection.stunServer = undefined;
      return setLocalDescription(description);
    };
    return connection;
  },
};
