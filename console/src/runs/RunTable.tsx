// Runs, the newest first. Those that are not over go on by themselves.

import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import type { Command } from '../api/client';
import { vehicleQuery } from '../api/queries';
import { span } from '../format/time';
import { useRun } from '../live/live';
import { isTerminal, stateOf } from '../live/log';
import { Grid } from '../ui/Grid';
import { Age, StateMark } from '../ui/marks';
import { paramsOf } from './params';

interface Props {
  runs: Command[];
  withVehicle?: boolean;
  chosen?: string[];
  onChoose?: (id: string) => void;
  onOpen?: (id: string) => void;
}

export function RunTable({ runs, withVehicle, chosen, onChoose, onOpen }: Props) {
  const navigate = useNavigate();
  const open = onOpen ?? ((runId: string) => navigate({ to: '/runs/$runId', params: { runId }, search: {} }));
  return (
    <Grid
      label="Runs"
      rows={runs}
      keyOf={(it) => it.command_id}
      onOpen={(it) => open(it.command_id)}
      columns={[
        ...(onChoose
          ? [
              {
                name: 'Compare',
                cell: (it: Command) => (
                  <Checkbox
                    size="xs"
                    aria-label={`Compare ${it.command_name} of ${it.submitted_at}`}
                    checked={chosen?.includes(it.command_id) ?? false}
                    onChange={() => onChoose(it.command_id)}
                  />
                ),
              },
            ]
          : []),
        {
          name: 'Command',
          cell: (it) => (
            <Link to="/runs/$runId" params={{ runId: it.command_id }} search={{}} className="nowrap">
              {it.command_name}
            </Link>
          ),
        },
        { name: 'State', cell: (it) => <LiveState run={it} /> },
        ...(withVehicle ? [{ name: 'Vehicle', cell: (it: Command) => <Vin id={it.vehicle_id} /> }] : []),
        { name: 'About', cell: (it) => <About run={it} /> },
        { name: 'Submitted', cell: (it) => <Age at={it.submitted_at} /> },
        {
          name: 'Took',
          cell: (it) => <span className="nowrap">{span(it.submitted_at, it.completed_at)}</span>,
          isNumber: true,
        },
      ]}
    />
  );
}

function LiveState({ run }: { run: Command }) {
  const log = useRun(isTerminal(run.state) ? undefined : run.command_id);
  const state = (log && stateOf(log)) ?? run.state;
  return <StateMark state={state} />;
}

function Vin({ id }: { id: string }) {
  const { data } = useQuery(vehicleQuery(id));
  return <span className="mono nowrap">{data?.vin ?? '…'}</span>;
}

/** What tells this run from others of the same command, or why it failed. */
function About({ run }: { run: Command }) {
  if (run.error_message) return <span className="about cut">{run.error_message}</span>;
  const values = Object.values(paramsOf(run)).map((it) => (typeof it === 'string' ? it : JSON.stringify(it)));
  return <span className="about cut mono dim">{values.join(' ')}</span>;
}
