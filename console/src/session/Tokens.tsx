// One's tokens for machines: what a script or a build server shows instead of a password.

import { Button, Modal } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState } from 'react';
import { useChange } from '../admin/change';
import { type ApiToken, api, must } from '../api/client';
import { fleetsQuery } from '../api/queries';
import { Grid } from '../ui/Grid';
import { Age } from '../ui/marks';
import { Empty, Loaded, ProblemCard } from '../ui/notices';
import { useTitle } from '../ui/title';
import { Until } from '../ui/Until';
import { NewToken } from './NewToken';
import { mayWatch } from './rights';
import { useMe } from './useSession';

export function Tokens() {
  useTitle('Tokens');
  const tokens = useQuery({ queryKey: ['tokens'], queryFn: () => must(api.GET('/api/v1/tokens')) });
  const [isMaking, setMaking] = useState(false);
  const make = (
    <Button size="xs" onClick={() => setMaking(true)}>
      Make a token …
    </Button>
  );
  return (
    <div className="page">
      <div className="page-head">
        <h1>Tokens</h1>
        <span className="dim">what machines show instead of a password</span>
        <span className="grow" />
        {make}
      </div>
      <section className="panel" aria-label="Tokens">
        <Loaded of={tokens}>
          {(data) =>
            data.length === 0 ? (
              <Empty title="No tokens" cli="fleetwire admin token add --help">
                A script or a build server gets a token of its own: for less than you may do, until a day that
                you choose.
              </Empty>
            ) : (
              <List tokens={data} />
            )
          }
        </Loaded>
      </section>
      <p className="dim small">
        A token never permits more than you may do yourself, and nothing about users, grants, logins and
        tokens. It ends when your password is changed. Where you are signed in:{' '}
        <Link to="/sessions">Sessions</Link>.
      </p>
      <Modal
        opened={isMaking}
        onClose={() => setMaking(false)}
        title="Make a token"
        closeOnClickOutside={false}
      >
        <NewToken onDone={() => setMaking(false)} />
      </Modal>
    </div>
  );
}

function List({ tokens }: { tokens: ApiToken[] }) {
  const me = useMe();
  const { data: fleets } = useQuery({ ...fleetsQuery, enabled: mayWatch(me.role) });
  const [asked, setAsked] = useState<ApiToken | null>(null);
  const named = (id: string) => fleets?.find((it) => it.fleet_id === id)?.name ?? id;
  return (
    <>
      <Grid
        label="List of tokens"
        rows={tokens}
        keyOf={(it) => it.token_id}
        columns={[
          { name: 'Name', cell: (it) => <strong>{it.name}</strong>, by: (it) => it.name },
          { name: 'Role', cell: (it) => <span className="tag">{it.role}</span>, by: (it) => it.role },
          { name: 'Fleets', cell: (it) => it.fleets?.map(named).join(', ') ?? 'all of yours' },
          {
            name: 'Last used',
            cell: (it) => <Age at={it.last_used_at} />,
            by: (it) => it.last_used_at ?? '',
          },
          { name: 'Ends', cell: (it) => <Until at={it.expires_at} />, by: (it) => it.expires_at },
          { name: 'Made', cell: (it) => <Age at={it.created_at} />, by: (it) => it.created_at },
          {
            name: 'Actions',
            cell: (it) => (
              <Button
                size="compact-xs"
                variant="default"
                aria-label={`Revoke ${it.name}`}
                onClick={() => setAsked(it)}
              >
                Revoke …
              </Button>
            ),
          },
        ]}
      />
      <Modal opened={asked !== null} onClose={() => setAsked(null)} title={`Revoke ${asked?.name ?? ''}`}>
        {asked && <Revocation token={asked} onDone={() => setAsked(null)} />}
      </Modal>
    </>
  );
}

function Revocation({ token, onDone }: { token: ApiToken; onDone: () => void }) {
  const revoke = useChange(
    (id: string) => must(api.DELETE('/api/v1/tokens/{token_id}', { params: { path: { token_id: id } } })),
    ['tokens'],
    onDone,
  );
  return (
    <div className="stack">
      <p>
        Whatever shows it is refused within a second, and its open connections end. It cannot be taken back.
        Last used: <Age at={token.last_used_at} />.
      </p>
      {revoke.error && <ProblemCard error={revoke.error} />}
      <div className="form-actions">
        <Button variant="default" onClick={onDone}>
          Keep it
        </Button>
        <Button color="red" loading={revoke.isPending} onClick={() => revoke.mutate(token.token_id)}>
          Revoke
        </Button>
      </div>
    </div>
  );
}
