// JSON as a tree that can be folded. Long lists come in pieces.

import { useState } from 'react';

const PIECE = 100;
/** What is deeper starts folded. */
const OPEN_DEPTH = 2;

export function Json({ value, open = true }: { value: unknown; open?: boolean }) {
  return (
    <div className="json">
      <Node value={value} depth={open ? 0 : OPEN_DEPTH} />
    </div>
  );
}

function Node({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const [shown, setShown] = useState(PIECE);
  const [isOpen, setOpen] = useState(depth < OPEN_DEPTH);
  if (value === null || typeof value !== 'object') return <Leaf name={name} value={value} />;
  const entries = Object.entries(value);
  const [begin, end] = Array.isArray(value) ? '[]' : '{}';
  if (entries.length === 0) return <Leaf name={name} text={`${begin}${end}`} />;
  return (
    <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Key name={name} />
        <span className="dim">
          {begin} {entries.length} {end}
        </span>
      </summary>
      {isOpen &&
        entries
          .slice(0, shown)
          .map(([key, inner]) => <Node key={key} name={key} value={inner} depth={depth + 1} />)}
      {isOpen && entries.length > shown && (
        <button type="button" onClick={() => setShown(shown + PIECE)}>
          {entries.length - shown} more
        </button>
      )}
    </details>
  );
}

function Key({ name }: { name?: string }) {
  return name === undefined ? null : (
    <>
      <span className="key">{name}</span>:{' '}
    </>
  );
}

function Leaf({ name, value, text }: { name?: string; value?: unknown; text?: string }) {
  const kind = typeof value === 'string' ? 'str' : typeof value === 'number' ? 'nr' : 'lit';
  return (
    <div className="leaf">
      <Key name={name} />
      <span className={text === undefined ? kind : 'dim'}>{text ?? JSON.stringify(value)}</span>
    </div>
  );
}
