import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { useChange } from '../admin/change';
import { api, must, type NewApiToken } from '../api/client';
import { fleetsQuery } from '../api/queries';
import { Copy } from '../ui/Copy';
import { ProblemCard } from '../ui/notices';
import { Until } from '../ui/Until';
import { mayWatch, rolesWithin } from './rights';
import { useMe } from './useSession';

const DAY_MS = 86_400_000;
/** How long a token lives unless another day is chosen. */
const USUAL_DAYS = 90;

const day = (at: number) => {
  const local = new Date(at - new Date(at).getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 10);
};

/** The end of a day of here. */
function endOf(chosen: string): string {
  const [year = 0, month = 1, date = 1] = chosen.split('-').map(Number);
  return new Date(year, month - 1, date + 1).toISOString();
}

/** Asks what a token is for, and shows it once. */
export function NewToken({ onDone }: { onDone: () => void }) {
  const [made, setMade] = useState<NewApiToken | null>(null);
  return made ? <Made token={made} onDone={onDone} /> : <Form onMade={setMade} onCancel={onDone} />;
}

function Form({ onMade, onCancel }: { onMade: (token: NewApiToken) => void; onCancel: () => void }) {
  const me = useMe();
  const watches = mayWatch(me.role);
  const { data: fleets } = useQuery({ ...fleetsQuery, enabled: watches });
  const roles = rolesWithin(me.role);
  const [name, setName] = useState('');
  // The least that is of use, and not the most that there is.
  const [role, setRole] = useState(roles[0] ?? me.role);
  const [only, setOnly] = useState<string[]>([]);
  const [until, setUntil] = useState(() => day(Date.now() + USUAL_DAYS * DAY_MS));
  const make = useChange(async () => {
    const body = { name, role, expires_at: endOf(until), ...(only.length > 0 && { fleets: only }) };
    onMade(await must(api.POST('/api/v1/tokens', { body })));
  }, ['tokens']);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    make.mutate(undefined as never);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <TextInput
        label="Name"
        description="What it is for, so that you know later what stops when you revoke it."
        required
        maxLength={100}
        data-autofocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <NativeSelect
        label="Role"
        data={roles}
        value={role}
        onChange={(event) => setRole(event.currentTarget.value)}
      />
      {(fleets?.length ?? 0) > 0 && (
        <Checkbox.Group
          label="Fleets"
          description="None chosen: all that you see."
          value={only}
          onChange={setOnly}
        >
          {fleets?.map((fleet) => (
            <Checkbox key={fleet.fleet_id} mt={6} label={fleet.name} value={fleet.fleet_id} />
          ))}
        </Checkbox.Group>
      )}
      <TextInput
        type="date"
        label="Until the end of"
        required
        min={day(Date.now())}
        value={until}
        onChange={(event) => setUntil(event.currentTarget.value)}
      />
      {make.error && <ProblemCard error={make.error} />}
      <div className="form-actions">
        <Button variant="default" onClick={onCancel}>
          Cancel
        </Button>
        <Button type="submit" loading={make.isPending} disabled={!until}>
          Make it
        </Button>
      </div>
    </form>
  );
}

function Made({ token, onDone }: { token: NewApiToken; onDone: () => void }) {
  return (
    <div className="stack">
      <p>
        This is the only time that it is shown. It serves as <code>Authorization: Bearer …</code>, and ends{' '}
        <Until at={token.expires_at} />.
      </p>
      <div className="row nowrap">
        <code className="cli">{token.token}</code>
        <Copy text={token.token} label="Copy the token" />
      </div>
      <div className="form-actions">
        <Button onClick={onDone}>I have kept it</Button>
      </div>
    </div>
  );
}
