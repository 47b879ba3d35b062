// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// A file to a peer, and from one: the protocol of rtcbus-files(7), one file a transfer. What is
// received is kept in memory until it is whole.

import {RtcbusError, inOrder} from './event.js';
import {printable} from './printable.js';
import {hex, randomBytes} from './random.js';
import {Sha256} from './sha2.js';

export const FILES_LABEL = 'files', FILES_PROTOCOL = 'rtcbus.files.1';

const PIECE = 16 * 1024 - 1;          // bytes of data in a message
const BLOCK = 64 * PIECE;             // bytes that are read of a file at once
const WINDOW = 4 << 20;               // bytes that may be on their way to us
const MAX_BUFFERED = 1 << 20;         // bytes that wait in a channel
const MAX_BYTES = 2 ** 30;            // of a transfer, which are kept in memory
const MAX_WAITING = 2 * WINDOW;       // bytes that a remote may send before we look at them
const MAX_WORDS = 200;                // characters of what the other side says
const MAX_JSON = 16384, MAX_NAME = 255;
const MAX_FILES = 64;                 // that have not come to their end
const COST = 256;                     // bytes, of what is kept beside
const TOO_LARGE = 'too large for a web page';
const MORE = 'more than was offered';
const CUT = 'the transfer was cut';

/** What CHANNEL says, as objects, and data as {type: "", bytes}. */
class Messages {
    #channel;
    #waiting = [];
    #bytes = 0; // that wait
    #wake = null;
    #closed = false;
    ended = false;

    constructor(channel) {
        this.#channel = channel;
        channel.binaryType = 'arraybuffer';
        channel.onmessage = inOrder((data) => this.#take(data));
        channel.onclose = () => this.#end();
        channel.onbufferedamountlow = () => this.#wake?.();
        channel.bufferedAmountLowThreshold = MAX_BUFFERED / 2;
    }

    #take(data) {
        const bytes = typeof data === 'string' ? new TextEncoder().encode(data) : new Uint8Array(data);
        if (this.#closed)
            return;
        if (this.#bytes + bytes.length > MAX_WAITING) {
            this.close();
        } else if (bytes[0] === 0) {
            this.#push({type: '', bytes: bytes.subarray(1)}, bytes.length);
        } else if (bytes[0] === 0x7b && bytes.length <= MAX_JSON) {
            try {
                this.#push(JSON.parse(new TextDecoder().decode(bytes)), bytes.length);
            } catch {
                // it is ignored, as what we do not know
            }
        }
    }

    #push(message, cost) {
        this.#waiting.push({message, cost: cost + COST});
        this.#bytes += cost + COST;
        this.#wake?.();
    }

