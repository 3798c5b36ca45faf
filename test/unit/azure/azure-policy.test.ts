import fc from "fast-check";
import { checkPolicy } from "../../../provider/azure/policy-check";
import { findWindowsZone } from "../../../provider/azure/windows-zone";

const daily = { when: { cron: "30 1 * * *" }, keep: { daily: 30 } };

/** What is wrong with it; none: nothing is. */
function faultsOf(policy: object): readonly string[] {
  const checked = checkPolicy(policy);
  return "policy" in checked ? [] : checked;
}

describe("a policy of Azure Backup", () => {
  it.each<readonly [string, object, string | null]>([
    ["at :30", { ...daily }, null],
    ["at :15", { ...daily, when: { cron: "15 1 * * *" } }, "when.cron: must run at :00 or :30"],
    ["twice a day, 12 hours apart", { ...daily, when: { cron: "0 6,18 * * *" } }, null],
    ["twice a day, 10 hours apart", { ...daily, when: { cron: "0 6,16 * * *" } }, "every 4, 6, 8, 12 hours"],
    ["three times, unevenly", { ...daily, when: { cron: "0 0,4,12 * * *" } }, "every 4, 6, 8, 12 hours"],
    ["every hour", { ...daily, when: { cron: "0 * * * *" } }, "runs 24 times a day; Azure Backup runs at most 6 times"],
    ["six times a day", { ...daily, when: { every: "4h" } }, null],
    ["every 5 hours", { ...daily, when: { every: "5h" } }, "when.every: must be 1d, or 4h, 6h, 8h or 12h"],
    ["every 2 hours", { ...daily, when: { every: "2h" } }, "runs 12 times a day; Azure Backup runs at most 6 times"],
    ["every week", { ...daily, when: { every: "1w" } }, "when.every: must be 1d"],
    ["on workdays", { ...daily, when: { cron: "0 1 * * 1-5" } }, "when.cron: Azure Backup runs every day"],
    ["in summer", { ...daily, when: { cron: "0 1 * 6 *" } }, "when.cron: Azure Backup runs every day"],
    [
      "every 6 hours elsewhere",
      { ...daily, when: { every: "6h", timeZone: "Asia/Tokyo" } },
      "when.every: counts from 1970 in UTC",
    ],
    ["with jitter", { ...daily, when: { cron: "0 1 * * *", jitter: "5m" } }, "when.jitter: "],
    ["in Troll", { ...daily, when: { cron: "0 1 * * *", timeZone: "Antarctica/Troll" } }, "when.timeZone: Windows"],
    ["without days", { ...daily, keep: { weekly: 4 } }, "keep.daily: is needed"],
    ["by counts", { ...daily, keep: { daily: 4, last: 3 } }, "keep.last: "],
    ["for 200 days", { ...daily, keep: { daily: 200 } }, null],
    ["for 201 days", { ...daily, keep: { daily: 201 } }, "keep.daily: is 201, and the snapshot tier keeps at most 200"],
    ["six times a day for 32 days", { when: { every: "4h" }, keep: { daily: 32 } }, null],
    [
      "six times a day for 33 days",
      { when: { every: "4h" }, keep: { daily: 33 } },
      "with 6 backups a day keeps at most 32",
    ],
    [
      "for 201 weeks",
      { ...daily, keep: { daily: 1, weekly: 201 } },
      "keep.weekly: is 201, and the snapshot tier keeps at most 200",
    ],
    [
      "for 121 months",
      { ...daily, keep: { daily: 1, monthly: 121 } },
      "keep.monthly: is 121, and the snapshot tier keeps at most 120",
    ],
    [
      "for 11 years",
      { ...daily, keep: { daily: 1, yearly: 11 } },
      "keep.yearly: is 11, and the snapshot tier keeps at most 10",
    ],
    [
      "with more than a share can have",
      { ...daily, keep: { daily: 100, weekly: 120 } },
      "keep: adds up to 206 snapshots, and a share has at most 200",
    ],
    ["for 9,999 days in a vault", { ...daily, keep: { daily: 9_999 }, tier: { kind: "vault" } }, null],
    [
      "for 5,164 weeks in a vault",
      { ...daily, keep: { daily: 9, weekly: 5_164 }, tier: { kind: "vault" } },
      "keep.weekly: is 5164, and a vault keeps at most 5163",
    ],
    [
      "for 1,189 months in a vault",
      { ...daily, keep: { daily: 9, monthly: 1_189 }, tier: { kind: "vault" } },
      "at most 1188",
    ],
    ["for 100 years in a vault", { ...daily, keep: { daily: 9, yearly: 100 }, tier: { kind: "vault" } }, "at most 99"],
    [
      "with 31 days of snapshots",
      { ...daily, tier: { kind: "vault", snapshotDays: 31 } },
      "tier.snapshotDays: must be a whole number from 1 to 30",
    ],
    [
      "with as many days of snapshots as in the vault",
      { ...daily, keep: { daily: 7 }, tier: { kind: "vault", snapshotDays: 7 } },
      "tier.snapshotDays: is 7, and must be less than keep.daily, which is 7",
    ],
    ["for one day in a vault", { ...daily, keep: { daily: 1 }, tier: { kind: "vault" } }, "keep at least 2 days"],
    ["with an rpo that it keeps", { ...daily, rpo: "24h" }, null],
    ["with an rpo that it cannot keep", { ...daily, rpo: "23h" }, "rpo: is 23h, and backups lie up to 1d apart"],
    [
      "with an rpo that the night breaks",
      { ...daily, when: { cron: "0 8-20/4 * * *" }, rpo: "4h" },
      "rpo: is 4h, and backups lie up to 12h apart",
    ],
  ])("%s", (_name, policy, expected) => {
    const faults = faultsOf(policy);
    if (expected === null) expect(faults).toEqual([]);
    else expect(faults.join("; ")).toContain(expected);
  });

  it("that is accepted satisfies every limit, and one that is refused names property and limit", () => {
    const counts = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(policies, (policy) => {
        const checked = checkPolicy(policy);
        if ("policy" in checked) {
          counts.accepted += 1;
          expect(findBroken(policy)).toEqual([]);
          expect(findWindowsZone(policy.when.timeZone)).toBe(checked.timeZone);
        } else {
          counts.refused += 1;
          for (const fault of checked) expect(fault).toMatch(/^(when|keep|tier|rpo)(\.\w+)?: .+/);
          for (const limit of findBroken(policy)) expect(checked.join("; ")).toMatch(limit);
        }
      }),
      { numRuns: 2_000 },
    );
    expect(counts.accepted).toBeGreaterThan(200);
    expect(counts.refused).toBeGreaterThan(200);
  });
});

