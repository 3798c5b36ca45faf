import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const page = join(__dirname, "../../docs/reviewers-table.md");

/** The parts of the page, each held by one test. */
const parts = [
  {
    name: "drifts",
    heading: `# What a reviewer reads

What previews say, as they really are. Engine tests hold this page to them: \`UPDATE_GOLDEN=1 npm test -- table.test\`
writes it anew. [What to do about each line](reading-a-preview.md).

## Drift

By what has happened behind Pulumi's back, the property lines of \`pulumi preview --refresh --diff\`: what stands \`=>\` what is declared.

| what happened | the preview says |
|---|---|
`,
  },
  {
    name: "changes",
    heading: `
## Changes

By what a pull request changes in the program: the lines of the preview, with its warnings, and the errors that stop it before anything is touched.

| what is changed | the preview says |
|---|---|
`,
  },
] as const;

type PartName = (typeof parts)[number]["name"];

/**
 * Holds one part of the page to what previews say, or writes it, where \`UPDATE_GOLDEN\` is set. Rows that were not played stay as they are.
 *
 * @param said the lines of each row, by the row's name.
 * @param hidden what differs from run to run, such as a temporary folder; it stands as `…`.
 */
export function compareWithPage(part: PartName, said: ReadonlyMap<string, readonly string[]>, hidden: string): void {
  const written = existsSync(page) ? readFileSync(page, "utf8") : "";
  const text = parts
    .map(({ name, heading }) => {
      const rows = new Map(readRows(written, heading));
      if (name === part) for (const [row, lines] of said) rows.set(row, describe(lines, hidden));
      return `${heading}${[...rows].map(([row, lines]) => `| ${row.replaceAll("-", " ")} | ${lines} |\n`).join("")}`;
    })
    .join("");
  if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(page, text);
  expect(text).toBe(readFileSync(page, "utf8"));
}

/** The lines of a preview's block on properties that differ, without what only encloses them. */
export function propertyLines(block: string): readonly string[] {
  return block
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^~ [\w-]+ *: .* => |^[+-] (?:\[\d+\]|[\w-]+) *: /.test(line));
}

/** The rows that stand in the page below a part's last heading. */
function readRows(written: string, heading: string): readonly (readonly [string, string])[] {
  const title = /^## .*$/m.exec(heading)?.[0] ?? heading;
  const rows = written.split(`${title}\n`)[1]?.split(/^## /m)[0] ?? "";
  return [...rows.matchAll(/^\| ([\w ]+) \| (`.*`) \|$/gm)].map(
    ([, name = "", lines = ""]) => [name.replaceAll(" ", "-"), lines] as const,
  );
}

function describe(lines: readonly string[], hidden: string): string {
  return lines
    .map((line) =>
      line
        .replaceAll(hidden, "…")
        .replace(/-[0-9a-f]{12}\b/g, "-…")
        .replace(/-until-(\d{8}T\d{6}Z)-[0-9a-f]{16}/g, "-until-$1-…")
        .replace(/ \(\+\d+ more\)/g, "")
        .replace(/damaged: \d+ files?/g, "damaged: … files")
        .replace(/ +/g, " ")
        .replaceAll("|", "\\|"),
    )
    .map((line) => `\`${line}\``)
    .join("<br>");
}
