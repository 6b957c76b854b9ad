// Names the version of the sources, as crates/console/build.rs does: FNV-1a of paths and contents.
import { readdirSync, readFileSync, statSync } from 'node:fs';

const SOURCES = ['index.html', 'package-lock.json', 'package.json', 'src', 'vite.config.ts'];
const PRIME = 0x100000001b3n;

function collect(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return [];
  if (found.isFile()) return [path];
  return readdirSync(path).flatMap((name) => collect(`${path}/${name}`));
}

export function stamp() {
  // Bytes in pieces of 32 bits: a BigInt for each byte would take seconds.
  let high = 0xcbf29ce4;
  let low = 0x84222325;
  const add = (bytes) => {
    for (const byte of [...bytes, 0]) {
      low = (low ^ byte) >>> 0;
      const product = BigInt(low) * PRIME;
      high = Number((BigInt(high) * PRIME + (product >> 32n)) & 0xffffffffn);
      low = Number(product & 0xffffffffn);
    }
  };
  for (const file of SOURCES.flatMap(collect).sort((a, b) =>
    Buffer.compare(Buffer.from(a), Buffer.from(b)),
  )) {
    add(Buffer.from(file));
    add(readFileSync(file));
  }
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** Whether `dist` was built from the sources that are here. */
function isCurrent() {
  const found = statSync('dist/stamp', { throwIfNoEntry: false });
  return found !== undefined && readFileSync('dist/stamp', 'utf8').trim() === stamp();
}

if (process.argv.includes('--is-current')) process.exit(isCurrent() ? 0 : 1);
