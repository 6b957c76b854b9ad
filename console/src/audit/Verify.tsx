// Whether the log is what was sealed, asked when somebody wants to know.

import { Button } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { api, must } from '../api/client';
import { ProblemCard } from '../ui/notices';

type Verification = Awaited<ReturnType<typeof verify>>;

const verify = () => must(api.GET('/api/v1/audit/verify'));

export function Verify() {
  const { data, error, isPending, mutate } = useMutation({ mutationFn: verify });
  return (
    <>
      <div className="row" role="status">
        {data && <Verdict of={data} />}
        <Button loading={isPending} onClick={() => mutate()}>
          Verify the chain
        </Button>
      </div>
      {error && <ProblemCard error={error} onRetry={() => mutate()} />}
    </>
  );
}

function Verdict({ of }: { of: Verification }) {
  if (of.finding) {
    return (
      <>
        <span className="tag bad">not as it was sealed</span>
        <span>
          row {of.finding.position}: {of.finding.fault}
        </span>
      </>
    );
  }
  return (
    <>
      <span className="tag ok">as it was sealed</span>
      <span className="dim small">
        {`${of.rows.toLocaleString()} rows from ${of.first.toLocaleString()} on`}
        {of.unsealed ? `, ${of.unsealed} not sealed yet` : ''}
      </span>
    </>
  );
}
