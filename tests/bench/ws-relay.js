// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What a Node.js programmer would write instead of rtcbus-relay: the `ws`
// package, rooms by path, `from` stamped, `to` honoured. It is meant to be
// fast: no compression, one lookup, one stringify for a whole room. It has
// no quotas, no limits and no liveness checks.
//
//   node ws-relay.js [PORT]     prints the port once it listens

'use strict'

const { createServer } = require('http')
const { randomUUID } = require('crypto')
const { WebSocketServer } = require('ws')

const http = createServer((_, answer) => answer.writeHead(404).end())
const server = new WebSocketServer({
  server: http, perMessageDeflate: false, clientTracking: false, maxPayload: 65536,
  backlog: 4096
})
const rooms = new Map() // path -> Map of id or name -> socket

function onMessage (data, isBinary) {
  if (isBinary) return this.close(1003)
  let frame
  try {
    frame = JSON.parse(data)
  } catch {
    return
  }
  if (frame === null || typeof frame !== 'object' || Array.isArray(frame)) return
  delete frame.from
  const text = JSON.stringify({ from: this.id, ...frame })
  if (typeof frame.to === 'string') {
    const to = this.room.names.get(frame.to)
    if (to) to.send(text)
    return
  }
  const bytes = Buffer.from(text)
  for (const member of this.room.members) {
    if (member !== this) member.send(bytes, { binary: false })
  }
}

function onClose () {
  this.room.members.delete(this)
  this.room.names.delete(this.id)
  this.room.names.delete(this.name)
  if (this.room.members.size === 0) rooms.delete(this.path)
}

server.on('connection', (socket, request) => {
  const url = new URL(request.url, 'ws://localhost')
  socket.id = randomUUID()
  socket.name = url.searchParams.get('name') || socket.id
  socket.path = url.pathname
  socket.room = rooms.get(url.pathname)
  if (!socket.room) rooms.set(url.pathname, socket.room = { members: new Set(), names: new Map() })
  socket.room.members.add(socket)
  socket.room.names.set(socket.id, socket).set(socket.name, socket)
  socket.on('message', onMessage)
  socket.on('close', onClose)
  socket.on('error', () => {})
})

http.listen(Number(process.argv[2] || 0), '127.0.0.1', 4096,
  () => console.log(http.address().port))
