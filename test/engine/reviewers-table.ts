import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const page = join(__dirname, "../../docs/reviewers-table.md");

const introduction = `# What a reviewer reads

Drift, by what has happened behind Pulumi's back, and the property lines of \`pulumi preview --refresh --diff\` as they really are: what stands
\`=>\` what is declared. The drift table of the engine tests holds this page to them; \`UPDATE_GOLDEN=1 npm test -- test/engine/drift-table\`
writes it anew. [What to do about each](reading-a-preview.md).

| what happened | the preview says |
|---|---|
`;

/**
 * Holds the page's rows to what previews say, or writes them, where \`UPDATE_GOLDEN\` is set. Rows that were not played stay as they are.
 *
 * @param said the preview's block of each resource, by the row's name.
 * @param hidden what differs from run to run, such as a temporary folder; it stands as `…`.
 */
export function compareWithPage(said: ReadonlyMap<string, string>, hidden: string): void {
  const rows = new Map([...readRows(), ...[...said].map(([name, block]) => [name, describe(block, hidden)] as const)]);
  const text = `${introduction}${[...rows].map(([name, lines]) => `| ${name.replaceAll("-", " ")} | ${lines} |\n`).join("")}`;
  if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(page, text);
  expect(text).toBe(readFileSync(page, "utf8"));
}

function readRows(): readonly (readonly [string, string])[] {
  if (!existsSync(page)) return [];
  return [...readFileSync(page, "utf8").matchAll(/^\| ([\w ]+) \| (`.*`) \|$/gm)].map(
    ([, name = "", lines = ""]) => [name.replaceAll(" ", "-"), lines] as const,
  );
}

/** The lines of properties that differ, without the braces around them. */
function describe(block: string, hidden: string): string {
  const lines = block
    .replaceAll(hidden, "…")
    .replace(/-[0-9a-f]{12}\b/g, "-…")
    .replace(/ \(\+\d+ more\)/g, "")
    .replace(/damaged: \d+ files?/g, "damaged: … files")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^~ [\w-]+ *: .* => |^[+-] [\w-]+ *: /.test(line));
  return lines.map((line) => `\`${line.replace(/ +/g, " ").replaceAll("|", "\\|")}\``).join("<br>");
}
