import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { SectionId } from "../../../provider/lync/catalogue/types";

export interface PageRow {
  readonly text: string;
  /** The entries of the lists within the row. */
  readonly items: readonly string[];
}

const folder = join(__dirname, "../../fixtures/lync");

/** Every table, list and paragraph of the two pages that holds requirements, read from the pages themselves. */
export function readRequirementPages(): ReadonlyMap<SectionId, readonly PageRow[]> {
  const tools = readFileSync(join(folder, "requirements-tools-and-permissions.md"), "utf8");
  const data = readFileSync(join(folder, "requirements-data.md"), "utf8");
  const tables = htmlTables(tools);
  if (tables.length !== 2) throw new Error(`the tools page has ${tables.length} tables, not 2`);
  const markdown = markdownTables(data);
  if (markdown.length !== 3) throw new Error(`the data page has ${markdown.length} tables, not 3`);
  const lists = markdownLists(data);
  if (lists.length !== 2) throw new Error(`the data page has ${lists.length} lists, not 2`);
  const [backingUp = [], restoring = []] = tables;
  const [settings = [], databases = [], fileStores = []] = markdown;
  const [notRequired = [], additional = []] = lists;
  return new Map<SectionId, readonly PageRow[]>([
    ["tools/backing-up", backingUp],
    ["tools/restoring", restoring],
    ["tools/permissions", sentences(between(tools, "## Required Permissions", "</div>"))],
    ["data/settings", settings],
    ["data/not-required", notRequired],
    ["data/databases", databases],
    ["data/file-stores", fileStores],
    ["data/additional", additional],
  ]);
}

function htmlTables(page: string): PageRow[][] {
  return [...page.matchAll(/<tbody>([\s\S]*?)<\/tbody>/g)].map(([, body = ""]) =>
    [...body.matchAll(/<tr class="(?:odd|even)">([\s\S]*?)<\/tr>/g)].map(([, row = ""]) => ({
      text: plain(row),
      items: [...row.matchAll(/<li>([\s\S]*?)<\/li>/g)].map(([, item = ""]) => plain(item)),
    })),
  );
}

function markdownTables(page: string): PageRow[][] {
  const tables: PageRow[][] = [];
  let rows: PageRow[] | undefined;
  for (const line of page.split("\n")) {
    if (!line.startsWith("|")) rows = undefined;
    else if (/^\|[:\-|]+\|$/.test(line)) tables.push((rows = []));
    else rows?.push({ text: plain(line), items: [] });
  }
  return tables;
}

/** Lists are runs of lines that begin with a hyphen, or are indented below one. */
function markdownLists(page: string): PageRow[][] {
  const lists: PageRow[][] = [];
  let list: { text: string; items: string[] }[] | undefined;
  for (const line of page.split("\n")) {
    const entry = /^- (.*)$/.exec(line)?.[1];
    const item = /^ {2}- (.*)$/.exec(line)?.[1];
    const last = list?.at(-1);
    if (entry !== undefined) {
      if (list === undefined) lists.push((list = []));
      list.push({ text: plain(entry), items: [] });
    } else if (last !== undefined && item !== undefined) {
      last.items.push(plain(item));
      last.text += ` ${plain(item)}`;
    } else if (last !== undefined && /^ /.test(line)) last.text += ` ${plain(line)}`;
    else if (line.trim() !== "") list = undefined;
  }
  return lists;
}

function sentences(paragraph: string): PageRow[] {
  return plain(paragraph)
    .split(/(?<=\.)\s+/)
    .map((text) => ({ text, items: [] }));
}

function between(page: string, from: string, to: string): string {
  const start = page.indexOf(from) + from.length;
  return page.slice(start, page.indexOf(to, start));
}

function plain(markup: string): string {
  return markup
    .replace(/<[^>]*>/g, " ")
    .replace(/[*|]/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
