import { useLink } from '../live/live';
import { Age } from './marks';

/** How a list is kept up to date, and how old the last thing is that was heard of. */
export function Fresh() {
  const { phase, newsAt } = useLink();
  if (phase !== 'live') return <span className="dim small">asked for every 15 s</span>;
  return (
    <span className="dim small nowrap">
      {newsAt === null ? (
        'live'
      ) : (
        <>
          live, last event <Age at={new Date(newsAt).toISOString()} />
        </>
      )}
    </span>
  );
}
