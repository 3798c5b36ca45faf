import { readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";

/** Put in place by the build of the bundled file, which has no package beside it. */
declare const bundledRelease: string | undefined;

/** The release of this package, as in its `package.json`. */
export function readRelease(): string {
  if (typeof bundledRelease === "string") return bundledRelease;
  const text = readFileSync(join(__dirname, "..", "..", "package.json"), "utf8");
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}
