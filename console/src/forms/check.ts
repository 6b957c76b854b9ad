// Checks parameters against the schema of their command, before the server does. Loaded when a form is sent.

import { Validator } from '@cfworker/json-schema';
import type { FieldProblem } from '../api/problem';

export function check(schema: unknown, params: unknown): FieldProblem[] {
  const { errors } = new Validator(schema as object, '2020-12', false).validate(params);
  // The errors of a parent only say that a child is wrong.
  const leaves = errors.filter(({ keyword }) => keyword !== 'properties' && keyword !== 'items');
  return leaves.map(({ instanceLocation, error }) => ({
    pointer: instanceLocation.replace(/^#/, ''),
    detail: error,
  }));
}
