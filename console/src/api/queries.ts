// What the pages ask for, and how long an answer is good.

import {
  infiniteQueryOptions,
  queryOptions,
  useMutation,
  useQuery,
  useQueryClient,
} from '@tanstack/react-query';
import { api, type Command, type Draft, idempotencyKey, must, mustAnswer } from './client';

const MINUTE = 60_000;

export interface VehicleFilter {
  q?: string;
  status?: string;
  page?: number;
}

export const PAGE = 50;

export const vehiclesQuery = (filter: VehicleFilter) =>
  queryOptions({
    queryKey: ['vehicles', filter],
    queryFn: async () => {
      const offset = ((filter.page ?? 1) - 1) * PAGE;
      const query = { search: filter.q || undefined, status: filter.status, limit: PAGE, offset };
      const { data, response } = await mustAnswer(api.GET('/api/v1/vehicles', { params: { query } }));
      return { vehicles: data ?? [], total: Number(response.headers.get('x-total-count') ?? 0) };
    },
    placeholderData: (before) => before,
  });

export const vehicleQuery = (id: string) =>
  queryOptions({
    queryKey: ['vehicle', id],
    queryFn: () => must(api.GET('/api/v1/vehicles/{vehicle_id}', { params: { path: { vehicle_id: id } } })),
    staleTime: MINUTE,
  });

export const capabilitiesQuery = (id: string) =>
  queryOptions({
    queryKey: ['capabilities', id],
    queryFn: async () => {
      const path = { vehicle_id: id };
      const answer = await api.GET('/api/v1/vehicles/{vehicle_id}/capabilities', { params: { path } });
      // Nobody has asked the vehicle yet: that is no failure.
      if (answer.response.status === 404) return null;
      return must(Promise.resolve(answer));
    },
    staleTime: 5 * MINUTE,
  });

export const catalogQuery = queryOptions({
  queryKey: ['catalog'],
  queryFn: () => must(api.GET('/api/v1/catalog')),
  staleTime: Number.POSITIVE_INFINITY,
});

export const fleetsQuery = queryOptions({
  queryKey: ['fleets'],
  queryFn: () => must(api.GET('/api/v1/fleets')),
  staleTime: 5 * MINUTE,
});

export const configQuery = queryOptions({
  queryKey: ['ui-config'],
  queryFn: () => must(api.GET('/api/v1/ui-config')),
  staleTime: Number.POSITIVE_INFINITY,
});

export const ssoQuery = queryOptions({
  queryKey: ['sso'],
  queryFn: () => must(api.GET('/api/v1/auth/oidc')),
  staleTime: Number.POSITIVE_INFINITY,
});

export interface RunFilter {
  vehicle?: string;
  status?: string;
  user?: string;
  from?: string;
  until?: string;
  cursor?: string;
}

export const runsQuery = (filter: RunFilter, limit = PAGE) =>
  queryOptions({
    queryKey: ['runs', filter, limit],
    queryFn: () =>
      must(
        api.GET('/api/v1/commands', {
          params: {
            query: {
              vehicle_id: filter.vehicle,
              ...(filter.status === 'awaiting_approval'
                ? { state: filter.status }
                : { status: filter.status }),
              user_id: filter.user,
              start_date: filter.from,
              end_date: filter.until,
              cursor: filter.cursor,
              limit,
            },
          },
        }),
      ),
    placeholderData: (before) => before,
  });

export interface FaultFilter {
  q?: string;
  severity?: string;
  status?: string;
  entity?: string;
  fleet?: string;
  offset?: number;
}

export const fleetFaultsQuery = (filter: FaultFilter, limit = PAGE) =>
  queryOptions({
    queryKey: ['faults', filter, limit],
    queryFn: () => {
      const { q, fleet, ...rest } = filter;
      const query = { ...rest, search: q, fleet_id: fleet, limit };
      return must(api.GET('/api/v1/faults', { params: { query } }));
    },
    placeholderData: (before) => before,
  });

/** The vehicles that have a fault, as many pages as are asked for. */
export const faultyVehiclesQuery = (code: string, entity: string, filter: FaultFilter) => {
  const { severity, status, fleet } = filter;
  return infiniteQueryOptions({
    queryKey: ['faults', 'vehicles', code, entity, severity, status, fleet],
    queryFn: ({ pageParam }) => {
      const query = { code, entity, severity, status, fleet_id: fleet, cursor: pageParam, limit: PAGE };
      return must(api.GET('/api/v1/faults/vehicles', { params: { query } }));
    },
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last) => last.next_cursor ?? undefined,
  });
};

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: ['run', id],
    queryFn: () => must(api.GET('/api/v1/commands/{command_id}', { params: { path: { command_id: id } } })),
  });

export const responsesQuery = (id: string) =>
  queryOptions({
    queryKey: ['responses', id],
    queryFn: () =>
      must(api.GET('/api/v1/commands/{command_id}/responses', { params: { path: { command_id: id } } })),
    staleTime: Number.POSITIVE_INFINITY,
  });

export function useSubmit() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (draft: Draft): Promise<Command> =>
      must(
        api.POST('/api/v1/commands', {
          body: draft,
          headers: { 'Idempotency-Key': idempotencyKey() },
        } as never),
      ) as Promise<Command>,
    onSuccess: (command) => {
      client.setQueryData(runQuery(command.command_id).queryKey, command);
      return client.invalidateQueries({ queryKey: ['runs'] });
    },
  });
}

export function useCancel() {
  return useMutation({
    mutationFn: (id: string) =>
      must(api.POST('/api/v1/commands/{command_id}/cancel', { params: { path: { command_id: id } } })),
  });
}

/** A second person's word: for exactly what they saw, or against it. */
export function useDecision(id: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (word: { approval_hash: string } | { reason: string }): Promise<Command> => {
      const params = { path: { command_id: id } };
      return 'reason' in word
        ? must(api.POST('/api/v1/commands/{command_id}/deny', { params, body: word }))
        : must(api.POST('/api/v1/commands/{command_id}/approve', { params, body: word }));
    },
    onSuccess: (command) => client.setQueryData(runQuery(id).queryKey, command),
    // Refused: somebody was faster, or it is no longer what was shown.
    onError: () => client.invalidateQueries({ queryKey: runQuery(id).queryKey }),
    onSettled: () => client.invalidateQueries({ queryKey: ['runs'] }),
  });
}

/** The catalogue's row of a command. */
export function useEntry(name: string | undefined) {
  const { data } = useQuery(catalogQuery);
  return data?.find((entry) => entry.name === name);
}
