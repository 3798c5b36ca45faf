// Before the package is packed: its documents stand at the root of the checkout, for people; the package needs its own.
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { root } from "./set-up/set-up.mjs";

for (const name of ["README.md", "LICENSE", "CHANGELOG.md"])
  if (existsSync(join(root, name))) copyFileSync(join(root, name), join(root, "provider", name));
