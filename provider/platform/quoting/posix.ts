/**
 * A value as one word of a POSIX shell's command line, in which nothing is expanded: `it's` is `'it'\''s'`.
 *
 * @throws RangeError for NUL, which no argument can hold.
 */
export function quotePosix(value: string): string {
  if (value.includes("\0")) throw new RangeError("a command's argument cannot hold NUL");
  return `'${value.replaceAll("'", "'\\''")}'`;
}
