// Compresses what was built, and notes which sources it was built from.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, constants } from 'node:zlib';
import { stamp } from './stamp.mjs';

let total = 0;
for (const entry of readdirSync('dist', { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = `${entry.parentPath}/${entry.name}`;
  const bytes = readFileSync(path);
  const packed = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  writeFileSync(`${path}.br`, packed);
  rmSync(path);
  total += packed.length;
  process.stdout.write(`${String(packed.length).padStart(8)} ${path}\n`);
}
writeFileSync('dist/stamp', `${stamp()}\n`);
process.stdout.write(`${String(total).padStart(8)} bytes under brotli\n`);
