// A server is killed while it is looked at, and comes back 10 s later.

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import { call, DESKTOP, launch, setVehicle, signIn } from './demo.mjs';
import { missingSite, PASSWORD, startSite } from './site.mjs';

const USER = { username: 'engineer', password: PASSWORD };

let site;
let browser;

before(async () => {
  if (missingSite()) return;
  site = await startSite();
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await site?.end();
});

it('a server that is killed for 10 s costs a watcher nothing of 500 parts', {
  skip: missingSite(),
  timeout: 180_000,
}, async () => {
  const { one, two, vin } = site;
  const page = await (await browser.newContext({ viewport: DESKTOP })).newPage();
  await signIn(page, { ...USER, url: one.url });
  await setVehicle(site, vin, { delay_ms: 0, parts: 500, part_bytes: 200, part_interval_ms: 50 });
  const { access_token } = await call(two.url, null, 'POST', '/api/v1/auth/login', USER);
  const ask = (method, path, body) => call(two.url, access_token, method, path, body);
  let vehicle;
  while (vehicle?.connection_status !== 'connected') [vehicle] = await ask('GET', '/api/v1/vehicles');
  const order = {
    vehicle_id: vehicle.vehicle_id,
    command_name: 'ReadDTC',
    command_params: { ecuAddress: '0x10' },
  };
  const { command_id } = await ask('POST', '/api/v1/commands', { ...order, run_timeout_ms: 120_000 });
  await page.goto(`${one.url}/runs/${command_id}`);
  await page.getByText(/^\d\d+ parts · /).waitFor();
  await one.kill();
  await page.getByText('No connection to the server.').waitFor({ timeout: 15_000 });
  const shown = await page.getByText(/\d+ parts · /).textContent();
  assert.ok(Number.parseInt(shown, 10) >= 10, shown);
  await page.waitForTimeout(10_000);
  await one.again();
  await page.getByText('500 parts · 0 gaps · 0 duplicates').waitFor({ timeout: 60_000 });
  await page.getByText('finished').waitFor();
});
