import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeHome, type Home, initialiseHome } from "../../provider/runner/home";
import { readJournal } from "../../provider/runner/journal";
import { findAgent } from "../../provider/schedule/agent";
import { createEmbeddedScheduler } from "../../provider/schedule/schedulers/embedded";

/** AGENT_KILLS=500 for the campaign. */
const kills = Number(process.env.AGENT_KILLS ?? 10);
const day = 86_400_000;
const firstDay = Date.parse("2027-01-01T00:00:00Z");

/**
 * An agent that fires once, at a given time. Its runs do nothing but say in the journal for which due time they began; it prints a dot
 * when it is about to start one.
 */
const agent = `
  const [, built, root, time] = process.argv;
  const { runAgent } = require(built + "/schedule/agent.js");
  const { appendRecord } = require(built + "/runner/journal.js");
  const { readState } = require(built + "/schedule/agent-state.js");
  const { describeHome } = require(built + "/runner/home.js");
  const home = describeHome(root);
  const launch = async (_, verb, id) => {
    process.stdout.write(".");
    const { starting } = await readState(home, id);
    await appendRecord(home, id, { event: "started", run: starting.due.toISOString(), at: time, verb, pid: 1 });
    return { ended: Promise.resolve(0) };
  };
  const clock = { now: () => new Date(time), sleep: () => Promise.resolve() };
  runAgent(home, { once: true, signal: new AbortController().signal, log: () => {}, clock, launch });
`;

describe("an agent that is killed over and over", () => {
  let root: string;
  let home: Home;

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "agent-kill-"));
    home = describeHome(join(root, "home"));
    await initialiseHome(home);
  });

  afterEach(async () => {
    delete process.env.BACKUP_POSTURE_NOW;
    await rm(root, { recursive: true, force: true });
  });

  it(`fires each due time exactly once, through ${kills} kills`, async () => {
    process.env.BACKUP_POSTURE_NOW = new Date(firstDay - 1_000).toISOString();
    const entry = {
      id: "daily",
      verb: "run",
      when: { every: "1d" },
      owner: null,
      incarnation: "a-1",
      pausedUntil: null,
    } as const;
    await createEmbeddedScheduler(home).install(entry, new AbortController().signal);

    for (let kill = 0; kill < kills; kill++) {
      const due = firstDay + kill * day;
      // From the moment that a run is about to be started, over the journal's record, to what the agent notes afterwards.
      await serve(due + 30_000, { killAfter: (kill * 7) % 25 });
      await serve(due + 300_000);
      expect(await readBegun()).toEqual(Array.from({ length: kill + 1 }, (_, index) => firstDay + index * day));
    }
    expect(await findAgent(home)).toBeNull();
  });

  async function readBegun(): Promise<readonly number[]> {
    const records = await readJournal(home, "daily");
    return records.flatMap((record) => (record.event === "started" ? [Date.parse(record.run)] : []));
  }

  /** Lets an agent fire what is due at a time, and kills it so many milliseconds after it is about to. */
  async function serve(time: number, options: { readonly killAfter?: number } = {}): Promise<void> {
    const built = join(__dirname, "..", "..", "provider", "dist");
    const child = spawn(process.execPath, ["-e", agent, built, home.root, new Date(time).toISOString()], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(child, "exit");
    if (options.killAfter !== undefined) {
      await Promise.race([once(child.stdout, "data"), exited]);
      await delay(options.killAfter);
      child.kill("SIGKILL");
    }
    child.stdout.resume();
    await exited;
  }
});
