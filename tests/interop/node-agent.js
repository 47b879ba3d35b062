// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The agent with a stack of Node.js: JSON lines in and out, see agent.js.
//
//   node node-agent.js libwebrtc|libdatachannel|werift

'use strict';

const { createHash } = require('crypto');
const path = require('path');
const readline = require('readline');
const { Agent } = require('./agent.js');
const { load } = require('./modules.js');

const WebSocketClient = load('websocket').client;

function openSocket(url, handlers) {
  const client = new WebSocketClient();
  let connection;
  client.on('connectFailed', handlers.failed);
  client.on('connect', (connected) => {
    connection = connected;
    connection.on('message', (message) => handlers.frame(message.utf8Data));
    connection.on('close', handlers.closed);
    handlers.opened();
  });
  client.connect(url);
  return { send: (text) => connection.sendUTF(text), close: () => connection.close() };
}

const stack = process.argv[2];
const platform = {
  openSocket,
  sha256: async (bytes) => createHash('sha256').update(bytes).digest('hex'),
  addMedia: (connection) => {
    connection.addTransceiver('audio', { direction: 'recvonly' });
    connection.addTransceiver('video', { direction: 'recvonly' });
  },
  ...require(path.join(__dirname, `stack-${stack}.js`)),
};

// Libraries may print; what they say must not be taken for an event.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const emit = (event) => write(`${JSON.stringify(event)}\n`);

const agent = new Agent(platform, emit);
process.on('unhandledRejection', (error) => agent.problem(error));
process.on('uncaughtException', (error) => agent.problem(error));
readline.createInterface({ input: process.stdin })
  .on('line', (line) => agent.command(JSON.parse(line)))
  .on('close', () => process.exit(0));
emit({ event: 'ready', version: platform.version });
