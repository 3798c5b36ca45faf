/** A stretch of time during which a zone's clocks run evenly. Instants and offsets are milliseconds. */
export interface EvenStretch {
  readonly from: number;
  /** Exclusive. */
  readonly until: number;
  /** What local clocks are ahead of UTC. */
  readonly offset: number;
  /** When the clocks were last changed; may lie before `from`. Minus infinity where no change is known. */
  readonly changedAt: number;
  /** The offset before that change. */
  readonly previousOffset: number;
}

interface ClockChange {
  readonly at: number;
  readonly before: number;
  readonly after: number;
}

const millisecondsPerDay = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();
const changes = new Map<string, readonly ClockChange[]>();

/** Whether this platform knows an IANA time zone of this name, spelt so. Offsets such as `+01:00` are none: they know no DST. */
export function isTimeZone(name: string): boolean {
  if (formats.has(name)) return true;
  if (!/^[A-Z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return false;
  try {
    const resolved = formatOf(name).resolvedOptions().timeZone;
    if (resolved === name || resolved.toLowerCase() !== name.toLowerCase()) return true;
    formats.delete(name);
    return false;
  } catch {
    return false;
  }
}

/**
 * The even stretches of a zone from the one that holds an instant on, without end, each touching the next.
 *
 * @throws RangeError where the instant is none: no stretch would ever hold it.
 */
export function* evenStretches(timeZone: string, from: number): Generator<EvenStretch, never> {
  if (Number.isNaN(new Date(from).getTime())) throw new RangeError(`${from} is no moment in time`);
  let year = new Date(from).getUTCFullYear() - 1;
  let start = Date.UTC(year, 0);
  let offset = offsetAt(timeZone, start);
  let [changedAt, previousOffset] = [Number.NEGATIVE_INFINITY, offset];
  for (; ; year++) {
    for (const change of changesOf(timeZone, year)) {
      if (change.at > from && change.at > start)
        yield { from: start, until: change.at, offset, changedAt, previousOffset };
      [start, offset, changedAt, previousOffset] = [change.at, change.after, change.at, change.before];
    }
    const end = Date.UTC(year + 1, 0);
    if (end > from && end > start) yield { from: start, until: end, offset, changedAt, previousOffset };
    start = end;
  }
}

/** A reading of a zone's clock: what it shows at an instant, as milliseconds since 1970 on that clock. Quick for instants near one another. */
export function clockOf(timeZone: string): (instant: number) => number {
  let stretch: EvenStretch | undefined;
  return (instant) => {
    if (stretch === undefined || instant < stretch.from || instant >= stretch.until)
      stretch = evenStretches(timeZone, instant).next().value;
    return instant + stretch.offset;
  };
}

/** How far local clocks are ahead of UTC at an instant, in milliseconds. */
function offsetAt(timeZone: string, instant: number): number {
  if (timeZone === "UTC") return 0;
  const second = Math.floor(instant / 1_000) * 1_000;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0, seconds = 0] = formatOf(timeZone)
    .format(second)
    .split(/\D+/)
    .map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/** The changes of one UTC year, found by looking at every day and halving those at whose ends the clocks differ. */
function changesOf(timeZone: string, year: number): readonly ClockChange[] {
  if (timeZone === "UTC") return [];
  const key = `${timeZone} ${year}`;
  const known = changes.get(key);
  if (known !== undefined) return known;
  const found: ClockChange[] = [];
  const end = Date.UTC(year + 1, 0);
  let before = offsetAt(timeZone, Date.UTC(year, 0) - 1);
  for (let day = Date.UTC(year, 0); day < end; day += millisecondsPerDay) {
    const after = offsetAt(timeZone, day + millisecondsPerDay - 1);
    if (after !== before)
      found.push({ at: findChange(timeZone, day - 1, day + millisecondsPerDay - 1, before), before, after });
    before = after;
  }
  changes.set(key, found);
  return found;
}

function findChange(timeZone: string, known: number, changed: number, before: number): number {
  let [low, high] = [known, changed];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const format = new Intl.DateTimeFormat("en-US", {
    timeZone,
    calendar: "gregory",
    numberingSystem: "latn",
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  formats.set(timeZone, format);
  return format;
}
