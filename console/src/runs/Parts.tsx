// The parts of a run as they come. It follows the newest until somebody scrolls up, and then says what it holds back.

import { Button } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useEffect, useRef, useState } from 'react';
import { difference } from '../format/difference';
import { timeOfDay, utc } from '../format/time';
import type { Part } from '../live/log';
import { useKey } from '../shell/keys';
import { Json } from '../ui/Json';

/** Bytes of a part that is shown open. */
const OPEN_BYTES = 4_000;
/** How near to the end is the end, in pixels. */
const NEAR = 24;

interface Props {
  parts: Part[];
  as?: 'tree' | 'raw' | 'diff';
}

export function Parts({ parts, as = 'tree' }: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const [seen, setSeen] = useState(parts.length);
  const rows = useVirtualizer({
    count: parts.length,
    getScrollElement: () => scroller.current,
    estimateSize: (index) => estimate(parts[index], as),
    overscan: 8,
    getItemKey: (index) => parts[index]?.seq ?? index,
  });
  // What is measured above must not move what is read below; at the end, the end is what counts.
  rows.shouldAdjustScrollPositionOnItemSizeChange = () => !isFollowing;
  const lastTop = useRef(0);
  const follow = useCallback(() => setFollowing((now) => !now), []);
  useKey('f', follow);
  const toEnd = useCallback(() => {
    const element = scroller.current;
    if (element) element.scrollTop = element.scrollHeight;
  }, []);
  const total = rows.getTotalSize();
  // biome-ignore lint/correctness/useExhaustiveDependencies: what grows is followed
  useEffect(() => {
    if (isFollowing) toEnd();
  }, [isFollowing, parts.length, total, toEnd]);
  const scrolled = () => {
    const element = scroller.current;
    if (!element) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < NEAR;
    // Parts that grow leave the end behind too; only who goes up means to stay there.
    const wentUp = element.scrollTop < lastTop.current - 1;
    lastTop.current = element.scrollTop;
    if (isAtEnd) setFollowing(true);
    else if (wentUp && isFollowing) {
      setFollowing(false);
      setSeen(parts.length);
    }
  };
  return (
    <div className="parts-box">
      <div className="parts" ref={scroller} onScroll={scrolled} role="region" tabIndex={0} aria-label="Parts">
        <ol style={{ height: total, position: 'relative' }}>
          {rows.getVirtualItems().map((row) => {
            const part = parts[row.index] as Part;
            return (
              <li
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                className="part"
                style={{
                  position: 'absolute',
                  top: 0,
                  left: 0,
                  width: '100%',
                  transform: `translateY(${row.start}px)`,
                }}
              >
                {as === 'raw' ? (
                  <Raw part={part} />
                ) : as === 'diff' ? (
                  <Changed part={part} before={previous(parts, row.index)} />
                ) : (
                  <PartRow part={part} />
                )}
              </li>
            );
          })}
        </ol>
      </div>
      {!isFollowing && (
        <div className="paused" role="status">
          Paused{parts.length > seen && ` · ${parts.length - seen} new`}
          <Button size="compact-xs" data-key="G" onClick={() => setFollowing(true)}>
            Jump to the latest (G)
          </Button>
        </div>
      )}
    </div>
  );
}

/** About how high a part is, in pixels, before it is drawn. */
function estimate(part: Part | undefined, as: string): number {
  if (as === 'raw') return 24;
  return part && part.bytes <= OPEN_BYTES ? 60 + Math.min(400, part.bytes / 2) : 90;
}

function Head({ part }: { part: Part }) {
  return (
    <div className="part-head">
      <strong>#{part.seq}</strong>
      <time dateTime={part.receivedAt} title={utc(part.receivedAt)} className="mono dim">
        {timeOfDay(part.receivedAt)}
      </time>
      {part.isFinal && <span className="tag">final</span>}
      {part.bytes > OPEN_BYTES && <span className="dim small">{Math.round(part.bytes / 1024)} KiB</span>}
    </div>
  );
}

function PartRow({ part }: { part: Part }) {
  return (
    <>
      <Head part={part} />
      <Json value={part.payload} open={part.bytes <= OPEN_BYTES} />
    </>
  );
}

/** How far back the part before is looked for. */
const BACK = 64;

/** The part before that is about the same: what is watched comes in turns. */
function previous(parts: Part[], index: number): Part | undefined {
  const name = (part: Part | undefined) => {
    const { id, entity } = (part?.payload ?? {}) as { id?: unknown; entity?: unknown };
    return String(id ?? entity ?? '');
  };
  const wanted = name(parts[index]);
  for (let at = index - 1; at >= 0 && at >= index - BACK; at -= 1) {
    if (name(parts[at]) === wanted) return parts[at];
  }
  return undefined;
}

/** What is different from the part before. */
function Changed({ part, before }: { part: Part; before: Part | undefined }) {
  const changes = before ? difference(before.payload, part.payload) : [];
  return (
    <>
      <Head part={part} />
      {!before && <span className="dim small">the first of its kind</span>}
      {before && changes.length === 0 && <span className="dim small">as the part before</span>}
      <ul className="plain mono">
        {changes.slice(0, MOST_CHANGES).map((change) => (
          <li key={`${change.path} ${change.kind}`} className="change">
            <span className={`tag ${TONES[change.kind]}`}>{change.kind}</span> {change.path}{' '}
            <span className="dim">{change.kind !== 'added' && JSON.stringify(change.before)}</span>
            {change.kind === 'changed' && ' → '}
            {change.kind !== 'removed' && JSON.stringify(change.after)}
          </li>
        ))}
      </ul>
      {changes.length > MOST_CHANGES && (
        <span className="dim small">{changes.length - MOST_CHANGES} more</span>
      )}
    </>
  );
}

const TONES = { added: 'ok', removed: 'bad', changed: 'warn' };
const MOST_CHANGES = 30;

function Raw({ part }: { part: Part }) {
  return <pre className="raw mono">{JSON.stringify(part.payload)}</pre>;
}
