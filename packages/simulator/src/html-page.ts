import { readFileSync } from 'node:fs';
import type { TreeSnapshot } from '../page/tree-picture.ts';
import type { Mode } from './cli-options.ts';
import { growthCharts } from './growth-charts.ts';
import { PAGE_STYLE } from './html-page-style.ts';
import { escapeHtml, scriptJson } from './html-text.ts';
import {
  goalSummaryTable,
  commandFor,
  figureTable,
  violationLines,
  type GroupReport,
} from './report-tables.ts';
import { goalTable, ruleTable } from './report-tables.ts';
import type { RunReport } from './run.ts';
import { runCharts } from './run-charts.ts';
import { judge } from './goals.ts';
import { formatNumber, type TextTable } from './text-table.ts';

const VIOLATIONS_SHOWN = 10;
const TREE_SCRIPTS = ['tree-dots.js', 'tree-drawing.js', 'tree-player.js'];

/** One self-contained file: figures, curves and the tree over time of a single run. */
export function renderRunPage(report: RunReport, snapshots: readonly TreeSnapshot[]): string {
  const { viewers, relays, minutes, seed, scenario, ablation } = report.request;
  const without = ablation === 'none' ? '' : `, ${ablation}`;
  const charts = runCharts(report);
  return renderPage({
    title: `${formatNumber(viewers, 0)} viewers, ${scenario}${without}`,
    subtitle: `${formatNumber(relays, 0)} headless relays, ${minutes} virtual minutes, seed ${seed}`,
    snapshots,
    sections: [
      tiles(report),
      section('Against the goals', goalsOf(report)),
      section('The rules', renderTable(ruleTable(report)) + violationsOf(report)),
      treeSection(snapshots.at(-1), snapshots.length),
      section('Over time', `<div class="charts">${charts.overTime.join('')}</div>`),
      section('Distributions', `<div class="charts wide">${charts.distributions.join('')}</div>`),
      section('All figures', figuresOf(report)),
      section('Again', againOf(report)),
    ],
  });
}

/** The same for several runs: mean and worst of each group. */
export function renderGroupsPage(title: string, groups: readonly GroupReport[], mode: Mode): string {
  const runs = groups.flatMap((group) => group.runs);
  const goals = goalSummaryTable(groups);
  const note = runs.length > groups.length ? 'Mean, and the worst run in brackets.' : '';
  const isHeldAgainstGoals = (mode === 'run' || mode === 'goals') && goals.rows.length > 0;
  const growth = mode === 'growth' ? growthCharts(groups) : [];
  return renderPage({
    title,
    subtitle: `${runs.length} runs`,
    snapshots: [],
    sections: [
      growth.length === 0 ? '' : section('Curves', `<div class="charts wide">${growth.join('')}</div>`),
      isHeldAgainstGoals ? section('Against the goals', renderTable(goals)) : '',
      section('All figures', `<p class="muted">${note}</p>${renderTable(figureTable(groups))}`),
      section('Rules broken', runs.map(violationsOf).join('') || '<p>None.</p>'),
    ],
  });
}

interface Page {
  readonly title: string;
  readonly subtitle: string;
  readonly sections: readonly string[];
  readonly snapshots: readonly TreeSnapshot[];
}

