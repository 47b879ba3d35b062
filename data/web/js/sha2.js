// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// SHA-256 piece by piece, for files, and SHA-512, for pairings (FIPS 180-4). The browser's own is
// only for pages that came by TLS, and takes no pieces.

/** The first 64 bits behind the point of the ROOT-th root of N. */
function fraction(n, root) {
    const power = BigInt(n) << BigInt(64 * root);
    let low = 0n, high = 1n << 72n;
    while (high - low > 1n) {
        const middle = (low + high) >> 1n;
        if (middle ** BigInt(root) <= power)
            low = middle;
        else
            high = middle;
    }
    return BigInt.asUintN(64, low);
}

const primes = [];
for (let n = 2; primes.length < 80; n++)
    if (primes.every((prime) => n % prime !== 0))
        primes.push(n);
const K = primes.map((prime) => fraction(prime, 3)), H = primes.slice(0, 8).map((prime) => fraction(prime, 2));

const K32 = Int32Array.from(K.slice(0, 64), (word) => Number(word >> 32n) | 0);
const BLOCK = 64;

export class Sha256 {
    #state = Int32Array.from(H, (word) => Number(word >> 32n) | 0);
    #rest = new Uint8Array(BLOCK);
    #filled = 0;
    #length = 0;
    #words = new Int32Array(64);

    /** The same so far. */
    clone() {
        const other = new Sha256();
        other.#state.set(this.#state);
        other.#rest.set(this.#rest);
        [other.#filled, other.#length] = [this.#filled, this.#length];
        return other;
    }

    /** BYTES: a Uint8Array. */
    update(bytes) {
        this.#length += bytes.length;
        let at = 0;
        while (at < bytes.length) {
            if (this.#filled === 0 && bytes.length - at >= BLOCK) {
                this.#block(bytes, at);
                at += BLOCK;
                continue;
            }
            const n = Math.min(BLOCK - this.#filled, bytes.length - at);
            this.#rest.set(bytes.subarray(at, at + n), this.#filled);
            this.#filled += n;
            at += n;
            if (this.#filled === BLOCK) {
                this.#filled = 0;
                this.#block(this.#rest, 0);
            }
        }
        return this;
    }

    /** 64 hexadecimal digits; nothing more can be added. */
    hex() {
        const bits = this.#length * 8, end = new Uint8Array((this.#filled < 56 ? 56 : 120) - this.#filled + 8);
        const view = new DataView(end.buffer);
        end[0] = 0x80;
        view.setUint32(end.length - 8, Math.floor(bits / 2 ** 32));
        view.setUint32(end.length - 4, bits);
        this.update(end);
        return Array.from(this.#state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    }

    #block(bytes, at) {
        const w = this.#words, state = this.#state;
        for (let i = 0; i < 16; i++, at += 4)
            w[i] = bytes[at] << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
        for (let i = 16; i < 64; i++) {
            const x = w[i - 15], y = w[i - 2];
            const s0 = (x >>> 7 | x << 25) ^ (x >>> 18 | x << 14) ^ x >>> 3;
            const s1 = (y >>> 17 | y << 15) ^ (y >>> 19 | y << 13) ^ y >>> 10;
            w[i] = w[i - 16] + s0 + w[i - 7] + s1 | 0;
        }
        let [a, b, c, d, e, f, g, h] = state;
        for (let i = 0; i < 64; i++) {
            const s1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
            const t1 = h + s1 + (e & f ^ ~e & g) + K32[i] + w[i] | 0;
            const s0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
            const t2 = s0 + (a & b ^ a & c ^ b & c) | 0;
            h = g, g = f, f = e, e = d + t1 | 0, d = c, c = b, b = a, a = t1 + t2 | 0;
        }
        [a, b, c, d, e, f, g, h].forEach((word, i) => { state[i] = state[i] + word | 0; });
    }
}

const u64 = (n) => BigInt.asUintN(64, n);
const rotate = (n, by) => u64(n >> BigInt(by) | n << BigInt(64 - by));

/** 64 bytes. Of short texts: it is slow. */
export function sha512(bytes) {
    const padded = new Uint8Array(Math.ceil((bytes.length + 17) / 128) * 128), view = new DataView(padded.buffer);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    view.setBigUint64(padded.length - 8, BigInt(bytes.length * 8));
    let state = H;
    for (let at = 0; at < padded.length; at += 128)
        state = block512(state, Array.from({length: 16}, (_, i) => view.getBigUint64(at + 8 * i)));
    const out = new DataView(new ArrayBuffer(64));
    state.forEach((word, i) => out.setBigUint64(8 * i, word));
    return new Uint8Array(out.buffer);
}

function block512(state, w) {
    for (let i = 16; i < 80; i++) {
        const x = w[i - 15], y = w[i - 2];
        w[i] = u64(w[i - 16] + w[i - 7] + (rotate(x, 1) ^ rotate(x, 8) ^ x >> 7n) +
                   (rotate(y, 19) ^ rotate(y, 61) ^ y >> 6n));
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 80; i++) {
        const t1 = h + (rotate(e, 14) ^ rotate(e, 18) ^ rotate(e, 41)) + (e & f ^ u64(~e) & g) + K[i] + w[i];
        const t2 = (rotate(a, 28) ^ rotate(a, 34) ^ rotate(a, 39)) + (a & b ^ a & c ^ b & c);
        h = g, g = f, f = e, e = u64(d + t1), d = c, c = b, b = a, a = u64(t1 + t2);
    }
    return [a, b, c, d, e, f, g, h].map((word, i) => u64(word + state[i]));
}

/** HMAC-SHA-512 (RFC 2104). */
export function hmacSha512(key, bytes) {
    const block = new Uint8Array(128);
    block.set(key.length > 128 ? sha512(key) : key);
    const inner = sha512(Uint8Array.of(...block.map((byte) => byte ^ 0x36), ...bytes));
    return sha512(Uint8Array.of(...block.map((byte) => byte ^ 0x5c), ...inner));
}
