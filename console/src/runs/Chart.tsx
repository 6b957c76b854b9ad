// The numbers of a run over time. Loaded only when somebody looks at a chart.

import 'uplot/dist/uPlot.min.css';
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import { series } from '../format/table';
import { timeOfDay } from '../format/time';
import type { Part } from '../live/log';

const COLOURS = ['#2a8fb0', '#c2711a', '#3f9d63', '#a254b8', '#c43d4b', '#7a7f2a', '#4b6bd6', '#8a5a44'];
const HEIGHT = 300;

interface Props {
  parts: Part[];
  /** The units of the series, by their names. */
  units: Map<string, string>;
}

export default function Chart({ parts, units }: Props) {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the list grows in place
  const { names, data } = useMemo(
    () => series(parts.map((part) => ({ at: part.receivedAt, payload: part.payload }))),
    [parts, parts.length],
  );
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const labels = names.map((name) => (units.has(name) ? `${name} in ${units.get(name)}` : name));
  const key = labels.join('\n');
  useEffect(() => {
    const element = box.current;
    if (!element || key === '') return;
    const made = new uPlot(options(key.split('\n'), element.clientWidth), [[]], element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [key]);
  useEffect(() => plot.current?.setData(data as uPlot.AlignedData), [data]);
  if (names.length === 0)
    return <p className="body dim">No number comes more than once in the parts so far.</p>;
  return (
    <div className="chart">
      <div ref={box} role="img" aria-label={summary(names, data, units)} />
      <p className="dim small">{summary(names, data, units)} The same numbers are in the table.</p>
    </div>
  );
}

function summary(names: string[], data: (number | null)[][], units: Map<string, string>): string {
  const lines = names.map((name, index) => {
    const values = (data[index + 1] ?? []).filter((value) => value !== null);
    const unit = units.has(name) ? ` ${units.get(name)}` : '';
    return `${name}: ${values.length} values from ${Math.min(...values)} to ${Math.max(...values)}${unit}, last ${values.at(-1)}${unit}`;
  });
  return `${lines.join('; ')}.`;
}

/** A time as everywhere in the console; `step` = seconds to the next one. */
function shown(at: number, step: number): string {
  const time = timeOfDay(new Date(at * 1000).toISOString());
  return step < 1 ? time : time.slice(0, -'.000'.length);
}

function options(names: string[], width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const [text, line] = [style.getPropertyValue('--dim'), style.getPropertyValue('--line')];
  const axis = { stroke: text, grid: { stroke: line, width: 1 }, ticks: { stroke: line } };
  // Each series has its own scale: an engine speed would flatten a temperature. Two of them fit beside the chart.
  const scaled = names.slice(0, 2).map((name, index) => ({
    ...axis,
    scale: name,
    label: name,
    labelSize: 22,
    size: 72,
    side: index === 0 ? 3 : 1,
    stroke: COLOURS[index],
    grid: { ...axis.grid, show: index === 0 },
  }));
  return {
    width,
    height: HEIGHT,
    series: [
      { label: 'Time', value: (_, at) => (at === null ? '–' : shown(at, 0)) },
      ...names.map((label, index) => ({
        label,
        scale: label,
        stroke: COLOURS[index],
        width: 2,
        spanGaps: true,
        points: { size: 4 },
      })),
    ],
    axes: [
      { ...axis, space: 90, values: (_, at, _axis, _space, step) => at.map((it) => shown(it, step)) },
      ...scaled,
    ],
    legend: { live: true },
  };
}
