import type { Measure } from "../../model";
import { showMoment } from "../../words";
import { useChartTools } from "./tools";

const width = 320;
const height = 84;
const left = 2;
const right = width - 4;
const top = 20;
const bottom = height - 15;

interface LineChartProps {
  readonly title: string;
  readonly measures: readonly Measure[];
  readonly of: (measure: Measure) => number;
  readonly show: (value: number) => string;
}

/** Something over time, from zero up. Its last and its greatest value are written out, and both dates. */
export function LineChart({ title, measures, of, show }: LineChartProps) {
  const { scaleLinear, scaleUtc, line } = useChartTools();
  const [first] = measures;
  const last = measures.at(-1);
  if (first === undefined || last === undefined) return null;
  const greatest = Math.max(...measures.map(of));
  const x = scaleUtc([new Date(first.at), new Date(last.at)], [left, right]);
  const y = scaleLinear([0, greatest === 0 ? 1 : greatest], [bottom, top]);
  const path = line<Measure>(
    (measure) => x(new Date(measure.at)),
    (measure) => y(of(measure)),
  ).digits(0);
  const summary = `${title}: ${show(of(last))} at ${showMoment(last.at)}, at most ${show(greatest)} since ${showMoment(first.at)}`;
  return (
    <svg class="chart" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={summary}>
      <text y="11" class="chart-title">
        {title}
      </text>
      <text x={right} y="11" class="end">
        {`now ${show(of(last))}, most ${show(greatest)}`}
      </text>
      <path class="line" d={path(measures) ?? ""} />
      <path class="axis" d={`M0 ${bottom}H${width}`} />
      <text y={height - 2}>{first.at.slice(0, 10)}</text>
      <text x={right} y={height - 2} class="end">
        {last.at.slice(0, 10)}
      </text>
    </svg>
  );
}
