import { beforeEach, describe, expect, it } from 'vitest';
import { afterClose, backoff } from './closing';
import { Link, type SocketLike, type Surroundings } from './link';
import type { LogEvent } from './log';
import { Presence } from './presence';

/** A server with one log; its sockets can be cut. */
class Server {
  events: LogEvent[] = [];
  sockets: FakeSocket[] = [];
  renewals = 0;

  add(count: number) {
    for (let i = 0; i < count; i += 1) {
      const offset = this.events.length + 1;
      this.events.push({
        event: 'response',
        command_id: 'c',
        offset,
        sequence_number: offset,
        response: { response_payload: offset, is_final: false },
      });
      for (const socket of this.sockets) socket.feed();
    }
  }

  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }
}

class FakeSocket implements SocketLike {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  sent: Record<string, unknown>[] = [];
  cursor: number | null = null;
  skip = 0;

  constructor(private server: Server) {}

  send(text: string) {
    const action = JSON.parse(text) as Record<string, unknown>;
    this.sent.push(action);
    const commands = action.commands as { after: number }[] | undefined;
    if (commands?.[0]) {
      this.cursor = commands[0].after;
      this.feed();
    }
  }

  feed() {
    if (this.cursor === null) return;
    for (const event of this.server.events.slice(this.cursor)) {
      this.cursor = event.offset;
      if (this.skip > 0) this.skip -= 1;
      else this.say(event);
    }
  }

  say(event: unknown) {
    this.onmessage?.({ data: JSON.stringify(event) });
  }

  cut(code = 1006) {
    this.cursor = null;
    this.onclose?.({ code });
  }

  close() {
    this.cursor = null;
  }
}

let server: Server;
let timers: { run: () => void; ms: number }[];
let link: Link;

/** Everything that waits only for a promise has happened. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Lets the shortest timer that waits for a reconnect pass. */
const reconnected = async () => {
  const index = timers.findIndex(({ ms }) => ms < 20_000);
  timers.splice(index, 1)[0]?.run();
  await settled();
  server.socket.onopen?.();
  await settled();
};

beforeEach(async () => {
  server = new Server();
  moved = [];
  timers = [];
  const around: Surroundings = {
    open: () => {
      const socket = new FakeSocket(server);
      server.sockets.push(socket);
      return socket;
    },
    ticket: async () => 'ticket',
    renew: async () => {
      server.renewals += 1;
      return 'token';
    },
    page: async (_, after) => server.events.slice(after),
    later: (run, ms) => {
      const timer = { run, ms };
      timers.push(timer);
      return () => {
        timers = timers.filter((it) => it !== timer);
      };
    },
    frame: (run) => run(),
    now: () => 0,
    random: () => 0.5,
    onVehicle: () => {},
    onRuns: (vehicle) => moved.push(vehicle),
  };
  link = new Link(around);
  link.start();
  await settled();
  server.socket.onopen?.();
});

let moved: string[];

const sequences = () => link.log('c')?.parts.map((part) => part.seq);

describe('the link', () => {
  it('passes on that runs of a vehicle have moved, and tells news from what keeps it alive', () => {
    server.socket.say({ event: 'heartbeat' });
    expect(link.state().newsAt).toBe(null);
    server.socket.say({ event: 'vehicle_runs', vehicle_id: 'v' });
    expect(moved).toEqual(['v']);
    expect(link.state().newsAt).toBe(0);
  });
  it('shows what was there before and what comes', async () => {
    server.add(2);
    link.follow('c');
    await settled();
    server.add(1);
    expect(sequences()).toEqual([1, 2, 3]);
  });

  it('goes on where it was when the connection is cut, and keeps what it has', async () => {
    link.follow('c');
    await settled();
    server.add(5);
    server.socket.cut();
    server.add(5);
    expect(sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(link.state().phase).toBe('reconnecting');
    await reconnected();
    expect(server.socket.sent.at(-1)).toEqual({
      action: 'subscribe',
      commands: [{ command_id: 'c', after: 5 }],
    });
    expect(sequences()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(link.log('c')?.duplicates).toBe(0);
    expect(link.state().phase).toBe('live');
  });

  it('fetches what is missing', async () => {
    link.follow('c');
    await settled();
    server.add(2);
    server.socket.skip = 2;
    server.add(3);
    await settled();
    expect(sequences()).toEqual([1, 2, 3, 4, 5]);
    expect(link.log('c')?.gaps).toBe(1);
  });

  it('drops what comes twice', async () => {
    link.follow('c');
    await settled();
    server.add(2);
    server.socket.say(server.events[0]);
    expect(sequences()).toEqual([1, 2]);
    expect(link.log('c')?.duplicates).toBe(1);
  });

  it('renews its session in band before it ends, and by a new token when it has ended', async () => {
    server.socket.say({ event: 'auth', state: 'expiring' });
    await settled();
    expect(server.socket.sent).toContainEqual({ action: 'auth', token: 'token' });
    server.socket.cut(4419);
    await settled();
    expect(server.renewals).toBe(2);
    await reconnected();
    expect(link.state().phase).toBe('live');
  });

  it('gives up a server that says nothing', async () => {
    timers.find(({ ms }) => ms === 45_000)?.run();
    await settled();
    expect(link.state().phase).toBe('reconnecting');
  });

  it('does not come back to where it may not be', async () => {
    server.socket.cut(4403);
    await settled();
    expect(link.state().phase).toBe('forbidden');
    expect(timers.filter(({ ms }) => ms < 20_000)).toEqual([]);
  });

  it('asks again for what it follows, once, however often it is cut', async () => {
    link.follow('c');
    await settled();
    for (let round = 0; round < 20; round += 1) {
      server.add(3);
      server.socket.cut();
      server.add(1);
      await reconnected();
    }
    expect(sequences()).toEqual(Array.from({ length: 80 }, (_, i) => i + 1));
    expect(link.log('c')?.duplicates).toBe(0);
  });
});

describe('closing', () => {
  it('waits longer each time, up to a limit', () => {
    expect([1, 2, 3, 20].map((attempt) => backoff(attempt, () => 1))).toEqual([250, 500, 1000, 10_000]);
    expect(backoff(1, () => 0)).toBe(125);
  });

  it('tells an expired session from a lost connection', () => {
    expect([1001, 1006, 1011, 4401, 4403, 4419, 4429].map(afterClose)).toEqual([
      'again',
      'again',
      'again',
      'renew',
      'forbidden',
      'renew',
      'later',
    ]);
  });
});

describe('presence', () => {
  it('believes the newest revision', () => {
    const presence = new Presence();
    const status = (revision: number, connection_status: string) => ({
      vehicle_id: 'v',
      connection_status,
      last_seen_at: null,
      revision,
    });
    presence.take(status(2, 'connected'));
    presence.take(status(1, 'disconnected'));
    expect(presence.of('v')?.connection_status).toBe('connected');
  });
});
