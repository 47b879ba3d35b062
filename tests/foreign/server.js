// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// A signaling server as tutorials have it: every text frame goes to every other
// client. It knows clients by their place in a list, so that once an early one
// has left, frames of later ones go astray. That fault belongs to the family and
// stays: rtcbus has to live with it when this server is in use.
//
//   node server.js [PORT]     port 0: a free one

const http = require('http');
const WebSocketServer = require('websocket').server;

const port = Number(process.argv[2] || 41337);
const clients = [];

const server = http.createServer((request, response) => {
  response.writeHead(404);
  response.end();
});

server.listen(port, () => {
  console.log(`listening on port ${server.address().port}`);
});

const wsServer = new WebSocketServer({ httpServer: server, autoAcceptConnections: false });

wsServer.on('request', (request) => {
  const connection = request.accept(null, request.origin);
  const index = clients.push(connection) - 1;

  connection.on('message', (message) => {
    if (message.type !== 'utf8') return;
    clients.forEach((client, i) => {
      if (i !== index) client.sendUTF(message.utf8Data);
    });
  });

  connection.on('close', () => {
    clients.splice(index, 1);
  });
});
