// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What the receiver of files makes of senders that mean harm, for client.py: prints JSON.
//
//   node hostile-sender.mjs FOLDER      where files.js is
const {receiveFiles} = await import(`${process.argv[2]}/files.js`);

class Channel {
    readyState = 'open';
    sent = [];

    send(text) {
        this.sent.push(JSON.parse(text));
    }

    close() {
        this.readyState = 'closed';
    }

    say(...messages) {
        for (const data of messages)
            this.onmessage({data: typeof data === 'object' && !(data instanceof ArrayBuffer) ? JSON.stringify(data) : data});
    }
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

// It sends on and on while a person is still asked.
const flood = new Channel();
receiveFiles(flood, () => new Promise(() => {})).catch(() => {});
flood.say({type: 'offer', transfer: 'x', files: 1, bytes: 5, name: 'x'});
await turn();
for (let i = 0; i < 1000 && flood.readyState === 'open'; i++)
    flood.say(new ArrayBuffer(16384));

// Names, nonsense, and more bytes than it has said.
const odd = new Channel();
const names = [];
const received = receiveFiles(odd, async ({name}) => names.push(name));
odd.say({type: 'offer', transfer: 'x', files: 2, bytes: 5, name: '../a\u202eb'}, '{bad');
await turn();
odd.say({type: 'file', file: 0, path: '../../a\u0007.txt', size: 5}, {type: 'data', file: 0, offset: 0},
        Uint8Array.from([0, ...Buffer.from('hello')]).buffer, Uint8Array.from([0, 33, 33]).buffer,
        {type: 'end', file: 0}, {type: 'file', file: 1, path: 'large', size: 2 ** 30}, {type: 'finish'});
for (const file of await received)
    names.push(file.name, file.size);

// More files and bytes than it has offered.
const greedy = new Channel();
const whole = receiveFiles(greedy, async () => true);
greedy.say({type: 'offer', transfer: 'x', files: 2, bytes: 5, name: 'x'});
await turn();
greedy.say({type: 'file', file: 0, path: 'large', size: 6}, {type: 'file', file: 1, path: 'text', size: '5'},
           {type: 'file', file: 2, path: 'a', size: 5}, {type: 'folder', file: 3, path: 'b'},
           {type: 'file', file: 4, path: 'c', size: 0}, {type: 'folder', file: 5, path: 'd'}, {type: 'finish'});
await whole;
const more = greedy.sent.filter(({file}) => file !== undefined).map(({type, file}) => `${file} ${type}`);

// It goes on when all is over: nothing of that is read, and nothing kept.
const refused = new Channel();
const refusal = receiveFiles(refused, async () => false);
refused.say({type: 'offer', transfer: 'x', files: 1, bytes: 5, name: 'x'});
await refusal;
const ends = [refused, odd, greedy].map(({readyState}) => readyState);
let read = 0;
refused.say({get byteLength() { read++; return 0; }});
console.log(JSON.stringify({ends, more, flood: flood.readyState, names, said: odd.sent.map(({type}) => type)}));
