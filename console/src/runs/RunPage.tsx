import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { runQuery } from '../api/queries';
import { useTitle } from '../ui/title';
import { RunFacts, RunView } from './RunView';

export function RunPage() {
  const { runId } = useParams({ from: '/inside/runs/$runId' });
  const { view } = useSearch({ from: '/inside/runs/$runId' });
  const navigate = useNavigate();
  const { data: command } = useQuery(runQuery(runId));
  useTitle(command ? `${command.command_name} run` : 'Run');
  return (
    <div className="page">
      <section className="panel run-panel" aria-label="Run">
        <RunView
          key={runId}
          runId={runId}
          view={view}
          onView={(next) =>
            navigate({ to: '/runs/$runId', params: { runId }, search: { view: next }, replace: true })
          }
          onRun={(next) => navigate({ to: '/runs/$runId', params: { runId: next }, search: {} })}
        />
      </section>
      {command && (
        <details className="panel">
          <summary className="body">What was asked</summary>
          <div className="body">
            <RunFacts command={command} />
          </div>
        </details>
      )}
    </div>
  );
}
