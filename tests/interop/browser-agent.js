// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// The agent in a headless browser: serves the page, opens it and passes JSON lines on
// to and from it, see agent.js. One command is its own: reload {}.
//
//   node browser-agent.js chromium|firefox|chromium-90|chromium-75 PROFILE-FOLDER

'use strict';

const { spawn } = require('child_process');
const fs = require('fs');
const http = require('http');
const path = require('path');
const readline = require('readline');
const { folder, load } = require('./modules.js');

const puppeteer = load('puppeteer-core');
const { server: WebSocketServer } = load('websocket');

const browsers = {
  chromium: {
    browser: 'chrome',
    executablePath: '/usr/bin/chromium',
    args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  },
  firefox: {
    browser: 'firefox',
    protocol: 'webDriverBiDi',
    executablePath: '/usr/bin/firefox-esr',
    extraPrefsFirefox: {
      // Nothing here may call home.
      'app.normandy.enabled': false,
      'browser.safebrowsing.provider.mozilla.updateURL': '',
      'datareporting.policy.dataSubmissionEnabled': false,
      'extensions.getAddons.cache.enabled': false,
      'network.captive-portal-service.enabled': false,
      'network.connectivity-service.enabled': false,
      'services.settings.server': 'http://127.0.0.1:9/',
      'toolkit.telemetry.enabled': false,
    },
  },
};

// Chromium of other years, from packages that have it for machines without a screen: unpack.js. Too
// old for puppeteer; the page is all that has to be opened.
const oldBrowsers = ['chromium-75', 'chromium-90'];

const files = { '/': 'page.html', '/agent.js': 'agent.js', '/page.js': 'page.js' };
const types = { '.html': 'text/html', '.js': 'text/javascript' };

const PATIENCE = 120000; // ms; puppeteer's own is 30 s

const emit = (event) => process.stdout.write(`${JSON.stringify(event)}\n`);

// Serves the page, and takes its WebSocket: `pages` resolves one waiting promise each.
async function servePage() {
  const server = http.createServer((request, response) => {
    served.userAgent = request.headers['user-agent'];
    const name = files[request.url];
    if (!name) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'Content-Type': types[path.extname(name)] });
    response.end(fs.readFileSync(path.join(__dirname, name)));
  });
  const waiting = [];
  const served = {};
  new WebSocketServer({ httpServer: server, maxReceivedFrameSize: 1 << 24 })
    .on('request', (request) => {
      const connection = request.accept(null, request.origin);
      connection.on('message', ({ utf8Data }) => process.stdout.write(`${utf8Data}\n`));
      waiting.shift()(connection);
    });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return Object.assign(served, {
    url: `http://127.0.0.1:${server.address().port}/`,
    opened: () => new Promise((resolve) => { waiting.push(resolve); }),
  });
}

// Of both: {close(), version()}, with the page opened.
async function launchOld(name, profile, served) {
  const child = spawn(path.join(folder, 'node_modules', name, 'chromium'), [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--remote-debugging-port=0', `--user-data-dir=${profile}`,
    served.url,
  ], { stdio: ['ignore', 'inherit', 'inherit'] });
  const ended = new Promise((resolve) => { child.on('close', resolve); });
  return {
    close: () => {
      child.kill();
      return ended;
    },
    version: () => served.userAgent.match(/[^ ]*Chrome\/[^ ]*/)[0],
  };
}

async function launch(name, profile, served) {
  const browser = await puppeteer.launch({
    ...browsers[name],
    headless: true,
    userDataDir: profile,
    handleSIGTERM: false,
    timeout: PATIENCE,
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  page.on('console', (message) => console.error(message.text()));
  page.on('pageerror', (error) => emit({ event: 'problem', message: String(error) }));
  await page.goto(served.url);
  return browser;
}

async function main(name, profile) {
  const served = await servePage();
  let browser;
  const stop = () => browser.close().finally(() => process.exit(0));
  process.on('SIGTERM', stop);
  const opened = served.opened();
  browser = await (oldBrowsers.includes(name) ? launchOld : launch)(name, profile, served);
  let control = await opened;

  const run = async (line) => {
    const command = JSON.parse(line);
    if (command.do === 'reload') {
      const again = served.opened();
      control.sendUTF(line);
      control = await again;
      emit({ event: 'done', id: command.id });
    } else {
      control.sendUTF(line);
    }
  };
  readline.createInterface({ input: process.stdin })
    .on('line', (line) => run(line).catch((error) => {
      emit({ event: 'problem', message: String(error) });
    }))
    .on('close', stop);
  emit({ event: 'ready', version: await browser.version() });
}

main(...process.argv.slice(2)).catch((error) => {
  emit({ event: 'problem', message: String(error.stack) });
  process.exit(1);
});
