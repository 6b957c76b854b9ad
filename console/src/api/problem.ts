// Failures as the server words them (RFC 9457), and as the network causes them.

export interface FieldProblem {
  pointer: string;
  detail: string;
}

export class Problem extends Error {
  constructor(
    /** 0 = no answer came. */
    readonly status: number,
    readonly code: string,
    readonly title: string,
    readonly detail: string | undefined,
    readonly traceId: string | undefined,
    readonly errors: FieldProblem[],
    readonly retryAfterS: number | undefined,
  ) {
    super(detail ?? title);
  }

  static unreachable(): Problem {
    const title = 'The server does not answer';
    return new Problem(
      0,
      'unreachable',
      title,
      'Is it running, and is there a network?',
      undefined,
      [],
      undefined,
    );
  }

  static of(body: unknown, response: Response): Problem {
    const said = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
    return new Problem(
      response.status,
      String(said.type ?? '').replace('/problems/', ''),
      String(said.title ?? `The server answered ${response.status}`),
      said.detail as string | undefined,
      said.trace_id as string | undefined,
      (said.errors as FieldProblem[] | undefined) ?? [],
      Number(response.headers.get('retry-after')) || undefined,
    );
  }
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new Problem(0, 'console', 'The console failed', detail, undefined, [], undefined);
}
