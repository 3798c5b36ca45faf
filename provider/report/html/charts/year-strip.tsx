import type { History } from "../../model";
import { describeYear } from "../../words";
import { useChartTools } from "./tools";

const height = 20;

/** What each letter of a day is drawn as: above the line what ran, below it what did not come in time; failures stand higher. */
const marks = [
  { className: "day-ok", letters: "s", top: 6, tall: 7 },
  { className: "day-bad", letters: "fb", top: 0, tall: 13 },
  { className: "day-late", letters: "lb", top: 15, tall: 5 },
] as const;

/** A year of days in one line. Three shapes in three places, so that no colour is needed to tell them apart. */
export function YearStrip({ history }: { readonly history: History }) {
  return (
    <svg
      class="strip"
      viewBox={`0 0 ${history.days.length} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={describeYear(history)}
    >
      {marks.map(({ className, letters, top, tall }) => {
        const path = drawDays(history.days, letters, top, tall);
        return path === "" ? null : <path key={className} class={className} d={path} />;
      })}
    </svg>
  );
}

/** The months above such strips. */
export function YearAxis({ from, to }: { readonly from: string; readonly to: string }) {
  const { scaleUtc } = useChartTools();
  const scale = scaleUtc([new Date(from), new Date(to)], [0, 100]);
  const format = scale.tickFormat(6, "%b");
  return (
    <svg
      class="strip-axis"
      role="img"
      aria-label={`A year, day by day, from ${from.slice(0, 10)} to ${to.slice(0, 10)}`}
    >
      {scale.ticks(6).map((tick) => (
        <text key={tick.getTime()} x={`${scale(tick).toFixed(1)}%`} y="10">
          {format(tick)}
        </text>
      ))}
    </svg>
  );
}

/** One rectangle for each stretch of days with one of the letters. */
function drawDays(days: string, letters: string, top: number, tall: number): string {
  return [...days.matchAll(new RegExp(`[${letters}]+`, "g"))]
    .map(({ index, 0: stretch }) => `M${index} ${top}h${stretch.length}v${tall}h-${stretch.length}z`)
    .join("");
}
