import { ActionIcon, Tooltip } from '@mantine/core';
import { useState } from 'react';
import { CheckIcon, CopyIcon } from './icons';

/** Copies a text; also where the page came without TLS and has no clipboard. */
export async function copy(text: string) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Copy({ text, label }: { text: string; label: string }) {
  const [isDone, setDone] = useState(false);
  const run = async () => {
    await copy(text).catch(() => {});
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <Tooltip label={isDone ? 'Copied' : label}>
      <ActionIcon variant="subtle" color="gray" size={24} aria-label={label} onClick={run}>
        {isDone ? <CheckIcon /> : <CopyIcon />}
      </ActionIcon>
    </Tooltip>
  );
}
