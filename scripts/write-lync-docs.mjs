// `npm run docs:lync`: writes docs/lync.md from the catalogue. Needs `npm run build` first, which the npm script does.
import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");
const { renderCataloguePage } = createRequire(import.meta.url)(join(root, "provider/dist/lync/catalogue-page.js"));
await mkdir(join(root, "docs"), { recursive: true });
await writeFile(join(root, "docs", "lync.md"), renderCataloguePage());
