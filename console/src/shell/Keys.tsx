import { Modal, Switch } from '@mantine/core';
import { useState } from 'react';
import { keysAreOn, switchKeys } from './keys';

const KEYS: [string, string][] = [
  ['Ctrl K', 'go anywhere'],
  ['g o, g v, g r, g f, g a', 'overview, vehicles, runs, faults, audit'],
  ['/', 'filter the list'],
  ['j, k', 'next and previous row'],
  ['Enter, Esc', 'open, close'],
  ['[, ]', 'previous and next tab'],
  ['r', 'read or run what the page offers'],
  ['R, x', 'run again, cancel'],
  ['1 to 6', 'answer, parts, table, raw, diff, chart'],
  ['f, G', 'follow, jump to the latest'],
  ['e, c', 'export, copy as CLI'],
  ['t', 'theme'],
  ['?', 'this page'],
];

export default function Keys({ onClose }: { onClose: () => void }) {
  const [isOn, setOn] = useState(keysAreOn());
  const turn = (next: boolean) => {
    switchKeys(next);
    setOn(next);
  };
  return (
    <Modal opened onClose={onClose} title="Keyboard">
      <div className="stack">
        <dl className="facts">
          {KEYS.map(([keys, does]) => (
            <div key={keys} className="key-row">
              <dt className="mono">{keys}</dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <Switch
          label="Single keys are shortcuts"
          checked={isOn}
          onChange={(event) => turn(event.currentTarget.checked)}
        />
      </div>
    </Modal>
  );
}
