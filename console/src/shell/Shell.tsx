// What stands around every page: where to go, whether it is live, who is signed in.

import { ActionIcon, Button, Menu, Tooltip, useMantineColorScheme } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useRouter } from '@tanstack/react-router';
import { lazy, Suspense, useEffect, useState } from 'react';
import { fleetsQuery } from '../api/queries';
import { age } from '../format/time';
import { useLink, useLinkWhile } from '../live/live';
import { mayAdminister, mayReadAudit, mayWatch } from '../session/rights';
import { session } from '../session/session';
import { useMe, useSession } from '../session/useSession';
import {
  AdminIcon,
  AuditIcon,
  FaultIcon,
  MoreIcon,
  OverviewIcon,
  RunIcon,
  SearchIcon,
  ThemeIcon,
  VehicleIcon,
} from '../ui/icons';
import { useNow } from '../ui/now';
import { Told } from '../ui/told';
import { Brand } from './Brand';
import { useKeys } from './keys';

const Palette = lazy(() => import('./Palette'));
const Keys = lazy(() => import('./Keys'));

export function Shell() {
  const state = useSession();
  const router = useRouter();
  const isOut = state.phase === 'out';
  useEffect(() => {
    if (!isOut) return;
    const { href } = router.state.location;
    const next = href === '/' || href.startsWith('/login') ? undefined : href;
    router.navigate({ to: '/login', search: { next } });
  }, [isOut, router]);
  return isOut ? null : <Frame />;
}

function Frame() {
  const me = useMe();
  const { data: fleets } = useQuery({ ...fleetsQuery, enabled: mayWatch(me.role) });
  useLinkWhile(fleets?.map((fleet) => fleet.fleet_id));
  const [isPalette, setPalette] = useState(false);
  const [isHelp, setHelp] = useState(false);
  const { toggleColorScheme } = useMantineColorScheme();
  useKeys({ palette: () => setPalette(true), help: () => setHelp(true), theme: toggleColorScheme });
  return (
    <div className="shell">
      <a className="skip" href="#main">
        Skip to the content
      </a>
      <header className="top">
        <Link to="/" className="brand-link" aria-label="Fleetwire, overview">
          <Brand />
        </Link>
        <Button
          className="find"
          variant="default"
          size="xs"
          leftSection={<SearchIcon />}
          onClick={() => setPalette(true)}
          aria-keyshortcuts="Control+K"
        >
          <span className="find-text">Go to a vehicle, run, page …</span>
          <kbd>Ctrl K</kbd>
        </Button>
        <span className="grow" />
        <LinkMark />
        <Tooltip label="Theme (t)">
          <ActionIcon
            variant="subtle"
            color="gray"
            size={32}
            aria-label="Change the theme"
            onClick={toggleColorScheme}
          >
            <ThemeIcon />
          </ActionIcon>
        </Tooltip>
        <UserMenu onHelp={() => setHelp(true)} />
      </header>
      <Navigation role={me.role} />
      <main id="main" tabIndex={-1}>
        <Stale />
        <Outlet />
      </main>
      <Told />
      <Suspense fallback={null}>
        {isPalette && <Palette onClose={() => setPalette(false)} />}
        {isHelp && <Keys onClose={() => setHelp(false)} />}
      </Suspense>
    </div>
  );
}

function Navigation({ role }: { role: string }) {
  const item = (to: string, name: string, icon: React.ReactNode) => (
    <Link
      to={to}
      search={{}}
      activeOptions={{ exact: to === '/', includeSearch: false }}
      className="nav-item"
    >
      {icon}
      <span>{name}</span>
    </Link>
  );
  return (
    <nav className="side" aria-label="Pages">
      {mayWatch(role) && item('/', 'Overview', <OverviewIcon />)}
      {mayWatch(role) && item('/vehicles', 'Vehicles', <VehicleIcon />)}
      {mayWatch(role) && item('/runs', 'Runs', <RunIcon />)}
      {mayWatch(role) && item('/faults', 'Faults', <FaultIcon />)}
      {mayReadAudit(role) && item('/audit', 'Audit', <AuditIcon />)}
      {mayAdminister(role) && item('/admin/users', 'Admin', <AdminIcon />)}
    </nav>
  );
}

/** Whether what is shown is live, and when the server was last heard. */
function LinkMark() {
  const { phase, attempt, heardAt, newsAt } = useLink();
  const now = useNow();
  const ago = (at: number) => age(new Date(at).toISOString(), now);
  const [tone, word] =
    phase === 'live'
      ? ['ok', 'live']
      : phase === 'reconnecting'
        ? ['warn', `reconnecting${attempt > 1 ? `, try ${attempt}` : ''}`]
        : phase === 'forbidden'
          ? ['', 'not live']
          : ['info', 'connecting'];
  const heard = heardAt === null ? 'nothing heard yet' : `last heard ${ago(heardAt)}`;
  const news = newsAt === null ? '' : `, last event ${ago(newsAt)}`;
  return (
    <Tooltip label={heard + news}>
      <span className={`tag ${tone} link-mark`} role="status" aria-label={`Connection: ${word}`}>
        <span className={`dot ${phase === 'live' ? 'pulse' : 'hollow'}`} aria-hidden />
        {word}
      </span>
    </Tooltip>
  );
}

/** Says that the server cannot be reached, and how old what is shown is. */
function Stale() {
  const { phase, attempt, heardAt } = useLink();
  const now = useNow();
  if (phase !== 'reconnecting' || attempt < 2) return null;
  const seconds = heardAt === null ? null : Math.max(0, Math.round((now - heardAt) / 1000));
  return (
    <div className="stale" role="status">
      <strong>No connection to the server.</strong> What you see is as of{' '}
      {seconds === null ? 'before' : `${seconds} s ago`}; it goes on where it was when the server is back.
    </div>
  );
}

function UserMenu({ onHelp }: { onHelp: () => void }) {
  const me = useMe();
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <Button variant="subtle" color="gray" size="xs" rightSection={<MoreIcon />} className="user">
          {me.username}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item component="div" disabled>
          Role: {me.role}
        </Menu.Item>
        <Menu.Item component={Link} to="/sessions">
          Sessions
        </Menu.Item>
        <Menu.Item component={Link} to="/tokens">
          Tokens
        </Menu.Item>
        <Menu.Item onClick={onHelp}>Keyboard (?)</Menu.Item>
        <Menu.Item component="a" href="/docs/">
          Interface
        </Menu.Item>
        <Menu.Item onClick={() => session.signOut()}>Sign out</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
