#!/usr/bin/env node
// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors
//
// dashboard.mjs PEER… keeps calls with these peers, and shows the last reading of each series,
// a line each time one comes. It needs nothing but Node.js and rtcbusctl; BUS=--user for the
// session bus.
import {spawn, spawnSync} from 'node:child_process';
import {createInterface} from 'node:readline';

const bus = process.env.BUS === '--user' ? ['--session'] : [];
const peers = process.argv.slice(2);

if (peers.length === 0) {
    console.error('usage: dashboard.mjs PEER...');
    process.exit(2);
}
const kept = spawnSync('rtcbusctl', [...bus, 'keep', ...peers], {stdio: ['ignore', 'inherit', 'inherit']});
if (kept.status !== 0)
    process.exit(1);

const follow = spawn('rtcbusctl', [...bus, '--json', 'readings', '--follow'],
    {stdio: ['ignore', 'pipe', 'inherit']});
const last = new Map(); // by peer and series

for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => follow.kill(signal));
follow.on('exit', code => process.exit(code ?? 1));
createInterface({input: follow.stdout}).on('line', text => {
    const reading = JSON.parse(text);

    if (reading.lost || !peers.includes(reading.peer))
        return;
    last.set(`${reading.peer} ${reading.series}`, `${reading.value ?? '(bytes)'} ${reading.unit}`.trim());
    // A peer may send anything, and a terminal obeys control characters.
    const line = [...last].map(([name, value]) => `${name.trim()}: ${value}`).join(' | ');
    console.log(line.replace(/\p{C}/gu, '\ufffd'));
});
