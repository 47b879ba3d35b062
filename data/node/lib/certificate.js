// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// RTCCertificate: a key and a self-signed certificate (RFC 5280), made here and shown by the daemon
// in the calls of one connection.

'use strict';

const {X509Certificate, generateKeyPair, randomBytes, sign} = require('node:crypto');
const {promisify} = require('node:util');
const {INTERNAL, checkInternal, defineInterface, domException, toRange, toText} = require('./webidl.js');

const DAY = 24 * 3600 * 1000;
const DEFAULT_LIFE = 30 * DAY;
const MAX_LIFE = 365 * DAY;

// DER (X.690): a tag, a length, and what is in it
function der(tag, ...parts) {
  const content = Buffer.concat(parts);
  const size = [];
  for (let n = content.length; n > 0; n = Math.floor(n / 256))
    size.unshift(n % 256);
  const length = content.length < 128 ? [content.length] : [0x80 | size.length, ...size];
  return Buffer.concat([Buffer.from([tag, ...length]), content]);
}

const sequence = (...parts) => der(0x30, ...parts);
const objectId = (hex) => der(0x06, Buffer.from(hex, 'hex'));

const ECDSA_SHA256 = sequence(objectId('2a8648ce3d040302'));
const RSA_SHA256 = sequence(objectId('2a864886f70d01010b'), der(0x05));

function generalizedTime(ms) {
  return der(0x18, Buffer.from(new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')));
}

function selfSigned({publicKey, privateKey}, expires) {
  const algorithm = publicKey.asymmetricKeyType === 'rsa' ? RSA_SHA256 : ECDSA_SHA256;
  const name = sequence(der(0x31, sequence(objectId('550403'), der(0x0c, Buffer.from('WebRTC')))));
  const serial = randomBytes(16);
  serial[0] = (serial[0] & 0x3f) | 0x40; // positive, and of full length
  const toSign = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, serial),
    algorithm,
    name,
    sequence(generalizedTime(Date.now() - DAY), generalizedTime(expires)),
    name,
    publicKey.export({type: 'spki', format: 'der'}));
  const signature = sign('sha256', toSign, privateKey);
  return sequence(toSign, algorithm, der(0x03, Buffer.from([0]), signature));
}

// The options of generateKeyPair() for an AlgorithmIdentifier, or a NotSupportedError
function keyOptions(algorithm) {
  const given = typeof algorithm === 'object' && algorithm !== null ? algorithm : {name: algorithm};
  if (given.name === undefined)
    throw new TypeError('an algorithm has a name');
  const hash = typeof given.hash === 'object' && given.hash ? given.hash.name : given.hash;
  switch (toText(given.name).toUpperCase()) {
  case 'ECDSA':
    if (given.namedCurve === 'P-256')
      return ['ec', {namedCurve: 'P-256'}];
    break;
  case 'RSASSA-PKCS1-V1_5': {
    const exponent = Buffer.from(given.publicExponent ?? []);
    const bits = Number(given.modulusLength);
    if (toText(hash).toUpperCase() === 'SHA-256' && bits >= 2048 && bits <= 8192 &&
        exponent.equals(Buffer.from([1, 0, 1])))
      return ['rsa', {modulusLength: bits}];
    break;
  }
  default:
  }
  throw domException('this algorithm cannot be used', 'NotSupportedError');
}

const pems = new WeakMap(); // RTCCertificate → its text for the daemon

class RTCCertificate {
  #expires;
  #fingerprint;

  constructor(key, bytes, privateKey, expires) {
    checkInternal(key, 'RTCCertificate');
    const certificate = new X509Certificate(bytes);
    this.#expires = expires;
    this.#fingerprint = certificate.fingerprint256.toLowerCase();
    pems.set(this, certificate.toString() + privateKey.export({type: 'pkcs8', format: 'pem'}));
  }

  get expires() { return this.#expires; }

  getFingerprints() {
    return [{algorithm: 'sha-256', value: this.#fingerprint}];
  }
}

defineInterface(RTCCertificate, {isMadeHere: true});

async function generateCertificate(algorithm) {
  const [type, options] = keyOptions(algorithm);
  const wanted = typeof algorithm === 'object' ? algorithm.expires : undefined;
  const life = wanted === undefined ? DEFAULT_LIFE
    : Math.min(toRange(wanted, Number.MAX_SAFE_INTEGER, 'expires'), MAX_LIFE);
  const expires = Date.now() + life;
  const keys = await promisify(generateKeyPair)(type, options);
  return new RTCCertificate(INTERNAL, selfSigned(keys, expires), keys.privateKey, expires);
}

module.exports = {RTCCertificate, generateCertificate, pemOf: (certificate) => pems.get(certificate)};
