// `npm run docs:controls`: writes docs/controls.md from the tables of controls and frameworks.
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const { describeControlsPage } = createRequire(import.meta.url)(
  join(root, "provider/dist/guard/controls/controls-page.js"),
);
writeFileSync(join(root, "docs", "controls.md"), describeControlsPage());
