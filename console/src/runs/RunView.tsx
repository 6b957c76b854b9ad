// One run, live or long over: where it stands, what came, and what can be done with it.

import { Button, Menu, Tabs, Tooltip } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense, useCallback, useMemo, useState } from 'react';
import type { Command } from '../api/client';
import { asProblem } from '../api/problem';
import { runQuery, useCancel, useEntry, useSubmit } from '../api/queries';
import { seriesUnits } from '../format/datum';
import { useLink, useRun } from '../live/live';
import { hasEnded, type RunLog, stateOf } from '../live/log';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { useKey } from '../shell/keys';
import { copy } from '../ui/Copy';
import { MoreIcon } from '../ui/icons';
import { Json } from '../ui/Json';
import { StateMark } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { tell } from '../ui/told';
import { NamedVehicleLink } from '../vehicles/VehicleLink';
import { useKnownValues } from '../workbench/known';
import { Answer, hasAnswer } from './Answer';
import { Approval } from './Approval';
import { download } from './exports';
import { Parts } from './Parts';
import { entityOf, paramsOf } from './params';
import { Sheet } from './Sheet';
import { asCli, asCurl, asPython } from './snippets';
import { Timeline } from './Timeline';

const Chart = lazy(() => import('./Chart'));

interface Props {
  runId: string;
  view?: string;
  onView?: (view: string) => void;
  /** What was started again. */
  onRun?: (runId: string) => void;
  isPane?: boolean;
  extra?: ReactNode;
}

export function RunView(props: Props) {
  const { data: command, error, refetch } = useQuery(runQuery(props.runId));
  const log = useRun(props.runId);
  if (error) {
    return asProblem(error).status === 404 ? (
      <Empty
        isPage={!props.isPane}
        title="No such run"
        action={
          <Link to="/runs" search={{}}>
            Go to the runs
          </Link>
        }
      >
        It does not exist, or it is on a vehicle that you may not see.
      </Empty>
    ) : (
      <ProblemCard error={error} onRetry={() => refetch()} />
    );
  }
  if (!command || !log) return <Loading rows={4} />;
  return <Run {...props} command={command} log={log} />;
}

function Run({ command, log, ...props }: Props & { command: Command; log: RunLog }) {
  const state = stateOf(log) ?? command.state;
  return (
    <div className="run">
      <div className="run-head">
        {props.isPane ? <h2>{command.command_name}</h2> : <h1>{command.command_name}</h1>}
        <StateMark state={state} />
        {!(props.isPane && hasEnded(log)) && <RunLink log={log} />}
        <span className="grow" />
        {props.extra}
      </div>
      <div className="run-head">
        {!props.isPane && <NamedVehicleLink id={command.vehicle_id} />}
        <Params command={command} />
        <span className="grow" />
        <Actions command={command} log={log} onRun={props.onRun} />
      </div>
      {log.failures.map((failure) => (
        <div key={failure.offset} className="problem" role="alert">
          <strong>{failure.message}</strong>
          <span className="mono small">{failure.code}</span>
        </div>
      ))}
      <Timeline log={log} />
      {state === 'awaiting_approval' && <Approval command={command} />}
      <Views command={command} log={log} view={props.view} onView={props.onView} isPane={props.isPane} />
    </div>
  );
}