function renderPage({ title, subtitle, sections, snapshots }: Page): string {
  const tree = snapshots.length === 0 ? '' : script(TREE_SCRIPTS, `playTree(${scriptJson(snapshots)});`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>CASTO simulation: ${escapeHtml(title)}</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
<h1>${escapeHtml(title)}</h1>
<p class="muted">CASTO, simulated: ${escapeHtml(subtitle)}</p>
</header>
${sections.filter((html) => html !== '').join('\n')}
</main>
${script(['chart-readouts.js'], 'attendCharts();')}
${tree}
</body>
</html>
`;
}

/** One module out of several, in the order of their imports, and the call that starts it. */
function script(names: readonly string[], call: string): string {
  const sources = names.map((name) => readFileSync(new URL(`../page/${name}`, import.meta.url), 'utf8'));
  const source = sources.join('\n').replaceAll(/^import .*\n/gm, '');
  return `<script type="module">\n${source}\n${call}\n</script>`;
}

function section(title: string, body: string): string {
  return `<section>\n<h2>${escapeHtml(title)}</h2>\n${body}\n</section>`;
}

function tiles(report: RunReport): string {
  const { metrics, checks, cost, request, series } = report;
  const verdicts = judge(metrics, request.scenario);
  const met = verdicts.filter((verdict) => verdict.isMet).length;
  const highest = Math.max(0, ...series.map((point) => point.live));
  const entries: [string, string, string][] = [
    [
      checks.total === 0 ? 'none' : formatNumber(checks.total, 0),
      'rules broken',
      checks.total === 0 ? 'good' : 'bad',
    ],
    [`${formatNumber(metrics.fedShare * 100, 2)} %`, "of the viewers' time with media", ''],
    [formatNumber(highest, 0), 'viewers at once', ''],
    [metrics.join === null ? '-' : `${formatNumber(metrics.join.p50, 0)} ms`, 'join, median', ''],
    [metrics.repair === null ? '-' : `${formatNumber(metrics.repair.p50, 0)} ms`, 'repair, median', ''],
    [`${formatNumber(cost.cpuS, 0)} s`, `CPU, ${formatNumber(cost.peakRssMb, 0)} MB`, ''],
  ];
  if (verdicts.length > 0) {
    const state = met === verdicts.length ? 'good' : 'bad';
    entries.unshift([`${met} of ${verdicts.length}`, 'goals met', state]);
  }
  const items = entries.map(
    ([value, label, state]) =>
      `<li><b class="${state}">${escapeHtml(value)}</b><span>${escapeHtml(label)}</span></li>`,
  );
  return `<ul class="tiles">${items.join('')}</ul>`;
}

function goalsOf(report: RunReport): string {
  const table = goalTable(report);
  if (table.rows.length > 0) return renderTable(table);
  return '<p class="muted">The goals are held against the scenarios steady, flash and exodus; here the rules and the figures count.</p>';
}

/** In two columns where there is room. */
function figuresOf(report: RunReport): string {
  const { head, rows } = figureTable([{ label: 'this run', runs: [report] }]);
  const half = Math.ceil(rows.length / 2);
  const tables = [rows.slice(0, half), rows.slice(half)].map((part) => renderTable({ head, rows: part }));
  return `<div class="charts wide">${tables.join('')}</div>`;
}

function againOf(report: RunReport): string {
  return `<p><code>${escapeHtml(commandFor(report.request))}</code></p>
<p class="muted">The same seed gives the same run: hash <code>${escapeHtml(report.hash)}</code>.</p>`;
}

function violationsOf(report: RunReport): string {
  const lines = violationLines(report, VIOLATIONS_SHOWN);
  if (lines.length === 0) return '';
  return `<p class="bad">${escapeHtml(lines[0] ?? '')}</p><ul>${lines
    .slice(1)
    .map((line) => `<li><code>${escapeHtml(line.trim())}</code></li>`)
    .join('')}</ul>`;
}

/** Words that say how a thing went are coloured, and text may be broken into lines. */
function classOf(cell: string): string {
  if (/^(met|holds)$/.test(cell)) return 'good';
  if (/^(missed|broken|not measured)/.test(cell)) return 'bad text';
  return cell.length > 12 && / [a-z]{3}/.test(cell) ? 'text' : '';
}

function renderTable({ head, rows }: TextTable): string {
  const headCells = head.map((cell) => `<th scope="col">${escapeHtml(cell)}</th>`);
  const body = rows.map((cells) => {
    const [first = '', ...others] = cells;
    const rest = others.map((cell) => `<td class="${classOf(cell)}">${escapeHtml(cell)}</td>`);
    return `<tr><th scope="row">${escapeHtml(first)}</th>${rest.join('')}</tr>`;
  });
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(head[0] === '' ? 'figures' : (head[0] ?? 'figures'))}"><table><thead><tr>${headCells.join('')}</tr></thead><tbody>${body.join('\n')}</tbody></table></div>`;
}

const LEGEND = [
  ['streamer', 'streamer'],
  ['relay', 'headless relay'],
  ['serving', 'viewer who passes the stream on'],
  ['viewer', 'viewer'],
  ['hungry', 'without media'],
  ['liar', 'liar'],
] as const;

function treeSection(last: TreeSnapshot | undefined, count: number): string {
  if (last === undefined) return '';
  const legend = LEGEND.map(([name, label]) => `<li><i class="swatch ${name}"></i>${escapeHtml(label)}</li>`);
  const alt =
    `The tree of parents, drawn as circles around the streamer, one per hop. At the end ${formatNumber(last.viewers, 0)} ` +
    `viewers, ${formatNumber(last.fed, 0)} of them with media, at most ${last.depth} hops away. ` +
    'Arrow keys walk from peer to peer, the space bar plays.';
  return section(
    'The tree over time',
    `<p class="muted">The streamer is in the middle, each circle is one hop further. Drawn are all peers near the streamer and a sample of
whole branches below them, the same ones each time; on the outermost circle stand viewers without a path to the streamer.</p>
<div class="player"><button id="tree-play" type="button">Play</button>
<input id="tree-time" type="range" min="0" max="${count - 1}" value="${count - 1}" step="1" aria-label="Virtual time"></div>
<p id="tree-caption" class="muted"></p>
<ul class="legend">${legend.join('')}</ul>
<div class="picture"><canvas id="tree" tabindex="0" role="application" aria-label="${escapeHtml(alt)}">${escapeHtml(alt)}</canvas><div id="tree-tip" aria-hidden="true" hidden></div></div>
<p id="tree-details" aria-live="polite"></p>`,
  );
}