    #end() {
        this.ended = true;
        this.#wake?.();
    }

    say(message) {
        if (this.#channel.readyState === 'open')
            this.#channel.send(JSON.stringify(message));
    }

    sendData(bytes) {
        const message = new Uint8Array(bytes.length + 1);
        if (this.#channel.readyState !== 'open')
            throw new RtcbusError('NotConnected', CUT);
        message.set(bytes, 1);
        this.#channel.send(message);
    }

    get full() {
        return this.#channel.bufferedAmount > MAX_BUFFERED;
    }

    /** One that is there, or null. */
    poll() {
        const {message = null, cost = 0} = this.#waiting.shift() ?? {};
        this.#bytes -= cost;
        if (message?.type === 'cancel')
            throw new RtcbusError('Denied', words(message, 'the other side has cancelled it'));
        if (!message && this.ended)
            throw new RtcbusError('NotConnected', CUT);
        return message;
    }

    /** Something has changed. */
    wait() {
        return new Promise((resolve) => { this.#wake = resolve; });
    }

    /** The next one of TYPES; others are passed over. */
    async next(...types) {
        for (;;) {
            const message = this.poll();
            if (message && types.includes(message.type))
                return message;
            if (!message)
                await this.wait();
        }
    }

    /** Nothing that comes any more is kept. */
    close() {
        this.#closed = true;
        this.#waiting = [];
        this.#bytes = 0;
        this.#channel.close();
        this.#end();
    }
}

/** What MESSAGE says for people, else OTHERWISE. */
function words({message}, otherwise) {
    return typeof message === 'string' && message ? printable(message, MAX_WORDS) : otherwise;
}

/** A name for a transfer of sendFile(). */
export const newTransfer = () => hex(randomBytes(16));

/** FILE (a File, or a Blob with a name) goes over CHANNEL, which is open. PROGRESS is told how many bytes are there. */
export async function sendFile(channel, file, transfer, progress) {
    const messages = new Messages(channel), name = file.name || 'file';
    messages.say({type: 'offer', transfer, files: 1, bytes: file.size, name});
    const decision = await messages.next('accept', 'refuse'), {window} = decision;
    if (decision.type === 'refuse')
        throw new RtcbusError('Denied', words(decision, 'the file is refused'));
    messages.say({type: 'file', file: 0, path: name.replaceAll('/', '_'), size: file.size,
                  ...file.lastModified ? {mtime: file.lastModified * 1000} : {}});
    const answer = await messages.next('start', 'failed', 'done');
    refused(answer);
    if (answer.type === 'start')
        await sendContent(messages, file, answer, Math.max(window ?? WINDOW, PIECE), progress);
    messages.say({type: 'finish', failed: 0});
    await messages.next('finished');
    messages.close();
}

function refused(message) {
    if (message.type === 'failed')
        throw new RtcbusError('Failed', words(message, 'the file is not taken'));
}

/** A file in pieces, read in larger blocks: each read takes a browser about a millisecond. */
class Pieces {
    #file;
    #block = new Uint8Array(0);
    #start = 0; // of the block

    constructor(file) {
        this.#file = file;
    }

    async at(offset) {
        if (!(offset >= this.#start && offset < this.#start + this.#block.length)) {
            this.#block = new Uint8Array(await this.#file.slice(offset, offset + BLOCK).arrayBuffer());
            this.#start = offset;
        }
        return this.#block.subarray(offset - this.#start, offset - this.#start + PIECE);
    }
}

/** What the receiver has is hashed too: it may be of another file. */
async function sendContent(messages, file, {offset, sha256}, window, progress) {
    const pieces = new Pieces(file);
    let hash = new Sha256(), at = 0, sent = 0, got = 0, done = false;
    const look = () => {
        for (let message; (message = messages.poll());) {
            refused(message);
            done ||= message.type === 'done';
            if (message.type === 'got')
                got = message.bytes;
        }
        progress?.(Math.min(at - sent + got, file.size), file.size);
    };
    while (at < Math.min(offset, file.size)) {
        const bytes = (await pieces.at(at)).subarray(0, offset - at);
        hash.update(bytes);
        at += bytes.length;
    }
    if (offset > 0 && hash.clone().hex() !== sha256)
        [hash, at] = [new Sha256(), 0];
    messages.say({type: 'data', file: 0, offset: at});
    while (at < file.size) {
        look();
        if (messages.full || sent - got + PIECE > window) {
            await messages.wait();
            continue;
        }
        const bytes = await pieces.at(at);
        hash.update(bytes);
        messages.sendData(bytes);
        at += bytes.length;
        sent += bytes.length;
    }
    messages.say({type: 'end', file: 0, sha256: hash.hex()});
    for (look(); !done; look())
        await messages.wait();
    progress?.(file.size, file.size);
}

/**
 * A transfer that a peer offers over CHANNEL. DECIDE is given {name, size, files} and says
 * (a promise of) whether to take it. A promise of the files, as Blobs with a name.
 */
export async function receiveFiles(channel, decide, progress) {
    const messages = new Messages(channel);
    try {
        return await receive(messages, decide, progress);
    } finally {
        messages.close();
    }
}

async function receive(messages, decide, progress) {
    const offer = await messages.next('offer');
    const about = {name: nameOf(offer.name), size: Number(offer.bytes), files: Number(offer.files)};
    const fits = about.size <= MAX_BYTES;
    messages.say({type: 'asking'});
    if (!fits || !await decide(about)) {
        messages.say({type: 'refuse', message: fits ? 'refused' : TOO_LARGE});
        return [];
    }
    messages.say({type: 'accept', window: WINDOW});
    return new Receiver(messages, about, progress).run();
}

const nameOf = (path) => printable(path).split('/').at(-1).slice(0, MAX_NAME) || 'file';

class Receiver {
    #messages;
    #about;
    #progress;
    #got = 0;
    #told = 0;
    #files = new Map(); // number → {name, size, pieces, length, hash}
    #now = null;
    #whole = [];
    #sum = 0;           // bytes of all files
    #left;              // of what was offered, of which more is not taken: {files, bytes}

    constructor(messages, about, progress) {
        this.#messages = messages;
        this.#about = about;
        this.#progress = progress;
        this.#left = {files: about.files, bytes: about.size};
    }

    async run() {
        for (;;) {
            const message = await this.#messages.next('', 'file', 'folder', 'data', 'end', 'failed', 'finish');
            if (message.type === 'finish')
                break;
            this.#take(message);
        }
        this.#messages.say({type: 'finished'});
        return this.#whole;
    }

    #take({type, bytes, file, path, size, sha256}) {
        if (type === '')
            this.#data(bytes);
        else if (type === 'file')
            this.#begin(file, path, size);
        else if (type === 'folder')
            this.#messages.say(this.#wasOffered(0) ? {type: 'done', file} : {type: 'failed', file, message: MORE});
        else if (type === 'data')
            this.#now = this.#files.get(file) ?? null;
        else if (type === 'end')
            this.#end(file, sha256);
        else
            this.#files.delete(file);
    }

    /** A file or folder more; false: there were not so many, or not so large ones, in the offer. */
    #wasOffered(size) {
        if (!(this.#left.files >= 1 && size <= this.#left.bytes))
            return false;
        this.#left.files--;
        this.#left.bytes -= size;
        return true;
    }

    #begin(file, path, size) {
        const fits = Number.isSafeInteger(size) && size >= 0 && this.#sum + size + COST <= MAX_BYTES &&
            this.#files.size < MAX_FILES;
        if (!fits || !this.#wasOffered(size)) {
            this.#messages.say({type: 'failed', file, message: fits ? MORE : TOO_LARGE});
            return;
        }
        this.#sum += size + COST;
        this.#files.set(file, {name: nameOf(path), size, pieces: [], length: 0, hash: new Sha256()});
        this.#messages.say({type: 'start', file, offset: 0});
    }

    #data(bytes) {
        const now = this.#now;
        this.#got += bytes.length;
        if (now && now.length + bytes.length <= now.size) {
            now.pieces.push(bytes.slice());
            now.length += bytes.length;
            now.hash.update(bytes);
        }
        if (this.#got - this.#told < WINDOW / 8)
            return;
        this.#told = this.#got;
        this.#messages.say({type: 'got', bytes: this.#got});
        this.#progress?.(this.#got, this.#about.size);
    }

    #end(file, sha256) {
        const done = this.#files.get(file);
        this.#files.delete(file);
        this.#now = null;
        this.#told = this.#got;
        this.#messages.say({type: 'got', bytes: this.#got});
        if (!done)
            return;
        if (done.length !== done.size || (sha256 && sha256 !== done.hash.hex())) {
            this.#messages.say({type: 'failed', file, message: 'it has come damaged'});
            return;
        }
        this.#whole.push(Object.assign(new Blob(done.pieces), {name: done.name}));
        this.#messages.say({type: 'done', file});
    }
}
