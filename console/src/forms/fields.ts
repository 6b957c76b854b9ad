// From the JSON Schema of a command to the fields of a form, and back.

export type Kind = 'text' | 'number' | 'switch' | 'choice' | 'lines' | 'json';

export interface Field {
  name: string;
  kind: Kind;
  label: string;
  hint?: string;
  isRequired: boolean;
  isWhole?: boolean;
  choices?: string[];
  fallback?: unknown;
}

interface Schema {
  type?: string | string[];
  description?: string;
  enum?: unknown[];
  default?: unknown;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  examples?: Record<string, unknown>[];
}

export function fieldsOf(schema: unknown): Field[] {
  const { properties = {}, required = [] } = schema as Schema;
  const fields = Object.entries(properties).map(([name, property]) =>
    field(name, property, required.includes(name)),
  );
  return fields.sort((a, b) => Number(b.isRequired) - Number(a.isRequired));
}

function field(name: string, schema: Schema, isRequired: boolean): Field {
  const hint = schema.description;
  const base = { name, label: name.replaceAll('_', ' '), hint, isRequired, fallback: schema.default };
  if (schema.enum?.every((it) => typeof it === 'string'))
    return { ...base, kind: 'choice', choices: schema.enum as string[] };
  if (schema.type === 'boolean') return { ...base, kind: 'switch' };
  if (schema.type === 'integer' || schema.type === 'number')
    return { ...base, kind: 'number', isWhole: schema.type === 'integer' };
  if (schema.type === 'string') return { ...base, kind: 'text' };
  if (schema.type === 'array' && schema.items?.type === 'string') return { ...base, kind: 'lines' };
  return { ...base, kind: 'json' };
}

/** What stands in the fields: text for most, as it was typed. */
export type Entered = Record<string, string | boolean>;

export function entered(fields: Field[], params: Record<string, unknown>): Entered {
  return Object.fromEntries(
    fields.map((field) => [field.name, show(field, params[field.name] ?? field.fallback)]),
  );
}

function show(field: Field, value: unknown): string | boolean {
  if (field.kind === 'switch') return value === true;
  if (value === undefined) return '';
  if (field.kind === 'lines' && Array.isArray(value)) return value.join('\n');
  return field.kind === 'json' ? JSON.stringify(value) : String(value);
}

/** The parameters; what is empty or the default is left out. Throws what is no JSON. */
export function params(fields: Field[], values: Entered): Record<string, unknown> {
  const all: Record<string, unknown> = {};
  for (const field of fields) {
    const value = read(field, values[field.name] ?? '');
    if (value !== undefined && value !== field.fallback) all[field.name] = value;
  }
  return all;
}

function read(field: Field, value: string | boolean): unknown {
  if (typeof value === 'boolean') return field.isRequired ? value : value || undefined;
  if (value.trim() === '') return undefined;
  switch (field.kind) {
    case 'number':
      return Number(value);
    case 'lines':
      return value
        .split('\n')
        .map((line) => line.trim())
        .filter(Boolean);
    case 'json':
      return json(value);
    default:
      return value;
  }
}

/** What is no JSON is meant as text: values are often typed without quotes. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    if (/^\s*[[{"]/.test(text)) throw new Error('this is no JSON');
    return text;
  }
}
