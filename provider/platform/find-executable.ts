import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether a command of this name can be started from PATH. */
export function hasExecutable(name: string): boolean {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .some((directory) => directory !== "" && isExecutable(join(directory, name)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
