// The entities of a vehicle as a tree, from what its discovery has found.

export interface Entity {
  /** Its path: components/engine_ecu. */
  path: string;
  name: string;
  parent: string | null;
  /** What the vehicle says of it. */
  described: Record<string, unknown>;
  children: Entity[];
}

export const COLLECTIONS = ['components', 'apps', 'functions', 'areas'];

/** The roots of the tree, by the collections of SOVD. */
export function entityTree(found: unknown[]): Entity[] {
  const all = found.map(entity).filter((it) => it !== null);
  const byPath = new Map(all.map((it) => [it.path, it]));
  const roots: Entity[] = [];
  for (const it of all) (it.parent ? (byPath.get(it.parent)?.children ?? roots) : roots).push(it);
  const rank = (it: Entity) => COLLECTIONS.indexOf(collectionOf(it.path));
  return roots.sort((a, b) => rank(a) - rank(b));
}

function entity(described: unknown): Entity | null {
  const said = described as {
    name?: string;
    id?: string;
    tree?: { entity?: string; parent?: string | null };
  };
  const path = said?.tree?.entity;
  if (!path) return null;
  const name = said.name || said.id || path;
  return {
    path,
    name,
    parent: said.tree?.parent ?? null,
    described: said as Record<string, unknown>,
    children: [],
  };
}

export function collectionOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** Every entity, in the order of the tree. */
export function flat(roots: Entity[]): Entity[] {
  return roots.flatMap((it) => [it, ...flat(it.children)]);
}

/** Whether an entity has a collection of resources: the vehicle links what it has. */
export function has(entity: Entity | undefined, resource: string): boolean {
  return entity !== undefined && typeof entity.described[resource] === 'string';
}
