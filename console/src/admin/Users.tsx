import { Button, Modal, NativeSelect, PasswordInput, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { api, must, type User } from '../api/client';
import { useMe } from '../session/useSession';
import { Grid } from '../ui/Grid';
import { Loaded, ProblemCard } from '../ui/notices';
import { Access } from './Access';
import { useChange } from './change';

const ROLES = ['viewer', 'engineer', 'senior', 'approver', 'auditor', 'admin'];

export function Users() {
  const me = useMe();
  const users = useQuery({
    queryKey: ['users'],
    queryFn: () => must(api.GET('/api/v1/users', { params: { query: { limit: 100 } } })),
  });
  const [isAdding, setAdding] = useState(false);
  const [opened, setOpened] = useState<User | null>(null);
  const change = useChange(
    ({ id, ...body }: { id: string; role?: string; is_active?: boolean }) =>
      must(api.PATCH('/api/v1/users/{user_id}', { params: { path: { user_id: id } }, body: body as never })),
    ['users', 'permissions', 'sessions'],
  );
  return (
    <section className="panel" aria-label="Users">
      <header>
        <h2 className="grow">Users</h2>
        <Button size="xs" onClick={() => setAdding(true)}>
          Add a user
        </Button>
      </header>
      {change.error && <ProblemCard error={change.error} />}
      <Loaded of={users}>
        {(data) => (
          <Grid
            label="Users"
            rows={data}
            keyOf={(it) => it.user_id}
            columns={[
              { name: 'Name', cell: (it) => <strong>{it.username}</strong>, by: (it) => it.username },
              { name: 'E-mail', cell: (it) => it.email, by: (it) => it.email ?? '' },
              {
                name: 'Role',
                cell: (it) => (
                  <NativeSelect
                    size="xs"
                    w={130}
                    aria-label={`Role of ${it.username}`}
                    value={it.role}
                    data={ROLES}
                    disabled={it.user_id === me.user_id}
                    onChange={(event) => change.mutate({ id: it.user_id, role: event.currentTarget.value })}
                  />
                ),
                by: (it) => it.role,
              },
              {
                name: 'State',
                cell: (it) => (
                  <span className={`tag ${it.is_active ? 'ok' : ''}`}>
                    {it.is_active ? 'active' : 'disabled'}
                  </span>
                ),
                by: (it) => String(it.is_active),
              },
              {
                name: 'Actions',
                cell: (it) => (
                  <span className="row tight nowrap">
                    <Button
                      size="compact-xs"
                      variant="default"
                      aria-label={`Access of ${it.username}`}
                      onClick={() => setOpened(it)}
                    >
                      Access …
                    </Button>
                    {it.user_id !== me.user_id && (
                      <Button
                        size="compact-xs"
                        variant="default"
                        aria-label={`${it.is_active ? 'Disable' : 'Enable'} ${it.username}`}
                        onClick={() => change.mutate({ id: it.user_id, is_active: !it.is_active })}
                      >
                        {it.is_active ? 'Disable' : 'Enable'}
                      </Button>
                    )}
                  </span>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      <Modal opened={isAdding} onClose={() => setAdding(false)} title="Add a user">
        <NewUser onDone={() => setAdding(false)} />
      </Modal>
      {opened && <Access user={opened} onClose={() => setOpened(null)} />}
    </section>
  );
}

function NewUser({ onDone }: { onDone: () => void }) {
  const [draft, setDraft] = useState({ username: '', password: '', role: 'engineer' });
  const add = useChange(
    (body: typeof draft) => must(api.POST('/api/v1/users', { body: body as never })),
    ['users'],
    onDone,
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    add.mutate(draft);
  };
  const set = (change: Partial<typeof draft>) => setDraft({ ...draft, ...change });
  return (
    <form className="stack" onSubmit={submit}>
      <TextInput
        label="Name"
        required
        value={draft.username}
        onChange={(event) => set({ username: event.currentTarget.value })}
      />
      <PasswordInput
        label="Password"
        description="15 characters or more."
        required
        autoComplete="new-password"
        value={draft.password}
        onChange={(event) => set({ password: event.currentTarget.value })}
      />
      <NativeSelect
        label="Role"
        data={ROLES}
        value={draft.role}
        onChange={(event) => set({ role: event.currentTarget.value })}
      />
      {add.error && <ProblemCard error={add.error} />}
      <div className="form-actions">
        <Button type="submit" loading={add.isPending}>
          Add
        </Button>
      </div>
    </form>
  );
}
