import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectSuccess, makeStack, type ResourceSpec, type Stack } from "./stack";

const marked = "hunter2-is-marked";

let stack: Stack;

beforeEach(async () => {
  process.env.MARKED_SECRET = marked;
  stack = await makeStack();
});

afterEach(async () => {
  delete process.env.MARKED_SECRET;
  await stack.remove();
});

it("shows a secret in no message, log, state, journal or list of processes, however it is given", async () => {
  const share = join(stack.root, "share");
  await mkdir(share);
  await writeFile(join(share, "file"), "content");
  await writeFile(join(stack.root, "secret"), `${marked}\n`);
  const environment = { ONE: { env: "MARKED_SECRET" }, TWO: { file: join(stack.root, "secret") } };
  // Looks at every process while the secret is in use, then tells it to whoever reads what hooks print.
  const script =
    'test "$ONE" = "$TWO" && test -n "$ONE" && cat /proc/[0-9]*/cmdline > "$0" 2> /dev/null; echo "$ONE" >&2; echo "$TWO"';
  const hook = (mark: string, ending: string) => ({
    at: "before",
    command: ["sh", "-c", `${script}; ${ending}`, join(stack.root, mark)],
    environment,
  });
  const schedule = (args: Record<string, unknown>): ResourceSpec => ({
    kind: "BackupSchedule",
    args: {
      when: { every: "1d" },
      sources: { files: { kind: "file-share", path: share } },
      store: { kind: "directory", path: join(stack.root, "store") },
      runOnCreate: true,
      waitFor: "3m",
      ...args,
    },
  });
  const good = {
    works: schedule({ hooks: { dump: hook("processes-of-works", "true") } }),
    fails: schedule({ hooks: { dump: hook("processes-of-fails", "exit 3") } }),
  };
  await stack.declare(good);
  const told = [await stack.up(undefined, ["--continue-on-error"]), await stack.preview()];
  for (const { text } of told) expect(text).toContain("failing: hook dump ended with exit code 3");
  for (const name of ["works", "fails"])
    expect(await readFile(join(stack.root, `processes-of-${name}`), "utf8")).toContain(`processes-of-${name}`);

  await stack.declare({
    ...good,
    secret: schedule({
      rpo: { $secret: marked },
      hooks: { dump: { ...hook("a", "true"), environment: { ONE: { $secret: marked } } } },
    }),
  });
  told.push(await stack.preview(), await stack.up());
  await stack.declare({
    ...good,
    plain: schedule({
      rpo: marked,
      [marked.slice(0, 7)]: marked,
      hooks: { dump: { ...hook("b", "true"), environment: { ONE: marked } } },
    }),
  });
  told.push(
    await stack.preview(),
    await stack.up(),
    await stack.cli(["doctor"]),
    await stack.cli(["status", "--json"]),
  );
  for (const { exitCode, text } of told.slice(2, 6)) {
    expect(exitCode).not.toBe(0);
    expect(text).toContain("rpo: ");
    expect(text).toContain("hooks.dump.environment.ONE");
  }
  const state = await stack.run(["pulumi", "stack", "export", "--stack", "test", "--show-secrets"]);
  expectSuccess(state);
  for (const { text } of [...told, state]) expect(text).not.toContain(marked);

  await rm(join(stack.root, "secret"));
  await rm(join(stack.folder, "resources.json"));
  expect(await findFilesWith(stack.root, marked)).toEqual([]);
}, 600_000);

/** Every file below a folder, the engine's own included, that holds a text. */
async function findFilesWith(root: string, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
