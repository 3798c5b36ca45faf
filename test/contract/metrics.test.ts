import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import type { Report } from "../../provider/report/describe-report";
import { serveMetrics } from "../../provider/report/metrics/endpoint";
import { writeMetrics } from "../../provider/report/metrics/exposition";
import { families } from "../../provider/report/metrics/families";
import { type Ground, makeGround } from "../fixtures/posture";
import { drawOffice } from "../fixtures/report";

const binary = resolve(__dirname, "../../provider/bin/backup-posture.js");
const monitoring = resolve(__dirname, "../../examples/monitoring");
const hasPrometheus = (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, "promtool")));
const withPrometheus = hasPrometheus ? it : it.skip;
const signal = new AbortController().signal;

let ground: Ground;
beforeEach(async () => {
  ground = await makeGround();
  await ground.readyStore();
  await ground.addSchedule("shares");
});
afterEach(() => ground.remove());

async function call(...commandLine: readonly string[]) {
  const { execa } = await import("execa");
  const env = { BACKUP_POSTURE_HOME: ground.home.root };
  const { exitCode, stdout } = await execa(process.execPath, [binary, ...commandLine], { env, reject: false });
  return { code: exitCode, stdout };
}

async function promtool(commandLine: readonly string[], input = "") {
  const { execa } = await import("execa");
  const { exitCode, all } = await execa("promtool", commandLine, { reject: false, all: true, input });
  return { code: exitCode, said: all };
}

