// What a page shows when it has nothing to show: still loading, nothing there, or something went wrong.

import { Button } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { asProblem } from '../api/problem';
import { Copy } from './Copy';

export function Loading({ rows = 6 }: { rows?: number }) {
  return (
    <div className="body stack" role="status" aria-label="loading">
      {Array.from({ length: rows }, (_, row) => (
        <div key={row} className="skeleton" />
      ))}
    </div>
  );
}

interface EmptyProps {
  title: string;
  children?: ReactNode;
  action?: ReactNode;
  cli?: string;
  /** Whether it is all that the page has. */
  isPage?: boolean;
}

export function Empty(props: EmptyProps) {
  const Title = props.isPage ? 'h1' : 'h2';
  return (
    <div className="notice">
      <Title>{props.title}</Title>
      {props.children && <p className="dim">{props.children}</p>}
      {props.action}
      {props.cli && (
        <div className="row nowrap">
          <code className="cli">{props.cli}</code>
          <Copy text={props.cli} label="Copy this line" />
        </div>
      )}
    </div>
  );
}

/** A failure in the server's words, with what is needed to find it in its log. */
export function ProblemCard({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const problem = asProblem(error);
  return (
    <div className="problem" role="alert">
      <strong>{problem.title}</strong>
      {problem.detail && <span>{problem.detail}</span>}
      {problem.errors.map((field) => (
        <span key={field.pointer} className="mono">
          {field.pointer} {field.detail}
        </span>
      ))}
      <div className="row small">
        {problem.status > 0 && <span>HTTP {problem.status}</span>}
        {problem.retryAfterS && <span>try again in {problem.retryAfterS} s</span>}
        {problem.traceId && (
          <span className="row tight">
            trace <span className="mono">{problem.traceId}</span>{' '}
            <Copy text={problem.traceId} label="Copy the trace id" />
          </span>
        )}
        {onRetry && (
          <Button size="compact-xs" variant="default" onClick={onRetry}>
            Try again
          </Button>
        )}
      </div>
    </div>
  );
}

/** What there is to see of a question: that it is asked, that it failed, or what was answered. */
export function Loaded<T>({ of, children }: { of: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (of.error) {
    return (
      <div className="body">
        <ProblemCard error={of.error} onRetry={() => of.refetch()} />
      </div>
    );
  }
  return of.data === undefined ? <Loading /> : children(of.data);
}

export function Forbidden({ need, children }: { need: string; children?: ReactNode }) {
  return (
    <Empty isPage title="Your role does not permit this">
      It needs {need}. Somebody who administers this installation can give it to you. {children}
    </Empty>
  );
}
