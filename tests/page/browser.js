// SPDX-License-Identifier: LGPL-2.1-or-later
// SPDX-FileCopyrightText: 2026 The rtcbus authors

// A browser for test-page.py: a command a line on standard input, an answer a line on
// standard output, both JSON. Chromium by its DevTools, Firefox by WebDriver BiDi.
//
//   {"do": "launch", "browser": "chromium"|"firefox", "profile": FOLDER, "language": "ja"}
//   {"do": "begin"}: what is opened from now on shares nothing with what was opened before
//   {"do": "end"}: closes all that was opened since
//   {"do": "open", "page": NAME, "url": URL, "width", "height", "dark"}
//   {"do": "eval", "page": NAME, "code": EXPRESSION}     → its value
//   {"do": "click"|"type"|"shoot"|"close"|"offline"|"log", "page": NAME, …}
'use strict';

const puppeteer = require('puppeteer-core');
const readline = require('node:readline');

const CHROMIUM = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
                  '--disable-background-networking', '--disable-component-update',
                  '--disable-sync', '--disable-background-timer-throttling',
                  '--disable-renderer-backgrounding', '--disable-backgrounding-occluded-windows'];

const PATIENCE = 120000; // ms; puppeteer's own is 30 s

let browser, kind, context;
const pages = new Map(), logs = new Map();

async function launch({browser: name, profile, language = 'en', executable}) {
    kind = name;
    const options = {browser: name === 'firefox' ? 'firefox' : 'chrome', headless: true,
                     executablePath: executable, userDataDir: profile, timeout: PATIENCE,
                     env: {...process.env, HOME: profile, LANG: 'C.UTF-8'}};
    if (name === 'firefox')
        options.extraPrefsFirefox = {
            'intl.accept_languages': language === 'ja' ? 'ja,en' : 'en-US,en',
            'network.proxy.type': 0,
            'app.update.enabled': false,
            'datareporting.policy.dataSubmissionEnabled': false,
        };
    else
        options.args = [...CHROMIUM, `--lang=${language}`, `--accept-lang=${language}`];
    browser = await puppeteer.launch(options);
    return browser.version();
}

async function begin() {
    context = await browser.createBrowserContext();
    return null;
}

async function end() {
    await context.close();
    pages.clear();
    logs.clear();
}

async function open({page: name, url, width = 1280, height = 900, dark = false, mobile = false}) {
    const page = await context.newPage();
    const log = [];
    page.setDefaultTimeout(PATIENCE);
    pages.set(name, page);
    logs.set(name, log);
    page.on('console', (message) => log.push(`${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => log.push(`pageerror: ${error.message ?? error}`));
    await page.setViewport({width, height, deviceScaleFactor: mobile ? 2 : 1});
    if (dark && kind !== 'firefox')
        await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: 'dark'}]);
    const response = await page.goto(url, {waitUntil: 'load'});
    return response.status();
}

/** Where the page's time goes in SECONDS: [function, its own ms], the longest first. */
async function profile({page, seconds}) {
    const client = await pages.get(page).createCDPSession();
    await client.send('Profiler.enable');
    await client.send('Profiler.start');
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const {profile: {nodes, samples, timeDeltas}} = await client.send('Profiler.stop');
    const times = new Map(), names = new Map(nodes.map(({id, callFrame: {functionName, url, lineNumber}}) =>
        [id, `${functionName || '-'} ${url.split('/').at(-1)}:${lineNumber + 1}`]));
    samples.forEach((id, i) => times.set(names.get(id), (times.get(names.get(id)) ?? 0) + timeDeltas[i] / 1000));
    await client.detach();
    return [...times].sort((a, b) => b[1] - a[1]);
}

const TRIES = 20;

/**
 * As a visitor, who looks where it has gone: what is clicked may move away from the pointer, be
 * made anew or not be there yet. A click that it has not heard is made again.
 */
async function click({page: name, selector}) {
    const page = pages.get(name);
    for (let i = 0, problem, listens = false; ; i++) {
        try {
            const element = await page.waitForSelector(selector);
            await element.evaluate((one) => {
                window.clicked = false;
                one.addEventListener('click', () => { window.clicked = true; }, {capture: true, once: true});
            });
            listens = true;
            await element.click();
            problem = 'nothing was clicked: it is disabled, or covered';
        } catch (error) {
            problem = String(error);
        }
        if (listens && (await page.evaluate('window.clicked').catch(() => undefined) ?? true))
            return null; // heard, or led to another page
        if (i === TRIES)
            throw new Error(`${selector}: ${problem}`);
        await new Promise((resolve) => setTimeout(resolve, 100 * i));
    }
}

const commands = {
    launch,
    begin,
    end,
    open,
    eval: ({page, code}) => pages.get(page).evaluate(code),
    click,
    async type({page, selector, text, clear}) {
        if (clear)
            await pages.get(page).$eval(selector, (element) => { element.value = ''; });
        await pages.get(page).type(selector, text);
    },
    press: async ({page, selector, key, times = 1}) => {
        await pages.get(page).focus(selector);
        for (let i = 0; i < times; i++)
            await pages.get(page).keyboard.press(key);
    },
    shoot: ({page, path, full = true}) => pages.get(page).screenshot({path, fullPage: full}).then(() => path),
    front: ({page}) => pages.get(page).bringToFront(),
    size: ({page, width, height, mobile}) =>
        pages.get(page).setViewport({width, height, deviceScaleFactor: mobile ? 2 : 1}),
    dark: ({page, dark}) => pages.get(page).emulateMediaFeatures(
        [{name: 'prefers-color-scheme', value: dark ? 'dark' : 'light'}]),
    offline: ({page, offline}) => pages.get(page).setOfflineMode(offline),
    reload: ({page}) => pages.get(page).reload({waitUntil: 'load'}).then(() => null),
    go: ({page, url}) => pages.get(page).goto(url, {waitUntil: 'load'}).then(() => null),
    log: ({page}) => logs.get(page),
    metrics: ({page}) => pages.get(page).metrics(),
    profile,
    async close({page}) {
        await pages.get(page).close({runBeforeUnload: false});
        pages.delete(page);
    },
    quit: () => browser?.close(),
};

async function main() {
    for await (const line of readline.createInterface({input: process.stdin})) {
        const command = JSON.parse(line);
        let answer;
        try {
            answer = {value: await commands[command.do](command) ?? null};
        } catch (error) {
            answer = {error: String(error?.stack ?? error)};
        }
        process.stdout.write(JSON.stringify(answer) + '\n');
    }
    await browser?.close();
}

main();
