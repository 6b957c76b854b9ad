import { Checkbox } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, must, type User } from '../api/client';
import { fleetsQuery } from '../api/queries';
import { dayAndTime } from '../format/time';
import { Loading, ProblemCard } from '../ui/notices';
import { useChange } from './change';

/** The fleets whose vehicles a user sees. */
export function Grants({ user }: { user: User }) {
  const { data: fleets } = useQuery(fleetsQuery);
  const { data: grants, error } = useQuery({
    queryKey: ['grants', user.user_id],
    queryFn: () =>
      must(api.GET('/api/v1/users/{user_id}/grants', { params: { path: { user_id: user.user_id } } })),
  });
  const change = useChange(
    async ({ id, isGiven }: { id: string; isGiven: boolean }) => {
      const params = { path: { user_id: user.user_id, fleet_id: id } };
      const path = '/api/v1/users/{user_id}/grants/{fleet_id}' as const;
      return isGiven ? must(api.PUT(path, { params, body: {} })) : must(api.DELETE(path, { params }));
    },
    ['grants', 'permissions'],
  );
  // What was just asked for stands until the server has answered.
  const asked = change.isPending ? change.variables : undefined;
  if (user.role === 'admin') return <p>An admin sees all fleets.</p>;
  if (error) return <ProblemCard error={error} />;
  if (!fleets || !grants) return <Loading rows={3} />;
  return (
    <div className="stack">
      {fleets.map((fleet) => {
        const grant = grants.find((it) => it.fleet_id === fleet.fleet_id);
        return (
          <Checkbox
            key={fleet.fleet_id}
            label={fleet.name}
            description={grant?.until ? `until ${dayAndTime(grant.until)}` : undefined}
            checked={asked?.id === fleet.fleet_id ? asked.isGiven : grant !== undefined}
            disabled={change.isPending}
            onChange={(event) => change.mutate({ id: fleet.fleet_id, isGiven: event.currentTarget.checked })}
          />
        );
      })}
      {change.error && <ProblemCard error={change.error} />}
    </div>
  );
}
