import { relative } from 'node:path';

import { isRecord, readJson } from './json-file.js';
import { ROOT } from './paths.js';

/** Counts the cases of all steps, as the last line of the tests shows them. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  /** Said again at the end, where a long log is read first. @type {string[]} */
  failures = [];

  /** @param {boolean} isPassed - The outcome of a step that is one case. */
  addCase(isPassed) {
    if (isPassed) this.passed += 1;
    else this.failed += 1;
  }

  /**
   * Adds a run of vitest.
   *
   * @param {string} reportPath - What its JSON reporter wrote.
   * @param {number} exitCode - Its own opinion: it also knows of errors outside of any test.
   */
  addVitest(reportPath, exitCode) {
    const failedBefore = this.failed;
    for (const file of reportedFiles(reportPath)) this.#addFile(file);
    if (exitCode !== 0 && this.failed === failedBefore)
      this.#addFailure(`vitest ended with ${exitCode}, although no test failed`);
  }

  /** @param {Record<string, unknown>} file */
  #addFile(file) {
    const path = relative(ROOT, String(file['name']));
    const results = records(file['assertionResults']);
    const failed = results.filter(({ status }) => status === 'failed');
    const passed = results.filter(({ status }) => status === 'passed');
    this.passed += passed.length;
    this.skipped += results.length - passed.length - failed.length;
    for (const { fullName, failureMessages } of failed)
      this.#addFailure(`${path}: ${String(fullName)}: ${firstLine(failureMessages)}`);
    // A file that cannot be loaded, or whose hooks fail, has no failed test to show for it.
    if (file['status'] === 'failed' && failed.length === 0)
      this.#addFailure(`${path}: ${String(file['message'])}`);
  }

  /** @param {string} what */
  #addFailure(what) {
    this.failed += 1;
    this.failures.push(what);
  }

  toString() {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : '';
    return `${this.passed} passed, ${this.failed} failed${skipped}`;
  }
}

/**
 * @param {unknown} messages - Of a failed test: each with the places in the code below it.
 * @returns {string}
 */
function firstLine(messages) {
  return String(messages).split('\n', 1)[0] ?? '';
}

/**
 * @param {string} path
 * @returns {Record<string, unknown>[]}
 */
function reportedFiles(path) {
  const report = readJson(path);
  return isRecord(report) ? records(report['testResults']) : [];
}

/**
 * @param {unknown} value
 * @returns {Record<string, unknown>[]}
 */
function records(value) {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}
