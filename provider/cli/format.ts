import { isatty } from "node:tty";
import Table from "cli-table3";
import { createColors } from "picocolors";
import { showPath } from "../platform/display";

export { formatBytes, formatCount } from "../platform/quantities";

/** Colours for standard output: on a terminal only, and never where NO_COLOR is set. */
export const colors = createColors(isatty(1) && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb");

/** A table for people. What stands in cells is escaped; colours are given by `paint`. */
export function formatTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: (text: string, column: number, row: number) => string = (text) => text,
): string {
  const table = new Table({
    head: head.map((text) => colors.bold(text)),
    style: { head: [], border: [], compact: true },
    chars: plainLines,
  });
  for (const [row, cells] of rows.entries())
    table.push(cells.map((cell, column) => paint(showPath(cell), column, row)));
  return table.toString().replace(/ +$/gm, "");
}

const plainLines = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ",
};
