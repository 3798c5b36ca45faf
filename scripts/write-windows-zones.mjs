// Writes provider/azure/windows-zones.ts from Unicode's CLDR: `npm run data:windows-zones`, after an update of cldr-core and cldr-bcp47.
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readWindowsZones } from "./windows-zones.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const { version, zones } = readWindowsZones();
const lines = [...zones].map(([zone, windows]) => `  [${JSON.stringify(zone)}, ${JSON.stringify(windows)}],`);
writeFileSync(
  join(root, "provider/azure/windows-zones.ts"),
  `// Written by scripts/write-windows-zones.mjs from Unicode's CLDR ${version}.

/** The names that Windows has for IANA time zones and their aliases. */
export const windowsZones: ReadonlyMap<string, string> = new Map([
${lines.join("\n")}
]);
`,
);
