/** The files in deploy/ speak of metrics, options and paths that the relay has. */
import { readFile, readdir } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { describe, expect, test } from 'vitest';
import { metricFamilies } from '../src/metric-families.ts';
import { createMetrics } from '../src/metrics.ts';
import { commands, environmentName, options } from '../src/options.ts';
import { readCommand, type Settings } from '../src/settings.ts';
import { FakeRelay } from './fake-relay.ts';

const folder = fileURLToPath(new URL('../deploy/', import.meta.url));

async function read(path: string): Promise<string> {
  return readFile(`${folder}${path}`, 'utf8');
}

async function shownMetrics(): Promise<Set<string>> {
  const metrics = createMetrics('1.2.3');
  const relay = new FakeRelay({}).metrics();
  const text = await metrics.render({ condition: 'ready', relay, httpRefused: { 'http-body': 1 } });
  metrics.close();
  // By their declarations: a histogram without observations shows no series yet.
  const declared = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    declared.flatMap(([, name = '', type]) => {
      return type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name];
    }),
  );
}

function namesIn(text: string): string[] {
  return [...new Set(text.match(/\b(?:casto_relay|process|nodejs)_[a-z0-9_]+/g))];
}

/** compose.yaml with its variables filled in, and what the relay makes of them. */
async function composed(changes: Record<string, string>): Promise<{ text: string; settings: Settings }> {
  const variables = { ...parseEnv(await read('example.env')), ...changes };
  const text = interpolate(await read('compose.yaml'), variables);
  const pairs = [...text.matchAll(/^ +(CASTO_\w+): *(.*)$/gm)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  const command = readCommand([], Object.fromEntries(pairs) as Record<string, string>);
  if (command.kind !== 'run') throw new Error(`the relay would ${command.kind}`);
  return { text, settings: command.settings };
}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?what is missing}`, as Compose reads them. */
function interpolate(text: string, variables: Readonly<Record<string, string | undefined>>): string {
  return text.replaceAll(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const value = variables[name] ?? '';
    if (value === '' && kind === '?') throw new Error(`${name} is missing: ${String(rest)}`);
    return value === '' && kind === '-' ? String(rest) : value;
  });
}

describe('metrics', () => {
  test.each(['prometheus/casto-alerts.yml', 'grafana/dashboards/casto-relays.json'])(
    'of %s exist',
    async (path) => {
      const named = namesIn(await read(path));
      expect(named.length).toBeGreaterThan(10);
      const shown = await shownMetrics();
      expect(named.filter((name) => !shown.has(name))).toEqual([]);
    },
  );

  test('are all on the dashboard', async () => {
    const named = namesIn(await read('grafana/dashboards/casto-relays.json'));
    expect(metricFamilies.map(({ name }) => name).filter((name) => !named.includes(name))).toEqual([]);
  });

  test('have alerts that the handbook explains', async () => {
    const alerts = [...(await read('prometheus/casto-alerts.yml')).matchAll(/alert: (\w+)/g)];
    const handbook = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
    expect(alerts.length).toBeGreaterThan(10);
    for (const [, name = ''] of alerts) expect(handbook).toContain(`\`${name}\``);
  });
});

test('every variable for the relay is one that it reads', async () => {
  const flags = [...Object.values(options), commands.config].map(({ flag }) => environmentName(flag));
  const files = ['Dockerfile', 'compose.yaml', 'systemd/casto-relay.service'];
  for (const file of files) {
    const named = (await read(file)).match(/\bCASTO_[A-Z0-9_]+/g) ?? [];
    expect(named.length, file).toBeGreaterThan(3);
    expect(named.filter((name) => !flags.includes(name))).toEqual([]);
  }
});

describe('compose.yaml with example.env', () => {
  const secrets = { TURN_SECRET: 'north', GRAFANA_PASSWORD: 'south' };

  test('starts with all kinds of public addresses that it allows', async () => {
    const written = '203.0.113.5,2001:db8::5,relay.example.org';
    const { settings, text } = await composed({ ...secrets, PUBLIC_ADDRESS: written });
    expect(settings.announce).toEqual(['203.0.113.5', '2001:db8::5', 'relay.example.org']);
    expect(settings.iceServers).toEqual(['turn:203.0.113.5:3478']);
    expect(settings.turnSecret).toBe('north');
    expect(isIPv4(/--external-ip=(.*)/.exec(text)?.[1] ?? '')).toBe(true);
  });

  test('lets each further process serve as many viewers as it says', async () => {
    const { settings } = await composed({ ...secrets, PROCESSES: 'auto' });
    expect(settings.processes).toBe('auto');
    expect(settings.maxViewers).toBeNull();
  });
});

test('what is mounted into containers is there', async () => {
  const mounted = [...(await read('compose.yaml')).matchAll(/- \.\/([^:]+):/g)].map(([, path = '']) => path);
  expect(mounted.length).toBeGreaterThan(3);
  const files = await readdir(folder, { recursive: true });
  expect(mounted.filter((path) => !files.includes(path))).toEqual([]);
});

test('panels of the dashboard do not overlap', async () => {
  const { panels } = JSON.parse(await read('grafana/dashboards/casto-relays.json')) as {
    panels: { id: number; gridPos: { x: number; y: number; w: number; h: number } }[];
  };
  const taken = new Set<string>();
  for (const { gridPos } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      expect(x).toBeLessThan(24);
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken.has(`${x} ${y}`)).toBe(false);
        taken.add(`${x} ${y}`);
      }
    }
  }
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
});
