/** Absolute paths of any platform, as they stand in sentences; the quantity before and after them stays. */
const paths = /(?<![\w.:/\\-])(?:\/[^\s"'`,;:|()<>]+|[A-Za-z]:\\[^\s"'`,;:|()<>]+|\\\\[^\s"'`,;:|()<>]+)/g;

/** A text in which every absolute path is `<path>`: what a pull request shows is read by more people than may know where things lie. */
export function withoutPaths(text: string): string {
  return text.replace(paths, "<path>");
}

/** XML cannot hold them, not even escaped. */
export function withoutControlCharacters(text: string): string {
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "�");
}
