import { May } from '../admin/May';
import { useTitle } from '../ui/title';
import { Logins } from './Logins';
import { useMe } from './useSession';

/** Where one is signed in, and how to end it. */
export function Sessions() {
  useTitle('Sessions');
  const me = useMe();
  return (
    <div className="page">
      <div className="page-head">
        <h1>Sessions</h1>
        <span className="dim">where {me.username} is signed in</span>
      </div>
      <section className="panel" aria-label="Sessions">
        <Logins />
      </section>
      <section className="panel" aria-label="What you may do">
        <header>
          <h2>What you may do</h2>
          <span className="tag">{me.role}</span>
        </header>
        <div className="body">
          <May userId={me.user_id} name={me.username} />
        </div>
      </section>
    </div>
  );
}
