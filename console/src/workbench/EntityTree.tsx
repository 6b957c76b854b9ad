// The entities of a vehicle, with how many faults are known of each. Arrows move, Enter chooses.

import { TextInput } from '@mantine/core';
import { type KeyboardEvent, useState } from 'react';
import { COLLECTIONS, collectionOf, type Entity } from './entities';

interface Props {
  roots: Entity[];
  /** The path that is chosen; `undefined` = the whole vehicle. */
  here: string | undefined;
  faults: (path: string) => number | undefined;
  onChoose: (path: string | undefined) => void;
}

export function EntityTree({ roots, here, faults, onChoose }: Props) {
  const [filter, setFilter] = useState('');
  const words = filter.toLowerCase();
  const shows = (it: Entity): boolean =>
    `${it.name} ${it.path}`.toLowerCase().includes(words) || it.children.some(shows);
  const groups = COLLECTIONS.map((name) => ({
    name,
    entities: roots.filter((it) => collectionOf(it.path) === name && shows(it)),
  })).filter(({ entities }) => entities.length > 0);
  const node = (it: Entity, level: number) => (
    <li key={it.path} role="none">
      <Row
        label={it.name}
        hint={it.path}
        level={level}
        isHere={here === it.path}
        count={faults(it.path)}
        onChoose={() => onChoose(it.path)}
      />
      {it.children.length > 0 && (
        <ul role="group">{it.children.filter(shows).map((child) => node(child, level + 1))}</ul>
      )}
    </li>
  );
  return (
    <div className="tree">
      <TextInput
        size="xs"
        placeholder="Filter"
        aria-label="Filter the entities"
        data-key="/"
        value={filter}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      <ul role="tree" aria-label="Entities" onKeyDown={step}>
        <li role="none">
          <Row
            label="Whole vehicle"
            level={1}
            isHere={here === undefined}
            count={undefined}
            onChoose={() => onChoose(undefined)}
          />
        </li>
        {groups.map(({ name, entities }) => (
          <li key={name} role="none">
            <div className="tree-group" aria-hidden>
              {name}
            </div>
            <ul role="group" aria-label={name}>
              {entities.map((it) => node(it, 1))}
            </ul>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Row(props: {
  label: string;
  hint?: string;
  level: number;
  isHere: boolean;
  count: number | undefined;
  onChoose: () => void;
}) {
  const { label, hint, level, isHere, count, onChoose } = props;
  return (
    <div
      role="treeitem"
      aria-level={level}
      aria-selected={isHere}
      aria-label={count ? `${label}, ${count} ${count === 1 ? 'fault' : 'faults'}` : label}
      tabIndex={isHere ? 0 : -1}
      title={hint}
      className={`tree-row level-${Math.min(level, 4)} ${isHere ? 'here' : ''}`}
      onClick={onChoose}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          onChoose();
        }
      }}
    >
      <span className="cut grow">{label}</span>
      {count !== undefined && count > 0 && <span className="count">{count}</span>}
      {count === 0 && <span className="dim small">✓</span>}
    </div>
  );
}

function step(event: KeyboardEvent<HTMLUListElement>) {
  const rows = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="treeitem"]')];
  const here = rows.indexOf(document.activeElement as HTMLElement);
  const to: Record<string, number> = {
    ArrowDown: here + 1,
    ArrowUp: here - 1,
    j: here + 1,
    k: here - 1,
    Home: 0,
    End: rows.length - 1,
  };
  const next = rows[to[event.key] ?? -1];
  if (!next) return;
  event.preventDefault();
  event.stopPropagation();
  next.focus();
}
