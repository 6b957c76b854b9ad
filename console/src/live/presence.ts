// Whether vehicles can be spoken to, as the server last said: the newest revision wins.

export interface VehicleStatus {
  vehicle_id: string;
  connection_status: string;
  last_seen_at: string | null;
  revision: number;
}

export class Presence {
  #known = new Map<string, VehicleStatus>();
  #listeners = new Set<() => void>();

  /** Takes what the server says, unless it is older than what is known; whether a vehicle came or went. */
  take(status: VehicleStatus): boolean {
    const known = this.#known.get(status.vehicle_id);
    if (known && known.revision > status.revision) return false;
    this.#known.set(status.vehicle_id, status);
    for (const listener of this.#listeners) listener();
    return known !== undefined && known.connection_status !== status.connection_status;
  }

  of(vehicleId: string): VehicleStatus | undefined {
    return this.#known.get(vehicleId);
  }

  clear() {
    this.#known.clear();
  }

  listen = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };
}
