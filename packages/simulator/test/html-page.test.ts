import { Script } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { renderGroupsPage, renderRunPage } from '../src/html-page.ts';
import { runSimulation, type RunReport } from '../src/run.ts';
import { SnapshotRecorder } from '../src/tree-snapshot.ts';
import type { ScenarioName } from '../src/world-view.ts';
import { synthesise } from './synthetic-simulation.ts';

const VOID_ELEMENTS = new Set(['meta', 'link', 'input']);

function runOf(viewers: number, scenario: ScenarioName): { report: RunReport; page: string } {
  const recorder = new SnapshotRecorder(3);
  const request = {
    viewers,
    relays: 2,
    minutes: 3,
    seed: 1,
    scenario,
    ablation: 'none',
    tickMs: 1_000,
  } as const;
  const report = runSimulation(synthesise, request, [recorder]);
  return { report, page: renderRunPage(report, recorder.snapshots) };
}

/** Elements that are open at the end, or closed without being open. */
function unbalanced(html: string): string[] {
  const markup = html.replaceAll(/<(script|style)[^>]*>[\s\S]*?<\/\1>/g, '');
  const open: string[] = [];
  const wrong: string[] = [];
  for (const [, slash, name = '', selfClosing] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)[^<>]*?(\/?)>/g)) {
    if (slash === '/') {
      if (open.pop() !== name) wrong.push(`</${name}>`);
    } else if (selfClosing !== '/' && !VOID_ELEMENTS.has(name)) open.push(name);
  }
  return [...wrong, ...open];
}

function attributesOf(html: string, name: string): string[] {
  return [...html.matchAll(new RegExp(` ${name}="([^"]*)"`, 'g'))].map(([, value]) => value ?? '');
}

const { report, page } = runOf(600, 'flash');

describe('the page of a run', () => {
  test('is one well-formed document that needs nothing else', () => {
    expect(page.startsWith('<!doctype html>\n<html lang="en">')).toBe(true);
    expect(unbalanced(page)).toEqual([]);
    expect(attributesOf(page, 'src')).toEqual([]);
    expect(attributesOf(page, 'href')).toEqual(['data:,']);
    expect(page).not.toMatch(/https?:|@import|url\(/);
    expect(page).toContain('name="viewport"');
    const ids = attributesOf(page, 'id');
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('holds no number that is none', () => {
    expect(page.replaceAll(/<script[\s\S]*?<\/script>/g, '')).not.toMatch(/NaN|undefined|Infinity|null/);
  });

  test('has scripts that parse, without imports', () => {
    const scripts = [...page.matchAll(/<script type="module">([\s\S]*?)<\/script>/g)].map(
      ([, text]) => text ?? '',
    );
    expect(scripts.length).toBe(2);
    for (const script of scripts) {
      expect(script).not.toMatch(/^import /m);
      expect(() => new Script(script.replaceAll(/^export /gm, ''))).not.toThrow();
    }
  });

  test('says in words what every picture shows, and lets the keyboard reach it', () => {
    const pictures = [...page.matchAll(/<(svg|canvas)([^>]*)>/g)].map(([, , attributes]) => attributes ?? '');
    expect(pictures.length).toBe(8);
    for (const attributes of pictures) {
      expect(attributes).toMatch(/aria-label="[^"]{40,}"/);
      expect(attributes).toContain('tabindex="0"');
    }
    expect(page).toMatch(/<input[^>]* type="range"[^>]* aria-label="Virtual time"/);
  });

  test('has a text for every place of a curve', () => {
    const places = attributesOf(page, 'data-places');
    const texts = attributesOf(page, 'data-texts');
    expect(places.length).toBe(7);
    for (const [index, list] of places.entries())
      expect(texts[index]?.split('|').length).toBe(list.split(' ').length);
  });

  test('shows goals, rules, figures and the command', () => {
    expect(page).toContain('ten times the viewers join in 10 s, p99');
    expect(page).toContain('every viewer fed');
    expect(page).toContain('repair by a standby, p95 [ms]');
    expect(page).toContain(
      'npm run simulate -- --viewers 600 --relays 2 --minutes 3 --seed 1 --scenario flash',
    );
  });

  test('marks when the fault was at work', () => {
    expect(page).toMatch(/<rect class="fault"[^>]*><title>flash<\/title>/);
  });

  test('shows violations, and nothing in them becomes markup', () => {
    const violation = { at: 61_000, peer: 5, rule: 'feeding', detail: '<b>&"</script>' } as const;
    const checks = { ...report.checks, total: 1, violations: [violation] };
    const broken = renderRunPage({ ...report, checks }, []);
    expect(broken).toContain('1:01 (61000 ms) peer 5, feeding: &lt;b&gt;&amp;&quot;&lt;/script&gt;');
    expect(unbalanced(broken)).toEqual([]);
    expect(broken).not.toContain('id="tree"');
  });

  test('stands when nothing could be measured', () => {
    const metrics = { ...report.metrics, join: null, repair: null, depth: null, pathDelay: null };
    const empty = { from: 0, width: 1, counts: [] };
    const distributions = { join: empty, repair: empty, depth: empty, pathDelay: empty };
    const bare = renderRunPage({ ...report, metrics, distributions, series: [] }, []);
    expect(bare).toContain('There was nothing to measure.');
    expect(unbalanced(bare)).toEqual([]);
  });
});

describe('the page of several runs', () => {
  test('draws growth', () => {
    const groups = [300, 600].map((viewers) => ({
      label: `${viewers} viewers`,
      runs: [runOf(viewers, 'steady').report],
    }));
    const growth = renderGroupsPage('Growth', groups, 'growth');
    expect(unbalanced(growth)).toEqual([]);
    expect(growth).toContain('Depth by number of viewers. 300 viewers: p50');
    expect(growth.match(/<svg/g)?.length).toBe(4);
    expect(growth).not.toContain('playTree');
    expect(growth).not.toContain('Against the goals');
  });

  test('has tables alone otherwise', () => {
    const groups = ['a', 'b'].map((label) => ({ label, runs: [report, report] }));
    const tables = renderGroupsPage('Seeds <1>', groups, 'run');
    expect(unbalanced(tables)).toEqual([]);
    expect(tables).toContain('<h1>Seeds &lt;1&gt;</h1>');
    expect(tables).toContain('the worst run in brackets');
    expect(tables).not.toContain('<svg');
  });
});
