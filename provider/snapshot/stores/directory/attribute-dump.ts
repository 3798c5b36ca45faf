import { type BytePath, isPlainName } from "./byte-path";

/**
 * Extended attributes as `getfattr --dump` writes and `setfattr --restore` reads them: a line `# file: <path>`, a line for each
 * attribute, an empty line. ACLs are attributes too. Text stands for bytes (latin1); the root's path is `.`.
 */
export interface AttributesOfPath {
  /** The empty path is the root. */
  readonly path: BytePath;
  /** `name=0s<base64>`, one a line. */
  readonly lines: readonly string[];
}

const opening = "# file: ";

/** Reads a dump. What does not look like one is left out: nothing of it is ever handed to a command. */
export function* parseDump(dump: string): Generator<AttributesOfPath> {
  for (const block of dump.split("\n\n")) {
    const [first = "", ...lines] = block.split("\n").filter((line) => line !== "");
    if (!first.startsWith(opening)) continue;
    const path = unquote(first.slice(opening.length));
    const attributes = lines.filter((line) => attributePattern.test(line));
    if (isPathBelowRoot(path) && attributes.length > 0) yield { path: path === "." ? "" : path, lines: attributes };
  }
}

export function formatAttributes({ path, lines }: AttributesOfPath): string {
  return `${opening}${path === "" ? "." : quote(path)}\n${lines.join("\n")}\n\n`;
}

const attributePattern = /^[a-z]+\.[^=\s]+=0s[A-Za-z0-9+/]*=*$/;

function isPathBelowRoot(path: BytePath): boolean {
  return path === "." || path.split("/").every(isPlainName);
}

function quote(path: BytePath): string {
  return path.replace(/[\n\r\\]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

function unquote(text: string): BytePath {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
