// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// Unpacks the old browsers of the interop matrix where npm has put them, if that is not done yet and
// this is a machine that they are for.
//
//   node unpack.js FOLDER

'use strict';

const fs = require('fs');
const path = require('path');
const { brotliDecompressSync } = require('zlib');

const modules = path.join(process.argv[2], 'node_modules');
const names = process.arch === 'x64' ? ['chromium-75', 'chromium-90'] : [];
for (const name of names) {
  const program = path.join(modules, name, 'chromium');
  if (fs.existsSync(program)) continue;
  const bin = path.join(modules, name, 'bin');
  const packed = fs.readdirSync(bin).find((file) => /^chromium.*\.br$/.test(file));
  const half = `${program}.half`;
  fs.writeFileSync(half, brotliDecompressSync(fs.readFileSync(path.join(bin, packed))),
    { mode: 0o755 });
  fs.renameSync(half, program);
  fs.rmSync(bin, { recursive: true });
}
