import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

// Where a server runs while the console is worked on: npm run dev.
const server = process.env.FLEETWIRE_URL ?? 'http://localhost:8000';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    minify: !process.env.PLAIN,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  server: { proxy: { '/api': server, '/ws': { target: server, ws: true } } },
  test: { include: ['src/**/*.test.ts'] },
});
