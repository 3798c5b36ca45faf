import { formatCount } from "../../../platform/quantities";
import type { Retention } from "../../model";
import { showLength } from "../../words";
import { useChartTools } from "./tools";

const width = 320;
const height = 84;
const left = 58;
const right = width - 8;
const hour = 3_600_000;
const day = 24 * hour;
const ticks = [
  [hour, "1h"],
  [day, "1d"],
  [7 * day, "1w"],
  [30 * day, "30d"],
  [365 * day, "1y"],
  [3_650 * day, "10y"],
] as const;

/** How old the recovery sets are that are kept, now and after a year of runs: a dot each, youngest left. */
export function RetentionChart({ retention }: { readonly retention: Retention }) {
  const { scaleLog } = useChartTools();
  const { agesNow, afterYear } = retention;
  if (agesNow.length === 0 && afterYear === null) return null;
  const foretold = afterYear?.ages ?? [];
  const most = Math.max(day, ...agesNow, ...foretold);
  const x = scaleLog([hour, most * 1.1], [left, right]).clamp(true);
  const shown = ticks.filter(([age]) => age <= most * 1.1);
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={describe(retention)}>
      <text y="11" class="chart-title">
        Recovery sets by age
      </text>
      <path class="axis" d={shown.map(([age]) => `M${Math.round(x(age))} 20V${height - 15}`).join("")} />
      {shown.map(([age, name]) => (
        <text key={name} x={Math.round(x(age))} y={height - 2} class="mid">
          {name}
        </text>
      ))}
      <text y="36">now</text>
      <path class="dots" d={drawDots(agesNow, x, 32)} />
      <text y="59">in a year</text>
      <path class="dots faint" d={drawDots(foretold, x, 55)} />
    </svg>
  );
}

/** Round caps make a dot of a line without length. */
function drawDots(ages: readonly number[], x: (age: number) => number, y: number): string {
  return [...new Set(ages.map((age) => Math.round(x(Math.max(age, hour)))))].map((at) => `M${at} ${y}h0`).join("");
}

function describe({ agesNow, afterYear, rule }: Retention): string {
  const reach = (ages: readonly number[]) =>
    ages.length === 0 ? "" : `, the oldest ${showLength(ages.at(-1) ?? 0)} old`;
  const now = `${formatCount(agesNow.length, "recovery set")} kept now${reach(agesNow)}`;
  if (afterYear === null) return `${now}; kept: ${rule}`;
  return `${now}; ${formatCount(afterYear.sets, "set")} after a year of runs${reach(afterYear.ages)}; kept: ${rule}`;
}
