// `npm run docs:controls`: writes docs/controls.md from the tables of controls and frameworks.
import { writeFileSync } from "node:fs";
import { describeControlsPage } from "../provider/dist/guard/controls/controls-page.js";

writeFileSync(new URL("../docs/controls.md", import.meta.url), describeControlsPage());