interface Generated {
  readonly when: { readonly cron: string; readonly timeZone: string };
  readonly keep: Readonly<Partial<Record<"daily" | "weekly" | "monthly" | "yearly", number>>>;
  readonly tier?: { readonly kind: "snapshot" } | { readonly kind: "vault"; readonly snapshotDays: number };
}

/** Counts at, around and far from each limit. */
const around = (...limits: readonly number[]) =>
  fc.oneof(
    fc.constantFrom(...limits.flatMap((limit) => [limit - 1, limit, limit + 1])),
    fc.integer({ min: 1, max: 30 }),
    fc.integer({ min: 1, max: Math.max(...limits) }),
  );

const policies: fc.Arbitrary<Generated> = fc
  .record(
    {
      hours: fc.oneof(
        { weight: 2, arbitrary: fc.integer({ min: 0, max: 23 }).map((hour) => [hour]) },
        {
          weight: 2,
          arbitrary: fc
            .record({
              first: fc.integer({ min: 0, max: 11 }),
              every: fc.constantFrom(4, 6, 8, 12),
              times: fc.integer({ min: 2, max: 6 }),
            })
            .map(({ first, every, times }) =>
              Array.from({ length: times }, (_, at) => first + at * every).filter((hour) => hour < 24),
            ),
        },
        { weight: 1, arbitrary: fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 8 }) },
      ),
      minute: fc.oneof(
        { weight: 4, arbitrary: fc.constantFrom(0, 30) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 59 }) },
      ),
      timeZone: fc.constantFrom("UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"),
      daily: around(32, 39, 49, 65, 99, 200, 9_999),
      weekly: around(200, 5_163),
      monthly: around(120, 1_188),
      yearly: around(10, 99),
      tier: fc.oneof(
        fc.constant({ kind: "snapshot" as const }),
        fc.record({ kind: fc.constant("vault" as const), snapshotDays: fc.integer({ min: 0, max: 32 }) }),
      ),
    },
    { requiredKeys: ["hours", "minute", "timeZone", "daily"] },
  )
  .map(({ hours, minute, timeZone, tier, ...keep }) => ({
    when: { cron: `${minute} ${[...hours].sort((one, other) => one - other).join(",")} * * *`, timeZone },
    keep,
    ...(tier === undefined ? {} : { tier }),
  }));

