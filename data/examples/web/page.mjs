#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors
//
// Prints the readings of a peer, in Node.js:
//
//   npm install @roamhq/wrtc ws /usr/share/rtcbus/web/js
//   node page.mjs ws://127.0.0.1:41337/greenhouse boiler
import {createRequire} from 'node:module';
import {join} from 'rtcbus-web';

const require = createRequire(import.meta.url);
const {RTCPeerConnection} = require('@roamhq/wrtc');
const {WebSocket} = require('ws');

const [url, peer] = process.argv.slice(2);
try {
    const room = await join(url, {name: 'node', RTCPeerConnection, WebSocket});
    const contact = await room.call(peer);
    console.log('connected', contact.trust, contact.code);
    room.publish(process.version, {series: 'version'});
    for await (const {series, value, unit} of contact.readings)
        console.log(series, value, unit);
} catch (error) {
    console.error(`${error.name}: ${error.message}`);
    process.exit(1);
}
