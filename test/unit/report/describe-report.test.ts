import { describeReport } from "../../../provider/report/describe-report";
import type { HomeReport } from "../../../provider/report/model";
import { drawnAt, drawOffice } from "../../fixtures/report";

const settings = { controls: {}, stack: null, now: drawnAt };

async function homes(more: Partial<HomeReport> = {}): Promise<readonly HomeReport[]> {
  const { homes: drawn } = await drawOffice();
  return drawn.map((home) => ({ ...home, ...more }));
}

async function healthyItems(): Promise<HomeReport["items"]> {
  return (await homes()).flatMap(({ items }) => items.filter(({ faults }) => faults.length === 0));
}

describe("the verdict", () => {
  it("is healthy only where everything that was looked at is", async () => {
    const items = await healthyItems();
    const report = describeReport(await homes({ items }), settings);
    expect(report).toMatchObject({
      verdict: "healthy",
      attention: [],
      summary: `All ${items.length} promises are kept`,
    });
  });

  it("is unhealthy where one is not, and names it with what mends it", async () => {
    const report = describeReport(await homes(), settings);
    expect(report.verdict).toBe("unhealthy");
    expect(report.summary).toBe("3 of 10 promises are not kept");
    expect(report.attention).toContainEqual(
      expect.objectContaining({ name: "persistent-chat-restore", sentence: "drill failed: 3 files" }),
    );
  });

  it("is never healthy of nothing, of an old look, or where nothing fires what is due", async () => {
    const items = await healthyItems();
    expect(describeReport(await homes({ items: [] }), settings).verdict).toBe("empty");
    expect(describeReport([], settings).verdict).toBe("empty");
    const old = describeReport(await homes({ items, observedAt: "2026-11-20T00:00:00Z" }), settings);
    expect(old.verdict).toBe("unhealthy");
    expect(old.attention[0]?.sentence).toBe("not observed since 2026-11-20T00:00:00Z: what follows was so then");
    const idle = describeReport(await homes({ items, fired: false }), settings);
    expect(idle.verdict).toBe("unhealthy");
    expect(idle.summary).toContain("1 of the hosts needs a look");
  });
});

describe("controls", () => {
  it("are judged by the levels that are set, and by every framework unless one is named", async () => {
    const all = describeReport(await homes(), settings).controls;
    expect(all.frameworks.map(({ id }) => id)).toHaveLength(6);
    const one = describeReport(await homes(), { ...settings, controls: { framework: "cis-v8" } }).controls;
    expect(one.frameworks.map(({ id }) => id)).toEqual(["cis-v8"]);
    expect(one.controls.find(({ id }) => id === "media")?.state).toBe("disabled");
  });

  it("tell what is waived from what is open", async () => {
    const { controls } = (await drawOffice()).controls;
    const tested = controls.find(({ id }) => id === "restore-tested");
    expect(tested?.state).toBe("open");
    expect(tested?.findings.map(({ name, state }) => `${name} ${state}`)).toContain("scans waived");
  });
});

describe("a stack", () => {
  const urn = (type: string, name: string) => `urn:pulumi:prod::backup::${type}::${name}`;
  const lync = "backup-posture:lync:LyncBackupPosture";
  const coverage = [
    { item: "topology", title: "Topology", subject: null, state: { kind: "covered", by: ["lync-settings"] } },
    {
      item: "active-directory",
      title: "Active Directory",
      state: {
        kind: "outside",
        evidence: "Backup of the domain",
        at: "2026-11-01T00:00:00Z",
        until: "2026-11-20T00:00:00Z",
      },
      warnings: [],
    },
  ];

  it("brings the coverage of its deployments, and evidence expires by the report's clock", async () => {
    const resources = [{ urn: urn(lync, "lync"), type: lync, inputs: {}, outputs: { coverage }, delete: false }];
    const report = describeReport(await homes(), { ...settings, stack: { deployment: { resources } } });
    expect(report.lync).toMatchObject([
      {
        name: "lync",
        rows: [
          { title: "Topology", state: "covered", says: "covered by lync-settings", isOutside: false },
          { title: "Active Directory", state: "expired", isOutside: true },
        ],
      },
    ]);
    expect(report.lync?.[0]?.rows[1]?.says).toContain("expired: outside, of 2026-11-01T00:00:00Z");
  });

  it("is what controls judge, in place of the jobs", async () => {
    const report = describeReport(await homes(), { ...settings, stack: { deployment: { resources: [] } } });
    expect(report.controls.controls.find(({ id }) => id === "restore-tested")?.findings).toEqual([]);
  });
});
