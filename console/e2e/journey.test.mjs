// What an engineer does in a day, in a browser, against the real binary.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import {
  BINARY,
  call,
  DESKTOP,
  launch,
  missing,
  picture,
  setVehicle,
  signIn,
  startDemo,
  token,
  witness,
} from './demo.mjs';
import { network } from './proxy.mjs';

describe('an engineer', { skip: missing(), timeout: 240_000 }, () => {
  let demo;
  let wire;
  let browser;
  let page;
  let seen;

  before(async () => {
    demo = await startDemo();
    wire = await network(demo.port);
    browser = await launch();
    const context = await browser.newContext({ viewport: DESKTOP });
    page = await context.newPage();
    seen = witness(page, wire.url);
  });
  after(async () => {
    await browser?.close();
    await wire?.close();
    await demo?.end();
  });

  const first = () => demo.vehicles[0];
  /** Submits as somebody else would; the page only watches. */
  const submit = async (command_name, command_params, run_timeout_ms) => {
    const body = { vehicle_id: first().vehicle_id, command_name, command_params, run_timeout_ms };
    return (await call(demo.url, await token(demo), 'POST', '/api/v1/commands', body)).command_id;
  };
  const open = async (run) => {
    await page.goto(`${wire.url}/runs/${run}`);
    await page.getByText(/\d+ parts? · /).waitFor();
  };

  it('is told when the password is wrong', async () => {
    await page.goto(wire.url);
    await page.getByLabel('Username').fill(demo.username);
    await page.getByRole('textbox', { name: 'Password' }).fill('something else');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('Wrong username or password').waitFor();
    seen.errors.length = 0;
  });

  it('reads the engine faults of a vehicle in a minute, never having seen the page', async () => {
    const began = Date.now();
    await signIn(page, { ...demo, url: wire.url });
    await page.getByRole('link', { name: 'Pick a vehicle' }).click();
    await page.getByRole('link', { name: first().vin }).click();
    await page.getByRole('button', { name: /Read what it is and its faults/ }).click();
    await page.getByRole('treeitem', { name: /Engine control unit, 2 faults/ }).click();
    await page.getByRole('row', { name: /P0420/ }).getByText('Catalyst system efficiency').waitFor();
    assert.ok(Date.now() - began < 30_000, `it took ${Date.now() - began} ms`);
  });

  it('stays signed in when the page is loaded again', async () => {
    await page.reload();
    await page.getByRole('row', { name: /P0420/ }).waitFor();
    const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
    assert.ok(!/eyJ|refresh/.test(kept), 'no token is kept where scripts can read it');
  });

  it('clears faults only after typing what it is for', async () => {
    await page.getByRole('button', { name: 'Clear …' }).click();
    const run = page.getByRole('button', { name: 'Run', exact: true });
    assert.ok(await run.isDisabled());
    await page.getByLabel('Reason').fill('repaired the catalyst');
    await page.getByLabel(/to confirm/).fill(first().vin.slice(-4));
    await run.click();
    await page.getByRole('heading', { name: 'faults.clear' }).waitFor();
    await page.getByRole('complementary', { name: 'Run' }).getByText('completed').first().waitFor();
  });

  it('watches 500 parts come in, through 10 s without a server, without gaps or duplicates', async () => {
    await setVehicle(demo, first().vin, { delay_ms: 0, parts: 500, part_bytes: 200, part_interval_ms: 40 });
    await open(await submit('ReadDTC', { ecuAddress: '0x10' }));
    await page.getByText(/^[1-9]\d+ parts · /).waitFor();
    const before_ = await counted();
    wire.cut();
    seen.errors.length = 0;
    await page.getByText('No connection to the server.').waitFor({ timeout: 15_000 });
    await page.getByText(/reconnecting, goes on after #/).waitFor();
    const kept = await counted();
    assert.ok(kept.parts >= before_.parts, 'what was shown stays');
    await picture(page, 'reconnecting');
    await page.waitForTimeout(10_000);
    wire.mend();
    await page.getByText('500 parts · 0 gaps · 0 duplicates').waitFor({ timeout: 60_000 });
    await page.getByText('finished').waitFor();
    // While the network was away, requests failed: that is what the browser wrote down.
    seen.errors = seen.errors.filter((error) => !/ERR_|WebSocket/.test(error));
  });

  const counted = async () => {
    const text = await page.getByText(/\d+ parts? · /).textContent();
    const [parts, gaps, duplicates] = text.match(/\d+/g).map(Number);
    return { parts, gaps, duplicates };
  };

  it('follows the newest part until scrolling up, and comes back to it', async () => {
    await setVehicle(demo, first().vin, { delay_ms: 0, parts: 300, part_bytes: 100, part_interval_ms: 30 });
    await open(await submit('ReadDTC', { ecuAddress: '0x10' }));
    await page.getByRole('tab', { name: 'parts' }).click();
    const parts = page.getByRole('region', { name: 'Parts' });
    await page.getByText(/^[2-9]\d parts · /).waitFor();
    await parts.hover();
    await page.mouse.wheel(0, -2_000);
    await page.getByText(/Paused · \d+ new/).waitFor();
    await page.getByRole('button', { name: /Jump to the latest/ }).click();
    await parts.getByText('#300', { exact: true }).waitFor({ timeout: 30_000 });
  });

  it('shows 10,000 parts without drawing 10,000', async () => {
    await setVehicle(demo, first().vin, { delay_ms: 0, parts: 10_000, part_bytes: 40, part_interval_ms: 0 });
    await open(await submit('ReadDTC', { ecuAddress: '0x10' }, 180_000));
    await page.getByText('10000 parts · 0 gaps · 0 duplicates').waitFor({ timeout: 120_000 });
    await page.getByRole('tab', { name: 'parts' }).click();
    await page.getByText('#10000', { exact: true }).waitFor();
    assert.ok((await page.locator('.part').count()) < 60);
    await setVehicle(demo, first().vin, { delay_ms: 0, fault: null, parts: null });
  });

  it('watches values live, and cancels it', async () => {
    const ids = ['engine_speed', 'coolant_temperature'];
    const place = { entity: 'components/engine_ecu' };
    await submit('data.list', place);
    await submit('data.read', { ...place, ids, include_schema: true });
    const run = await submit('data.watch', { ...place, ids, duration: 60, interval: 'normal' });
    await page.goto(`${wire.url}/vehicles/${first().vehicle_id}?entity=${place.entity}&tab=data&run=${run}`);
    await page.getByRole('row', { name: /Coolant temperature/ }).waitFor();
    await page.getByRole('img', { name: /engine_speed: \d\d+ values/ }).waitFor({ timeout: 30_000 });
    await page.getByRole('img', { name: /engine_speed: .* rpm, last \d+ rpm/ }).waitFor();
    await page
      .getByRole('row', { name: /Coolant temperature/ })
      .getByText('°C')
      .waitFor();
    await picture(page, 'live');
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('cancelled').first().waitFor({ timeout: 20_000 });
  });

  it('is told at once what somebody else runs', async () => {
    await page.goto(`${wire.url}/runs`);
    await page
      .getByText(/live, last event|^live$/)
      .first()
      .waitFor();
    await page
      .getByRole('row', { name: /data.list/ })
      .first()
      .waitFor();
    const rows = page.getByRole('row', { name: /vehicle.health/ });
    assert.equal(await rows.count(), 0);
    await submit('vehicle.health', {});
    await rows.first().waitFor({ timeout: 4_000 });
    await rows.getByText('completed').waitFor({ timeout: 15_000 });
  });

  it('copies a run as a command line that means the same', async () => {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'], { origin: wire.url });
    const id = await submit('faults.list', { entity: 'components/engine_ecu' });
    await open(id);
    await page.getByText('completed').first().waitFor();
    await page.keyboard.press('c');
    await page.getByText('CLI copied').waitFor();
    const line = await page.evaluate(() => navigator.clipboard.readText());
    const args = line.split(' ').slice(1);
    assert.deepEqual(args.slice(0, 2), ['run', first().vehicle_id]);
    const env = { ...process.env, FLEETWIRE_TOKEN: await token(demo) };
    const { stdout } = await promisify(execFile)(BINARY, args, { env });
    const answer = JSON.parse(stdout.trim().split('\n')[0]);
    assert.ok(Array.isArray(answer.response_payload.items));
  });

  it('exports a run, and a spreadsheet can read it', async () => {
    await open(await submit('faults.scan', {}));
    await page.getByText('completed').first().waitFor();
    await page.getByRole('button', { name: 'Share' }).click();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('menuitem', { name: 'Export CSV' }).click(),
    ]);
    const lines = readFileSync(await file.path(), 'utf8')
      .trim()
      .split('\r\n');
    assert.equal(lines.length, 13, 'a head, and a line for each of 12 entities');
    assert.match(lines[0], /^sequence_number,received_at,/);
  });

  it('compares two runs', async () => {
    await page.getByRole('link', { name: 'Runs', exact: true }).click();
    const scans = page.getByRole('checkbox', { name: /Compare faults.scan/ });
    await scans.nth(0).check();
    await scans.nth(1).check();
    await page.getByRole('link', { name: 'Compare the two' }).click();
    await page.getByRole('region', { name: 'Differences' }).getByText('removed').first().waitFor();
  });

  it('goes anywhere with a few keys', async () => {
    await page.keyboard.press('Control+k');
    await page.getByPlaceholder(/VIN, make/).fill('Transit');
    await page.getByText(/Borealis Transit/).waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: demo.vehicles[2].vin }).waitFor();
    await page.keyboard.press('g');
    await page.keyboard.press('r');
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
  });

  it('gives a colleague an account and a fleet', async () => {
    await page.goto(`${wire.url}/admin/users`);
    await page.getByRole('button', { name: 'Add a user' }).click();
    await page.getByLabel('Name').fill('mia');
    await page.getByRole('textbox', { name: 'Password' }).fill('correct horse battery staple');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Access of mia' }).click();
    await page.getByText('In no fleet').waitFor();
    await page.getByRole('tab', { name: 'fleets' }).click();
    await page.getByRole('checkbox', { name: 'demo' }).click();
    await page.getByRole('checkbox', { name: 'demo', checked: true }).and(page.locator(':enabled')).waitFor();
    await page.getByRole('tab', { name: 'may do' }).click();
    await page.getByLabel('Command').selectOption('faults.scan');
    await page.getByRole('status').getByText('may run what is of class R0').waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
    await page.getByLabel('Role of mia').selectOption('viewer');
    const users = await call(demo.url, await token(demo), 'GET', '/api/v1/users');
    const mia = users.find(({ username }) => username === 'mia');
    const grants = await call(demo.url, await token(demo), 'GET', `/api/v1/users/${mia.user_id}/grants`);
    assert.equal(grants.length, 1);
  });

  it('ends the other places where one is signed in', async () => {
    const other = await token(demo);
    await page.getByRole('button', { name: demo.username, exact: true }).click();
    await page.getByRole('menuitem', { name: 'Sessions' }).click();
    await page.getByText('this one').waitFor();
    await page.getByRole('button', { name: 'End all others' }).click();
    await page.getByText('one login').waitFor();
    // Every server learns of it within a second.
    const isOver = () =>
      call(demo.url, other, 'GET', '/api/v1/auth/me').then(
        () => false,
        (error) => /401/.test(String(error)),
      );
    for (let round = 0; round < 20 && !(await isOver()); round += 1) await page.waitForTimeout(100);
    assert.ok(await isOver());
  });

  it('does not remove a vehicle that was changed since it was looked at', async () => {
    const access = await token(demo);
    const { vehicle_id, vin } = demo.vehicles[3];
    await page.goto(`${wire.url}/admin/vehicles`);
    await page.getByRole('button', { name: `Remove ${vin}` }).click();
    await page.getByLabel(/to confirm/).fill(vin.slice(-4));
    const response = await fetch(`${demo.url}/api/v1/vehicles/${vehicle_id}`, {
      method: 'PATCH',
      headers: {
        authorization: `Bearer ${access}`,
        'content-type': 'application/json',
        'if-match': '*',
      },
      body: JSON.stringify({ model: 'Another' }),
    });
    assert.equal(response.status, 200, await response.text());
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('It has changed since you looked').waitFor();
    await page.getByRole('button', { name: 'Show it as it is now' }).click();
    await page.getByRole('dialog').getByText('Another').waitFor();
    await page.getByLabel(/to confirm/).fill(vin.slice(-4));
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('button', { name: `Remove ${vin}` }).waitFor({ state: 'detached' });
    // The refusal is what the browser wrote down.
    seen.errors = seen.errors.filter((error) => !/412/.test(error));
  });

  it('verifies that nobody has touched the audit log', async () => {
    await page.goto(`${wire.url}/audit`);
    await page.getByRole('button', { name: 'Verify the chain' }).click();
    await page.getByText('as it was sealed').waitFor();
  });

  it('signs out, and the session is over', async () => {
    await page.getByRole('button', { name: demo.username, exact: true }).click();
    await page.getByRole('menuitem', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    await page.goto(`${wire.url}/vehicles`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  });

  it('has made no page fail, and no page has asked another host', () => {
    assert.deepEqual(seen, { errors: [], foreign: [] });
  });
});
