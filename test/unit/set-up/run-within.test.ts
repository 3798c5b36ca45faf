import { once } from "node:events";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const processes = pathToFileURL(join(__dirname, "../../../scripts/set-up/processes.mjs")).href;

/** Starts a process of its own that spins, tells its id, and then spins too. */
const spinning = `
const child = require("node:child_process").spawn(process.execPath, ["-e", "for (;;);"], { stdio: "inherit" });
console.log(child.pid);
for (;;);`;

/** Runs a script within a limit of milliseconds; what it printed, and what became of it. */
async function runWithin(script: string, limit: number): Promise<{ printed: string; end: unknown }> {
  const { execa } = await import("execa");
  const call = `
    const { runWithin } = await import(${JSON.stringify(processes)});
    const command = [process.execPath, "-e", ${JSON.stringify(script)}];
    const end = await runWithin(command, { stdio: ["ignore", "inherit", "inherit"] }, ${limit});
    process.stderr.write(JSON.stringify(end));`;
  const { stdout, stderr } = await execa(process.execPath, ["--input-type=module", "-e", call]);
  return { printed: stdout, end: JSON.parse(stderr) as unknown };
}

describe("a command with a time limit", () => {
  it("that never gives the processor back is ended, with what it has started", async () => {
    const { printed, end } = await runWithin(spinning, 1_000);
    expect(end).toBe("too long");
    expect(await isGone(Number(printed))).toBe(true);
  });

  it("tells its exit code where it ends in time, whatever it leaves behind", async () => {
    expect(await runWithin("process.exit(3)", 60_000)).toEqual({ printed: "", end: 3 });
  });
});

/** A process that was killed may be there for a moment more. */
async function isGone(pid: number): Promise<boolean> {
  for (let left = 100; left > 0; left--) {
    try {
      process.kill(pid, 0);
    } catch {
      return true;
    }
    await once(AbortSignal.timeout(50), "abort");
  }
  return false;
}
