// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The same server made with the package ws, which selects the first subprotocol
// that a client offers, whatever it is. So it seems to speak rtcbus.1.
//
//   node echo-server.js [PORT]     port 0: a free one

const { WebSocket, WebSocketServer } = require('ws');

const server = new WebSocketServer({ port: Number(process.argv[2] || 41337) }, () => {
  console.log(`listening on port ${server.address().port}`);
});

server.on('connection', (connection) => {
  connection.on('message', (data, isBinary) => {
    if (isBinary) return;
    server.clients.forEach((client) => {
      if (client !== connection && client.readyState === WebSocket.OPEN) client.send(data.toString());
    });
  });
});
