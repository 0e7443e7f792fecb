import { isRecord, readJson } from './json-file.js';

/** Counts the cases of all steps, as the last line of the tests shows them. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;

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
    if (exitCode !== 0 && this.failed === failedBefore) this.failed += 1;
  }

  /** @param {Record<string, unknown>} file */
  #addFile(file) {
    const states = records(file['assertionResults']).map((result) => result['status']);
    this.passed += states.filter((state) => state === 'passed').length;
    this.failed += states.filter((state) => state === 'failed').length;
    this.skipped += states.filter((state) => state !== 'passed' && state !== 'failed').length;
    // A file that cannot be loaded, or whose hooks fail, has no failed test to show for it.
    if (file['status'] === 'failed' && !states.includes('failed')) this.failed += 1;
  }

  toString() {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : '';
    return `${this.passed} passed, ${this.failed} failed${skipped}`;
  }
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
