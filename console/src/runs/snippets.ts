// A submission as something to paste into a terminal or a script.

import type { Command } from '../api/client';

type Order = Pick<Command, 'vehicle_id' | 'command_name' | 'command_params'>;

function body(order: Order): string {
  return JSON.stringify({
    vehicle_id: order.vehicle_id,
    command_name: order.command_name,
    command_params: order.command_params,
  });
}

/** For the command line of the same binary; it asks who one is, or takes FLEETWIRE_TOKEN. */
export function asCli(order: Order, origin: string): string {
  const params = Object.entries((order.command_params as Record<string, unknown> | null) ?? {});
  const words = [
    ...['fleetwire', 'run', order.vehicle_id, order.command_name],
    ...params.flatMap(([name, value]) => ['-p', `${name}=${typed(value)}`]),
    ...['--server', origin],
  ];
  return words.map(quoted).join(' ');
}

/** The command line for what somebody could run here. */
export function cliOf(vin: string, command_name: string, params: Record<string, unknown> = {}): string {
  return asCli({ vehicle_id: vin, command_name, command_params: params as never }, location.origin);
}

/** A value as the command line reads it: a text as it is, unless it would be taken for JSON. */
function typed(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  try {
    JSON.parse(value);
    return JSON.stringify(value);
  } catch {
    return value;
  }
}

function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** For a shell in which `$TOKEN` is an access token. */
export function asCurl(order: Order, origin: string): string {
  const json = body(order).replaceAll("'", `'\\''`);
  return `curl -s ${origin}/api/v1/commands -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' -d '${json}'`;
}

/** For Python with nothing but its library; the token is in the variable TOKEN. */
export function asPython(order: Order, origin: string): string {
  return `import json, os, urllib.request

URL = ${JSON.stringify(origin)}
HEADERS = {"authorization": "Bearer " + os.environ["TOKEN"], "content-type": "application/json"}

def call(path, body=None, accept="application/json"):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, headers=HEADERS | {"accept": accept})
    return json.load(urllib.request.urlopen(request))

command = call("/api/v1/commands", json.loads(${JSON.stringify(body(order))}))
after, ended = 0, False
while not ended:
    page = call(f"/api/v1/commands/{command['command_id']}/events?after={after}&wait=25")
    for event in page["events"]:
        print(json.dumps(event))
    after, ended = page["next_after"], page["terminal"]
`;
}
