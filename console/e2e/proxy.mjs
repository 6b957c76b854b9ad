// A network that can be pulled: what stands between the browser and the server.

import { connect, createServer } from 'node:net';

/** Listens before a server; `cut` ends every connection and takes no new one until `mend`. */
export async function network(port) {
  const pairs = new Set();
  let isCut = false;
  const listener = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(port, 'localhost');
    const pair = [near, far];
    pairs.add(pair);
    const end = () => {
      near.destroy();
      far.destroy();
      pairs.delete(pair);
    };
    near.on('error', end).on('close', end);
    far.on('error', end).on('close', end);
    near.pipe(far).pipe(near);
    return undefined;
  });
  await new Promise((resolve) => listener.listen(0, 'localhost', resolve));
  return {
    url: `http://localhost:${listener.address().port}`,
    cut() {
      isCut = true;
      for (const pair of pairs) for (const socket of pair) socket.destroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      this.cut();
      return new Promise((resolve) => listener.close(resolve));
    },
  };
}
