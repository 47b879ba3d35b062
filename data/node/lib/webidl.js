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

// Event handler IDL attributes: the handler runs in the place of when it was first set.
function defineHandlers(constructor, names) {
  for (const name of names) {
    const key = Symbol(`on${name}`);
    Object.defineProperty(constructor.prototype, `on${name}`, {
      configurable: true,
      enumerable: true,
      get() {
        return this[key]?.handler ?? null;
      },
      set(value) {
        const handler = typeof value === 'function' || (typeof value === 'object' && value)
          ? value : null;
        let slot = this[key];
        if (!slot) {
          if (!handler)
            return;
          slot = {handler: null, listener: null};
          Object.defineProperty(this, key, {value: slot});
        }
        if (handler && !slot.handler) {
          slot.listener = (event) => {
            if (typeof slot.handler === 'function' && slot.handler.call(this, event) === false)
              event.preventDefault();
          };
          this.addEventListener(name, slot.listener);
        } else if (!handler && slot.handler) {
          this.removeEventListener(name, slot.listener);
        }
        slot.handler = handler;
      },
    });
  }
}

// Attributes and operations are enumerable, and the class says its name.
function defineInterface(constructor) {
  for (const target of [constructor.prototype, constructor]) {
    for (const name of Object.getOwnPropertyNames(target)) {
      if (['constructor', 'prototype', 'name', 'length'].includes(name))
        continue;
      const descriptor = Object.getOwnPropertyDescriptor(target, name);
      if (descriptor.configurable)
        Object.defineProperty(target, name, {...descriptor, enumerable: true});
    }
  }
  Object.defineProperty(constructor.prototype, Symbol.toStringTag,
    {configurable: true, value: constructor.name});
}

class Target extends EventTarget {
  constructor() {
    super();
    setMaxListeners(0, this);
  }
}

module.exports = {
  INTERNAL, Target, checkInternal, defineHandlers, defineInterface, domException, member, nullable,
  requireArguments, toDictionary, toEnum, toRange, toText, toUnsignedLong, toUnsignedShort, toUsv,
};
