import { Drawer } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, type Deed, must } from '../api/client';
import { mayReadAudit } from '../session/rights';
import { useMe } from '../session/useSession';
import { Grid } from '../ui/Grid';
import { Json } from '../ui/Json';
import { Age } from '../ui/marks';
import { Empty, Forbidden, Loaded } from '../ui/notices';
import { useTitle } from '../ui/title';
import { Verify } from './Verify';

const PAGE = 100;

export function Audit() {
  useTitle('Audit');
  const me = useMe();
  const { cursor } = useSearch({ from: '/inside/audit' });
  const deeds = useQuery({
    queryKey: ['audit', cursor],
    queryFn: () => must(api.GET('/api/v1/audit', { params: { query: { limit: PAGE, cursor } } })),
    enabled: mayReadAudit(me.role),
    refetchInterval: cursor ? false : 15_000,
  });
  const [opened, setOpened] = useState<Deed | null>(null);
  if (!mayReadAudit(me.role)) return <Forbidden need="the role auditor or admin" />;
  return (
    <div className="page">
      <div className="page-head">
        <h1>Audit</h1>
        <span className="dim small">who did what, the newest first</span>
        <Verify />
      </div>
      <section className="panel" aria-label="Audit log">
        <Loaded of={deeds}>
          {(data) =>
            data.entries.length === 0 ? (
              <Empty title="Nothing is recorded here" />
            ) : (
              <Grid
                label="Audit log"
                rows={data.entries}
                keyOf={(it) => it.audit_id}
                onOpen={setOpened}
                columns={[
                  { name: 'When', cell: (it) => <Age at={it.recorded_at} /> },
                  { name: 'Who', cell: (it) => it.actor, by: (it) => it.actor },
                  {
                    name: 'Did',
                    cell: (it) => <span className="mono nowrap">{it.action}</span>,
                    by: (it) => it.action,
                  },
                  {
                    name: 'To',
                    cell: (it) => <span className="mono about cut">{it.object}</span>,
                    by: (it) => it.object,
                  },
                  { name: 'Outcome', cell: (it) => <Outcome word={it.outcome} />, by: (it) => it.outcome },
                  { name: 'Reason', cell: (it) => it.reason },
                ]}
              />
            )
          }
        </Loaded>
      </section>
      <nav className="row" aria-label="Pages of the log">
        {cursor && (
          <Link to="/audit" search={{}}>
            ← Newest
          </Link>
        )}
        {deeds.data?.next_cursor && (
          <Link to="/audit" search={{ cursor: deeds.data.next_cursor }}>
            Older →
          </Link>
        )}
      </nav>
      <Drawer opened={opened !== null} onClose={() => setOpened(null)} title={opened?.action ?? ''}>
        {opened && <Json value={opened} />}
      </Drawer>
    </div>
  );
}

function Outcome({ word }: { word: string }) {
  return <span className={`tag ${word === 'success' ? 'ok' : 'warn'}`}>{word}</span>;
}
