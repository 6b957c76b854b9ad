// A form for any command of the catalogue. What is dangerous is confirmed by typing, with a reason.

import { Button, Checkbox, Modal, NativeSelect, Textarea, TextInput } from '@mantine/core';
import { type FormEvent, useMemo, useState } from 'react';
import type { CatalogEntry, Vehicle } from '../api/client';
import { asProblem, type FieldProblem } from '../api/problem';
import { useEntry, useSubmit } from '../api/queries';
import { usePresence } from '../live/live';
import { maySubmit } from '../session/rights';
import { useMe } from '../session/useSession';
import { RiskMark } from '../ui/marks';
import { Forbidden, Loading, ProblemCard } from '../ui/notices';
import type { Entity } from '../workbench/entities';
import { type Entered, entered, type Field, fieldsOf, params as paramsOf } from './fields';

interface Props {
  opened: boolean;
  onClose: () => void;
  vehicle: Vehicle;
  name: string;
  params: Record<string, unknown>;
  /** What will happen, in a sentence. */
  preview?: string;
  entities: Entity[];
  onRun: (runId: string) => void;
}

export function CommandForm(props: Props) {
  const entry = useEntry(props.name);
  return (
    <Modal
      opened={props.opened}
      onClose={props.onClose}
      title={<span className="mono">{props.name}</span>}
      size="lg"
    >
      {entry ? <Body {...props} entry={entry} /> : <Loading rows={3} />}
    </Modal>
  );
}

/** How long a command may wait for its vehicle; empty = as long as the installation says. */
const WAITS = [
  { value: '', label: 'as long as usual' },
  { value: '600000', label: '10 minutes' },
  { value: '3600000', label: 'an hour' },
  { value: '86400000', label: 'a day' },
];

/** What cannot be taken back by doing it again. */
const ERASES = ['faults.clear', 'data.clear', 'bulk.delete'];

function Body({ entry, vehicle, preview, entities, ...props }: Props & { entry: CatalogEntry }) {
  const me = useMe();
  const submit = useSubmit();
  const fields = useMemo(() => fieldsOf(entry.schema), [entry]);
  // What the page has chosen is not asked again; as JSON everything can be written.
  const given = fields.filter(({ name, kind }) => kind === 'text' && typeof props.params[name] === 'string');
  const [values, setValues] = useState<Entered>(() => entered(fields, props.params));
  const [raw, setRaw] = useState<string | null>(null);
  const [reason, setReason] = useState('');
  const [typed, setTyped] = useState('');
  const [wait, setWait] = useState('');
  const [problems, setProblems] = useState<FieldProblem[]>([]);
  const isDangerous = entry.risk === 'R3' || ERASES.includes(entry.name);
  const needsReason = isDangerous || entry.needs_reason;
  const lastFour = vehicle.vin.slice(-4);
  const status = usePresence(vehicle.vehicle_id)?.connection_status ?? vehicle.connection_status;
  const isOnline = status === 'connected';
  if (!maySubmit(me.role, entry)) return <Forbidden need={`the role ${entry.role}`} />;

  const send = async (event: FormEvent) => {
    event.preventDefault();
    submit.reset();
    const found = await collect(entry, fields, values, raw);
    setProblems(found.problems);
    if (found.problems.length > 0) return;
    const draft = {
      vehicle_id: vehicle.vehicle_id,
      command_name: entry.name,
      command_params: found.params,
      ...(reason.trim() ? { reason: reason.trim() } : {}),
      ...(isOnline || !wait ? {} : { deliver_within_ms: Number(wait) }),
    };
    const command = await submit.mutateAsync(draft as never).catch((error) => {
      setProblems(asProblem(error).errors);
      return null;
    });
    if (!command) return;
    props.onRun(command.command_id);
    props.onClose();
  };
  const problemOf = (name: string) =>
    problems.find(({ pointer }) => pointer.endsWith(`/${name}`) || pointer.includes(`/${name}/`))?.detail;
  return (
    <form className="stack" onSubmit={send}>
      <div className="row">
        <RiskMark risk={entry.risk} />
        <span className="mono dim">
          {[vehicle.vin, ...given.map(({ name }) => values[name])].join(' · ')}
        </span>
      </div>
      <p>{entry.description}</p>
      {preview && <p className="tag-line">{preview}</p>}
      {raw === null ? (
        fields
          .filter((field) => !given.includes(field))
          .map((field) => (
            <FieldInput
              key={field.name}
              field={field}
              value={values[field.name] ?? ''}
              error={problemOf(field.name)}
              entities={entities}
              onChange={(value) => setValues({ ...values, [field.name]: value })}
            />
          ))
      ) : (
        <Textarea
          label="Parameters as JSON"
          value={raw}
          onChange={(event) => setRaw(event.currentTarget.value)}
          minRows={6}
          autosize={false}
          rows={8}
          classNames={{ input: 'mono' }}
        />
      )}
      {fields.length > 0 && (
        <Checkbox
          size="xs"
          label="Write the parameters as JSON"
          checked={raw !== null}
          onChange={(event) => setRaw(event.currentTarget.checked ? text(fields, values) : null)}
        />
      )}
      {entry.needs_approval && (
        <p className="tag-line">
          It waits for the approval of a second person before it goes to the vehicle.
        </p>
      )}
      {entry.needs_state.length > 0 && (
        <p className="tag-line">
          It starts only if this is so: <code>{entry.needs_state.join(', ')}</code>
        </p>
      )}
      {(entry.risk !== 'R0' || needsReason) && (
        <TextInput
          label="Reason"
          description="It is kept with the run and in the audit log."
          required={needsReason}
          value={reason}
          error={problems.find(({ pointer }) => pointer === '/reason')?.detail}
          onChange={(event) => setReason(event.currentTarget.value)}
        />
      )}
      {!isOnline && (
        <NativeSelect
          label="The vehicle is offline. Wait for it"
          description="If it does not come in time, the run ends as expired: it provably never ran."
          value={wait}
          onChange={(event) => setWait(event.currentTarget.value)}
          data={WAITS}
        />
      )}
      {isDangerous && (
        <TextInput
          label={`Type ${lastFour}, the end of the VIN, to confirm`}
          required
          autoComplete="off"
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
      )}
      {submit.error && <ProblemCard error={submit.error} />}
      {problems.length > 0 && !submit.error && (
        <p role="alert" className="login-wrong">
          {problems.length === 1 ? 'One field is' : `${problems.length} fields are`} not right:{' '}
          {problems.map(({ pointer, detail }) => `${pointer} ${detail}`).join('; ')}
        </p>
      )}
      <div className="form-actions">
        <Button variant="default" onClick={props.onClose}>
          Close
        </Button>
        <Button
          type="submit"
          color={isDangerous ? 'red' : undefined}
          loading={submit.isPending}
          disabled={(isDangerous && typed !== lastFour) || (needsReason && !reason.trim())}
        >
          {entry.needs_approval ? 'Submit for approval' : isOnline ? 'Run' : 'Queue until it is online'}
        </Button>
      </div>
    </form>
  );
}

