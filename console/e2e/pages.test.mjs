// Every page in both themes: nothing that axe finds wrong, nothing in the console of the browser, a picture of it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import {
  call,
  comeFirst,
  DESKTOP,
  launch,
  missing,
  PHONE,
  picture,
  setVehicle,
  signIn,
  startDemo,
  token,
  violations,
  witness,
} from './demo.mjs';

const ENGINE = 'components/engine_ecu';
const VIEWER = { username: 'viewer', password: 'correct horse battery staple' };

describe('every page', { skip: missing(), timeout: 400_000 }, () => {
  let demo;
  let browser;
  let access;
  const runs = {};

  before(async () => {
    demo = await startDemo();
    browser = await launch();
    access = await token(demo);
    const { vehicles } = demo;
    runs.discover = await run(0, 'vehicle.discover', {});
    runs.scan = await run(0, 'faults.scan', {});
    runs.list = await run(0, 'data.list', { entity: ENGINE });
    const data = ['vin', 'engine_speed', 'coolant_temperature', 'battery_voltage'];
    runs.read = await run(0, 'data.read', { entity: ENGINE, ids: data, include_schema: true });
    runs.fault = await run(0, 'faults.get', {
      entity: ENGINE,
      code: 'P0420',
      snapshot: true,
      extended: true,
    });
    runs.operations = await run(0, 'operations.list', { entity: ENGINE });
    await run(0, 'modes.list', { entity: ENGINE });
    await run(0, 'lock.list', { entity: ENGINE });
    await run(1, 'faults.scan', {});
    await run(0, 'faults.clear', { entity: ENGINE });
    runs.after = await run(0, 'faults.scan', {});
    await setVehicle(demo, vehicles[2].vin, { delay_ms: 0, fault: 'malformed' });
    runs.failed = await run(2, 'ReadDTC', { ecuAddress: '0x10' });
    await setVehicle(demo, vehicles[2].vin, { delay_ms: 0, fault: null });
    const until = new Date(Date.now() + 90 * 86_400_000).toISOString();
    const machine = { name: 'nightly report', role: 'viewer', expires_at: until };
    await call(demo.url, access, 'POST', '/api/v1/tokens', machine);
    const fleets = await call(demo.url, access, 'GET', '/api/v1/fleets');
    const viewer = { ...VIEWER, role: 'viewer', fleets: fleets.map((fleet) => fleet.fleet_id) };
    await call(demo.url, access, 'POST', '/api/v1/users', viewer);
  });
  after(async () => {
    await browser?.close();
    await demo?.end();
  });

  /** Runs a command to its end; its id. */
  const run = async (vehicle, command_name, command_params) => {
    const body = { vehicle_id: demo.vehicles[vehicle].vehicle_id, command_name, command_params };
    const { command_id } = await call(demo.url, access, 'POST', '/api/v1/commands', body);
    const path = `/api/v1/commands/${command_id}`;
    for (;;) {
      const { status } = await call(demo.url, access, 'GET', path);
      if (status === 'completed' || status === 'failed') return command_id;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const bench = (search) => `/vehicles/${demo.vehicles[0].vehicle_id}${search}`;

  /** What there is to see, the text that says that it is there, and the name of its picture. */
  const pages = () => [
    ['overview', '/', 'Top faults'],
    ['vehicles', '/vehicles', demo.vehicles[3].vin],
    ['no-vehicles', '/vehicles?q=nothing', 'No vehicle matches'],
    ['undiscovered', `/vehicles/${demo.vehicles[2].vehicle_id}`, 'Nobody has asked this vehicle yet'],
    ['workbench', bench(''), 'Left front wheel speed sensor circuit'],
    ['data', bench(`?entity=${ENGINE}&tab=data&run=${runs.read}`), 'Coolant temperature'],
    ['operations', bench(`?entity=${ENGINE}&tab=operations`), 'Self-test'],
    ['modes', bench(`?entity=${ENGINE}&tab=modes`), 'as read'],
    ['locks', bench(`?entity=${ENGINE}&tab=locks`), 'The vehicle says that there are none'],
    ['commands', bench(`?entity=${ENGINE}&tab=commands`), 'operation.run'],
    ['history', bench('?tab=history'), 'vehicle.discover'],
    ['run', `/runs/${runs.scan}`, '12 parts · 0 gaps · 0 duplicates'],
    ['run-parts', `/runs/${runs.scan}?view=parts`, '12 parts · 0 gaps · 0 duplicates'],
    ['run-table', `/runs/${runs.scan}?view=table`, '12 parts · 0 gaps · 0 duplicates'],
    ['run-failed', `/runs/${runs.failed}`, 'Vehicle response malformed'],
    ['runs', '/runs', 'faults.scan'],
    ['compare', `/runs/compare?a=${runs.scan}&b=${runs.after}`, 'removed'],
    ['faults', '/faults', 'P0420'],
    ['no-faults', '/faults?q=nothing', 'No fault matches'],
    ['fault-vehicles', `/faults?code=P0420&where=${ENGINE}`, 'P0420'],
    ['audit', '/audit', 'command_submitted'],
    ['sessions', '/sessions', 'this one'],
    ['tokens', '/tokens', 'nightly report'],
    ['admin-users', '/admin/users', 'Add a user'],
    ['admin-fleets', '/admin/fleets', 'demo'],
    ['admin-vehicles', '/admin/vehicles', demo.vehicles[0].vin],
  ];
  /** Those of which there is a picture, and of some in the other theme and on a phone too. */
  const PICTURED = [
    'overview',
    'vehicles',
    'no-vehicles',
    'undiscovered',
    'workbench',
    'run',
    'run-failed',
    'compare',
    'faults',
    'sessions',
    'fault-vehicles',
    'tokens',
  ];
  const SHOWN = ['overview', 'workbench', 'run'];

  for (const theme of ['light', 'dark']) {
    it(`has no fault in the ${theme} theme`, async () => {
      const context = await browser.newContext({ viewport: DESKTOP, colorScheme: theme });
      const page = await context.newPage();
      const seen = witness(page, demo.url);
      await page.goto(`${demo.url}/login`);
      await page.getByRole('button', { name: 'Sign in' }).waitFor();
      const wrong = (await violations(page)).map((it) => `login ${it}`);
      if (theme === 'light') await picture(page, 'login');
      await signIn(page, demo);
      for (const [name, path, text] of pages()) {
        await show(page, path, text);
        wrong.push(...(await violations(page)).map((it) => `${name} ${it}`));
        if (theme === 'light' && PICTURED.includes(name)) await picture(page, name);
        else if (theme === 'dark' && SHOWN.includes(name)) await picture(page, `${name}-dark`);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(seen, { errors: [], foreign: [] });
      await context.close();
    });
  }

  const show = async (page, path, text) => {
    await page.goto(demo.url + path);
    await page.locator('main').getByText(text).first().waitFor();
    await page.waitForFunction(() => !document.querySelector('.skeleton'));
    await page.getByText('live', { exact: true }).first().waitFor();
  };

  it('has no fault in what opens over it', async () => {
    const page = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    const seen = witness(page, demo.url);
    await signIn(page, demo);
    await show(page, bench(''), 'Left front wheel');
    await page.getByRole('row', { name: /C0035/ }).click();
    await page.getByRole('button', { name: 'Read freeze frame' }).click();
    await page.getByText('Freeze frame').first().waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'fault');
    await picture(page, 'fault');
    await page.keyboard.press('Escape');
    await page.getByRole('treeitem', { name: /Brake control/ }).click();
    await page.getByRole('button', { name: 'Clear …' }).click();
    await page.getByLabel('Reason').waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'form');
    await picture(page, 'confirm');
    await page.keyboard.press('Escape');
    await page.keyboard.press('?');
    await page.getByRole('heading', { name: 'Keyboard' }).waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'keyboard');
    await show(page, '/faults', 'P0420');
    await page.getByRole('row', { name: /P0420/ }).click();
    await page.getByRole('link', { name: demo.vehicles[1].vin }).waitFor();
    await page.waitForTimeout(400);
    assert.match(page.url(), /code=P0420/);
    assert.deepEqual(await violations(page), [], 'vehicles of a fault');
    await page.getByRole('link', { name: demo.vehicles[1].vin }).click();
    await page.getByRole('row', { name: /P0420/ }).waitFor();
    await makeToken(page);
    await show(page, '/admin/users', 'Add a user');
    await page.getByRole('button', { name: 'Access of viewer' }).click();
    await page.getByText('sees vehicles and runs').waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'access');
    await picture(page, 'access');
    await page.getByRole('tab', { name: 'sessions' }).click();
    await page.getByText('Not signed in anywhere').or(page.getByText('one login')).waitFor();
    assert.deepEqual(await violations(page), [], 'sessions');
    await show(page, '/admin/vehicles', demo.vehicles[0].vin);
    await page.getByRole('button', { name: `Remove ${demo.vehicles[0].vin}` }).click();
    await page.getByLabel(/to confirm/).waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'removal');
    assert.deepEqual(seen, { errors: [], foreign: [] });
  });

  /** A token is shown once, serves, and is refused when it has been revoked. */
  const makeToken = async (page) => {
    await show(page, '/tokens', 'nightly report');
    await page.getByRole('button', { name: 'Make a token …' }).click();
    await page.getByLabel('Name').fill('build server');
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'new token');
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByRole('button', { name: 'Copy the token' }).waitFor();
    await page.waitForTimeout(400);
    assert.deepEqual(await violations(page), [], 'token');
    const secret = await page.getByText(/^fwa_/).textContent();
    const asked = () =>
      fetch(`${demo.url}/api/v1/vehicles`, { headers: { authorization: `Bearer ${secret}` } });
    assert.equal((await asked()).status, 200);
    await page.getByRole('button', { name: 'I have kept it' }).click();
    await page.getByRole('button', { name: 'Revoke build server' }).click();
    await page.getByRole('button', { name: 'Revoke', exact: true }).click();
    await page.getByRole('button', { name: 'Revoke build server' }).waitFor({ state: 'detached' });
    for (let round = 0; (await asked()).status === 200; round += 1) {
      assert.ok(round < 100, 'it is still good');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal((await asked()).status, 401);
    assert.ok(!(await page.content()).includes(secret));
  };

  it('fits a phone, and a screen at 200 %', async () => {
    for (const [viewport, suffix] of [
      [PHONE, 'phone'],
      [{ width: 720, height: 450 }, null],
    ]) {
      const page = await (await browser.newContext({ viewport })).newPage();
      await signIn(page, demo);
      for (const [name, path, text] of pages()) {
        await show(page, path, text);
        const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
        assert.ok(wide <= room, `${name} is ${wide} px wide on ${room}`);
        if (suffix && SHOWN.includes(name)) await picture(page, `${name}-${suffix}`);
      }
    }
  });

  it('says what is missing to those who may not', async () => {
    const page = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    await comeFirst(page, { ...demo, ...VIEWER });
    await picture(page, 'new-password');
    assert.deepEqual(await violations(page), []);
    await page.getByRole('textbox', { name: 'New password' }).fill('a horse of another colour');
    await page.getByRole('button', { name: 'Change the password and sign in' }).click();
    await page.locator('main#main').waitFor();
    const seen = witness(page, demo.url);
    await show(page, '/admin/users', 'It needs the role admin');
    await picture(page, 'forbidden');
    assert.deepEqual(await violations(page), []);
    await show(page, bench('?tab=commands'), 'needs engineer');
    await page.getByText(demo.vehicles[0].vin).waitFor({ state: 'detached' });
    assert.deepEqual(seen, { errors: [], foreign: [] });
  });

  it('says what went wrong, with the name of the request, and tries again', async () => {
    const page = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    await signIn(page, demo);
    const body = {
      type: '/problems/busy',
      title: 'Too many at a time',
      status: 503,
      detail: 'try again',
      trace_id: 'abc123',
    };
    await page.route('**/api/v1/vehicles?*', (route) =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify(body) }),
    );
    await page.goto(`${demo.url}/vehicles`);
    await page.getByText('abc123').waitFor({ timeout: 20_000 });
    assert.deepEqual(await violations(page), []);
    await picture(page, 'error');
    await page.unroute('**/api/v1/vehicles?*');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText(demo.vehicles[0].vin).waitFor();
  });

  it('is quick: what is loaded first, and how long until it can be used', async () => {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    await signIn(page, demo);
    const times = [];
    for (let round = 0; round < 5; round += 1) {
      await page.goto(`${demo.url}/vehicles`);
      await page.getByText(demo.vehicles[3].vin).waitFor();
      times.push(await page.evaluate(() => performance.now()));
    }
    const cold = await (await browser.newContext({ viewport: DESKTOP })).newPage();
    await cold.goto(`${demo.url}/`);
    await cold.getByRole('button', { name: 'Sign in' }).waitFor();
    const bytes = await cold.evaluate(() =>
      [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .map((entry) => entry.encodedBodySize)
        .reduce((sum, size) => sum + size, 0),
    );
    times.sort((a, b) => a - b);
    process.stdout.write(
      `# first load ${bytes} bytes under brotli; usable after ${Math.round(times[2])} ms (median of 5)\n`,
    );
    assert.ok(bytes <= 250 * 1024, `${bytes} bytes`);
  });
});
