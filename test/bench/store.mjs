// `npm run bench`: the directory store against rsync, restic, borg, cp and sha256sum, side by side in one run.
//   --files N     of the generated tree (100000)     --tree PATH   an existing tree instead (it is copied, never changed)
//   --rounds N    medians over so many (3)           --growth      also 10 k and 1 M files
//   --work PATH   where to work (the temporary directory)          --json FILE   the figures as JSON
// Nothing is deleted between the rounds: file systems do not give freed inodes out again for minutes, and look for others instead.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { appendFileSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root as checkout, runMain, setUp } from "../../scripts/set-up/set-up.mjs";
import { SetUpError } from "../../scripts/set-up/set-up-error.mjs";

const { values } = parseArgs({
  options: {
    files: { type: "string", default: "100000" },
    rounds: { type: "string", default: "3" },
    tree: { type: "string" },
    growth: { type: "boolean", default: false },
    work: { type: "string", default: tmpdir() },
    json: { type: "string" },
  },
});

const needed = { rsync: "rsync", restic: "restic", borg: "borgbackup", "/usr/bin/time": "time" };
const limits = [
  ["first capture / rsync -a", "first", "rsync first", 1],
  ["1% changed / rsync --link-dest", "changed", "rsync changed", 0.25],
  ["1% changed / restic", "changed", "restic changed", 0.25],
  ["nothing changed / rsync --link-dest", "unchanged", "rsync unchanged", 0.15],
  ["nothing changed / restic", "unchanged", "restic unchanged", 0.15],
  ["nothing changed / find -printf", "unchanged", "find", 5],
  ["verify --content / sha256sum on all cores", "verify", "sha256sum", 1.1],
  ["full restore / cp -a", "restore", "cp", 1.3],
];

