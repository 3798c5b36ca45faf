import { holdsUnquotable } from "./text";

/**
 * A folder as one argument of robocopy, whatever quotes it on the way there: absolute, and without the trailing backslash that would
 * escape a closing quote (`D:\` is `D:\.`).
 *
 * @throws RangeError for anything but an absolute Windows path: quotes, wildcards and `..` steps included.
 */
export function quoteRobocopyFolder(path: string): string {
  const folder = path.replaceAll("/", "\\").replace(/\\+$/, "");
  const isDrive = /^[A-Za-z]:$/.test(folder);
  const isBelow = /^([A-Za-z]:\\|\\\\[^\\]+\\[^\\])/.test(folder);
  const rest = folder.replace(/^[A-Za-z]:/, "");
  if ((!isDrive && !isBelow) || /["<>|*?:]/.test(rest) || holdsUnquotable(rest) || rest.split("\\").includes(".."))
    throw new RangeError("robocopy needs an absolute Windows path without quotes and wildcards");
  return isDrive ? `${folder}\\.` : folder;
}
