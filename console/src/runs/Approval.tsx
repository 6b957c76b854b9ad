// What waits for a second person: who that may be, until when, and their word.

import { Button, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import type { Command } from '../api/client';
import { useDecision, vehicleQuery } from '../api/queries';
import { timeOfDay } from '../format/time';
import { mayDecide } from '../session/rights';
import { useMe } from '../session/useSession';
import { Age } from '../ui/marks';
import { ProblemCard } from '../ui/notices';
import { tell } from '../ui/told';

export function Approval({ command }: { command: Command }) {
  const me = useMe();
  return (
    <section className="approval" aria-label="Approval">
      <p role="status">
        <strong>Waits for a second person.</strong> An approver of this fleet or an admin may decide, but not
        whoever submitted it. If nobody does, it ends at{' '}
        <span className="mono">{command.approve_by ? timeOfDay(command.approve_by) : '…'}</span> and never
        ran. Submitted <Age at={command.submitted_at} />
        {command.reason ? `, because: ${command.reason}` : ', without a reason'}.
      </p>
      {mayDecide(me, command) && <Decide command={command} />}
      {me.user_id === command.user_id && <p className="dim small">It is yours: you may cancel it.</p>}
    </section>
  );
}

function Decide({ command }: { command: Command }) {
  const { data: vehicle } = useQuery(vehicleQuery(command.vehicle_id));
  const decision = useDecision(command.command_id);
  const [typed, setTyped] = useState('');
  const [reason, setReason] = useState('');
  const lastFour = vehicle?.vin.slice(-4);
  const approve = async (event: FormEvent) => {
    event.preventDefault();
    // What is approved is what this page shows: the server refuses it if that is no longer the command.
    await decision.mutateAsync({ approval_hash: command.approval_hash ?? '' });
    tell('approved');
  };
  const deny = async (event: FormEvent) => {
    event.preventDefault();
    await decision.mutateAsync({ reason: reason.trim() });
    tell('denied');
  };
  return (
    <div className="row approval-forms">
      <form className="row tight" onSubmit={approve}>
        <TextInput
          label="To approve, type the last four of the VIN"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          autoComplete="off"
          classNames={{ input: 'mono' }}
        />
        <Button
          type="submit"
          color="red"
          loading={decision.isPending}
          disabled={!lastFour || typed !== lastFour || !command.approval_hash}
        >
          Approve
        </Button>
      </form>
      <form className="row tight" onSubmit={deny}>
        <TextInput
          label="To deny, say why"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={decision.isPending} disabled={!reason.trim()}>
          Deny
        </Button>
      </form>
      {decision.error && <ProblemCard error={decision.error} />}
    </div>
  );
}
