// The one connection of this page to the server: it follows commands and fleets, and comes back by itself.

import { afterClose, backoff } from './closing';
import { emptyLog, hasEnded, type LogEvent, type RunLog, take } from './log';
import type { VehicleStatus } from './presence';

export type Phase = 'off' | 'connecting' | 'live' | 'reconnecting' | 'forbidden';

export interface LinkState {
  phase: Phase;
  /** How many times it has tried since it was last live. */
  attempt: number;
  /** When the server was last heard, in ms. */
  heardAt: number | null;
  /** When it last said that something has happened. */
  newsAt: number | null;
}

/** What the link needs from its surroundings. */
export interface Surroundings {
  open(ticket: string): SocketLike;
  ticket(): Promise<string>;
  /** A new access token; `null` if the session has ended. */
  renew(): Promise<string | null>;
  /** The events after an offset, by REST. */
  page(commandId: string, after: number): Promise<LogEvent[]>;
  later(run: () => void, ms: number): () => void;
  /** Runs before the next paint. */
  frame(run: () => void): void;
  now(): number;
  random(): number;
  onVehicle(status: VehicleStatus): void;
  /** Runs of a vehicle were submitted, or are in another state. */
  onRuns(vehicleId: string): void;
}

export interface SocketLike {
  send(text: string): void;
  close(): void;
  onopen: (() => void) | null;
  onmessage: ((message: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

interface Following {
  log: RunLog;
  watchers: number;
  /** A copy for React, made once a frame. */
  shown: RunLog;
  isFetching: boolean;
}

/** The server says something at least every 20 s. */
const SILENCE_MS = 45_000;
/** How many logs are kept that nobody looks at. */
const KEPT = 40;
/** Commands in one frame: it may have 16 KiB. */
const CHUNK = 150;

/** The events that say that something has happened; the others keep the connection. */
const NEWS = new Set(['response', 'error', 'status', 'vehicle_status', 'vehicle_runs']);

export class Link {
  #around: Surroundings;
  #socket: SocketLike | null = null;
  #isOn = false;
  #isOpen = false;
  #state: LinkState = { phase: 'off', attempt: 0, heardAt: null, newsAt: null };
  #following = new Map<string, Following>();
  #channels = new Set<string>();
  #asked = new Set<string>();
  #changed = new Set<Following>();
  #listeners = new Set<() => void>();
  #cancelTimer: () => void = () => {};
  #cancelWatch: () => void = () => {};
  #isFramed = false;

  constructor(around: Surroundings) {
    this.#around = around;
  }

  start() {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#connect();
  }

  stop() {
    this.#isOn = false;
    this.#cancelTimer();
    this.#cancelWatch();
    this.#drop();
    this.#following.clear();
    this.#channels.clear();
    this.#say({ phase: 'off', attempt: 0, heardAt: null, newsAt: null });
  }

  state = (): LinkState => this.#state;

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** The log of a command, as of the last frame. */
  log(commandId: string): RunLog | undefined {
    return this.#following.get(commandId)?.shown;
  }

  /** Follows a command as long as somebody looks at it; what was seen is kept. */
  follow(commandId: string): () => void {
    const found = this.#following.get(commandId) ?? this.#begin(commandId);
    found.watchers += 1;
    if (!hasEnded(found.log)) this.#ask(commandId);
    return () => {
      found.watchers -= 1;
      this.#forget();
    };
  }

  /** Follows the vehicles of a fleet. */
  followChannel(channel: string) {
    if (this.#channels.has(channel)) return;
    this.#channels.add(channel);
    if (this.#isOpen) this.#send({ action: 'subscribe', channel });
  }

  /** The page is looked at again, or the network is back: is the other end still there? */
  wake() {
    if (!this.#isOn) return;
    if (!this.#isOpen) {
      this.#cancelTimer();
      this.#connect();
    } else if (this.#around.now() - (this.#state.heardAt ?? 0) > 25_000) {
      this.#send({ action: 'ping' });
      this.#watchSilence(3_000);
    }
  }

  /** Ends the connection as if the network had: for tests, and for those who want a new one. */
  interrupt() {
    this.#lost(1006);
  }

  #begin(commandId: string): Following {
    const log = emptyLog(commandId);
    const following = { log, watchers: 0, shown: log, isFetching: false };
    this.#following.set(commandId, following);
    return following;
  }

  #ask(commandId: string) {
    if (!this.#isOpen) return;
    if (this.#asked.size === 0) queueMicrotask(() => this.#subscribe([...this.#asked]));
    this.#asked.add(commandId);
  }

  #subscribe(ids: string[]) {
    this.#asked.clear();
    for (let start = 0; start < ids.length; start += CHUNK) {
      const commands = ids.slice(start, start + CHUNK).map((id) => ({
        command_id: id,
        after: this.#following.get(id)?.log.cursor ?? 0,
      }));
      this.#send({ action: 'subscribe', commands });
    }
  }

  #forget() {
    const idle = [...this.#following.values()].filter((it) => it.watchers === 0);
    for (const { log } of idle.slice(0, Math.max(0, idle.length - KEPT))) {
      if (!hasEnded(log)) this.#send({ action: 'unsubscribe', command_id: log.commandId });
      this.#following.delete(log.commandId);
    }
  }

  async #connect() {
    this.#say({ ...this.#state, phase: this.#state.heardAt === null ? 'connecting' : 'reconnecting' });
    try {
      const ticket = await this.#around.ticket();
      if (!this.#isOn || this.#socket) return;
      const socket = this.#around.open(ticket);
      this.#socket = socket;
      socket.onopen = () => this.#opened();
      socket.onmessage = ({ data }) => this.#heard(String(data));
      socket.onclose = ({ code }) => {
        if (this.#socket === socket) this.#lost(code);
      };
    } catch {
      this.#retry('again');
    }
  }

  #opened() {
    this.#isOpen = true;
    this.#watchSilence(SILENCE_MS);
    for (const channel of this.#channels) this.#send({ action: 'subscribe', channel });
    const open = [...this.#following.values()].filter(({ log }) => !hasEnded(log) && !log.refused);
    this.#subscribe(open.map(({ log }) => log.commandId));
    this.#say({ ...this.#state, phase: 'live', attempt: 0, heardAt: this.#around.now() });
  }

  #lost(code: number) {
    const isOver = this.#drop();
    if (!this.#isOn || !isOver) return;
    const next = afterClose(code);
    if (next === 'forbidden') this.#say({ ...this.#state, phase: 'forbidden' });
    else this.#retry(next);
  }

  #drop(): boolean {
    const socket = this.#socket;
    this.#socket = null;
    this.#isOpen = false;
    this.#asked.clear();
    this.#cancelWatch();
    socket?.close();
    return socket !== null;
  }

  async #retry(next: 'again' | 'renew' | 'later') {
    const attempt = this.#state.attempt + 1;
    this.#say({ ...this.#state, phase: 'reconnecting', attempt });
    if (next === 'renew' && (await this.#around.renew()) === null) return;
    const wait = next === 'later' ? 10_000 : backoff(attempt, this.#around.random);
    this.#cancelTimer();
    this.#cancelTimer = this.#around.later(() => this.#connect(), wait);
  }

  #watchSilence(ms: number) {
    this.#cancelWatch();
    this.#cancelWatch = this.#around.later(() => this.#lost(1006), ms);
  }

  #send(action: unknown) {
    if (this.#isOpen) this.#socket?.send(JSON.stringify(action));
  }

  #heard(text: string) {
    this.#state = { ...this.#state, heardAt: this.#around.now() };
    this.#watchSilence(SILENCE_MS);
    const event = JSON.parse(text) as LogEvent & Record<string, unknown>;
    if (NEWS.has(event.event)) this.#state = { ...this.#state, newsAt: this.#around.now() };
    const id = event.command_id as string | undefined;
    const following = id === undefined ? undefined : this.#following.get(id);
    switch (event.event) {
      case 'response':
      case 'error':
      case 'status':
        if (following) this.#take(following, event, text.length);
        break;
      case 'live':
        if (following) following.log.isLive = true;
        break;
      case 'unsubscribed':
        if (following && event.code === 'forbidden') following.log.refused = 'forbidden';
        break;
      case 'vehicle_status':
        this.#around.onVehicle(event as unknown as VehicleStatus);
        break;
      case 'vehicle_runs':
        this.#around.onRuns(String(event.vehicle_id));
        break;
      case 'auth':
        if (event.state === 'expiring') this.#renew();
        break;
      default:
        if (following && typeof event.offset === 'number') this.#take(following, event, text.length);
    }
    if (following) this.#changed.add(following);
    this.#frame();
  }

  #take(following: Following, event: LogEvent, bytes: number) {
    if (take(following.log, event, bytes) === 'gap') {
      following.log.gaps += 1;
      this.#fill(following, event.offset);
    }
  }

  /** Fetches what is missing; what comes meanwhile is either the next or fetched too. */
  async #fill(following: Following, until: number) {
    if (following.isFetching) return;
    following.isFetching = true;
    try {
      while (following.log.cursor < until) {
        const events = await this.#around.page(following.log.commandId, following.log.cursor);
        const before = following.log.cursor;
        for (const event of events) take(following.log, event, JSON.stringify(event).length);
        if (following.log.cursor === before) break;
      }
    } catch {
      this.#lost(1006);
    } finally {
      following.isFetching = false;
      this.#changed.add(following);
      this.#frame();
    }
  }

  async #renew() {
    const token = await this.#around.renew();
    if (token !== null) this.#send({ action: 'auth', token });
  }

  #say(state: LinkState) {
    this.#state = state;
    this.#frame();
  }

  /** Tells the listeners once a frame, however much was heard. */
  #frame() {
    if (this.#isFramed) return;
    this.#isFramed = true;
    this.#around.frame(() => {
      this.#isFramed = false;
      for (const following of this.#changed) following.shown = { ...following.log };
      this.#changed.clear();
      for (const listener of this.#listeners) listener();
    });
  }
}
