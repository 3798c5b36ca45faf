/**
 * Tests are TypeScript; they name the package's sources (for their types) and run its build, as users do.
 * Run them by `npm test`, which builds first: `npm test -- test/unit` for some of them.
 */
module.exports = {
  roots: ["<rootDir>/test"],
  testMatch: ["**/*.test.ts"],
  transform: {
    "\\.ts$": [
      "@swc/jest",
      {
        jsc: { target: "es2023", parser: { syntax: "typescript" } },
        module: { type: "commonjs", ignoreDynamic: true },
        sourceMaps: "inline",
      },
    ],
  },
  moduleNameMapper: { "^(?:\\.\\./)+provider/(.*)$": "<rootDir>/provider/dist/$1" },
  reporters: ["default", "<rootDir>/test/setup/conformance-counts.cjs", "<rootDir>/test/setup/running-files.cjs"],
  setupFilesAfterEnv: ["<rootDir>/test/setup/every-test-file.ts"],
  // An engine test is itself several processes: more than two at once only wait for one another.
  maxWorkers: 2,
};
