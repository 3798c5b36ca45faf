import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { compareWithPage, propertyLines } from "./reviewers-table";
import { expectSuccess, makeStack, type ResourceSpec, type Stack, type Told } from "./stack";

/** Everything is declared, and has its first recovery set taken, at this moment. */
const declaredAt = "2026-11-19T12:00:00Z";
/** The pull request is previewed at this one. */
const previewedAt = "2026-11-19T12:30:00Z";

type Bag = Readonly<Record<string, unknown>>;

/** One change of a program; each row has a resource of its own. */
interface Change {
  readonly name: string;
  /** What the resource has beside what all have; null: it is not there. */
  readonly before: Bag | null;
  readonly after: Bag | null;
  readonly kind?: ResourceSpec["kind"];
  /** Whether it is refused: then it is previewed by itself. */
  readonly refused?: true;
}

const daily = { when: { cron: "0 1 * * *", jitter: "5m" } };
const drilled = { drill: { every: "90d" }, maxRestoreTime: "1h" };

const changes: readonly Change[] = [
  { name: "another-time", before: daily, after: { when: { cron: "0 3 * * *", jitter: "5m" } } },
  {
    name: "a-time-zone",
    before: daily,
    after: { when: { cron: "0 1 * * *", jitter: "5m", timeZone: "America/New_York" } },
  },
  { name: "a-longer-retention", before: { keep: { daily: 7 } }, after: { keep: { daily: 14, monthly: 12 } } },
  { name: "a-looser-rpo", before: { rpo: "26h" }, after: { rpo: "49h" } },
  {
    name: "one-more-source",
    before: {},
    after: { sources: { files: { kind: "file-share", path: "$share" }, mail: { kind: "file-share", path: "$mail" } } },
  },
  {
    name: "a-hook-before-the-backup",
    before: {},
    after: { hooks: { quiesce: { at: "before", command: ["/usr/bin/true"] } } },
  },
  {
    name: "paused",
    before: { when: { cron: "0 6 * * *" } },
    after: { when: { cron: "0 6 * * *" }, paused: { until: "2026-12-01T00:00:00Z", reason: "the share moves" } },
  },
  { name: "another-id", before: { id: "one-id" }, after: { id: "another-id" } },
  { name: "a-new-schedule", before: null, after: {} },
  { name: "a-removed-schedule", before: {}, after: null },
  {
    name: "the-hour-of-another-that-reads-the-same-share",
    before: { when: { cron: "0 5 * * *" } },
    after: { when: { cron: "0 6 * * *" } },
  },
  {
    name: "a-thin-retention",
    before: { keep: { last: 2 } },
    after: { keep: { last: 1, atLeast: "1h" } },
  },
  { name: "runs-that-outlast-their-calendar", before: {}, after: { expectedDuration: "30h", rpo: "80h" } },
  { name: "drills-more-often", kind: "RestoreTarget", before: drilled, after: { ...drilled, drill: { every: "30d" } } },
  {
    name: "a-sampled-drill",
    kind: "RestoreTarget",
    before: drilled,
    after: { ...drilled, drill: { every: "90d", scope: { sample: 100 } } },
  },
  { name: "no-drill-any-more", kind: "RestoreTarget", before: drilled, after: { maxRestoreTime: "1h" } },
  {
    name: "a-shorter-retention",
    before: { keep: { last: 5 } },
    after: { keep: { last: 1 } },
    refused: true,
  },
  { name: "another-store", before: {}, after: { store: { kind: "directory", path: "$elsewhere" } }, refused: true },
  {
    name: "another-source-in-its-place",
    before: {},
    after: { sources: { mail: { kind: "file-share", path: "$mail" } } },
    refused: true,
  },
  { name: "an-rpo-that-cannot-be-met", before: {}, after: { rpo: "20h" }, refused: true },
  {
    name: "an-rpo-that-a-clock-change-breaks",
    before: {},
    after: { when: { cron: "0 1 * * *", timeZone: "Europe/Berlin" }, rpo: "24h" },
    refused: true,
  },
  {
    name: "mistakes",
    before: {},
    after: { when: { cron: "61 1 * * *" }, keep: { dayly: 7 }, grace: "soon" },
    refused: true,
  },
];

