// `npm run bench:report [schedules]`: what a report of many schedules with a year of daily runs costs in processor time and memory.
// Wall times say nothing on a machine that others use as well.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureBuild } from "../../scripts/set-up/build.mjs";
import { root, say } from "../../scripts/set-up/set-up.mjs";

const schedules = Number(process.argv[2] ?? 2_000);
const day = 86_400_000;
await ensureBuild(root, say);
const built = createRequire(join(root, "provider", "dist", "/"));
const { describeHome, initialiseHome } = built("./runner/home.js");
const { describeHomeReport } = built("./report/describe-home.js");
const { describeReport } = built("./report/describe-report.js");
const { toHtml } = built("./report/html/document.js");
const { openStore } = built("./snapshot/stores/index.js");

const folder = await mkdtemp(join(tmpdir(), "posture-bench-report-"));
try {
  const home = describeHome(join(folder, "home"));
  await initialiseHome(home);
  const store = { kind: "directory", path: join(folder, "store") };
  await mkdir(store.path);
  await openStore(store).initialise(new AbortController().signal);
  const now = Date.now();
  for (let index = 0; index < schedules; index++) await writeSchedule(home, store, `files-${index}`, now);
  const before = process.cpuUsage();
  const looked = await describeHomeReport(home, new AbortController().signal);
  const afterLook = process.cpuUsage(before);
  const html = await toHtml(describeReport([looked], { controls: {}, stack: null, now: new Date(now) }));
  const all = process.cpuUsage(before);
  const seconds = (/** @type {NodeJS.CpuUsage} */ { user, system }) => ((user + system) / 1e6).toFixed(1);
  say(
    `${schedules} schedules, ${schedules * 730} journal records: look ${seconds(afterLook)} s, all ${seconds(all)} s of processor time, ` +
      `at most ${Math.round(process.resourceUsage().maxRSS / 1024)} MiB, page ${(html.length / 1e6).toFixed(1)} MB`,
  );
} finally {
  await rm(folder, { recursive: true, force: true });
}

/** A job, and a journal of a run every night for a year, of which some failed. */
async function writeSchedule(
  /** @type {{jobs: string, journal: string}} */ home,
  /** @type {object} */ store,
  /** @type {string} */ id,
  /** @type {number} */ now,
) {
  const when = { cron: `${id.length} 1 * * *`, timeZone: "Europe/Berlin" };
  const sources = { files: { kind: "file-share", path: `/srv/${id}` } };
  const declaration = { when, sources, store, keep: { daily: 14, weekly: 8, monthly: 12 } };
  const createdAt = new Date(now - 365 * day).toISOString();
  const job = { format: 1, id, kind: "schedule", owner: null, incarnation: "bench", createdAt, declaration };
  await writeFile(join(home.jobs, `${id}.json`), JSON.stringify(job));
  const lines = Array.from({ length: 365 }, (_, index) => {
    const at = new Date(now - (365 - index) * day);
    const run = `${id}-${index}`;
    const outcome = index % 90 === 7 ? "failed" : "succeeded";
    const end = { points: [], bytes: 1e9 + index, addedBytes: 1e7, durationMilliseconds: 60_000, skewMilliseconds: 0 };
    const rest = { message: "", skipped: 0, pruned: 1, pruneSuspended: null };
    return [
      { event: "started", run, at: at.toISOString(), verb: "run", pid: 1 },
      { event: "ended", run, at: new Date(at.getTime() + 60_000).toISOString(), verb: "run", outcome, ...end, ...rest },
    ];
  });
  const text = lines.flat().map((line) => `${JSON.stringify(line)}\n`);
  await writeFile(join(home.journal, `${id}.jsonl`), text.join(""));
}