runMain(async () => {
  await setUp();
  for (const [command, name] of Object.entries(needed))
    if (spawnSync(command, ["--version"]).error !== undefined)
      throw new SetUpError(
        `${command} is missing: apt-get install ${Object.values(needed).join(" ")}; what was missing was ${name}`,
        2,
      );
  const work = mkdtempSync(join(values.work, "bench-store-"));
  try {
    const sizes = values.growth ? [10_000, Number(values.files), 1_000_000] : [Number(values.files)];
    const results = sizes.map((files) => {
      const place = join(work, String(files));
      const result = measure(place, files, files <= 100_000);
      print(result);
      rmSync(place, { recursive: true });
      return result;
    });
    if (values.growth) printGrowth(results);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`);
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
});

/** @param {string} place @param {number} files @param {boolean} peers */
function measure(place, files, peers) {
  const tree = join(place, "tree");
  mkdirSync(place, { recursive: true });
  if (values.tree === undefined) generate(tree, files);
  else run(["cp", "-a", values.tree, tree]);
  const rounds = Array.from({ length: peers ? Number(values.rounds) : 1 }, (_, round) =>
    playRound(join(place, `round ${round}`), tree, peers),
  );
  /** @type {Record<string, { seconds: number, memory: number }>} */
  const median = {};
  for (const name of Object.keys(rounds[0] ?? {})) {
    const runs = rounds.map((round) => round[name]).sort((one, other) => one.seconds - other.seconds);
    const middle = runs[runs.length >> 1];
    median[name] = { seconds: middle.seconds, memory: Math.max(...runs.map(({ memory }) => memory)) };
  }
  const stored = {
    ours: sizeOf(join(place, "round 0", "ours")),
    ...(peers
      ? { restic: sizeOf(join(place, "round 0", "restic")), borg: sizeOf(join(place, "round 0", "borg")) }
      : {}),
  };
  return { files, entries: countEntries(tree), bytes: sizeOf(tree), rounds: rounds.length, median, stored };
}

/** @param {string} place @param {string} tree @param {boolean} peers */
function playRound(place, tree, peers) {
  const [ours, copies, restic, borg, to, copied] = ["ours", "copies", "restic", "borg", "to", "copied"].map((name) =>
    join(place, name),
  );
  mkdirSync(place);
  /** @type {Record<string, { seconds: number, memory: number }>} */
  const figures = {};
  const take = (name, command) => {
    figures[name] = run(command);
  };
  const act = (...input) => [process.execPath, join(checkout, "test", "bench", "act.cjs"), ...input];
  const peer = (...input) => peers && take(...input);
  run(act("init", ours));
  mkdirSync(copies);
  if (peers) {
    run(["restic", "-q", "-r", restic, "init"]);
    run(["borg", "init", "-e", "none", borg]);
  }
  const backUp = ["restic", "-q", "-r", restic, "backup", tree];
  spawnSync("sync");
  take("first", act("capture", ours, tree));
  peer("rsync first", ["rsync", "-a", `${tree}/`, `${copies}/1/`]);
  peer("restic first", backUp);
  peer("borg first", ["borg", "create", `${borg}::1`, tree]);
  take("unchanged", act("capture", ours, tree));
  peer("rsync unchanged", ["rsync", "-a", `--link-dest=${copies}/1/`, `${tree}/`, `${copies}/2/`]);
  peer("restic unchanged", backUp);
  peer("borg unchanged", ["borg", "create", `${borg}::2`, tree]);
  take("find", ["find", tree, "-printf", "%s %T@ %C@ %i\n"]);
  changeSome(tree);
  take("changed", act("capture", ours, tree));
  peer("rsync changed", ["rsync", "-a", `--link-dest=${copies}/1/`, `${tree}/`, `${copies}/3/`]);
  peer("restic changed", backUp);
  peer("borg changed", ["borg", "create", `${borg}::3`, tree]);
  take("verify", act("verify", ours));
  take("sha256sum", [
    "sh",
    "-c",
    `find "$0" -type f -print0 | xargs -0 -n 500 -P ${availableParallelism()} sha256sum`,
    tree,
  ]);
  take("restore", act("restore", ours, to));
  take("cp", ["cp", "-a", tree, copied]);
  return figures;
}

/** Runs to the end; how long it took, and the most memory that it held, in bytes. @param {string[]} command */
function run(command) {
  const began = performance.now();
  const completed = spawnSync("/usr/bin/time", ["-f", "%M", ...command], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      RESTIC_PASSWORD: "bench",
      BORG_RELOCATED_REPO_ACCESS_IS_OK: "yes",
      BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
    },
  });
  if (completed.status !== 0) throw new SetUpError(`${command[0]} failed: ${completed.stderr}`, 1);
  return {
    seconds: (performance.now() - began) / 1_000,
    memory: Number(completed.stderr.trim().split("\n").at(-1)) * 1_024,
  };
}

/** Folders of about ten files; sizes as in file shares: most are small, a few large; about 10 kB each. @param {string} root @param {number} files */
function generate(root, files) {
  let state = 42;
  const random = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
  const pool = createHash("shake256", { outputLength: 8 << 20 })
    .update("bench")
    .digest();
  for (let made = 0, folder = 0; made < files; folder += 1) {
    const directory = join(root, `department ${folder % 50}`, `project ${Math.floor(folder / 10)}`, `folder ${folder}`);
    mkdirSync(directory, { recursive: true });
    for (let left = 5 + Math.floor(random() * 11); left > 0 && made < files; left -= 1, made += 1) {
      const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
      const size = Math.min(4_000_000, Math.floor(Math.exp(7.9 + 1.6 * normal)));
      const start = Math.floor(random() * (pool.length - size));
      writeFileSync(join(directory, `document ${made}.dat`), pool.subarray(start, start + size));
    }
  }
}

/** Changes every hundredth file. @param {string} root */
function changeSome(root) {
  let count = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile() && count++ % 100 === 0)
      appendFileSync(join(entry.parentPath, entry.name), `changed ${performance.now()}`);
}

/** @param {string} root */
function countEntries(root) {
  return readdirSync(root, { recursive: true }).length;
}

/** @param {string} root */
function sizeOf(root) {
  let size = 0;
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) size += lstatSync(join(entry.parentPath, entry.name)).size;
  return size;
}

/** @param {ReturnType<typeof measure>} result */
function print({ files, entries, bytes, rounds, median, stored }) {
  const lines = [
    `\n${files} files (${entries} entries, ${(bytes / 1e6).toFixed(0)} MB), median of ${rounds}\n`,
    "| | s | peak MB |",
    "|---|---|---|",
  ];
  for (const [name, { seconds, memory }] of Object.entries(median))
    lines.push(`| ${name} | ${seconds.toFixed(2)} | ${(memory / 1e6).toFixed(0)} |`);
  lines.push("", "| ratio | measured | at most |", "|---|---|---|");
  for (const [name, mine, theirs, limit] of limits)
    if (median[theirs] !== undefined)
      lines.push(`| ${name} | ${(median[mine].seconds / median[theirs].seconds).toFixed(2)} | ${limit} |`);
  lines.push(
    "",
    `stored, in MB: ${Object.entries(stored)
      .map(([name, size]) => `${name} ${(size / 1e6).toFixed(0)}`)
      .join(", ")}`,
  );
  process.stdout.write(`${lines.join("\n")}\n`);
}

/** @param {ReturnType<typeof measure>[]} results */
function printGrowth(results) {
  const lines = [
    "\n| microseconds a file | " + results.map(({ files }) => `${files} files`).join(" | ") + " |",
    `|---|${results.map(() => "---|").join("")}`,
  ];
  for (const name of ["first", "unchanged", "changed", "verify", "restore"])
    lines.push(
      `| ${name} | ${results.map(({ files, median }) => ((median[name].seconds / files) * 1e6).toFixed(1)).join(" | ")} |`,
    );
  process.stdout.write(`${lines.join("\n")}\n`);
}
