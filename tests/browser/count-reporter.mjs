// Prints the number of checks as the last line: each `check` is one `expect` of Playwright.

const failedChecks = steps => steps.filter(({ category, error }) => category === "expect" && error).length;
const withNested = steps => steps.flatMap(step => [step, ...withNested(step.steps)]);

export default class CountReporter {
  passed = 0;
  failed = 0;

  onTestEnd(_test, { status, steps }) {
    const checks = withNested(steps).filter(({ category }) => category === "expect");
    const failed = failedChecks(checks);
    this.passed += checks.length - failed;
    // A test can also fail outside of its checks.
    this.failed += status === "passed" || status === "skipped" ? failed : Math.max(failed, 1);
  }

  onEnd() {
    console.log(`${this.passed} checks passed, ${this.failed} failed`);
  }

  printsToStdio() {
    return false;
  }
}
