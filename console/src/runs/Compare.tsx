// Two runs side by side: what one has that the other has not. Made for before and after.

import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useMemo, useState } from 'react';
import type { Command } from '../api/client';
import { runQuery } from '../api/queries';
import { type Difference, difference } from '../format/difference';
import { dayAndTime } from '../format/time';
import { useRun } from '../live/live';
import { Grid } from '../ui/Grid';
import { StateMark } from '../ui/marks';
import { Empty, Loading } from '../ui/notices';
import { useTitle } from '../ui/title';
import { comparable } from './comparable';

/** What changes with every run and says nothing. */
const NOISE = /(^|\.)(timestamp|at|mask)$/;

export function Compare() {
  useTitle('Compare two runs');
  const { a, b } = useSearch({ from: '/inside/runs/compare' });
  const [before, after] = [
    useQuery({ ...runQuery(a ?? ''), enabled: !!a }),
    useQuery({ ...runQuery(b ?? ''), enabled: !!b }),
  ];
  const [one, two] = [useRun(a), useRun(b)];
  const [withNoise, setNoise] = useState(false);
  const order = older(before.data, after.data);
  const [first, second] = order === 'ab' ? [before.data, after.data] : [after.data, before.data];
  const [firstLog, secondLog] = order === 'ab' ? [one, two] : [two, one];
  const found = useMemo(() => {
    if (!first || !second || !firstLog || !secondLog) return null;
    return difference(comparable(first, firstLog), comparable(second, secondLog));
  }, [first, second, firstLog, secondLog]);
  if (!a || !b) {
    return (
      <Empty
        isPage
        title="Choose two runs"
        action={
          <Link to="/runs" search={{}}>
            Go to the runs
          </Link>
        }
      >
        Tick two in the list.
      </Empty>
    );
  }
  const shown = found?.filter(({ path }) => withNoise || !NOISE.test(path));
  return (
    <div className="page">
      <h1>Compare two runs</h1>
      <div className="columns even">
        <Side name="Before" run={first} />
        <Side name="After" run={second} />
      </div>
      <Checkbox
        label="Also times and status bytes"
        checked={withNoise}
        onChange={(event) => setNoise(event.currentTarget.checked)}
      />
      <section className="panel" aria-label="Differences">
        {!shown ? (
          <Loading />
        ) : shown.length === 0 ? (
          <Empty title="No difference">Both found the same.</Empty>
        ) : (
          <Differences rows={shown} />
        )}
      </section>
    </div>
  );
}

function older(a: Command | undefined, b: Command | undefined): 'ab' | 'ba' {
  return a && b && a.submitted_at > b.submitted_at ? 'ba' : 'ab';
}

function Side({ name, run }: { name: string; run: Command | undefined }) {
  if (!run)
    return (
      <div className="panel">
        <Loading rows={2} />
      </div>
    );
  return (
    <div className="panel">
      <header>
        <strong>{name}</strong>
        <Link to="/runs/$runId" params={{ runId: run.command_id }} search={{}}>
          {run.command_name}
        </Link>
        <StateMark state={run.state} />
        <span className="dim small">{dayAndTime(run.submitted_at)}</span>
      </header>
    </div>
  );
}

/** A value in a cell: the fields of an object one after the other. */
function inWords(value: unknown): string {
  if (value === undefined) return '';
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return JSON.stringify(value);
  return Object.values(value)
    .filter((it) => it !== undefined && it !== null)
    .map((it) => (typeof it === 'object' ? JSON.stringify(it) : String(it)))
    .join(' · ');
}

const TONES = { added: 'ok', removed: 'bad', changed: 'warn' };

function Differences({ rows }: { rows: Difference[] }) {
  const text = (value: unknown) => <span className="mono diff-value">{inWords(value)}</span>;
  return (
    <Grid
      label="Differences"
      rows={rows}
      keyOf={(it) => `${it.path} ${it.kind}`}
      columns={[
        { name: 'Where', cell: (it) => <span className="mono">{it.path}</span>, by: (it) => it.path },
        {
          name: 'What',
          cell: (it) => <span className={`tag ${TONES[it.kind]}`}>{it.kind}</span>,
          by: (it) => it.kind,
        },
        { name: 'Before', cell: (it) => text(it.before) },
        { name: 'After', cell: (it) => text(it.after) },
        {
          name: 'Change',
          cell: (it) => it.delta !== undefined && `${it.delta > 0 ? '+' : ''}${+it.delta.toPrecision(6)}`,
          by: (it) => it.delta ?? 0,
          isNumber: true,
        },
      ]}
    />
  );
}
