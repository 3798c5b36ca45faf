import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { repetitions, report, reportSoFar } from "./harness/campaign";
import { lookAtPoint, makeStore, requestFor } from "./harness/store-work";
import { lookAt } from "./harness/tree-look";

const { signal } = new AbortController();

jest.setTimeout(4 * 60 * 60 * 1_000);

/** A name as Linux allows it: any bytes but the slash and NUL, at most 255. */
const name = fc
  .oneof(
    { weight: 6, arbitrary: fc.stringMatching(/^[a-zA-Z0-9 ._-]{1,12}$/).map((text) => Buffer.from(text)) },
    {
      weight: 2,
      arbitrary: fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).map((text) => Buffer.from(text)),
    },
    { weight: 2, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 30 }).map((bytes) => Buffer.from(bytes)) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom("\n", "\\", "-rf", "--", "$(x)", "a\rb", "# file: x", "*", "'", '"', "%s", ".hidden", "~")
        .map((text) => Buffer.from(text)),
    },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 255 }).map((byte) => Buffer.alloc(255, byte)) },
  )
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x5f : byte))).subarray(0, 255))
  .filter((bytes) => !bytes.equals(Buffer.from(".")) && !bytes.equals(Buffer.from("..")));

const seconds = fc.oneof(
  fc.integer({ min: -1_000_000, max: 4_000_000_000 }),
  fc.double({ min: 0, max: 2_000_000_000, noNaN: true }),
);
/** Only root may give files away. */
const owner = process.getuid?.() === 0 ? fc.constantFrom(0, 1, 1_000, 65_534) : fc.constant(process.getuid?.() ?? 0);
const modes = fc.constantFrom(0o644, 0o600, 0o755, 0o000, 0o444, 0o4755, 0o2755, 0o640);
const common = { name, seconds, user: owner, group: owner };

interface Common {
  readonly name: Buffer;
  readonly seconds: number;
  readonly user: number;
  readonly group: number;
}
type Node = Common &
  (
    | { readonly kind: "file"; readonly content: Uint8Array; readonly hole: number; readonly mode: number }
    | { readonly kind: "link"; readonly target: Buffer }
    | { readonly kind: "another name" }
    | { readonly kind: "directory"; readonly inner: readonly Node[]; readonly mode: number }
  );

const { tree } = fc.letrec<{ tree: readonly Node[]; node: Node }>((tie) => ({
  tree: fc.array(tie("node"), { maxLength: 6 }),
  node: fc.oneof(
    { maxDepth: 4 },
    fc.record({
      kind: fc.constant("file" as const),
      content: fc.uint8Array({ maxLength: 300 }),
      hole: fc.constantFrom(0, 0, 0, 5_000, 70_000),
      mode: modes,
      ...common,
    }),
    fc.record({ kind: fc.constant("link" as const), target: name, ...common }),
    fc.record({ kind: fc.constant("another name" as const), ...common }),
    fc.record({ kind: fc.constant("directory" as const), inner: tie("tree"), mode: modes, ...common }),
  ),
}));

describe("generated trees", () => {
  let work: string;

  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "round-trip-"));
  });

  afterEach(() => {
    execFileSync("chmod", ["-R", "u+rwx", work]);
    rmSync(work, { recursive: true, force: true });
  });

  it("come back as they were, as rsync sees it too", async () => {
    const treesPerPoint = 50;
    const points = repetitions(4, 200);
    let entries = 0;
    let done = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(tree, { minLength: treesPerPoint, maxLength: treesPerPoint }), async (trees) => {
        const root = join(work, "trees");
        mkdirSync(root);
        trees.forEach((nodes, index) => {
          const place = join(root, `tree ${index}`);
          mkdirSync(place);
          grow(Buffer.from(place), nodes, null);
        });
        const store = await makeStore(join(work, "store"));
        const expected = lookAt(root);
        entries += expected.size;
        const first = await store.capture(requestFor(root, "2026-11-01T01:00:00Z"), signal);
        const second = await store.capture(requestFor(root, "2026-11-02T01:00:00Z"), signal);
        expect([first.fidelity.skipped, second.fidelity.warnings]).toEqual([0, []]);
        expect(await lookAtPoint(store, first.id, work)).toEqual(expected);
        const to = join(work, "restored");
        makeGroupGiver(to);
        await store.restore(second.id, { to }, signal);
        expect(compareByRsync(root, to)).toBe("");
        for (const place of [root, to, join(work, "store")]) rmSync(place, { recursive: true });
        done += 1;
        reportSoFar("round trips", done, { trees: done * treesPerPoint, entries });
      }),
      { numRuns: points, endOnFailure: true },
    );
    report("round trips", { trees: points * treesPerPoint, entries });
    expect(readdirSync(work)).toEqual([]);
  });
});

/** Makes what was generated; of equal names the first counts. */
function grow(directory: Buffer, nodes: readonly Node[], anyFile: Buffer | null): Buffer | null {
  let file = anyFile;
  const taken = new Set<string>();
  for (const node of nodes) {
    const key = node.name.toString("latin1");
    if (taken.has(key)) continue;
    taken.add(key);
    const place = Buffer.concat([directory, Buffer.from("/"), node.name]);
    if (node.kind === "link") {
      symlinkSync(node.target, place);
      lchownSync(place, node.user, node.group);
      lutimesSync(place, node.seconds, node.seconds);
      continue;
    }
    if (node.kind === "another name") {
      if (file !== null) linkSync(file, place);
      continue;
    }
    if (node.kind === "directory") {
      mkdirSync(place);
      file = grow(place, node.inner, file);
    } else {
      writeFileSync(place, node.content);
      if (node.hole > 0) truncateSync(place, node.content.length + node.hole);
      file = place;
    }
    chownSync(place, node.user, node.group);
    chmodSync(place, node.mode);
    utimesSync(place, node.seconds, node.seconds);
  }
  return file;
}

/** What is made in this directory gets its group by itself. */
function makeGroupGiver(path: string): void {
  mkdirSync(path);
  if (process.getuid?.() === 0) chownSync(path, 0, 1);
  chmodSync(path, 0o2755);
}

function compareByRsync(one: string, other: string): string {
  return execFileSync(
    "rsync",
    ["-aHAXn", "--checksum", "--delete", "-i", "--modify-window=-1", `${one}/`, `${other}/`],
    { encoding: "latin1" },
  );
}
