// What recent runs have told about a vehicle, the newest of each kind: nothing is asked twice to look at it.

import { useQuery } from '@tanstack/react-query';
import { useEffect, useMemo, useSyncExternalStore } from 'react';
import type { Command } from '../api/client';
import { capabilitiesQuery, runsQuery } from '../api/queries';
import { type Report, reports } from '../faults/faults';
import { datumOf, type Units } from '../format/datum';
import { link } from '../live/live';
import type { RunLog } from '../live/log';
import { entityOf, paramsOf } from '../runs/params';

const RECENT = 100;
/** How many runs are looked into for faults. */
const LOOKED_INTO = 8;

export function useRecent(vehicleId: string): Command[] {
  const { data } = useQuery(runsQuery({ vehicle: vehicleId }, RECENT));
  return data?.commands ?? [];
}

const useful = (run: Command) => run.state === 'completed' || run.status !== 'failed';

/** What the vehicle offers, if anybody has asked it: who is told that nobody has would log a failure. */
export function useCapabilities(vehicleId: string) {
  const { data: recent } = useQuery(runsQuery({ vehicle: vehicleId }, RECENT));
  const isFound = (run: Command) => run.command_name === 'vehicle.discover' && run.state === 'completed';
  const mayBeKnown = recent !== undefined && (recent.next_cursor != null || recent.commands.some(isFound));
  const { data, isPending } = useQuery({ ...capabilitiesQuery(vehicleId), enabled: mayBeKnown });
  return { found: data, isPending: recent === undefined || (mayBeKnown && isPending) };
}

/** Follows several runs; their logs in the same order. */
function useLogs(ids: string[]): (RunLog | undefined)[] {
  const key = ids.join(' ');
  useEffect(() => {
    const ends = key === '' ? [] : key.split(' ').map((id) => link.follow(id));
    return () => {
      for (const end of ends) end();
    };
  }, [key]);
  // A new snapshot whenever any of the logs is a new one.
  const version = useSyncExternalStore(link.listen, () =>
    ids.map((id) => `${link.log(id)?.cursor ?? -1}`).join(' '),
  );
  // biome-ignore lint/correctness/useExhaustiveDependencies: the version stands for the logs
  return useMemo(() => ids.map((id) => link.log(id)), [key, version]);
}

/** Whether a run has asked for all faults of what it asked for. */
function isWhole(run: Command): boolean {
  const params = Object.keys(paramsOf(run));
  if (run.command_name === 'faults.scan') return params.length === 0;
  return run.command_name === 'faults.list' && params.length === 1;
}

/** The newest report of each entity. */
export function useKnownFaults(vehicleId: string): Map<string, Report> {
  const runs = useRecent(vehicleId).filter((run) => isWhole(run) && useful(run));
  const firstScan = runs.findIndex((run) => run.command_name === 'faults.scan' && run.state === 'completed');
  const chosen = runs.slice(0, firstScan < 0 ? LOOKED_INTO : Math.min(firstScan + 1, LOOKED_INTO));
  const logs = useLogs(chosen.map((run) => run.command_id));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the logs change when the runs do
  return useMemo(() => {
    const known = new Map<string, Report>();
    chosen.forEach((run, index) => {
      const about = entityOf(run);
      for (const part of logs[index]?.parts ?? []) {
        for (const report of reports(part.payload, about, part.receivedAt, run.command_id)) {
          if (!known.has(report.entity)) known.set(report.entity, report);
        }
      }
    });
    return known;
  }, [logs]);
}

/** The newest run of a command with these parameters, and its log. */
export function useLatest(vehicleId: string, name: string, params: Record<string, unknown>) {
  const wanted = JSON.stringify(params);
  const run = useRecent(vehicleId).find(
    (it) => it.command_name === name && useful(it) && JSON.stringify(paramsOf(it)) === wanted,
  );
  const [log] = useLogs(run ? [run.command_id] : []);
  return { run, log };
}

export interface KnownValue {
  value: unknown;
  units: Units;
  at: string;
}

const isEmpty = (units: Units) => Object.keys(units).length === 0;

/** The newest value of each datum of an entity, from the reads of recent runs. */
export function useKnownValues(vehicleId: string, entity: string): Map<string, KnownValue> {
  const runs = useRecent(vehicleId).filter(
    (run) =>
      (run.command_name === 'data.read' || run.command_name === 'data.watch') &&
      entityOf(run) === entity &&
      run.status !== 'pending',
  );
  const chosen = runs.slice(0, LOOKED_INTO);
  const logs = useLogs(chosen.map((run) => run.command_id));
  return useMemo(() => {
    const known = new Map<string, KnownValue>();
    for (const log of logs) {
      for (const part of [...(log?.parts ?? [])].reverse()) {
        const datum = datumOf(part.payload);
        if (!datum) continue;
        const newer = known.get(datum.id);
        if (!newer) known.set(datum.id, { ...datum, at: part.receivedAt });
        // What is watched comes without its units: they are those of the read before.
        else if (isEmpty(newer.units)) newer.units = datum.units;
      }
    }
    return known;
  }, [logs]);
}
