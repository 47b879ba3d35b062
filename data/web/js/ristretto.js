// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The group ristretto255 (RFC 9496), for a pairing that takes two multiplications. Not in constant
// time, as nothing in a script is: the scalars live for one pairing of some seconds.

const P = 2n ** 255n - 19n, ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const mod = (n) => ((n % P) + P) % P;

function power(base, exponent) {
    let result = 1n;
    for (let b = mod(base); exponent > 0n; exponent >>= 1n, b = b * b % P)
        if (exponent & 1n)
            result = result * b % P;
    return result;
}

const isNegative = (n) => (mod(n) & 1n) === 1n;
const absolute = (n) => isNegative(n) ? mod(-n) : mod(n);
const D = mod(-121665n * power(121666n, P - 2n));
const I = power(2n, (P - 1n) / 4n);

/** [whether U/V is a square, its root or that of i·U/V] (section 4.2) */
function rootOfRatio(u, v) {
    const v3 = mod(v * v * v);
    let r = mod(u * v3 * power(u * v3 * v3 * v, (P - 5n) / 8n));
    const check = mod(v * r * r), correct = check === mod(u), flipped = check === mod(-u);
    if (flipped || check === mod(-u * I))
        r = mod(r * I);
    return [correct || flipped, absolute(r)];
}

const ROOT_AD_MINUS_ONE = mod(-rootOfRatio(mod(-D - 1n), 1n)[1]); // the negative one (section 4.1)
const INVERSE_ROOT_A_MINUS_D = rootOfRatio(1n, mod(-1n - D))[1];

function add([x1, y1, z1, t1], [x2, y2, z2, t2]) {
    const a = mod((y1 - x1) * (y2 - x2)), b = mod((y1 + x1) * (y2 + x2));
    const c = mod(2n * D * t1 * t2), d = mod(2n * z1 * z2);
    const e = b - a, f = d - c, g = d + c, h = b + a;
    return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function toNumber(bytes) {
    return bytes.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
}

function toBytes(n) {
    return Uint8Array.from({length: 32}, (_, i) => Number(n >> BigInt(8 * i) & 255n));
}

/** BYTES as a point, null if they are none. */
function decode(bytes) {
    const s = toNumber(bytes), u1 = mod(1n - s * s), u2 = mod(1n + s * s);
    if (s >= P || isNegative(s))
        return null;
    const v = mod(-D * u1 * u1 - u2 * u2), [square, inverse] = rootOfRatio(1n, mod(v * u2 * u2));
    const x = absolute(2n * s * inverse * u2), y = mod(u1 * inverse * inverse * u2 * v), t = mod(x * y);
    return square && !isNegative(t) && y !== 0n ? [x, y, 1n, t] : null;
}

function encode([x0, y0, z0, t0]) {
    const u1 = mod((z0 + y0) * (z0 - y0)), u2 = mod(x0 * y0);
    const [, inverse] = rootOfRatio(1n, mod(u1 * u2 * u2));
    const den1 = mod(inverse * u1), den2 = mod(inverse * u2), zInverse = mod(den1 * den2 * t0);
    const rotate = isNegative(t0 * zInverse);
    const x = rotate ? mod(y0 * I) : x0, y = rotate ? mod(x0 * I) : y0;
    const den = rotate ? mod(den1 * INVERSE_ROOT_A_MINUS_D) : den2;
    return toBytes(absolute(den * (z0 - (isNegative(x * zInverse) ? -y : y))));
}

/** Section 4.3.4. */
function map(bytes) {
    const t = toNumber(bytes) & (1n << 255n) - 1n, r = mod(I * t * t);
    const u = mod((r + 1n) * (1n - D * D)), v = mod((-1n - r * D) * (r + D));
    const [square, root] = rootOfRatio(u, v);
    const s = square ? root : mod(-absolute(root * t)), c = square ? -1n : r;
    const n = mod(c * (r - 1n) * (D - 1n) * (D - 1n) - v);
    const w0 = mod(2n * s * v), w1 = mod(n * ROOT_AD_MINUS_ONE), w2 = mod(1n - s * s), w3 = mod(1n + s * s);
    return [mod(w0 * w3), mod(w2 * w1), mod(w1 * w3), mod(w0 * w2)];
}

/** 64 uniform bytes → a point of 32. */
export function pointFromHash(hash) {
    return encode(add(map(hash.subarray(0, 32)), map(hash.subarray(32))));
}

/** 64 random bytes → a scalar. */
export const scalarFrom = (bytes) => toNumber(bytes) % (ORDER - 1n) + 1n;

/** SCALAR times POINT; null if it is no point, or the neutral one comes out. */
export function multiply(scalar, point) {
    let result = [0n, 1n, 1n, 0n], b = decode(point);
    if (!b)
        return null;
    for (; scalar > 0n; scalar >>= 1n, b = add(b, b))
        if (scalar & 1n)
            result = add(result, b);
    const bytes = encode(result);
    return bytes.some((byte) => byte !== 0) ? bytes : null;
}
