// What needs a second person, by two people at two browsers: one submits it, the other looks at it and decides.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, DESKTOP, launch, signIn, violations, witness } from './demo.mjs';
import { missingSite, PASSWORD, startSite } from './site.mjs';

const [ENGINEER, ANNA] = ['engineer', 'anna'].map((username) => ({ username, password: PASSWORD }));

describe('a second person', { skip: missingSite(), timeout: 200_000 }, () => {
  let site;
  let browser;
  let vehicle;
  let ask;

  before(async () => {
    site = await startSite(['policy.approval=faults.clear']);
    browser = await launch();
    // What is submitted at one server is decided at the other.
    const { access_token } = await call(site.two.url, null, 'POST', '/api/v1/auth/login', ENGINEER);
    ask = (method, path, body) => call(site.two.url, access_token, method, path, body);
    while (vehicle?.connection_status !== 'connected') [vehicle] = await ask('GET', '/api/v1/vehicles');
  });
  after(async () => {
    await browser?.close();
    await site?.end();
  });

  const submit = async () => {
    const body = {
      vehicle_id: vehicle.vehicle_id,
      command_name: 'faults.clear',
      command_params: { entity: 'components/engine_ecu' },
      reason: 'workshop order 7',
    };
    return (await ask('POST', '/api/v1/commands', body)).command_id;
  };
  const enter = async (who) => {
    const context = await browser.newContext({ viewport: DESKTOP });
    const page = await context.newPage();
    const seen = witness(page, site.one.url);
    await signIn(page, { url: site.one.url, ...who });
    return { page, seen };
  };

  it('approves what is shown, and it runs', async () => {
    const id = await submit();
    const { page, seen } = await enter(ANNA);
    const waiting = page.getByRole('region', { name: 'Waiting for your approval' });
    await waiting.getByRole('link', { name: 'faults.clear' }).click();
    const approval = page.getByRole('region', { name: 'Approval' });
    await approval.getByText('workshop order 7').waitFor();
    assert.deepEqual(await violations(page), []);
    const approve = approval.getByRole('button', { name: 'Approve' });
    assert.equal(await approve.isDisabled(), true);
    await approval.getByLabel('To approve').fill(vehicle.vin.slice(-4));
    await approve.click();
    await page.locator('.run').getByText('completed').first().waitFor();
    assert.equal(await approval.count(), 0);
    const { decided_by } = await ask('GET', `/api/v1/commands/${id}`);
    assert.equal(decided_by, 'anna');
    assert.deepEqual(seen, { errors: [], foreign: [] });
  });

  it('denies with a reason, which whoever submitted it reads', async () => {
    const id = await submit();
    const { page } = await enter(ANNA);
    await page.goto(`${site.one.url}/runs/${id}`);
    const approval = page.getByRole('region', { name: 'Approval' });
    await approval.getByLabel('To deny').fill('the car is on the road');
    await approval.getByRole('button', { name: 'Deny' }).click();
    await page.getByText('Denied by anna: the car is on the road').first().waitFor();
  });

  it('offers nobody to decide about their own', async () => {
    const id = await submit();
    const { page } = await enter(ENGINEER);
    await page.goto(`${site.one.url}/runs/${id}`);
    await page.getByText('It is yours: you may cancel it.').waitFor();
    assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0);
    await page.goto(`${site.one.url}/runs?status=awaiting_approval`);
    await page.locator('main').getByRole('link', { name: 'faults.clear' }).first().waitFor();
  });
});
