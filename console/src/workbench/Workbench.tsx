// The page of one vehicle: its entities, what is known of them, and what is running.

import { Button, Tabs } from '@mantine/core';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useEffect, useMemo } from 'react';
import type { Vehicle } from '../api/client';
import { asProblem } from '../api/problem';
import { useEntry, useSubmit, vehicleQuery } from '../api/queries';
import { useRun } from '../live/live';
import { hasEnded } from '../live/log';
import { RunView } from '../runs/RunView';
import { cliOf } from '../runs/snippets';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { CloseIcon } from '../ui/icons';
import { Age, PresenceMark } from '../ui/marks';
import { Empty, Loading, ProblemCard } from '../ui/notices';
import { useTitle } from '../ui/title';
import { AboutTab } from './AboutTab';
import { CommandsTab } from './CommandsTab';
import { DataTab } from './DataTab';
import { EntityTree } from './EntityTree';
import { type Entity, entityTree, flat, has } from './entities';
import { FaultsTab } from './FaultsTab';
import { HistoryTab } from './HistoryTab';
import { useCapabilities, useKnownFaults, useRecent } from './known';
import { RESOURCES, ResourceTab } from './ResourceTab';

/** What a tab needs. */
export interface Place {
  vehicle: Vehicle;
  /** `undefined` = the whole vehicle. */
  entity: Entity | undefined;
  entities: Entity[];
  show: (runId: string) => void;
}

export function Workbench() {
  const { vehicleId } = useParams({ from: '/inside/vehicles/$vehicleId' });
  const { data: vehicle, error, refetch } = useQuery(vehicleQuery(vehicleId));
  useTitle(vehicle?.vin ?? 'Vehicle');
  if (error) {
    return asProblem(error).status === 404 ? (
      <Empty
        isPage
        title="No such vehicle"
        action={
          <Link to="/vehicles" search={{}}>
            Search the vehicles
          </Link>
        }
      >
        It does not exist, or it is in a fleet that you may not see.
      </Empty>
    ) : (
      <ProblemCard error={error} onRetry={() => refetch()} />
    );
  }
  if (!vehicle) return <Loading />;
  return <Bench vehicle={vehicle} />;
}

function Bench({ vehicle }: { vehicle: Vehicle }) {
  const search = useSearch({ from: '/inside/vehicles/$vehicleId' });
  const navigate = useNavigate({ from: '/vehicles/$vehicleId' });
  const { found, isPending } = useCapabilities(vehicle.vehicle_id);
  const roots = useMemo(() => entityTree(found?.entities ?? []), [found]);
  const entities = useMemo(() => flat(roots), [roots]);
  const entity = entities.find((it) => it.path === search.entity);
  const known = useKnownFaults(vehicle.vehicle_id);
  const set = (change: Partial<typeof search>) => navigate({ search: { ...search, ...change } });
  const place: Place = { vehicle, entity, entities, show: (run) => set({ run }) };
  useRediscovered(vehicle.vehicle_id);
  return (
    <div className="page bench">
      <VehicleBar vehicle={vehicle} discoveredAt={found?.discovered_at} show={place.show} />
      {isPending ? (
        <Loading />
      ) : (
        <div className={`bench-panes ${search.run ? 'with-run' : ''} ${found ? '' : 'bare'}`}>
          {found && (
            <aside className="panel bench-tree" aria-label="Entities of the vehicle">
              <EntityTree
                roots={roots}
                here={entity?.path}
                faults={(path) => known.get(path)?.faults.length}
                onChoose={(path) => set({ entity: path, tab: undefined })}
              />
            </aside>
          )}
          <section className="panel bench-main" aria-label={entity?.name ?? 'Whole vehicle'}>
            {found || search.tab ? (
              <EntityTabs place={place} tab={search.tab} onTab={(tab) => set({ tab })} />
            ) : (
              <Undiscovered place={place} />
            )}
          </section>
          {search.run && (
            <aside className="panel bench-run" aria-label="Run">
              <RunView
                key={search.run}
                runId={search.run}
                isPane
                onRun={(run) => set({ run })}
                extra={
                  <span className="row tight">
                    <Link to="/runs/$runId" params={{ runId: search.run }} search={{}} className="small">
                      Open
                    </Link>
                    <Button
                      variant="subtle"
                      color="gray"
                      size="compact-xs"
                      aria-label="Close the run"
                      onClick={() => set({ run: undefined })}
                    >
                      <CloseIcon />
                    </Button>
                  </span>
                }
              />
            </aside>
          )}
        </div>
      )}
    </div>
  );
}

/** When a discovery has completed, what the vehicle offers is asked for again. */
function useRediscovered(vehicleId: string) {
  const client = useQueryClient();
  const newest = useRecent(vehicleId).find((run) => run.command_name === 'vehicle.discover');
  const log = useRun(newest?.command_id);
  const isOver = log !== undefined && hasEnded(log);
  useEffect(() => {
    if (!isOver) return;
    client.invalidateQueries({ queryKey: ['capabilities', vehicleId] });
    client.invalidateQueries({ queryKey: ['runs', { vehicle: vehicleId }] });
  }, [isOver, vehicleId, client]);
}