/** The limits that a policy breaks, each as the number that a message must hold. Written from the facts, without a look at the checks. */
function findBroken({ when, keep, tier }: Generated): readonly RegExp[] {
  const [minutes = "", list = ""] = when.cron.split(" ");
  const hours = list.split(",").map(Number);
  const gaps = hours.slice(1).map((hour, at) => hour - (hours[at] ?? 0));
  const runs = hours.length;
  const broken: RegExp[] = [];
  if (tier?.kind === "vault" && (tier.snapshotDays < 1 || tier.snapshotDays > 30)) return [/1 to 30/];
  if (!["0", "30"].includes(minutes)) return [/:00 or :30/];
  if (runs > 6) return [/at most 6/];
  if (new Set(gaps).size > 1 || gaps.some((gap) => ![4, 6, 8, 12].includes(gap))) return [/4, 6, 8, 12/];
  const { daily = 0, weekly = 0, monthly = 0, yearly = 0 } = keep;
  if (tier?.kind === "vault") {
    if (daily > 9_999) broken.push(/9999/);
    if (weekly > 5_163) broken.push(/5163/);
    if (monthly > 1_188) broken.push(/1188/);
    if (yearly > 99) broken.push(/99/);
    if (tier.snapshotDays >= daily) broken.push(/less than keep\.daily/);
    if (tier.snapshotDays * runs > 200) broken.push(/200/);
    return broken;
  }
  const mostDays = runs === 1 ? 200 : Math.floor(200 / runs) - 1;
  if (daily > mostDays) broken.push(new RegExp(`${mostDays}`));
  if (weekly > 200) broken.push(/200/);
  if (monthly > 120) broken.push(/120/);
  if (yearly > 10) broken.push(/10/);
  if (broken.length === 0 && mostAtOnce(daily, runs, weekly, monthly, yearly) > 200) broken.push(/200/);
  return broken;
}

/** Counted on a calendar: how many snapshots there are on the days of a leap year and the one after. */
function mostAtOnce(daily: number, runs: number, weekly: number, monthly: number, yearly: number): number {
  let most = 0;
  for (let today = Date.UTC(2024, 0, 3); today < Date.UTC(2026, 0, 1); today += 13 * millisecondsPerDay) {
    const kept = new Set<number>();
    let [weeks, months, years] = [weekly, monthly, yearly];
    for (let day = today; weeks + months + years > 0; day -= millisecondsPerDay) {
      const date = new Date(day);
      const isLastOfMonth = new Date(day + millisecondsPerDay).getUTCDate() === 1;
      const old = today - day >= daily * millisecondsPerDay;
      const keep = (isKept: boolean) => isKept && old && kept.add(day);
      if (weeks > 0 && date.getUTCDay() === 0) keep(weeks-- > 0);
      if (months > 0 && isLastOfMonth) keep(months-- > 0);
      if (years > 0 && isLastOfMonth && date.getUTCMonth() === 11) keep(years-- > 0);
    }
    most = Math.max(most, daily * runs + kept.size);
  }
  return most;
}

const millisecondsPerDay = 86_400_000;