/** The samples of an exposition by name and labels. */
function read(text: string): ReadonlyMap<string, number> {
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

describe("backup-posture metrics", () => {
  it("tells of a run: when, how long, how much, and what is promised", async () => {
    expect((await call("run", "shares")).code).toBe(0);
    const { code, stdout } = await call("metrics");
    expect(code).toBe(0);
    const samples = read(stdout);
    const of = (name: string, more = "") => samples.get(`backup_posture_${name}{id="shares",name="shares"${more}}`);
    expect(of("last_run_succeeded")).toBe(1);
    expect(of("last_run_bytes")).toBe(6);
    expect(of("rpo_seconds")).toBe(3_600);
    expect(of("grace_seconds")).toBe(3_600);
    expect(of("recovery_points", ',copy="primary"')).toBe(1);
    expect(of("last_success_timestamp_seconds")).toBeGreaterThan(Date.now() / 1_000 - 120);
    expect(of("fault", ',kind="schedule",fault="not installed"')).toBe(1);
    expect(of("healthy", ',kind="schedule"')).toBe(0);
  });

  it("replaces a file in one step, readable by others, and leaves it where the home is away", async () => {
    const file = join(ground.root, "backup-posture.prom");
    expect((await call("metrics", "--output", file)).code).toBe(0);
    const written = await readFile(file, "utf8");
    expect(written).toMatch(/\n$/);
    expect((await stat(file)).mode & 0o044).toBe(0o044);
    expect((await readdir(ground.root)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await rm(ground.home.marker);
    expect((await call("metrics", "--output", file)).code).toBe(1);
    expect(await readFile(file, "utf8")).toBe(written);
  });

  it("has no number of what is not known", async () => {
    await rm(ground.store, { recursive: true });
    const { stdout } = await call("metrics");
    expect(stdout).toContain('backup_posture_copy_reachable{id="shares",name="shares",copy="primary"} 0');
    expect(stdout).not.toMatch(/^backup_posture_(recovery_points|last_success_timestamp_seconds)\{/m);
  });

  withPrometheus("is read and liked by promtool, hostile names included", async () => {
    for (const name of ["files", 'a"b\\c\n{x="y"} 1\n# HELP \u202e']) {
      const { text } = await writeMetrics(rename(await drawOffice(), name), "prometheus");
      expect(await promtool(["check", "metrics"], text)).toEqual({ code: 0, said: "" });
    }
  });
});

describe("the agent's endpoint", () => {
  it("answers at /metrics only, and only to GET", async () => {
    const endpoint = await serveMetrics(ground.home, { host: "127.0.0.1", port: 0 }, signal);
    const status = async (path: string, method = "GET") =>
      (await fetch(new URL(path, endpoint.url), { method })).status;
    expect([await status("/metrics"), await status("/"), await status("/metrics", "POST")]).toEqual([200, 404, 405]);
    await endpoint.close();
  });

  it("says that it does not know, where the home is away", async () => {
    await rm(ground.home.marker);
    const endpoint = await serveMetrics(ground.home, { host: "127.0.0.1", port: 0 }, signal);
    const response = await fetch(endpoint.url);
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("posture home");
    await endpoint.close();
  });

  it("refuses an address that is taken, or none", async () => {
    const first = await serveMetrics(ground.home, { host: "127.0.0.1", port: 0 }, signal);
    expect((await call("agent", "--metrics", new URL(first.url).host)).code).toBe(1);
    await first.close();
    for (const address of ["9464", "localhost", "127.0.0.1:99999"])
      expect((await call("agent", "--metrics", address)).code).toBe(2);
  });

  withPrometheus("is scraped by a real Prometheus as OpenMetrics, whose alerts fire", async () => {
    await rm(ground.store, { recursive: true });
    const { execa } = await import("execa");
    const agent = execa(process.execPath, [binary, "agent", "--metrics", "127.0.0.1:0"], {
      env: { BACKUP_POSTURE_HOME: ground.home.root },
      reject: false,
    });
    let told = "";
    const url = await new Promise<string>((found) =>
      agent.stderr.on("data", (chunk) => {
        told += String(chunk);
        const address = /http:\S+\/metrics/.exec(told)?.[0];
        if (address !== undefined) found(address);
      }),
    );
    const openmetrics = await fetch(url, { headers: { accept: "application/openmetrics-text; version=1.0.0" } });
    expect(openmetrics.headers.get("content-type")).toMatch(/^application\/openmetrics-text; version=1\.0\.0/);
    expect(await openmetrics.text()).toMatch(/\n# EOF\n$/);

    const folder = await mkdtemp(join(tmpdir(), "posture-prometheus-"));
    const rules = (await readFile(join(monitoring, "alerts.yml"), "utf8")).replace(/for: 15m/g, "for: 0s");
    await writeFile(join(folder, "alerts.yml"), rules);
    const scrape = `scrape_configs: [{job_name: x, scrape_interval: 1s, static_configs: [{targets: ["${new URL(url).host}"]}]}]`;
    await writeFile(
      join(folder, "prometheus.yml"),
      `global: {evaluation_interval: 1s}\nrule_files: [alerts.yml]\n${scrape}\n`,
    );
    const host = `127.0.0.1:${await findFreePort()}`;
    const prometheus = execa(
      "prometheus",
      [
        `--config.file=${join(folder, "prometheus.yml")}`,
        `--storage.tsdb.path=${join(folder, "data")}`,
        `--web.listen-address=${host}`,
      ],
      { reject: false },
    );
    try {
      const firing = await untilTold(async () => {
        const response = await fetch(`http://${host}/api/v1/query?query=ALERTS{alertstate="firing"}`);
        const { data } = (await response.json()) as { data: { result: { metric: Record<string, string> }[] } };
        return data.result.map(({ metric }) => metric.alertname);
      }, ["BackupUnhealthy", "BackupCopyUnreachable"]);
      expect(firing).not.toContain("BackupPostureAbsent");
      expect(firing).not.toContain("BackupNotFired");
      const targets = await fetch(`http://${host}/api/v1/targets`);
      expect(JSON.stringify(await targets.json())).toContain('"health":"up"');
    } finally {
      prometheus.kill();
      agent.kill();
      await Promise.all([prometheus, agent]);
      await rm(folder, { recursive: true, force: true });
    }
  });
});

describe("examples/monitoring", () => {
  withPrometheus("has alerts that promtool takes, and that fire on what they are for", async () => {
    expect(await promtool(["check", "rules", join(monitoring, "alerts.yml")])).toMatchObject({ code: 0 });
    expect(await promtool(["test", "rules", join(monitoring, "alerts.test.yml")])).toMatchObject({ code: 0 });
    expect(await promtool(["check", "config", join(monitoring, "prometheus.yml")])).toMatchObject({ code: 0 });
  });

  withPrometheus("has a dashboard whose every query Prometheus takes", async () => {
    const expressions = await readExpressions();
    expect(expressions.length).toBeGreaterThan(10);
    const rules = expressions.map((expr, index) => ({ record: `panel_${index}`, expr }));
    const file = join(ground.root, "rules.yml");
    await writeFile(file, JSON.stringify({ groups: [{ name: "panels", rules }] }));
    expect(await promtool(["check", "rules", file])).toMatchObject({ code: 0 });
  });

  it("asks for no metric that there is not", async () => {
    const known = families.map(({ name }) => name);
    const texts = [await readFile(join(monitoring, "alerts.yml"), "utf8"), ...(await readExpressions())];
    const named = texts.flatMap((text) => text.match(/backup_posture_\w+/g) ?? []);
    expect([...new Set(named)].filter((name) => !known.includes(name))).toEqual([]);
    const page = await readFile(resolve(__dirname, "../../docs/metrics.md"), "utf8");
    expect(known.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

async function readExpressions(): Promise<readonly string[]> {
  const dashboard = JSON.parse(await readFile(join(monitoring, "dashboard.json"), "utf8")) as {
    panels: { targets: { expr: string }[] }[];
  };
  return dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr.replaceAll("$instance", ".*")));
}

function rename(report: Report, name: string) {
  const [home] = report.homes;
  return { ...home!, items: home!.items.map((item, index) => ({ ...item, id: `id-${index}`, name })) };
}

async function findFreePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Asks until all that is waited for is told; what cannot be reached yet is asked again. */
async function untilTold(
  ask: () => Promise<readonly (string | undefined)[]>,
  wanted: readonly string[],
): Promise<readonly (string | undefined)[]> {
  for (;;) {
    const told = await ask().catch((): readonly string[] => []);
    if (wanted.every((each) => told.includes(each))) return told;
    await new Promise((resolved) => setTimeout(resolved, 100));
  }
}