function VehicleBar(props: { vehicle: Vehicle; discoveredAt?: string; show: (runId: string) => void }) {
  const { vehicle, discoveredAt } = props;
  const start = useStart(vehicle.vehicle_id, props.show);
  return (
    <div className="page-head">
      <h1 className="mono vin">{vehicle.vin}</h1>
      <span>
        {vehicle.make} {vehicle.model} {vehicle.year && <span className="dim">{vehicle.year}</span>}
      </span>
      <PresenceMark
        id={vehicle.vehicle_id}
        status={vehicle.connection_status}
        at={vehicle.last_seen_at}
        withAge
      />
      <span className="grow" />
      {discoveredAt && (
        <span className="dim small">
          discovered <Age at={discoveredAt} />
        </span>
      )}
      {discoveredAt && start.may('vehicle.discover') && (
        <Button
          size="xs"
          variant="default"
          loading={start.isBusy}
          onClick={() => start.run('vehicle.discover', {})}
        >
          Discover again
        </Button>
      )}
    </div>
  );
}

/** Starts commands that need no form. */
export function useStart(vehicleId: string, show: (runId: string) => void) {
  const submit = useSubmit();
  const me = useMe();
  return {
    isBusy: submit.isPending,
    error: submit.error,
    may: (name: string) => maySubmit(me.role, { role: 'engineer', risk: 'R0' }) || name === '',
    run: async (name: string, params: Record<string, unknown>, extra: Record<string, unknown> = {}) => {
      const draft = { vehicle_id: vehicleId, command_name: name, command_params: params, ...extra };
      const command = await submit.mutateAsync(draft as never).catch(() => null);
      if (command) show(command.command_id);
      return command;
    },
  };
}

function Undiscovered({ place }: { place: Place }) {
  const { vehicle, show } = place;
  const start = useStart(vehicle.vehicle_id, show);
  const read = async () => {
    await start.run('vehicle.discover', {});
    await start.run('faults.scan', {});
  };
  return (
    <Empty
      title="Nobody has asked this vehicle yet"
      cli={cliOf(vehicle.vin, 'vehicle.discover')}
      action={
        start.may('vehicle.discover') && (
          <Button data-key="r" loading={start.isBusy} onClick={read}>
            Read what it is and its faults
          </Button>
        )
      }
    >
      {start.may('vehicle.discover')
        ? 'Two reads: which control units and apps it has, and the faults of each. Nothing is changed in the vehicle.'
        : 'An engineer can read which control units and apps it has.'}
      {start.error && <ProblemCard error={start.error} />}
    </Empty>
  );
}

function EntityTabs({ place, tab, onTab }: { place: Place; tab?: string; onTab: (tab?: string) => void }) {
  const { entity } = place;
  const resources = RESOURCES.filter(({ link }) => has(entity, link));
  const names = [
    ...(!entity || has(entity, 'faults') ? ['faults'] : []),
    ...(has(entity, 'data') ? ['data'] : []),
    ...resources.map(({ name }) => name),
    'commands',
    'history',
    'about',
  ];
  const here = tab && names.includes(tab) ? tab : (names[0] ?? 'commands');
  const entry = useEntry('faults.list');
  return (
    <>
      <div className="entity-head">
        <h2>{entity?.name ?? 'Whole vehicle'}</h2>
        {entity && <span className="mono dim cut">{entity.path}</span>}
        {entity && <Variant entity={entity} />}
      </div>
      <Tabs
        value={here}
        onChange={(next) => onTab(next ?? undefined)}
        keepMounted={false}
        className="entity-tabs"
      >
        <Tabs.List>
          {names.map((name) => (
            <Tabs.Tab key={name} value={name}>
              {name}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="faults">
          <FaultsTab place={place} mayRead={entry !== undefined} />
        </Tabs.Panel>
        <Tabs.Panel value="data">
          <DataTab place={place} />
        </Tabs.Panel>
        {resources.map((resource) => (
          <Tabs.Panel key={resource.name} value={resource.name}>
            <ResourceTab place={place} resource={resource} />
          </Tabs.Panel>
        ))}
        <Tabs.Panel value="commands">
          <CommandsTab place={place} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          <HistoryTab place={place} />
        </Tabs.Panel>
        <Tabs.Panel value="about">
          <AboutTab place={place} />
        </Tabs.Panel>
      </Tabs>
    </>
  );
}

function Variant({ entity }: { entity: Entity }) {
  const variant = entity.described.variant as
    | { name?: string; state?: string; logical_address?: string }
    | undefined;
  if (!variant) return null;
  return (
    <span className="row tight">
      {variant.state && (
        <span className={`tag ${variant.state === 'Online' ? 'ok' : 'warn'}`}>{variant.state}</span>
      )}
      <span className="dim small mono">
        {variant.name} {variant.logical_address}
      </span>
    </span>
  );
}
