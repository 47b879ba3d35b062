// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The listener of the family: calls as soon as it is connected, answers the offer
// and prints what arrives, one message a line. A candidate that comes before the
// offer is logged and lost; a second offer breaks it.
//
//   node listener.js [URL] [--count N]     ends after N messages

const WebSocketClient = require('websocket').client;
const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = require('@roamhq/wrtc');

const args = process.argv.slice(2);
const option = args.indexOf('--count');
const count = option < 0 ? Infinity : Number(args.splice(option, 2)[1]);
const url = args[0] || 'ws://localhost:41337/';

let connection;
let received = 0;

function send(message) {
  connection.sendUTF(JSON.stringify(message));
}

const pc = new RTCPeerConnection();

pc.onicecandidate = ({ candidate }) => {
  if (candidate) send({ type: 'candidate', candidate });
};

pc.ondatachannel = ({ channel }) => {
  console.error(`channel ${channel.label}`);
  channel.onmessage = ({ data }) => {
    console.log(data);
    received += 1;
    if (received >= count) process.exit(0);
  };
};

async function onMessage(message) {
  const data = JSON.parse(message.utf8Data);
  switch (data.type) {
    case 'offer':
      await pc.setRemoteDescription(new RTCSessionDescription(data.sdp));
      await pc.setLocalDescription(await pc.createAnswer());
      send({ type: 'answer', sdp: pc.localDescription });
      break;
    case 'candidate':
      pc.addIceCandidate(new RTCIceCandidate(data.candidate)).catch((error) => {
        console.error(`candidate refused: ${error}`);
      });
      break;
  }
}

const client = new WebSocketClient();

client.on('connectFailed', (error) => {
  console.error(`cannot connect: ${error}`);
  process.exit(1);
});

client.on('connect', (connected) => {
  connection = connected;
  connection.on('message', onMessage);
  send({ type: 'call', channel_id: `listener ${process.pid}` });
});

client.connect(url);