function text(fields: Field[], values: Entered): string {
  try {
    return JSON.stringify(paramsOf(fields, values), null, 2);
  } catch {
    return '{}';
  }
}

async function collect(entry: CatalogEntry, fields: Field[], values: Entered, raw: string | null) {
  try {
    const params = (raw === null ? paramsOf(fields, values) : JSON.parse(raw)) as Record<string, unknown>;
    const { check } = await import('./check');
    return { params, problems: check(entry.schema, params) };
  } catch {
    return { params: {}, problems: [{ pointer: '', detail: 'what was entered is no JSON' }] };
  }
}

function FieldInput(props: {
  field: Field;
  value: string | boolean;
  error?: string;
  entities: Entity[];
  onChange: (value: string | boolean) => void;
}) {
  const { field, error, entities } = props;
  const shared = { label: field.label, description: field.hint, error, required: field.isRequired };
  const value = String(props.value);
  if (field.kind === 'switch') {
    return (
      <Checkbox
        label={field.label}
        description={field.hint}
        checked={props.value === true}
        onChange={(event) => props.onChange(event.currentTarget.checked)}
      />
    );
  }
  const change = (event: { currentTarget: { value: string } }) => props.onChange(event.currentTarget.value);
  if (field.kind === 'choice') {
    return <NativeSelect {...shared} value={value} onChange={change} data={['', ...(field.choices ?? [])]} />;
  }
  if (field.kind === 'lines' || field.kind === 'json') {
    const description = [field.hint, field.kind === 'lines' ? 'One in each line.' : 'JSON, or a plain word.']
      .filter(Boolean)
      .join(' ');
    return (
      <Textarea
        {...shared}
        description={description}
        value={value}
        onChange={change}
        rows={field.kind === 'lines' ? 4 : 2}
        classNames={{ input: 'mono' }}
      />
    );
  }
  if (field.name === 'entity' && entities.length > 0) {
    const data = entities.map((it) => ({ value: it.path, label: `${it.name} (${it.path})` }));
    return (
      <NativeSelect {...shared} value={value} onChange={change} data={[{ value: '', label: '' }, ...data]} />
    );
  }
  const type = field.kind === 'number' ? 'number' : 'text';
  return (
    <TextInput {...shared} type={type} step={field.isWhole ? 1 : 'any'} value={value} onChange={change} />
  );
}
