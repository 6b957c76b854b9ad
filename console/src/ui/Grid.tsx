// A table whose columns can be sorted and whose rows can be opened, by mouse and by keyboard.

import { type KeyboardEvent, type ReactNode, useState } from 'react';

export interface Column<T> {
  name: string;
  cell: (row: T) => ReactNode;
  /** What the column is sorted by; without it, it is not. */
  by?: (row: T) => string | number;
  isNumber?: boolean;
}

interface Props<T> {
  label: string;
  columns: Column<T>[];
  rows: T[];
  keyOf: (row: T) => string;
  onOpen?: (row: T) => void;
  isHere?: (row: T) => boolean;
}

export function Grid<T>({ label, columns, rows, keyOf, onOpen, isHere }: Props<T>) {
  const [order, setOrder] = useState<{ name: string; isDown: boolean } | null>(null);
  const sorted = order ? sort(rows, columns, order) : rows;
  const turn = (name: string) =>
    setOrder(order?.name !== name ? { name, isDown: false } : order.isDown ? null : { name, isDown: true });
  return (
    // A table that is wider than the screen is scrolled by keyboard too.
    <div className="grid-wrap" role="region" aria-label={label} tabIndex={0}>
      <table className="grid">
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} column={column} order={order} onTurn={turn} />
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row) => (
            <tr
              key={keyOf(row)}
              className={`${onOpen ? 'open' : ''} ${isHere?.(row) ? 'here' : ''}`}
              tabIndex={onOpen ? 0 : undefined}
              onClick={onOpen && ((event) => isPlain(event.target) && onOpen(row))}
              onKeyDown={onOpen && ((event) => move(event, () => onOpen(row)))}
            >
              {columns.map((column) => (
                <td key={column.name} className={column.isNumber ? 'num' : undefined}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading<T>(props: {
  column: Column<T>;
  order: { name: string; isDown: boolean } | null;
  onTurn: (name: string) => void;
}) {
  const { column, order } = props;
  const direction = order?.name !== column.name ? undefined : order.isDown ? 'descending' : 'ascending';
  if (!column.by) return <th scope="col">{column.name}</th>;
  return (
    <th scope="col" aria-sort={direction ?? 'none'}>
      <button type="button" onClick={() => props.onTurn(column.name)}>
        {column.name} <span aria-hidden>{direction === 'ascending' ? '↑' : direction ? '↓' : ''}</span>
      </button>
    </th>
  );
}

function sort<T>(rows: T[], columns: Column<T>[], order: { name: string; isDown: boolean }): T[] {
  const by = columns.find(({ name }) => name === order.name)?.by;
  if (!by) return rows;
  const sign = order.isDown ? -1 : 1;
  const compare = (a: string | number, b: string | number) =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  return [...rows].sort((a, b) => sign * compare(by(a), by(b)));
}

/** Whether a click was meant for the row, and not for something in it. */
function isPlain(target: EventTarget): boolean {
  return !(target instanceof Element && target.closest('a, button, input, label'));
}

/** Enter opens the row, j and k go to its neighbours. */
function move(event: KeyboardEvent<HTMLTableRowElement>, open: () => void) {
  if (event.target !== event.currentTarget) return;
  const row = event.currentTarget;
  if (event.key === 'Enter') open();
  else if (event.key === 'j' || event.key === 'ArrowDown') focus(row.nextElementSibling);
  else if (event.key === 'k' || event.key === 'ArrowUp') focus(row.previousElementSibling);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function focus(element: Element | null) {
  if (element instanceof HTMLElement) element.focus();
}
