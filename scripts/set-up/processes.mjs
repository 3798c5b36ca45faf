import { spawn, spawnSync } from "node:child_process";
import { SetUpError } from "./set-up-error.mjs";

/** How often a line says that a long step is alive, where output is no terminal. */
const plainLineEvery = 30_000;

/**
 * Runs a command in the foreground and tells its exit code; it shares this process's terminal.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {import("node:child_process").SpawnOptions} options
 * @returns {Promise<number>} 1 where it could not be started or was killed.
 */
export async function run([file, ...commandArguments], options) {
  return exitCodeOf(file, await ended(spawn(file, commandArguments, { stdio: "inherit", ...options })));
}

/**
 * Runs a command as `run` does, and ends it with all that it has started where it takes longer than it may. What it has
 * started may outlive it and hold its output: that is not waited for.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {import("node:child_process").SpawnOptions} options
 * @param {number} limit in milliseconds.
 * @returns {Promise<number | "too long">} 1 where it could not be started or was killed by another.
 */
export async function runWithin([file, ...commandArguments], options, limit) {
  const child = spawn(file, commandArguments, { stdio: "inherit", ...options });
  let tooLong = false;
  const limiting = setTimeout(() => {
    tooLong = true;
    if (child.pid !== undefined) for (const pid of [child.pid, ...descendantsOf(child.pid)]) kill(pid);
  }, limit);
  const end = await ended(child, "exit");
  clearTimeout(limiting);
  return tooLong ? "too long" : exitCodeOf(file, end);
}

/**
 * Runs a long, talkative command and shows only that it lives: on a terminal one line that counts, elsewhere a line now
 * and then. Where it fails, its last lines are shown.
 *
 * @param {readonly [string, ...string[]]} command
 * @param {{cwd: string, env: NodeJS.ProcessEnv}} options
 * @param {(lines: readonly string[]) => string} describe How far it is, from the lines that it has written so far.
 * @param {(line: string) => void} say
 * @throws {SetUpError} where the command fails.
 */
export async function runWithLifeSigns([file, ...commandArguments], options, describe, say) {
  const started = Date.now();
  const terminal = process.stdout.isTTY;
  const child = spawn(file, commandArguments, { ...options, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (chunk) => {
      output += chunk;
    });
  const lines = () => output.split("\n").filter((line) => line !== "");
  const ticking = setInterval(
    () => {
      const sign = `${formatElapsed(Date.now() - started)}: ${describe(lines())}`;
      if (terminal) process.stdout.write(`\r\x1b[K  ${sign}`);
      else say(sign);
    },
    terminal ? 1_000 : plainLineEvery,
  );
  const end = await ended(child);
  clearInterval(ticking);
  if (terminal) process.stdout.write("\r\x1b[K");
  if (end === 0) return say(`Done in ${formatElapsed(Date.now() - started)}.`);
  const ending = lines().slice(-20).join("\n");
  throw new SetUpError(`${file} ${commandArguments[0]} failed (${end}); what it said last:\n${ending}`, 1);
}

/**
 * The exit code, or in words what else ended it. Ctrl-C reaches the command by itself: this process waits for the command to
 * clear up, and then does so too.
 *
 * @param {import("node:child_process").ChildProcess} child
 * @param {"close" | "exit"} [event] "exit" where a process that it leaves behind may still hold its output.
 * @returns {Promise<number | string>}
 */
async function ended(child, event = "close") {
  const leaveItToTheCommand = () => {};
  process.on("SIGINT", leaveItToTheCommand);
  try {
    return await new Promise((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once(event, (code, signal) => resolve(code ?? `ended by ${signal}`));
    });
  } finally {
    process.off("SIGINT", leaveItToTheCommand);
  }
}

/**
 * What else than an exit code ended a command is said.
 *
 * @param {string} file
 * @param {number | string} end
 */
function exitCodeOf(file, end) {
  if (typeof end === "number") return end;
  process.stderr.write(`${file}: ${end}\n`);
  return 1;
}

/**
 * @param {number} pid
 * @returns {number[]}
 */
function descendantsOf(pid) {
  const { status, stdout } = spawnSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  if (status !== 0) return [];
  const pairs = stdout
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (/** @type {number} */ parent) =>
    pairs.flatMap(([child = 0, itsParent]) => (itsParent === parent ? [child] : []));
  const found = below(pid);
  for (const child of found) found.push(...below(child));
  return found;
}

/** @param {number} pid */
function kill(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

/** @param {number} milliseconds */
function formatElapsed(milliseconds) {
  const seconds = Math.round(milliseconds / 1_000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
