// Ctrl-K: any vehicle, recent run or page in a few keys.

import '@mantine/spotlight/styles.css';
import { Spotlight, type SpotlightActionData } from '@mantine/spotlight';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { runsQuery, vehiclesQuery } from '../api/queries';
import { mayWatch } from '../session/rights';
import { useMe } from '../session/useSession';

const PAGES = [
  ['Overview', '/'],
  ['Vehicles', '/vehicles'],
  ['Runs', '/runs'],
  ['Faults of the fleet', '/faults'],
  ['Sessions', '/sessions'],
  ['Tokens', '/tokens'],
] as const;

export default function Palette({ onClose }: { onClose: () => void }) {
  const navigate = useNavigate();
  const me = useMe();
  const [query, setQuery] = useState('');
  const enabled = mayWatch(me.role);
  const { data: found } = useQuery({ ...vehiclesQuery({ q: query || undefined }), enabled });
  const { data: recent } = useQuery({ ...runsQuery({}, 20), enabled });
  useEffect(() => {
    Spotlight.open();
    return () => Spotlight.close();
  }, []);
  const matches = (it: { vin: string; make: string; model: string }) =>
    [it.vin, it.make, it.model].some((text) => text.toLowerCase().includes(query.toLowerCase()));
  const actions: SpotlightActionData[] = [
    // What was found before the last letter is still shown: Enter must not open what does not match.
    ...(found?.vehicles ?? [])
      .filter(matches)
      .slice(0, 8)
      .map((vehicle) => ({
        id: vehicle.vehicle_id,
        label: vehicle.vin,
        description: `${vehicle.make} ${vehicle.model} · ${vehicle.connection_status}`,
        onClick: () =>
          navigate({ to: '/vehicles/$vehicleId', params: { vehicleId: vehicle.vehicle_id }, search: {} }),
      })),
    ...PAGES.filter(([name]) => name.toLowerCase().includes(query.toLowerCase())).map(([name, to]) => ({
      id: to,
      label: name,
      description: 'page',
      onClick: () => navigate({ to, search: {} }),
    })),
    ...(recent?.commands ?? [])
      .filter((run) => `${run.command_name} ${run.command_id}`.toLowerCase().includes(query.toLowerCase()))
      .slice(0, 5)
      .map((run) => ({
        id: run.command_id,
        label: run.command_name,
        description: `run · ${run.state} · ${run.command_id}`,
        onClick: () => navigate({ to: '/runs/$runId', params: { runId: run.command_id }, search: {} }),
      })),
  ];
  // What was found came after the typing: nothing is selected yet, and the first is meant.
  const enter = (event: KeyboardEvent) => {
    const isSelected = document.querySelector('[data-action][data-selected]') !== null;
    if (event.key !== 'Enter' || isSelected) return;
    document.querySelector<HTMLElement>('[data-action]')?.click();
  };
  return (
    <Spotlight
      actions={actions}
      filter={(_, all) => all}
      query={query}
      onQueryChange={setQuery}
      onSpotlightClose={onClose}
      lockScroll={false}
      centered={false}
      overlayProps={{ backgroundOpacity: 0.4, blur: 0 }}
      shortcut={null}
      nothingFound="Nothing of that name"
      searchProps={{ placeholder: 'VIN, make, run, page …', 'aria-label': 'Go to', onKeyDown: enter }}
      scrollable
      maxHeight={420}
    />
  );
}
