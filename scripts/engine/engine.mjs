// The Pulumi engine that scripts and tests run: the installed one, or one built once from its Go module.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { holdingLock } from "../set-up/lock.mjs";
import { findOnPath, isExecutable } from "../set-up/path.mjs";
import { SetUpError } from "../set-up/set-up-error.mjs";
import { isOlder } from "../set-up/versions.mjs";
import { builtVersion, compile } from "./compile.mjs";

const sources = import.meta.dirname;
const oldestVersion = "3.200.0";

/**
 * Finds the engine, and builds it where there is none.
 *
 * @param {(line: string) => void} say Told what is done and why, where it takes long or is not what one expects.
 * @returns {Promise<string>} The folder of `pulumi` and its launchers.
 * @throws {SetUpError} where there is neither a CLI nor a Go that can build it; the message says what to install.
 */
export async function ensureEngine(say) {
  const installed = findInstalled(say);
  if (installed !== undefined) return installed;
  if (process.platform === "win32")
    throw new SetUpError("There is no Pulumi CLI on PATH. Install it: https://www.pulumi.com/docs/install", 2);
  return await ensureBuilt(say);
}

/**
 * The folder of a usable `pulumi` on PATH: recent enough, and with its language host for Node.js.
 *
 * @param {(line: string) => void} say
 */
function findInstalled(say) {
  const pulumi = findOnPath("pulumi");
  if (pulumi === undefined) return undefined;
  const fault = findFault(pulumi);
  if (fault === undefined) return dirname(pulumi);
  say(`${pulumi} ${fault}: this project uses an engine of its own instead.`);
  return undefined;
}

/** @param {string} pulumi */
function findFault(pulumi) {
  const environment = { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" };
  const answer = spawnSync(pulumi, ["version"], { encoding: "utf8", env: environment });
  const version = /^v?(\d+\.\d+\.\d+)/.exec(answer.stdout ?? "")?.[1];
  if (version === undefined) return "does not tell its version";
  if (isOlder(version, oldestVersion)) return `is ${version}, older than ${oldestVersion}`;
  const hostBeside = join(dirname(realpathSync(pulumi)), "pulumi-language-nodejs");
  if (isExecutable(hostBeside) || findOnPath("pulumi-language-nodejs") !== undefined) return undefined;
  return "has no pulumi-language-nodejs, beside it or on PATH";
}

/**
 * The folder of the built engine in the per-user cache, named after all that it is made of. It appears there complete,
 * by one rename: an interrupted build leaves nothing that could be taken for an engine.
 *
 * @param {(line: string) => void} say
 */
async function ensureBuilt(say) {
  const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "backup-posture", "engine");
  const launchers = readFiles(join(sources, "beside"), readdirSync(join(sources, "beside")));
  const ofBinary = `${builtVersion}-${digestOf(readFiles(sources, ["go.mod", "go.sum", "tools.go"]))}-`;
  const folder = join(cache, ofBinary + digestOf(launchers));
  if (existsSync(folder)) return folder;
  mkdirSync(cache, { recursive: true });
  const waiting = () => say("Another set-up is building the engine: waiting for it.");
  await holdingLock(join(cache, "lock"), waiting, async () => {
    if (existsSync(folder)) return;
    removeLeftovers(cache);
    const building = mkdtempSync(join(cache, "building-"));
    try {
      const sibling = readdirSync(cache).find((name) => name.startsWith(ofBinary));
      if (sibling === undefined) await compile(join(building, "pulumi"), say);
      else copyFileSync(join(cache, sibling, "pulumi"), join(building, "pulumi"));
      for (const [name, content] of launchers) writeFileSync(join(building, name), content, { mode: 0o755 });
      renameSync(building, folder);
    } finally {
      rmSync(building, { recursive: true, force: true });
    }
  });
  return folder;
}

/** What killed builds left; under the lock none is alive. @param {string} cache */
function removeLeftovers(cache) {
  for (const name of readdirSync(cache))
    if (name.startsWith("building-")) rmSync(join(cache, name), { recursive: true, force: true });
}

/**
 * @param {string} folder
 * @param {readonly string[]} names
 */
function readFiles(folder, names) {
  return new Map([...names].sort().map((name) => [name, readFileSync(join(folder, name))]));
}

/** @param {ReadonlyMap<string, Buffer>} files */
function digestOf(files) {
  const hash = createHash("sha256");
  for (const [name, content] of files) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest("hex").slice(0, 12);
}
