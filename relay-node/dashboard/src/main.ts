/**
 * The dashboard: asks the relay every two seconds while somebody looks, and shows what it says.
 *
 *   asking ──answered──▶ shown ──2 s──▶ asking
 *      ├──401──▶ form for the token ──▶ asking
 *      └──no answer──▶ what was shown stays ──2 to 15 s──▶ asking
 */

import type { DashboardState } from '../../src/dashboard-state.ts';
import { openChannels } from './channels-view.ts';
import { element, setAttribute, setText } from './elements.ts';
import { openGraphs } from './graphs.ts';
import { openHealth } from './health-view.ts';
import { judgeOutcome, type Outcome } from './polling.ts';
import { forgetToken, isState, isTree, keepToken, RelayQuestion } from './relay-questions.ts';
import { openTree } from './tree-view.ts';

/** As the relay keeps them. */
const SAMPLES = 120;

const states = new RelayQuestion(isState);
const trees = new RelayQuestion(isTree);
const channels = openChannels(select);
const tree = openTree();
const health = openHealth();
const showGraphs = openGraphs(element('graphs', HTMLElement), SAMPLES);

let selected: string | null = selectionOf(location.hash);
let last: DashboardState | null = null;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | null = null;
let isAsking = false;

async function poll(): Promise<void> {
  if (isAsking) return;
  isAsking = true;
  const outcome = await ask();
  isAsking = false;
  const verdict = judgeOutcome(outcome, failures);
  failures = verdict.failures;
  showTrouble(verdict.trouble);
  if (verdict.wantsToken) askForToken();
  if (verdict.delayMs !== null) pollIn(verdict.delayMs);
}

async function ask(): Promise<Outcome> {
  const state = await states.ask('state');
  if (!('value' in state)) return state.outcome;
  element('token', HTMLElement).hidden = true;
  element('content', HTMLElement).hidden = false;
  if (state.value !== null) show(state.value);
  return askForTree();
}

async function askForTree(): Promise<Outcome> {
  const channel = selected;
  if (channel === null) return { type: 'answered' };
  const found = await trees.ask(`tree/${encodeURIComponent(channel)}`);
  if (channel !== selected) return { type: 'answered' };
  if ('value' in found) {
    if (found.value !== null) tree.show(found.value.tree, titleOf(channel));
    return found.outcome;
  }
  // The channel is over.
  if (found.outcome.type !== 'refused' || found.outcome.status !== 404) return found.outcome;
  tree.hide();
  return { type: 'answered' };
}

function show(state: DashboardState): void {
  last = state;
  const shown = state.relay?.channels ?? [];
  // Whoever looks for the first time sees a tree at once.
  if (selected === null || !shown.some(({ channel }) => channel === selected)) {
    selected = shown[0]?.channel ?? null;
    if (selected === null) tree.hide();
  }
  channels.show(state, selected);
  health.show(state);
  showGraphs(state.history.columns);
}

function select(channel: string): void {
  selected = channel;
  history.replaceState(null, '', `#channel=${channel}`);
  if (last !== null) channels.show(last, selected);
  pollIn(0);
}

function selectionOf(hash: string): string | null {
  return /^#channel=(\w+)$/.exec(hash)?.[1] ?? null;
}

function titleOf(channel: string): string {
  const title = last?.relay?.channels.find((one) => one.channel === channel)?.title ?? '';
  return title === '' ? 'this channel' : `“${title}”`;
}

function showTrouble(trouble: string | null): void {
  const notice = element('trouble', HTMLElement);
  notice.hidden = trouble === null;
  setText(notice, trouble ?? '');
  if (trouble === null) return;
  const pill = element('condition', HTMLElement);
  setText(pill, 'reconnecting');
  setAttribute(pill, 'data-condition', 'reconnecting');
}

function askForToken(): void {
  const wasWrong = forgetToken();
  element('token', HTMLElement).hidden = false;
  element('content', HTMLElement).hidden = true;
  const pill = element('condition', HTMLElement);
  setText(pill, 'locked');
  setAttribute(pill, 'data-condition', 'locked');
  setText(element('token-wrong', HTMLElement), wasWrong ? 'That is not the token of this relay.' : '');
  element('token-field', HTMLInputElement).focus();
}

function pollIn(delayMs: number): void {
  if (timer !== null) clearTimeout(timer);
  timer = null;
  // A page that nobody sees asks for nothing.
  if (!document.hidden) timer = setTimeout(() => void poll(), delayMs);
}

element('token-form', HTMLFormElement).addEventListener('submit', (event) => {
  event.preventDefault();
  const field = element('token-field', HTMLInputElement);
  keepToken(field.value.trim());
  field.value = '';
  pollIn(0);
});
document.addEventListener('visibilitychange', () => pollIn(0));
pollIn(0);
