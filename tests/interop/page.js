// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The agent in a browser's page; a WebSocket to browser-agent.js carries commands and
// events. (Calls through the browser's automation are slow: Firefox takes 50 ms each.)

'use strict';

function openSocket(url, handlers) {
  const socket = new WebSocket(url);
  let opened = false;
  socket.onopen = () => {
    opened = true;
    handlers.opened();
  };
  socket.onmessage = ({ data }) => handlers.frame(data);
  socket.onclose = () => (opened ? handlers.closed() : handlers.failed());
  return socket;
}

async function sha256(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const control = new WebSocket(`ws://${location.host}/`);

const agent = new Agent({
  openSocket,
  sha256,
  createConnection: () => new RTCPeerConnection(),
  addMedia: (connection) => {
    connection.addTransceiver('audio', { direction: 'recvonly' });
    connection.addTransceiver('video', { direction: 'recvonly' });
  },
}, (event) => control.send(JSON.stringify(event)));

control.onmessage = ({ data }) => {
  const command = JSON.parse(data);
  if (command.do === 'reload') location.reload();
  else agent.command(command);
};
addEventListener('unhandledrejection', ({ reason }) => agent.problem(reason));
