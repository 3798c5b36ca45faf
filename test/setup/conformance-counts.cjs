/** Says how many conformance cases each implementation of a contract has passed, at the end of a run that had any. */
module.exports = class ConformanceCounts {
  onRunComplete(_contexts, { testResults: files }) {
    const counts = new Map();
    for (const { ancestorTitles, status } of files.flatMap(({ testResults }) => testResults)) {
      const implementation = ancestorTitles.find((title) => /^(host|scheduler|source|store) \S/.test(title));
      if (implementation === undefined || (status !== "passed" && status !== "failed")) continue;
      const { passed, failed } = counts.get(implementation) ?? { passed: 0, failed: 0 };
      counts.set(implementation, {
        passed: passed + (status === "passed" ? 1 : 0),
        failed: failed + (status === "failed" ? 1 : 0),
      });
    }
    for (const [implementation, { passed, failed }] of [...counts].sort())
      process.stderr.write(`conformance: ${implementation}: ${passed} passed, ${failed} failed\n`);
  }
};
