import { describe, expect, it } from 'vitest';
import { entered, fieldsOf, params } from './fields';

const schema = {
  properties: {
    duration: { type: 'integer', default: 60 },
    entity: { type: 'string' },
    ids: { type: 'array', items: { type: 'string' } },
    interval: { enum: ['fast', 'slow'] },
    value: {},
    snapshot: { type: 'boolean', default: false },
  },
  required: ['entity'],
};

describe('a form', () => {
  const fields = fieldsOf(schema);
  it('has what is required first, and a field for each kind', () => {
    expect(fields[0]?.name).toBe('entity');
    expect(Object.fromEntries(fields.map((it) => [it.name, it.kind]))).toEqual({
      duration: 'number',
      entity: 'text',
      ids: 'lines',
      interval: 'choice',
      value: 'json',
      snapshot: 'switch',
    });
  });
  it('gives back what it was given', () => {
    const given = { entity: 'components/x', ids: ['a', 'b'], value: { market: 'EU' }, snapshot: true };
    expect(params(fields, entered(fields, given))).toEqual(given);
  });
  it('leaves out what is empty or the default', () => {
    expect(params(fields, { entity: 'x', duration: '60', ids: ' \n', value: '', snapshot: false })).toEqual({
      entity: 'x',
    });
  });
  it('takes bare words as text, and says what is broken', () => {
    expect(params(fields, { value: 'on' })).toEqual({ value: 'on' });
    expect(params(fields, { value: '850' })).toEqual({ value: 850 });
    expect(() => params(fields, { value: '{"a":' })).toThrow();
  });
});
