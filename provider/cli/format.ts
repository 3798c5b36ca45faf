import { isatty } from "node:tty";
import Table from "cli-table3";
import { createColors } from "picocolors";
import { showPath } from "../platform/display";

/** Colours for standard output: on a terminal only, and never where NO_COLOR is set. */
export const colors = createColors(isatty(1) && (process.env.NO_COLOR ?? "") === "" && process.env.TERM !== "dumb");

const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** A number of bytes for people: `512 B`, `1.5 MiB`. */
export function formatBytes(bytes: number): string {
  let rest = bytes;
  let unit = 0;
  while (rest >= 1024 && unit < units.length - 1) {
    rest /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(1)} ${units[unit] ?? "B"}`;
}

/** `1 file`, `3 files`. */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

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
