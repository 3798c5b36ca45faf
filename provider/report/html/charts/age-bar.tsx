const width = 120;

/** How old the last backup is, against its RPO, the line in the middle; what is older than twice the RPO ends in an arrow. */
export function AgeBar({ age, rpo, grace }: { readonly age: number; readonly rpo: number; readonly grace: number }) {
  const end = Math.max(1, Math.round(Math.min(age / (2 * rpo), 1) * width));
  const className = age <= rpo ? "day-ok" : age <= rpo + grace ? "day-late" : "day-bad";
  const bar = age > 2 * rpo ? `M0 3h${width - 6}v-3l6 6-6 6v-3H0z` : `M0 3h${end}v6h-${end}z`;
  return (
    <svg class="age" viewBox={`0 0 ${width} 12`} aria-hidden="true">
      <path class={className} d={bar} />
      <path class="limit" d={`M${width / 2} 0v12`} />
    </svg>
  );
}
