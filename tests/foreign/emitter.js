// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The emitter of the family: waits for a call, offers a data channel and sends a
// random number each second. One peer connection at a time, no ids, no queue for
// candidates that come early; an error ends it.
//
//   node emitter.js [URL [INTERVAL-IN-MS]]

const WebSocketClient = require('websocket').client;
const { RTCPeerConnection, RTCSessionDescription, RTCIceCandidate } = require('@roamhq/wrtc');

const url = process.argv[2] || 'ws://localhost:41337/';
const interval = Number(process.argv[3] || 1000);

let connection;
let pc;

function send(message) {
  connection.sendUTF(JSON.stringify(message));
}

function sendNumbers(channel) {
  const timer = setInterval(() => {
    channel.send(String(Math.floor(Math.random() * 16777216)));
  }, interval);
  channel.onclose = () => clearInterval(timer);
}

async function offerChannel() {
  pc = new RTCPeerConnection();
  pc.onicecandidate = ({ candidate }) => {
    if (candidate) send({ type: 'candidate', candidate });
  };
  const channel = pc.createDataChannel('msg_channel');
  channel.onopen = () => sendNumbers(channel);

  await pc.setLocalDescription(await pc.createOffer());
  send({ type: 'offer', sdp: pc.localDescription });
}

async function onMessage(message) {
  const data = JSON.parse(message.utf8Data);
  switch (data.type) {
    case 'call':
      console.log(`call ${data.channel_id}`);
      await offerChannel();
      break;
    case 'answer':
      await pc.setRemoteDescription(new RTCSessionDescription(data.sdp));
      break;
    case 'candidate':
      await pc.addIceCandidate(new RTCIceCandidate(data.candidate));
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
  connection.on('close', () => process.exit(0));
  console.log('connected');
});

client.connect(url);
