/**
 * One page of a real browser, as tests see it: the same few verbs for Chromium (playwright-core) and Firefox
 * (puppeteer-core over WebDriver BiDi).
 */

/** What a test may ask of a page. Functions run in the page: they see `castoHarness`, but nothing of the test. */
export interface BrowserPage {
  readonly browser: BrowserName;
  /** Uncaught errors, console errors and crashes, in order. */
  readonly errors: readonly string[];
  /** The addresses the page asked for, in order. */
  readonly requests: readonly string[];
  goto(url: string): Promise<void>;
  reload(): Promise<void>;
  /** Runs a function in the page; argument and result travel as JSON. */
  evaluate<Result>(run: () => Result | Promise<Result>): Promise<Awaited<Result>>;
  evaluate<Argument, Result>(
    run: (argument: Argument) => Result | Promise<Result>,
    argument: Argument,
  ): Promise<Awaited<Result>>;
  /** Asks again until the answer is truthy. */
  waitFor<Result>(ask: () => Result | Promise<Result>, limits: WaitLimits): Promise<Awaited<Result>>;
  waitFor<Argument, Result>(
    ask: (argument: Argument) => Result | Promise<Result>,
    limits: WaitLimits,
    argument: Argument,
  ): Promise<Awaited<Result>>;
  click(selector: string): Promise<void>;
  fill(selector: string, text: string): Promise<void>;
  press(key: BrowserKey): Promise<void>;
  setViewport(size: { width: number; height: number }): Promise<void>;
  screenshot(path: `${string}.png`): Promise<void>;
  /** A frame of the page, by a part of its address. Chromium only. */
  frame(urlPart: string): BrowserPage;
  /** Another page of the same profile: same storage, same locks. */
  newTab(): Promise<BrowserPage>;
  /** Kills the page's process: nothing of it says goodbye. Chromium only. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Letters go by their place on the keyboard. */
export type BrowserKey =
  'Tab' | 'Enter' | 'Space' | 'Escape' | 'ArrowUp' | 'ArrowDown' | 'KeyF' | 'KeyI' | 'KeyK' | 'KeyM';

export type BrowserName = 'chromium' | 'firefox';

export interface WaitLimits {
  timeoutMs: number;
  /** For the message when the time is up. */
  what?: string;
}

/** What the two drivers supply; the rest is shared. */
export interface PageDriver extends Pick<
  BrowserPage,
  | 'goto'
  | 'reload'
  | 'click'
  | 'fill'
  | 'press'
  | 'setViewport'
  | 'screenshot'
  | 'newTab'
  | 'frame'
  | 'crash'
  | 'close'
> {
  /** Evaluates an expression in the page, and awaits it. */
  evaluateExpression<Result>(expression: string): Promise<Awaited<Result>>;
}

/** Everything a page has reported. Bounded: a page in a loop of errors must not fill the test's memory. */
export class PageLog {
  readonly errors: string[] = [];
  readonly requests: string[] = [];

  error(message: string): void {
    if (this.errors.length < ENTRIES_KEPT) this.errors.push(message);
  }

  request(url: string): void {
    if (this.requests.length < ENTRIES_KEPT) this.requests.push(url);
  }
}

const ENTRIES_KEPT = 1000;
const WAIT_POLL_MS = 50;

/** Completes a driver to a page. */
export function createBrowserPage(browser: BrowserName, driver: PageDriver, log: PageLog): BrowserPage {
  async function evaluate<Result>(run: PageFunction, argument?: unknown): Promise<Awaited<Result>> {
    return driver.evaluateExpression<Result>(`(${run.toString()})(${JSON.stringify(argument) ?? ''})`);
  }

  async function waitFor<Result>(
    ask: PageFunction,
    limits: WaitLimits,
    argument?: unknown,
  ): Promise<Awaited<Result>> {
    const deadline = performance.now() + limits.timeoutMs;
    for (;;) {
      const answer = await evaluate<Result>(ask, argument);
      if (answer) return answer;
      if (performance.now() > deadline) throw new Error(describeTimeout(ask, limits, answer, log));
      await new Promise((resolve) => setTimeout(resolve, WAIT_POLL_MS));
    }
  }

  return { ...driver, browser, errors: log.errors, requests: log.requests, evaluate, waitFor };
}

// Only its text is used, so its parameters do not matter here.
type PageFunction = (argument: never) => unknown;

function describeTimeout(ask: PageFunction, limits: WaitLimits, answer: unknown, log: PageLog): string {
  const what = limits.what ?? ask.toString().replace(/\s+/g, ' ').slice(0, 200);
  const errors = log.errors.length === 0 ? 'none' : log.errors.slice(-5).join(' | ');
  return `not within ${limits.timeoutMs} ms: ${what}; last answer ${JSON.stringify(answer)}; page errors: ${errors}`;
}