/** One stack: one preview shows all changes that are accepted, and one each what is refused. */
describe("changes", () => {
  let stack: Stack;
  const said = new Map<string, readonly string[]>();

  beforeAll(async () => {
    stack = await makeStack();
    for (const folder of ["share", "mail"]) {
      await mkdir(join(stack.root, folder));
      await writeFile(join(stack.root, folder, "letter.txt"), "text");
    }
    await declare(stack, () => "before");
    expectSuccess(await stack.up(declaredAt));
    for (const { id } of (await stack.state()).filter(({ type }) => type.endsWith(":BackupSchedule")))
      for (const minute of ["01", "02"])
        expectSuccess(await stack.cli(["run", id ?? ""], declaredAt.replace(":00:00Z", `:${minute}:00Z`)));
    await declare(stack, ({ refused }) => (refused === true ? "before" : "after"));
    const accepted = await stack.pulumi(["preview", "--refresh", "--diff"], previewedAt);
    expectSuccess(accepted);
    const byResource = await stack.pulumi(["preview", "--refresh"], previewedAt);
    for (const { name } of changes.filter(({ refused }) => refused !== true))
      said.set(name, [...stepsOf(accepted, name), ...warningsOf(byResource, name)]);
    for (const change of changes.filter(({ refused }) => refused === true)) {
      await declare(stack, ({ name }) => (name === change.name ? "after" : "before"));
      const refused = await stack.pulumi(["preview", "--refresh", "--diff"], previewedAt);
      said.set(change.name, errorsOf(refused, change.name));
    }
  }, 900_000);

  afterAll(() => stack.remove());

  it.each(changes)("$name: the preview tells what becomes of it", ({ name, refused }) => {
    const lines = said.get(name) ?? [];
    expect(lines).not.toEqual([]);
    expect(lines.some((line) => line.startsWith("error:"))).toBe(refused === true);
  });

  it("read as docs/reviewers-table.md has them", () => {
    compareWithPage("changes", said, stack.root);
  });
});

async function declare(stack: Stack, side: (change: Change) => "before" | "after"): Promise<void> {
  const specs = changes.flatMap((change): (readonly [string, ResourceSpec])[] => {
    const args = change[side(change)];
    return args === null ? [] : [[change.name, specOf(stack, change, args)]];
  });
  await stack.declare(Object.fromEntries(specs));
}

function specOf(stack: Stack, { name, kind = "BackupSchedule" }: Change, args: Bag): ResourceSpec {
  if (kind === "RestoreTarget") {
    const from = { store: { $ref: "another-time.store" }, schedule: { $ref: "another-time.id" } };
    return { kind, args: { from, to: join(stack.root, "share"), ...args } };
  }
  const store = { kind: "directory", path: join(stack.root, "stores", name) };
  const common = { ...daily, sources: { files: { kind: "file-share", path: "$share" } }, store };
  return { kind, args: placed(stack, { ...common, ...args }) };
}

/** With the stack's own folders in place of their names. */
function placed(stack: Stack, args: Bag): Bag {
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, placedValue(stack, value)]));
}

function placedValue(stack: Stack, value: unknown): unknown {
  if (typeof value === "string" && value.startsWith("$")) return join(stack.root, value.slice(1));
  if (Array.isArray(value)) return value.map((item) => placedValue(stack, item));
  return typeof value === "object" && value !== null ? placed(stack, { ...value }) : value;
}

/** What a preview with `--diff` says becomes of a resource: the step, where it is no update, and the properties that differ. */
function stepsOf(told: Told, name: string): readonly string[] {
  const blocks = told.text.split(/\n(?= {4}[~+-]|Resources:|Diagnostics:)/);
  const steps = blocks.filter((block) => block.includes(`::${name}]`) && /^ {4}[~+-]/.test(block));
  const operations = steps.map((block) => /\((\w[\w -]*)\)/.exec(block)?.[1] ?? "").filter((step) => step !== "update");
  const isWhole = operations.includes("create") || operations.includes("delete");
  return [...operations, ...(isWhole ? [] : steps.flatMap(propertyLines))];
}

/** What a preview without `--diff` warns of at a resource. */
function warningsOf(told: Told, name: string): readonly string[] {
  const lines = told.text.split(`(${name}):\n`)[1]?.split("\n\n")[0]?.split("\n") ?? [];
  return lines.map((line) => line.trim()).filter((line) => line.startsWith("warning:"));
}

/** Why a preview stops at a resource. */
function errorsOf(told: Told, name: string): readonly string[] {
  return [...told.text.matchAll(/^error: \S+ resource '([^']+)' has a problem: (.*)$/gm)].flatMap(
    ([, resource, why = ""]) => (resource === name ? [`error: ${why}`] : []),
  );
}
