import { refuseUnquotable } from "./text";

/** PowerShell takes each of these for a single quote: ', and U+2018 to U+201B. */
const singleQuotes = /['\u2018-\u201b]/g;

/**
 * A value as a verbatim PowerShell string, in which nothing is expanded: `it's` is `'it''s'`.
 *
 * @throws RangeError for control characters and line breaks.
 */
export function quotePowerShell(value: string): string {
  refuseUnquotable(value, "PowerShell");
  return `'${value.replace(singleQuotes, "$&$&")}'`;
}
