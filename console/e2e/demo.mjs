// The real binary with its simulated vehicles, and a browser to look at it.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { shrink } from './png.mjs';

export const BINARY = process.env.FLEETWIRE ?? '../target/debug/fleetwire';
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PICTURES = '../docs/console';
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Why the tests cannot run here; `false` if they can. */
export function missing() {
  if (!browserPath()) return 'no Chromium: apt-get install chromium, or set CHROMIUM to its path';
  if (!existsSync(BINARY)) return `no ${BINARY}: cargo build -p fleetwire`;
  return false;
}

function browserPath() {
  return [process.env.CHROMIUM, ...BROWSERS].find((path) => path && existsSync(path));
}

/** Starts a demo; its line for scripts, and how to end it. */
export async function startDemo() {
  const child = spawn(BINARY, ['demo', '--json', '--port', '0'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  child.stderr.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  const ready = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    new Promise((_, reject) =>
      child.once('exit', (code) => reject(new Error(`the demo ended: ${code} ${said}`))),
    ),
  ]);
  const demo = JSON.parse(ready);
  const end = () =>
    new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGTERM');
    });
  return { ...demo, port: Number(new URL(demo.url).port), end };
}

/** A browser without a sandbox of its own, as containers need it. */
export function launch() {
  const args = ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'];
  return chromium.launch({ executablePath: browserPath(), args });
}

/** Calls the interface as somebody; what it answered. */
export async function call(url, token, method, path, body) {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

export async function token(demo) {
  const { username, password } = demo;
  return (await call(demo.url, null, 'POST', '/api/v1/auth/login', { username, password })).access_token;
}

/** How a simulated vehicle behaves. */
export async function setVehicle(demo, vin, behaviour) {
  const init = {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(behaviour),
  };
  const response = await fetch(`${demo.simulator_url}/control/vehicles/${vin}`, init);
  if (!response.ok) throw new Error(`the simulator answered ${response.status}`);
}

/** What a page must not do: fail in its console, or ask another host. */
export function witness(page, url) {
  const seen = { errors: [], foreign: [] };
  page.on('console', (message) => {
    if (message.type() === 'error') seen.errors.push(`${message.text()} ${message.location()?.url ?? ''}`);
  });
  page.on('pageerror', (error) => seen.errors.push(String(error.stack ?? error)));
  page.on('request', (request) => {
    const other = request.url();
    if (!/^(data|blob|about):/.test(other) && !other.startsWith(url)) seen.foreign.push(other);
  });
  return seen;
}

export async function signIn(page, who) {
  await enter(page, who);
  await page.locator('main#main').waitFor();
}

/** Signs in where another password is asked for, because somebody else has set this one. */
export async function comeFirst(page, who) {
  await enter(page, who);
  await page.getByRole('textbox', { name: 'New password' }).waitFor();
}

async function enter(page, { url, username, password }) {
  await page.goto(`${url}/`);
  await page.getByLabel('Username').fill(username);
  await page.getByRole('textbox', { name: 'Password' }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** What axe finds wrong by the rules of WCAG 2.2 A and AA. */
export async function violations(page) {
  await page.evaluate(AXE);
  const found = await page.evaluate(() =>
    globalThis.axe.run(document, {
      // A dialog has a head of its own, and lies over everything: it is no second banner of the page.
      rules: { 'landmark-no-duplicate-banner': { enabled: false }, 'landmark-unique': { enabled: false } },
      runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    }),
  );
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) =>
        `${id} ${target.join(' ')}: ${failureSummary.split('\n').slice(1).join(' ').trim()}`,
    ),
  );
}

/** Pictures are taken only when they are asked for: PICTURES=1. */
export async function picture(page, name) {
  if (!process.env.PICTURES) return;
  mkdirSync(PICTURES, { recursive: true });
  const png = await page.screenshot({ animations: 'disabled' });
  writeFileSync(`${PICTURES}/${name}.png`, shrink(png));
}

export const DESKTOP = { width: 1440, height: 900 };
export const PHONE = { width: 390, height: 844 };
