// Fails when the types of the interface are not those of docs/openapi.json.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const fresh = execFileSync('node_modules/.bin/openapi-typescript', ['../docs/openapi.json'], {
  encoding: 'utf8',
  stdio: ['ignore', 'pipe', 'ignore'],
});
if (fresh.trim() !== readFileSync('src/api/schema.d.ts', 'utf8').trim()) {
  process.stderr.write('src/api/schema.d.ts is old: npm run types\n');
  process.exit(1);
}
