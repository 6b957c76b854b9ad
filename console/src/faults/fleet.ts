// The faults of many vehicles, from the newest whole scan of each among the recent runs.

import { useQueries, useQuery } from '@tanstack/react-query';
import { useMemo } from 'react';
import type { Command } from '../api/client';
import { responsesQuery, runsQuery } from '../api/queries';
import { paramsOf } from '../runs/params';
import { type Fault, reports } from './faults';

const RECENT = 100;

export interface FleetFault {
  code: string;
  name: string;
  severity: string | undefined;
  /** The vehicles that have it, each with the entities. */
  vehicles: Map<string, { entities: string[]; at: string; runId: string; kinds: string[] }>;
}

export interface FleetFaults {
  faults: FleetFault[];
  /** The vehicles of which there is a scan, with its run. */
  scans: Map<string, Command>;
  isPending: boolean;
  error: unknown;
}

export function useFleetFaults(): FleetFaults {
  const { data, isPending, error } = useQuery(runsQuery({ status: 'completed' }, RECENT));
  const scans = useMemo(() => {
    const newest = new Map<string, Command>();
    for (const run of data?.commands ?? []) {
      const isWhole = run.command_name === 'faults.scan' && Object.keys(paramsOf(run)).length === 0;
      if (isWhole && !newest.has(run.vehicle_id)) newest.set(run.vehicle_id, run);
    }
    return newest;
  }, [data]);
  const runs = [...scans.values()];
  const answers = useQueries({ queries: runs.map((run) => responsesQuery(run.command_id)) });
  const ready = answers.filter((it) => it.data).length;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the answers change when there are more
  const faults = useMemo(() => {
    const found = runs.flatMap((run, index) =>
      (answers[index]?.data ?? []).flatMap((part) =>
        reports(part.response_payload, undefined, part.received_at, run.command_id).flatMap((report) =>
          report.faults.map((fault) => ({ fault, run, at: part.received_at })),
        ),
      ),
    );
    return group(found);
  }, [scans, ready]);
  return { faults, scans, isPending: isPending || ready < runs.length, error };
}

function group(found: { fault: Fault; run: Command; at: string }[]): FleetFault[] {
  const byCode = new Map<string, FleetFault>();
  for (const { fault, run, at } of found) {
    const { code, name, severity } = fault;
    const entry = byCode.get(code) ?? { code, name, severity, vehicles: new Map() };
    byCode.set(code, entry);
    const vehicle = entry.vehicles.get(run.vehicle_id) ?? {
      entities: [],
      at,
      runId: run.command_id,
      kinds: [],
    };
    entry.vehicles.set(run.vehicle_id, vehicle);
    vehicle.entities.push(fault.entity);
    if (fault.kind && !vehicle.kinds.includes(fault.kind)) vehicle.kinds.push(fault.kind);
  }
  return [...byCode.values()].sort(
    (a, b) => b.vehicles.size - a.vehicles.size || a.code.localeCompare(b.code),
  );
}
