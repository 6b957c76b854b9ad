// Every address of the console. What a list shows is in its address, so that a link shows the same.

import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from '@tanstack/react-router';
import { Login } from './session/Login';
import { session } from './session/session';
import { Failed, Nowhere } from './shell/Failed';
import { Shell } from './shell/Shell';

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);
const count = (value: unknown) => (Number.isInteger(value) && Number(value) > 1 ? Number(value) : undefined);

const root = createRootRoute({ component: Outlet, notFoundComponent: Nowhere, errorComponent: Failed });

const login = createRoute({
  getParentRoute: () => root,
  path: '/login',
  validateSearch: (search): { next?: string; problem?: string } => ({
    next: text(search.next),
    problem: text(search.problem),
  }),
  component: Login,
});

const inside = createRoute({
  getParentRoute: () => root,
  id: 'inside',
  beforeLoad: ({ location }) => {
    if (session.state().phase === 'out') {
      const next = location.href === '/' ? undefined : location.href;
      throw redirect({ to: '/login', search: { next } });
    }
  },
  component: Shell,
});

const overview = createRoute({
  getParentRoute: () => inside,
  path: '/',
  component: lazyRouteComponent(() => import('./overview/Overview'), 'Overview'),
});

const vehicles = createRoute({
  getParentRoute: () => inside,
  path: '/vehicles',
  validateSearch: (search): { q?: string; status?: string; page?: number } => ({
    q: text(search.q),
    status: text(search.status),
    page: count(search.page),
  }),
  component: lazyRouteComponent(() => import('./vehicles/Vehicles'), 'Vehicles'),
});

const workbench = createRoute({
  getParentRoute: () => inside,
  path: '/vehicles/$vehicleId',
  validateSearch: (search): { entity?: string; tab?: string; run?: string } => ({
    entity: text(search.entity),
    tab: text(search.tab),
    run: text(search.run),
  }),
  component: lazyRouteComponent(() => import('./workbench/Workbench'), 'Workbench'),
});

const runs = createRoute({
  getParentRoute: () => inside,
  path: '/runs',
  validateSearch: (
    search,
  ): {
    vehicle?: string;
    status?: string;
    user?: string;
    from?: string;
    until?: string;
    cursor?: string;
  } => ({
    vehicle: text(search.vehicle),
    status: text(search.status),
    user: text(search.user),
    from: text(search.from),
    until: text(search.until),
    cursor: text(search.cursor),
  }),
  component: lazyRouteComponent(() => import('./runs/Runs'), 'Runs'),
});

const compare = createRoute({
  getParentRoute: () => inside,
  path: '/runs/compare',
  validateSearch: (search): { a?: string; b?: string } => ({ a: text(search.a), b: text(search.b) }),
  component: lazyRouteComponent(() => import('./runs/Compare'), 'Compare'),
});

const run = createRoute({
  getParentRoute: () => inside,
  path: '/runs/$runId',
  validateSearch: (search): { view?: string } => ({ view: text(search.view) }),
  component: lazyRouteComponent(() => import('./runs/RunPage'), 'RunPage'),
});

const faults = createRoute({
  getParentRoute: () => inside,
  path: '/faults',
  validateSearch: (
    search,
  ): {
    q?: string;
    severity?: string;
    status?: string;
    entity?: string;
    fleet?: string;
    offset?: number;
    code?: string;
    where?: string;
  } => ({
    q: text(search.q),
    severity: text(search.severity),
    status: text(search.status),
    entity: text(search.entity),
    fleet: text(search.fleet),
    offset: count(search.offset),
    code: text(search.code),
    where: text(search.where),
  }),
  component: lazyRouteComponent(() => import('./faults/FleetFaults'), 'FleetFaults'),
});

const audit = createRoute({
  getParentRoute: () => inside,
  path: '/audit',
  validateSearch: (search): { cursor?: string } => ({ cursor: text(search.cursor) }),
  component: lazyRouteComponent(() => import('./audit/Audit'), 'Audit'),
});

const sessions = createRoute({
  getParentRoute: () => inside,
  path: '/sessions',
  component: lazyRouteComponent(() => import('./session/Sessions'), 'Sessions'),
});

const tokens = createRoute({
  getParentRoute: () => inside,
  path: '/tokens',
  component: lazyRouteComponent(() => import('./session/Tokens'), 'Tokens'),
});

const admin = createRoute({
  getParentRoute: () => inside,
  path: '/admin/$section',
  component: lazyRouteComponent(() => import('./admin/Admin'), 'Admin'),
});

const tree = root.addChildren([
  login,
  inside.addChildren([
    overview,
    vehicles,
    workbench,
    runs,
    compare,
    run,
    faults,
    audit,
    sessions,
    tokens,
    admin,
  ]),
]);

export const router = createRouter({
  routeTree: tree,
  defaultPreload: 'intent',
  scrollRestoration: true,
  defaultErrorComponent: Failed,
  defaultNotFoundComponent: Nowhere,
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
