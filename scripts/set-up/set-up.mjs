// All that a fresh checkout needs before anything in it runs. Every step looks first, and does nothing where nothing is to be done.
import { mkdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureEngine } from "../engine/engine.mjs";
import { ensureBuild } from "./build.mjs";
import { ensureDependencies } from "./dependencies.mjs";
import { holdingLock } from "./lock.mjs";
import { SetUpError } from "./set-up-error.mjs";
import { isOlder } from "./versions.mjs";

/** The checkout. */
export const root = dirname(dirname(import.meta.dirname));

/** @param {string} line */
export function say(line) {
  process.stdout.write(`[set-up] ${line}\n`);
}

/**
 * Installs dependencies and builds the package.
 *
 * @throws {SetUpError} with what to do next.
 */
export async function setUp() {
  const oldestNode = /(\d+\.\d+)/.exec(readPackage().engines.node)?.[1] ?? "";
  if (isOlder(process.versions.node, oldestNode))
    throw new SetUpError(`This is Node.js ${process.versions.node}; ${oldestNode} or newer is needed.`, 2);
  mkdirSync(join(root, ".posture", "state"), { recursive: true });
  const waiting = () => say("Another set-up works in this checkout: waiting for it.");
  await holdingLock(join(root, ".posture", "set-up.lock"), waiting, async () => {
    await ensureDependencies(root, say);
    await ensureBuild(root, say);
  });
}

/**
 * Does what `setUp` does, then finds or builds the engine.
 *
 * @returns {Promise<string>} The engine's folder.
 * @throws {SetUpError} with what to do next.
 */
export async function setUpWithEngine() {
  await setUp();
  return await ensureEngine(say);
}

/**
 * Runs a script's main function, and turns a reason why it cannot go on into a message and an exit code.
 *
 * @param {() => Promise<number>} main Returns the exit code.
 */
export async function runMain(main) {
  try {
    process.exitCode = await main();
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    process.stderr.write(`\n${error.message}\n`);
    process.exitCode = error.exitCode;
  }
}

/** @returns {{engines: {node: string}}} */
function readPackage() {
  return JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
}
