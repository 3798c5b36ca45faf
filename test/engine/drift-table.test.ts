import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { declaredAt, noticedAt, type Row, rows, type Scene } from "./drift-rows";
import { compareWithPage, propertyLines } from "./reviewers-table";
import { expectSuccess, isRoot, makeStack, type Stack, type Told } from "./stack";

/** All rows stand in one stack: one preview shows all drift, one `up` repairs what it can, one preview is clean. */
describe("drift", () => {
  const played = rows.filter((row) => row.needsRoot === undefined || isRoot());
  let stack: Stack;
  let scenes: ReadonlyMap<string, Scene>;
  let preview: Told;
  let repair: Told;
  let after: Told;

  beforeAll(async () => {
    stack = await makeStack();
    const share = join(stack.root, "share");
    await mkdir(join(share, "folder"), { recursive: true });
    await writeFile(join(share, "folder", "big file.bin"), Buffer.alloc(100_000, "posture"));
    await writeFile(join(share, "ünïcode.txt"), "text");
    await declare(stack, share, played);
    expectSuccess(await stack.up(declaredAt));
    expectSuccess(await stack.preview(declaredAt));
    scenes = await findScenes(stack, share, played);
    for (const row of played) await row.tamper(sceneOf(row));
    preview = await stack.preview(noticedAt);
    repair = await stack.up(noticedAt, ["--continue-on-error"]);
    for (const row of played) await row.person?.mends(sceneOf(row));
    after = await stack.preview(noticedAt);
  }, 900_000);

  afterAll(() => stack.remove());

  function sceneOf(row: Row): Scene {
    const scene = scenes.get(row.name);
    if (scene === undefined) throw new Error(`${row.name} is not in the state`);
    return scene;
  }

  it("makes the preview exit non-zero", () => {
    expect(preview.exitCode).not.toBe(0);
  });

  it.each(rows)("$name: the preview names it", (row) => {
    if (!played.includes(row)) return;
    expect(blockOf(preview, row.name)).toMatch(row.shows);
  });

  it("reads as docs/reviewers-table.md has it", () => {
    const said = new Map(played.map((row) => [row.name, propertyLines(blockOf(preview, row.name))] as const));
    compareWithPage("drifts", said, stack.root);
  });

  it("is repaired by up, but for what only a person can mend", () => {
    expect(repair.exitCode).not.toBe(0);
    const failed = [...repair.text.matchAll(/::([\w-]+)\s+\*?\*?updating failed\*?\*?/g)].map((match) => match[1]);
    for (const row of played.filter(({ person }) => person === undefined)) expect(failed).not.toContain(row.name);
  });

  it.each(rows.filter(({ person }) => person !== undefined))("$name: up says what to do", (row) => {
    if (!played.includes(row)) return;
    expect(repair.text).toMatch(row.person?.told ?? /never/);
  });

  it("is gone from the preview after the repair", () => {
    expect(after.text).not.toMatch(/^\s*[~+-] (?!pulumi)/m);
    expectSuccess(after);
  });
});

async function declare(stack: Stack, share: string, played: readonly Row[]): Promise<void> {
  const restored = {
    kind: "BackupSchedule",
    args: {
      when: { cron: "0 1 * * *" },
      sources: { files: { kind: "file-share", path: share } },
      store: { kind: "directory", path: join(stack.root, "restored") },
      runOnCreate: true,
      waitFor: "3m",
    },
  } as const;
  const made = await Promise.all(
    played.map(async (row) => {
      await mkdir(placeOf(stack, row), { recursive: true });
      return [row.name, row.resource(placeOf(stack, row), share, stack.home)] as const;
    }),
  );
  await stack.declare({ restored, ...Object.fromEntries(made) });
}

async function findScenes(stack: Stack, share: string, played: readonly Row[]): Promise<ReadonlyMap<string, Scene>> {
  const resources = await stack.state();
  return new Map(
    played.flatMap((row) => {
      const id = resources.find(({ urn }) => urn.endsWith(`::${row.name}`))?.id;
      return id === undefined ? [] : [[row.name, { stack, share, id, place: placeOf(stack, row) }] as const];
    }),
  );
}

function placeOf(stack: Stack, row: Row): string {
  return join(stack.root, "places", row.name);
}

/** What the preview prints of one resource's update: what stands => what is declared. */
function blockOf(told: Told, name: string): string {
  const blocks = told.text.split(/\n(?= {4}[~+-]|Resources:|Diagnostics:)/);
  const block = blocks.find((candidate) => candidate.includes(`::${name}]`) && candidate.includes("(update)"));
  if (block === undefined) throw new Error(`no update of ${name} in:\n${told.text}`);
  return block;
}
