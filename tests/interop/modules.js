// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Loads npm packages from the folder that tests/interop/install has filled.

'use strict';

const path = require('path');
const { createRequire } = require('module');

const folder = process.env.RTCBUS_NODE ||
  path.join(__dirname, '..', '..', '_lab', 'node', 'interop');
const load = createRequire(path.join(folder, 'package.json'));
const version = (name) => load(path.join(folder, 'node_modules', name, 'package.json')).version;

module.exports = { folder, load, version };
