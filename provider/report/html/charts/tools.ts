import type { scaleLinear, scaleLog, scaleUtc } from "d3-scale";
import type { line } from "d3-shape";
import { createContext } from "preact";
import { useContext } from "preact/hooks";

/** What charts are computed with: d3's scales and shapes, which are ES modules and so loaded when they are needed. */
export interface ChartTools {
  readonly scaleLinear: typeof scaleLinear;
  readonly scaleLog: typeof scaleLog;
  readonly scaleUtc: typeof scaleUtc;
  readonly line: typeof line;
}

const context = createContext<ChartTools | null>(null);

/** Hands the tools to all charts below it. */
export const ChartToolsProvider = context.Provider;

/** Loads the tools. */
export async function loadChartTools(): Promise<ChartTools> {
  const scales = await import("d3-scale");
  const shapes = await import("d3-shape");
  return { ...scales, ...shapes };
}

/** The tools, in a chart. */
export function useChartTools(): ChartTools {
  const tools = useContext(context);
  if (tools === null) throw new RangeError("a chart outside of ChartToolsProvider");
  return tools;
}
