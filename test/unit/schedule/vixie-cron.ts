import { parseCron } from "../../../provider/schedule/cron-expression";
import { clockOf } from "../../../provider/schedule/time-zone";

const minute = 60_000;
const day = 86_400_000;
/** Changes of the clock by less than this are taken for summer time. */
const largestChange = 180;

/**
 * When a Vixie cron (Debian's, and cronie's) starts a line, as its manual says: what the clocks skip is started when they jump, what they
 * repeat is started once; lines whose minute or hour begins with `*` go by the clock as it is.
 */
export function* vixieTicks(fields: string, hostTimeZone: string, from: number, until: number): Generator<number> {
  const cron = parseCron(fields);
  const minutes = new Set(cron.minutesOfDay);
  const isWild = fields.startsWith("*") || fields.split(" ")[1]?.startsWith("*") === true;
  const clock = clockOf(hostTimeZone);
  const matches = (local: number): boolean =>
    cron.matchesDay(Math.floor(local / day)) && minutes.has(Math.floor((((local % day) + day) % day) / minute));
  let done = clock(from) - minute;
  for (let instant = from; instant < until; instant += minute) {
    const local = clock(instant);
    const ahead = (local - done) / minute;
    if (ahead > largestChange || ahead < -largestChange) done = local - minute;
    if (isWild) {
      if (matches(local)) yield instant;
      done = Math.max(done, local);
      continue;
    }
    let started = false;
    for (let skipped = done + minute; skipped <= local; skipped += minute) started ||= matches(skipped);
    done = Math.max(done, local);
    if (started) yield instant;
  }
}
