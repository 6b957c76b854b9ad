// Lists are asked for again when what they list has moved: the server says so, or the clock does while it cannot.

/** What has moved since the lists were asked for. */
export interface Moved {
  /** The vehicles whose runs have moved; `all` if nobody knows which. */
  runs: Set<string> | 'all';
  /** Whether vehicles came or went. */
  vehicles: boolean;
}

/** How long what moves is gathered after the lists were asked for. */
const GATHER_MS = 2_000;

export class Lists {
  #ask: (moved: Moved) => void;
  #later: (run: () => void, ms: number) => unknown;
  #moved: Moved = { runs: new Set(), vehicles: false };
  #isGathering = false;

  constructor(ask: (moved: Moved) => void, later: (run: () => void, ms: number) => unknown) {
    this.#ask = ask;
    this.#later = later;
  }

  /** Runs of a vehicle have moved. */
  runsMoved(vehicleId: string) {
    if (this.#moved.runs !== 'all') this.#moved.runs.add(vehicleId);
    this.#soon();
  }

  /** A vehicle came or went. */
  vehiclesMoved() {
    this.#moved.vehicles = true;
    this.#soon();
  }

  /** Nobody has said what moved: anything may have. */
  anythingMoved() {
    this.#moved = { runs: 'all', vehicles: true };
    this.#soon();
  }

  #soon() {
    if (this.#isGathering) return;
    this.#isGathering = true;
    const moved = this.#moved;
    this.#moved = { runs: new Set(), vehicles: false };
    this.#ask(moved);
    this.#later(() => {
      this.#isGathering = false;
      const { runs, vehicles } = this.#moved;
      if (vehicles || runs === 'all' || runs.size > 0) this.#soon();
    }, GATHER_MS);
  }
}
