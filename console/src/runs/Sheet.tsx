// The parts as rows, a column for each scalar that any of them has.

import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import { sheet } from '../format/table';
import type { Part } from '../live/log';

export function Sheet({ parts }: { parts: Part[] }) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list grows in place
  const { columns, rows } = useMemo(() => sheet(parts.map((part) => part.payload)), [parts, parts.length]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 32,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const above = items[0]?.start ?? 0;
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0);
  return (
    <div className="parts" ref={scroller} role="region" tabIndex={0} aria-label="Table of the parts">
      <table className="grid">
        <thead>
          <tr>
            <th scope="col">#</th>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 && <tr style={{ height: above }} aria-hidden />}
          {items.map(({ index }) => (
            <tr key={parts[index]?.seq ?? index}>
              <td className="num">{parts[index]?.seq}</td>
              {columns.map((column) => (
                <td key={column} className="sheet-cell">
                  {text(rows[index]?.[column])}
                </td>
              ))}
            </tr>
          ))}
          {below > 0 && <tr style={{ height: below }} aria-hidden />}
        </tbody>
      </table>
    </div>
  );
}

function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}
