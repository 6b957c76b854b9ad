import { Link, useParams } from '@tanstack/react-router';
import { mayAdminister } from '../session/rights';
import { useMe } from '../session/useSession';
import { Forbidden } from '../ui/notices';
import { useTitle } from '../ui/title';
import { Fleets } from './Fleets';
import { Registry } from './Registry';
import { Users } from './Users';

const SECTIONS = [
  ['users', 'Users', Users],
  ['fleets', 'Fleets', Fleets],
  ['vehicles', 'Vehicles', Registry],
] as const;

export function Admin() {
  useTitle('Admin');
  const me = useMe();
  const { section } = useParams({ from: '/inside/admin/$section' });
  if (!mayAdminister(me.role)) return <Forbidden need="the role admin" />;
  const [, , Section] = SECTIONS.find(([name]) => name === section) ?? SECTIONS[0];
  return (
    <div className="page">
      <h1>Admin</h1>
      <nav className="subnav" aria-label="Administration">
        {SECTIONS.map(([name, label]) => (
          <Link key={name} to="/admin/$section" params={{ section: name }}>
            {label}
          </Link>
        ))}
      </nav>
      <Section />
    </div>
  );
}
