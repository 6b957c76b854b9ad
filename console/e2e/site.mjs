// Two servers on one PostgreSQL, with a vehicle in a process of its own: any of the three may be killed.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { createInterface } from 'node:readline';
import { BINARY, missing } from './demo.mjs';

export const PASSWORD = 'correct horse battery staple';
const VERSIONS = '/usr/lib/postgresql';

/** Why there can be no site here; `false` if there can. */
export function missingSite() {
  return missing() || (postgresBin() ? false : 'no PostgreSQL: apt-get install postgresql');
}

function postgresBin() {
  const versions = existsSync(VERSIONS) ? readdirSync(VERSIONS).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => `${VERSIONS}/${version}/bin`).find((bin) => existsSync(`${bin}/postgres`));
}

/** PostgreSQL refuses to run as root. */
function owner() {
  if (process.getuid() !== 0) return {};
  const id = (flag) => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

function freePort() {
  return new Promise((resolve) => {
    const listener = createServer().listen(0, '127.0.0.1', () => {
      const { port } = listener.address();
      listener.close(() => resolve(port));
    });
  });
}

async function until(what, question) {
  for (let round = 0; round < 300; round += 1) {
    if (await question()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not in 30 s: ${what}`);
}

/** With an engineer, an approver called anna, and the settings that are chosen, as "key=text". */
export async function startSite(chosen = []) {
  const dir = mkdtempSync(`${tmpdir()}/fleetwire-e2e-`);
  const children = new Set();
  const run = (command, args, options = {}) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], ...options });
    children.add(child);
    child.once('exit', () => children.delete(child));
    return child;
  };
  const kill = (child) =>
    new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) return resolve();
      child.once('exit', resolve);
      return child.kill('SIGKILL');
    });

  const bin = postgresBin();
  const as = owner();
  const data = mkdtempSync(`${tmpdir()}/fleetwire-e2e-postgres-`);
  if (as.uid) chownSync(data, as.uid, as.gid);
  const quiet = { ...as, cwd: data, stdio: 'ignore' };
  execFileSync(
    `${bin}/initdb`,
    ['-D', `${data}/db`, '-U', 'fleetwire', '-A', 'trust', '-E', 'UTF8', '--locale=C'],
    quiet,
  );
  const port = await freePort();
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off'];
  run(`${bin}/postgres`, ['-D', `${data}/db`, ...settings.flatMap((it) => ['-c', it])], quiet);
  const base = ['--host=127.0.0.1', `--port=${port}`, '--username=fleetwire'];
  await until('PostgreSQL answers', () => {
    try {
      execFileSync(`${bin}/createdb`, [...base, 'fleetwire'], quiet);
      return true;
    } catch {
      return false;
    }
  });

  const simulate = run(BINARY, ['simulate', '--vehicles', '1', '--json']);
  const vehicles = JSON.parse(
    await new Promise((resolve) => createInterface({ input: simulate.stdout }).once('line', resolve)),
  );
  const store = ['--database-url', `postgres://fleetwire@127.0.0.1:${port}/fleetwire`];
  const serve = async (name, at) => {
    const more = ['--data-dir', `${dir}/${name}`, '--set', 'vehicles.allow_loopback=true'];
    const key = ['--set', `master_key_file=${dir}/one/master.key`, '--set', 'log.filter=error'];
    const set = chosen.flatMap((setting) => ['--set', setting]);
    const child = run(BINARY, ['serve', '--listen', `127.0.0.1:${at}`, ...store, ...more, ...key, ...set]);
    const url = `http://127.0.0.1:${at}`;
    await until(`${name} is ready`, () =>
      fetch(`${url}/readyz`).then(
        (it) => it.ok,
        () => false,
      ),
    );
    return { url, kill: () => kill(child), again: () => serve(name, at) };
  };
  const one = await serve('one', await freePort());
  const admin = (args) =>
    execFileSync(BINARY, ['admin', ...args, ...store, '--data-dir', `${dir}/one`], {
      input: `${PASSWORD}\n`,
    });
  const [vehicle] = vehicles.vehicles;
  admin(['vehicle', 'add', '--vin', vehicle.vin, '--sovd-url', vehicle.base_url]);
  admin(['user', 'add', 'engineer', '--role', 'engineer', '--password-stdin']);
  admin(['user', 'add', 'anna', '--role', 'approver', '--password-stdin']);
  const two = await serve('two', await freePort());
  const end = async () => {
    await Promise.all([...children].map(kill));
    for (const path of [dir, data]) rmSync(path, { recursive: true, force: true });
  };
  return { one, two, vin: vehicle.vin, simulator_url: vehicles.control_url, end };
}