function Params({ command }: { command: Command }) {
  const params = Object.entries(paramsOf(command));
  if (params.length === 0) return null;
  const text = params.map(
    ([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`,
  );
  return (
    <span className="mono dim cut" title={text.join('\n')}>
      {text.join(' ')}
    </span>
  );
}

/** Whether what is shown goes on by itself. */
function RunLink({ log }: { log: RunLog }) {
  const { phase } = useLink();
  const [tone, word] = log.refused
    ? ['bad', 'no longer permitted']
    : hasEnded(log)
      ? ['', 'finished']
      : phase !== 'live'
        ? ['warn', `reconnecting, goes on after #${log.parts.at(-1)?.seq ?? 0}`]
        : log.isLive
          ? ['ok', 'live']
          : ['info', 'catching up'];
  return (
    <span className={`tag ${tone}`} role="status">
      {word}
    </span>
  );
}

function Actions({ command, log, onRun }: { command: Command; log: RunLog; onRun?: (id: string) => void }) {
  const me = useMe();
  const entry = useEntry(command.command_name);
  const cancel = useCancel();
  const submit = useSubmit();
  const mayAct = me.role === 'admin' || me.user_id === command.user_id;
  const mayRepeat = entry !== undefined && maySubmit(me.role, entry);
  // What changes a vehicle is asked for again in its form, where it is confirmed.
  const isSafe = entry?.risk === 'R0' || entry?.risk === 'R1';
  const repeat = async () => {
    const { vehicle_id, command_name, command_params } = command;
    const next = await submit.mutateAsync({ vehicle_id, command_name, command_params } as never);
    onRun?.(next.command_id);
  };
  const origin = location.origin;
  const share = async (text: string, what: string) => {
    await copy(text);
    tell(`${what} copied`);
  };
  const cli = useCallback(() => {
    copy(asCli(command, location.origin)).then(() => tell('CLI copied'));
  }, [command]);
  const exportJson = useCallback(() => download('json', command, log), [command, log]);
  useKey('c', cli);
  useKey('e', exportJson);
  return (
    <div className="row tight">
      {!hasEnded(log) && mayAct && (
        <Button
          size="xs"
          variant="default"
          data-key="x"
          loading={cancel.isPending}
          onClick={() => cancel.mutate(command.command_id)}
        >
          Cancel
        </Button>
      )}
      {hasEnded(log) && isSafe && mayRepeat && onRun && (
        <Button size="xs" variant="default" data-key="R" loading={submit.isPending} onClick={repeat}>
          Run again
        </Button>
      )}
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="xs" variant="default" rightSection={<MoreIcon />}>
            Share
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item onClick={() => share(`${origin}/runs/${command.command_id}`, 'Link')}>
            Copy a link
          </Menu.Item>
          <Menu.Item onClick={() => share(command.command_id, 'Id')}>Copy the id</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={cli}>Copy as CLI (c)</Menu.Item>
          <Menu.Item onClick={() => share(asCurl(command, origin), 'curl')}>Copy as curl</Menu.Item>
          <Menu.Item onClick={() => share(asPython(command, origin), 'Python')}>Copy as Python</Menu.Item>
          <Menu.Divider />
          <Menu.Item onClick={exportJson}>Export JSON (e)</Menu.Item>
          <Menu.Item onClick={() => download('ndjson', command, log)}>Export NDJSON</Menu.Item>
          <Menu.Item onClick={() => download('csv', command, log)}>Export CSV</Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {cancel.error && <ProblemCard error={cancel.error} />}
      {submit.error && <ProblemCard error={submit.error} />}
    </div>
  );
}

const VIEWS = ['answer', 'parts', 'table', 'raw', 'diff', 'chart'];

/** What the page of the vehicle shows beside the pane already. */
const SHOWN_BESIDE = /^(faults\.(list|scan)|vehicle\.discover|\w+\.list)$/;

function Views(props: {
  command: Command;
  log: RunLog;
  view?: string;
  onView?: (view: string) => void;
  isPane?: boolean;
}) {
  const { command, log } = props;
  const entry = useEntry(command.command_name);
  const [own, setOwn] = useState<string>();
  const isBeside = props.isPane && SHOWN_BESIDE.test(command.command_name);
  const isChart = entry?.streaming === 'live' && log.parts.length > 1;
  const first = isChart ? 'chart' : hasAnswer(command, log) && !isBeside ? 'answer' : 'parts';
  const view = props.view ?? own ?? first;
  return (
    <Tabs
      value={view}
      onChange={(next) => (props.onView ?? setOwn)(next ?? first)}
      className="views"
      keepMounted={false}
    >
      <div className="views-head">
        <Tabs.List>
          {VIEWS.map((name, index) => (
            <Tabs.Tab key={name} value={name} data-key={String(index + 1)}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Counts log={log} />
      </div>
      {VIEWS.map((name) => (
        <Tabs.Panel key={name} value={name}>
          {log.parts.length === 0 ? <Waiting log={log} /> : <View name={name} command={command} log={log} />}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

/** The units of what a run reads or watches, as far as it says them, or a read of late has. */
function useUnits(command: Command): Map<string, string> {
  const known = useKnownValues(command.vehicle_id, entityOf(command) ?? '');
  return useMemo(() => seriesUnits(new Map([...known].map(([id, it]) => [id, it.units]))), [known]);
}

function LiveChart({ command, log }: { command: Command; log: RunLog }) {
  const units = useUnits(command);
  return (
    <Suspense fallback={<Loading rows={3} />}>
      <Chart parts={log.parts} units={units} />
    </Suspense>
  );
}

function View({ name, command, log }: { name: string; command: Command; log: RunLog }) {
  if (name === 'answer' && hasAnswer(command, log)) return <Answer command={command} log={log} />;
  if (name === 'table') return <Sheet parts={log.parts} />;
  if (name === 'raw' || name === 'diff') return <Parts key={name} parts={log.parts} as={name} />;
  if (name === 'chart') return <LiveChart command={command} log={log} />;
  return <Parts parts={log.parts} />;
}

/** How much has come, and that nothing is missing. */
function Counts({ log }: { log: RunLog }) {
  const parts = `${log.parts.length} ${log.parts.length === 1 ? 'part' : 'parts'}`;
  return (
    <Tooltip label="Every part has a number; what is missing is fetched, what comes twice is dropped">
      <span className="dim small counts">
        {parts} · {log.gaps} gaps · {log.duplicates} duplicates
      </span>
    </Tooltip>
  );
}

function Waiting({ log }: { log: RunLog }) {
  if (hasEnded(log)) return <p className="body dim">The run ended without an answer.</p>;
  const words: Record<string, string> = {
    awaiting_approval: 'Waiting for a second person.',
    queued: 'Waiting for the vehicle or for its turn.',
    dispatched: 'On its way to the vehicle.',
    running: 'The vehicle is working on it.',
    cancelling: 'The vehicle has been asked to stop.',
  };
  return (
    <p className="body dim" role="status">
      {words[stateOf(log) ?? ''] ?? 'Nothing has come yet.'}
    </p>
  );
}

/** The parameters and everything else that is known of a run. */
export function RunFacts({ command }: { command: Command }) {
  const facts: [string, string | null | undefined][] = [
    ['id', command.command_id],
    ['submitted', command.submitted_at],
    ['completed', command.completed_at],
    ['deliver by', command.deliver_by],
    ['reason', command.reason],
    ['approve by', command.approve_by],
    ['decided by', command.decided_by],
    ['decided', command.decided_at],
    ['approval hash', command.approval_hash],
    ['attempt', String(command.attempt)],
  ];
  return (
    <div className="stack">
      <dl className="facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name} className="key-row">
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
      </dl>
      <Json value={paramsOf(command)} />
    </div>
  );
}
