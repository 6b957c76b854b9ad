// The logins of a user that are alive: one's own, and for admins those of anybody.

import { Button } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useChange } from '../admin/change';
import { api, must, type Session } from '../api/client';
import { Copy } from '../ui/Copy';
import { Grid } from '../ui/Grid';
import { Age } from '../ui/marks';
import { Empty, Loaded, ProblemCard } from '../ui/notices';
import { Until } from '../ui/Until';
import { session } from './session';

const end = (id: string) =>
  must(api.DELETE('/api/v1/sessions/{session_id}', { params: { path: { session_id: id } } }));

interface Props {
  /** Whose; without it, one's own. */
  userId?: string;
}

export function Logins({ userId }: Props) {
  const query = userId ? { user_id: userId } : {};
  const logins = useQuery({
    queryKey: ['sessions', userId],
    queryFn: () => must(api.GET('/api/v1/sessions', { params: { query } })),
  });
  return (
    <Loaded of={logins}>
      {(data) =>
        data.length === 0 ? <Empty title="Not signed in anywhere" /> : <List logins={data} userId={userId} />
      }
    </Loaded>
  );
}

function List({ logins, userId }: Props & { logins: Session[] }) {
  const one = useChange(end, ['sessions']);
  const others = logins.filter((it) => !it.is_current);
  const all = useChange(async () => {
    // Those of somebody else end at once; of one's own, this one stays.
    if (userId) return must(api.DELETE('/api/v1/sessions', { params: { query: { user_id: userId } } }));
    return Promise.all(others.map((it) => end(it.session_id)));
  }, ['sessions']);
  const error = one.error ?? all.error;
  return (
    <>
      <div className="tab-bar">
        <span className="dim small">
          {logins.length === 1 ? 'one login' : `${logins.length} logins`}; what is ended can do nothing within
          a second
        </span>
        <span className="grow" />
        <Button
          size="xs"
          variant="default"
          disabled={others.length === 0}
          loading={all.isPending}
          onClick={() => all.mutate(undefined as never)}
        >
          {userId ? 'End all' : 'End all others'}
        </Button>
      </div>
      {error && <ProblemCard error={error} />}
      <Grid
        label="Logins"
        rows={logins}
        keyOf={(it) => it.session_id}
        columns={[
          {
            name: 'Signed in',
            cell: (it) => (
              <span className="row tight nowrap">
                <Age at={it.created_at} />
                {it.is_current && <span className="tag ok">this one</span>}
              </span>
            ),
            by: (it) => it.created_at,
          },
          {
            name: 'Ends if not used',
            cell: (it) => <Until at={it.idle_until} />,
            by: (it) => it.idle_until,
          },
          { name: 'Ends', cell: (it) => <Until at={it.expires_at} />, by: (it) => it.expires_at },
          {
            name: 'In the audit',
            cell: (it) => (
              <span className="row tight nowrap">
                <span className="mono dim" title={it.session_hash}>
                  {it.session_hash.slice(0, 12)}…
                </span>
                <Copy text={it.session_hash} label="Copy what the audit calls it" />
              </span>
            ),
          },
          {
            name: 'Actions',
            cell: (it) => (
              <Button
                size="compact-xs"
                variant="default"
                loading={one.isPending && one.variables === it.session_id}
                onClick={() => (it.is_current ? session.signOut() : one.mutate(it.session_id))}
              >
                {it.is_current ? 'Sign out' : 'End'}
              </Button>
            ),
          },
        ]}
      />
    </>
  );
}
