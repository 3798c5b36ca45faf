import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openStore } from "../../../provider/snapshot/stores/index";
import type { CaptureRequest, Store } from "../../../provider/snapshot/stores/store";
import type { Chance } from "./campaign";
import { lookAt } from "./tree-look";

const { signal } = new AbortController();

export function openAt(path: string): Store {
  return openStore({ kind: "directory", path });
}

export async function makeStore(path: string): Promise<Store> {
  const store = openAt(path);
  await store.initialise(signal);
  return store;
}

export function requestFor(tree: string, startedAt: string, changes: Partial<CaptureRequest> = {}): CaptureRequest {
  return {
    schedule: "nightly",
    source: "share",
    set: { id: "run", sources: ["share"] },
    owner: null,
    startedAt: new Date(startedAt),
    tree: { root: tree, exclude: [] },
    ...changes,
  };
}

/** Restores a point into a new place, looks at it, and removes it again. */
export async function lookAtPoint(store: Store, id: string, work: string): Promise<ReadonlyMap<string, string>> {
  const to = join(work, `look-${id}`);
  try {
    await store.restore(id, { to }, signal);
    return lookAt(to);
  } finally {
    rmSync(to, { recursive: true, force: true });
  }
}

/** A tree of some kinds of everything. */
export function plant(root: string, chance: Chance, files: number): void {
  mkdirSync(root, { recursive: true });
  const directories = [root];
  for (let count = 0; count < files; count += 1) {
    if (count % 8 === 0) {
      const directory = join(chance.pick(directories), `folder ${count}`);
      mkdirSync(directory);
      directories.push(directory);
    }
    writeFileSync(join(chance.pick(directories), `file ${count}`), chance.bytes(chance.below(3_000)));
  }
  writeFileSync(join(root, "large"), Buffer.alloc(200_000, chance.bytes(777)));
  writeFileSync(join(root, "closed"), "secret");
  chmodSync(join(root, "closed"), 0o400);
  linkSync(join(root, "large"), join(root, "large again"));
  symlinkSync("large", join(root, "link"));
  symlinkSync("/nowhere", join(root, "dangling"));
  writeFileSync(join(root, "sparse"), "begin");
  truncateSync(join(root, "sparse"), 1_000_000);
}

/** Changes some of it. */
export function changeSome(root: string, chance: Chance): void {
  const files = [...lookAt(root).entries()].filter(([, look]) => look.startsWith("file ")).map(([path]) => path);
  for (let count = 0; count < 5; count += 1) {
    const path = join(root, chance.pick(files));
    rmSync(path, { force: true });
    if (count > 0) writeFileSync(path, chance.bytes(chance.below(3_000)));
  }
  writeFileSync(join(root, `new ${chance.below(1_000_000)}`), chance.bytes(1_000));
}

export function copyTree(from: string, to: string): void {
  execFileSync("cp", ["-a", from, to]);
}

const act = join(__dirname, "act.cjs");
const killAtStep = join(__dirname, "kill-at-step.cjs");

/** Runs an action in a process of its own, to its end or to the step at which it is killed. */
export function actInProcess(input: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, ["--require", killAtStep, act, ...input], {
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
}

/** Runs an action in a process of its own, an hour later; what it made. */
export function actLater(input: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--require", join(__dirname, "later.cjs"), act, ...input],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(stderr);
  return String(JSON.parse(stdout));
}

/** Starts an action in a process of its own. */
export function startAction(input: readonly string[]): ChildProcess {
  return spawn(process.execPath, [act, ...input], { stdio: "ignore" });
}

/** What is left in a store of which every point was forgotten; locks that were never taken are swept after an hour. */
export function listLeftovers(path: string): readonly string[] {
  return ["points", "packs", "tmp", "locks/shared"].flatMap((folder) =>
    readdirSync(join(path, folder))
      .filter((name) => folder !== "locks/shared" || !name.endsWith(".tmp"))
      .map((name) => join(folder, name)),
  );
}
