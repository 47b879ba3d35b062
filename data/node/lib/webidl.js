// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// What Web IDL does for interfaces in a browser: conversions of arguments, event handler
// attributes, members that can be listed, and constructors that only the module itself may call.

'use strict';

const {setMaxListeners} = require('node:events');

const INTERNAL = Symbol('rtcbus');

// Looked up when it is thrown: who runs programs of browsers may have put another one in its place.
function domException(message, name) {
  return new globalThis.DOMException(message, name);
}

function requireArguments(args, count, what) {
  if (args.length < count)
    throw new TypeError(`${what} needs ${count} argument${count === 1 ? '' : 's'}`);
}

function checkInternal(key, name) {
  if (key !== INTERNAL)
    throw new TypeError(`${name} has no constructor`);
}

function toDictionary(value, what) {
  if (value === undefined || value === null)
    return {};
  if (typeof value !== 'object' && typeof value !== 'function')
    throw new TypeError(`${what} is not an object`);
  return value;
}

function toText(value) {
  if (typeof value === 'symbol')
    throw new TypeError('a symbol is not a string');
  return String(value);
}

// USVString: no lone surrogates
function toUsv(value) {
  return toText(value).replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g,
    '\ufffd');
}

function toEnum(value, values, what) {
  const text = toText(value);
  if (!values.includes(text))
    throw new TypeError(`"${text}" is no ${what}`);
  return text;
}

// [EnforceRange]
function toRange(value, max, what) {
  const number = Math.trunc(Number(value));
  if (!Number.isFinite(number) || number < 0 || number > max)
    throw new TypeError(`${what} is from 0 to ${max}`);
  return number + 0;
}

function toUnsignedShort(value) {
  return Number(value) & 0xffff;
}

function toUnsignedLong(value) {
  return Number(value) >>> 0;
}

// A member of a dictionary: DEFAULT where it is left out, else what CONVERT makes of it.
function member(dictionary, name, convert, fallback) {
  const value = dictionary[name];
  return value === undefined ? fallback : convert(value);
}

function nullable(convert) {
  return (value) => (value === null || value === undefined ? null : convert(value));
}

function setHandler(target, key, type, value) {
  const handler = typeof value === 'function' || (typeof value === 'object' && value)
    ? value : null;
  let slot = target[key];
  if (!slot) {
    if (!handler)
      return;
    slot = {handler: null, listener: null};
    Object.defineProperty(target, key, {value: slot});
  }
  if (handler && !slot.handler) {
    slot.listener = (event) => {
      if (typeof slot.handler === 'function' && slot.handler.call(target, event) === false)
        event.preventDefault();
    };
    target.addEventListener(type, slot.listener);
  } else if (!handler && slot.handler) {
    target.removeEventListener(type, slot.listener);
  }
  slot.handler = handler;
}

// Event handler IDL attributes: the handler runs in the place of when it was first set.
function defineHandlers(constructor, types) {
  for (const type of types) {
    const name = `on${type}`;
    const key = Symbol(name);
    const attribute = {
      get [name]() { return this[key]?.handler ?? null; },
      set [name](value) { setHandler(this, key, type, value); },
    };
    Object.defineProperty(constructor.prototype, name,
      Object.getOwnPropertyDescriptor(attribute, name));
  }
}

// FUNCTION as a browser has it: only for objects of CONSTRUCTOR, and with a promise for what it
// throws if it RETURNSPROMISE.
function guard(constructor, wrapped, returnsPromise) {
  const guarded = {
    operation(...args) {
      try {
        if (!(this instanceof constructor))
          throw new TypeError(`this is no ${constructor.name}`);
        return wrapped.apply(this, args);
      } catch (error) {
        if (returnsPromise)
          return Promise.reject(error);
        throw error;
      }
    },
  }.operation; // a method, so that it cannot be called with "new"
  for (const name of ['name', 'length'])
    Object.defineProperty(guarded, name, {configurable: true, value: wrapped[name]});
  return guarded;
}

function defineMembers(constructor, target, promises) {
  for (const name of Object.getOwnPropertyNames(target)) {
    const descriptor = Object.getOwnPropertyDescriptor(target, name);
    if (['constructor', 'prototype', 'name', 'length'].includes(name) || !descriptor.configurable)
      continue;
    for (const part of ['get', 'set', 'value']) {
      if (target !== constructor && typeof descriptor[part] === 'function')
        descriptor[part] = guard(constructor, descriptor[part], promises.includes(name));
    }
    Object.defineProperty(target, name, {...descriptor, enumerable: true});
  }
}

// Attributes and operations are enumerable and know what they belong to, and the class says its
// name. PROMISES: operations that return one. Of what only the module makes, the constructor has
// no arguments that are seen.
function defineInterface(constructor, {promises = [], isMadeHere = false} = {}) {
  defineMembers(constructor, constructor.prototype, promises);
  defineMembers(constructor, constructor, promises);
  Object.defineProperty(constructor.prototype, Symbol.toStringTag,
    {configurable: true, value: constructor.name});
  if (isMadeHere)
    Object.defineProperty(constructor, 'length', {configurable: true, value: 0});
}

// Many may listen to it.
function takeListeners(target) {
  setMaxListeners(0, target);
}

module.exports = {
  INTERNAL, checkInternal, defineHandlers, defineInterface, domException, member, nullable,
  requireArguments, takeListeners, toDictionary, toEnum, toRange, toText, toUnsignedLong, toUnsignedShort, toUsv,
};
