// `npm run docs:report`: the pictures of the report in docs/pictures, taken by its test in a real browser.
import { join } from "node:path";
import { run } from "./set-up/processes.mjs";
import { root } from "./set-up/set-up.mjs";

process.exitCode = await run(
  [process.execPath, join(root, "scripts", "test.mjs"), "test/contract/report-page.test.ts", "-t", "in a real browser"],
  { cwd: root, env: { ...process.env, REPORT_PICTURES: join(root, "docs", "pictures") } },
);
