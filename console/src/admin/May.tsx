// What a user may do and where, and whether they may run one command in one fleet.

import { NativeSelect } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, must, type Permissions } from '../api/client';
import { catalogQuery, fleetsQuery } from '../api/queries';
import { dayAndTime } from '../format/time';
import { maySubmit, mayWatch } from '../session/rights';
import { Loaded } from '../ui/notices';
import { answer } from './answer';

/** What each permission is for, in the order in which they are shown. */
const WORDS: Record<string, string> = {
  watch: 'sees vehicles and runs, and watches answers come',
  see_parameters: 'sees whole VINs, and the parameters of runs',
  submit_r0: 'runs what only reads (R0)',
  submit_r1: 'runs what passes by itself (R1)',
  submit_r2: 'runs what changes a vehicle (R2)',
  submit_r3: 'runs what is dangerous (R3)',
  approve: 'approves what others have asked for',
  read_audit: 'reads the audit',
  administer: 'administers users, fleets and vehicles',
};

export function May({ userId, name }: { userId: string; name: string }) {
  const permissions = useQuery({
    queryKey: ['permissions', userId],
    queryFn: () =>
      must(api.GET('/api/v1/users/{user_id}/permissions', { params: { path: { user_id: userId } } })),
  });
  return (
    <Loaded of={permissions}>
      {(may) => (
        <div className="stack">
          {!may.is_active && (
            <p>
              <strong>{name} is disabled</strong>, and may do nothing until that is undone.
            </p>
          )}
          <Words may={may} />
          {mayWatch(may.role) && <Fleets may={may} />}
          {may.permissions.includes('submit_r0') && <Tester may={may} name={name} />}
        </div>
      )}
    </Loaded>
  );
}

function Words({ may }: { may: Permissions }) {
  const words = [...new Set([...Object.keys(WORDS), ...may.permissions])];
  return (
    <ul className="plain stack tight">
      {words.map((word) => {
        const isPermitted = may.permissions.includes(word);
        return (
          <li key={word} className="verdict">
            <span className={`tag ${isPermitted ? 'ok' : ''}`}>{isPermitted ? 'yes' : 'no'}</span>
            <span className={isPermitted ? undefined : 'dim'}>
              {WORDS[word] ?? word.replaceAll('_', ' ')}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

/** The names of the fleets, as far as who looks sees them. */
function useFleetName() {
  const { data } = useQuery(fleetsQuery);
  return (id: string) => data?.find((it) => it.fleet_id === id)?.name ?? id;
}

function Fleets({ may }: { may: Permissions }) {
  const nameOf = useFleetName();
  if (may.sees_all_fleets) return <p>In all fleets.</p>;
  if (may.fleets.length === 0) return <p>In no fleet: no vehicle is seen.</p>;
  return (
    <p>
      In {may.fleets.length === 1 ? 'the fleet' : 'the fleets'}{' '}
      {may.fleets
        .map((it) => nameOf(it.fleet_id) + (it.until ? ` (until ${dayAndTime(it.until)})` : ''))
        .join(', ')}
      .
    </p>
  );
}

function Tester({ may, name }: { may: Permissions; name: string }) {
  const { data: catalog } = useQuery(catalogQuery);
  const { data: fleets } = useQuery(fleetsQuery);
  const [command, setCommand] = useState('');
  const [fleet, setFleet] = useState('');
  const entry = catalog?.find((it) => it.name === command);
  const chosen = fleet || fleets?.[0]?.fleet_id;
  const said = entry && chosen && answer(may, entry, chosen, Date.now());
  const number = catalog?.filter((it) => maySubmit(may.role, it)).length;
  return (
    <div className="stack tight">
      <p>
        {number} of the {catalog?.length} commands of the catalogue. May {name} run …
      </p>
      <div className="row">
        <NativeSelect
          aria-label="Command"
          value={command}
          onChange={(event) => setCommand(event.currentTarget.value)}
          data={['', ...(catalog ?? []).map((it) => it.name)].map((it) => ({
            value: it,
            label: it || 'a command',
          }))}
        />
        <span className="dim">in</span>
        <NativeSelect
          aria-label="Fleet"
          value={chosen ?? ''}
          onChange={(event) => setFleet(event.currentTarget.value)}
          data={(fleets ?? []).map((it) => ({ value: it.fleet_id, label: it.name }))}
        />
      </div>
      {said && (
        <p role="status">
          <span className={`tag ${said.isYes ? 'ok' : 'bad'}`}>{said.isYes ? 'yes' : 'no'}</span> {said.why}
        </p>
      )}
    </div>
  );
}
