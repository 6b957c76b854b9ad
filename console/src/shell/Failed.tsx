import { Button } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { Empty, ProblemCard } from '../ui/notices';

/** An address of which there is no page. */
export function Nowhere() {
  return (
    <div className="page">
      <Empty
        isPage
        title="No such page"
        action={
          <Link to="/vehicles" search={{}}>
            Go to the vehicles
          </Link>
        }
      >
        The address may be mistyped, or what it named is gone.
      </Empty>
    </div>
  );
}

/** A page that could not be shown. */
export function Failed({ error, reset }: { error: unknown; reset?: () => void }) {
  return (
    <div className="page stack">
      <ProblemCard error={error} onRetry={reset} />
      <Button variant="default" onClick={() => location.reload()}>
        Load the page again
      </Button>
    </div>
  );
}
