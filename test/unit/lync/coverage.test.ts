import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { evidenceByIdSchema, waiversSchema } from "../../../provider/lync/assurances";
import { listBackupParts } from "../../../provider/lync/backup-parts";
import { catalogue } from "../../../provider/lync/catalogue";
import { renderCataloguePage } from "../../../provider/lync/catalogue-page";
import {
  type CoverageRow,
  type DeclaredPosture,
  describeCoverage,
  judgeCoverage,
  listUncovered,
} from "../../../provider/lync/coverage";
import { listNeededPermissions } from "../../../provider/lync/permissions-needed";
import { renderRunbook } from "../../../provider/lync/runbook";
import { parseTopology, type Topology } from "../../../provider/lync/topology";
import { generatedTopology } from "./generated-topologies";

const example = (name: string): Topology =>
  parseTopology(
    JSON.parse(readFileSync(join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`), "utf8")),
  );
const mirrored = example("two-pools-mirrored");
const standard = example("standard-edition");
const moment = new Date("2026-11-20T12:00:00Z");
const everything = [...catalogue.backupItems, ...catalogue.transientData, ...catalogue.outsideRequirements];
const evidence = (at: string, until: string) => ({ what: "Backed up by the directory team, ticket 4711", at, until });

function posture(topology: Topology, facts: Partial<DeclaredPosture> = {}): DeclaredPosture {
  return {
    topology,
    persistentChat: "export",
    schedules: [],
    evidence: {},
    waivers: {},
    maxSkewMilliseconds: null,
    ...facts,
  };
}

const all = (topology: Topology) => ({
  name: "everything",
  sources: listBackupParts(topology).map(({ name }) => name),
});
const rowsOf = (rows: readonly CoverageRow[], item: string) => rows.filter((row) => row.item === item);
const only = (rows: readonly CoverageRow[], item: string) => {
  const found = rowsOf(rows, item);
  expect(found).toHaveLength(1);
  return found[0]!;
};

describe("coverage", () => {
  it("has a row for every item of the catalogue, whatever the deployment", () => {
    fc.assert(
      fc.property(generatedTopology, (topology) => {
        const rows = judgeCoverage(posture(topology), moment);
        expect(new Set(rows.map(({ item }) => item))).toEqual(new Set(everything.map(({ id }) => id)));
        expect(rows.filter(({ state }) => state.kind === "covered")).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("of nothing declared is uncovered wherever something is deployed", () => {
    const uncovered = listUncovered(judgeCoverage(posture(mirrored), moment)).map(({ item, subject }) =>
      `${item} ${subject ?? ""}`.trim(),
    );
    expect(uncovered).toEqual([
      "topology",
      "location-information",
      "response-groups pool01.contoso.com",
      "response-groups pool02.contoso.com",
      "user-data pool01.contoso.com",
      "user-data pool02.contoso.com",
      "user-data se01.contoso.com",
      "archiving",
      "monitoring-cdr",
      "monitoring-qoe",
      "persistent-chat",
      "lync-file-store east",
      "lync-file-store west",
      "archiving-file-store archive",
      "persistent-chat-file-store east",
      "active-directory",
      "certificates",
      "pstn-gateways",
      "coexisting-versions",
      "infrastructure",
      "exchange",
      "high-definition-photos",
      "unified-contact-store",
      "application-audio",
    ]);
  });

  it("of a schedule with every part leaves only what others back up", () => {
    fc.assert(
      fc.property(generatedTopology, (topology) => {
        const rows = judgeCoverage(posture(topology, { schedules: [all(topology)] }), moment);
        const outside = new Set<string>(catalogue.outsideRequirements.map(({ id }) => id));
        expect(listUncovered(rows).filter(({ item }) => !outside.has(item))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("of one part that a schedule lacks is uncovered there and nowhere else", () => {
    const { sources } = all(mirrored);
    for (const missing of sources) {
      const rows = judgeCoverage(
        posture(mirrored, { schedules: [{ name: "s", sources: sources.filter((name) => name !== missing) }] }),
        moment,
      );
      const part = listBackupParts(mirrored).find(({ name }) => name === missing)!;
      expect(
        listUncovered(rows)
          .filter(({ state }) => state.kind === "uncovered" && state.why === "no schedule backs it up")
          .map(({ item }) => item),
      ).toEqual(expect.arrayContaining([...part.covers]));
      expect(
        listUncovered(rows).filter(
          ({ state }) => state.kind === "uncovered" && state.why === "no schedule backs it up",
        ),
      ).toHaveLength(part.covers.length);
    }
  });

  it("names the schedules that cover, and why something is not needed", () => {
    const rows = judgeCoverage(posture(standard, { schedules: [all(standard)] }), moment);
    expect(describeCoverage(only(rows, "topology"))).toBe(
      "Topology, policies and configuration settings: covered by everything",
    );
    expect(only(rows, "archiving").state).toEqual({
      kind: "not-needed",
      because: "It is kept in Exchange: see archiving data in Exchange.",
    });
    expect(only(rows, "location-information").state).toMatchObject({ because: "Enhanced 9-1-1 is not used." });
    expect(only(rows, "address-book").state).toMatchObject({
      because: expect.stringContaining("Active Directory") as string,
    });
    expect(only(rows, "exchange-archiving").state.kind).toBe("uncovered");
  });

  it("of the compliance database depends on its adapter", () => {
    const judge = (compliance: "off" | "xml" | "none", schedules: DeclaredPosture["schedules"] = []) => {
      if (mirrored.persistentChat.kind !== "sql") throw new Error("no Persistent Chat");
      const topology = { ...mirrored, persistentChat: { ...mirrored.persistentChat, compliance } };
      return only(judgeCoverage(posture(topology, { schedules }), moment), "persistent-chat-compliance");
    };
    expect(judge("off").state).toMatchObject({
      kind: "not-needed",
      because: expect.stringContaining("is off") as string,
    });
    expect(judge("xml").state).toMatchObject({
      kind: "not-needed",
      because: expect.stringContaining("xml adapter") as string,
    });
    expect(judge("none").state.kind).toBe("uncovered");
    expect(judge("none", [{ name: "chat", sources: ["database-mgccomp"] }])).toMatchObject({
      state: { kind: "covered" },
      warnings: [expect.stringContaining("exists nowhere else")],
    });
  });
});

describe("evidence", () => {
  const judge = (facts: Partial<DeclaredPosture>, setStartedAt: Date | null = null) =>
    only(judgeCoverage(posture(standard, facts), moment, setStartedAt), "active-directory");

  it("covers until it expires", () => {
    expect(
      judge({ evidence: { "active-directory": evidence("2026-11-19T02:00:00Z", "2026-11-27T00:00:00Z") } }).state,
    ).toEqual({
      kind: "outside",
      evidence: "Backed up by the directory team, ticket 4711",
      at: "2026-11-19T02:00:00Z",
      until: "2026-11-27T00:00:00Z",
    });
    expect(
      judge({ evidence: { "active-directory": evidence("2026-11-01T00:00:00Z", "2026-11-20T12:00:00Z") } }).state,
    ).toEqual({
      kind: "uncovered",
      why: "its evidence expired at 2026-11-20T12:00:00Z",
    });
  });

  it("of the future does not count", () => {
    expect(
      judge({ evidence: { "active-directory": evidence("2026-11-21T00:00:00Z", "2026-12-20T12:00:00Z") } }).state,
    ).toMatchObject({ kind: "uncovered", why: expect.stringContaining("of the future") as string });
  });

  it("of Active Directory says how far it is from the set", () => {
    const facts = {
      evidence: { "active-directory": evidence("2026-11-19T02:00:00Z", "2026-11-27T00:00:00Z") },
      maxSkewMilliseconds: 3_600_000,
    };
    expect(judge(facts, new Date("2026-11-19T02:30:00Z")).warnings).toEqual([]);
    expect(judge(facts, new Date("2026-11-19T12:00:00Z")).warnings).toEqual([
      "Backed up 10h before the recovery set of 2026-11-19T12:00:00Z; maxSkew is 1h.",
    ]);
  });

  it("is for requirements of the catalogue only", () => {
    expect(
      evidenceByIdSchema.safeParse({ "active-directory": evidence("2026-11-19T02:00:00Z", "2026-11-27T00:00:00Z") })
        .success,
    ).toBe(true);
    expect(
      evidenceByIdSchema.safeParse({ topology: evidence("2026-11-19T02:00:00Z", "2026-11-27T00:00:00Z") }).success,
    ).toBe(false);
    expect(evidenceByIdSchema.safeParse({ certificates: { what: "x" } }).success).toBe(false);
  });
});

describe("waivers", () => {
  const waiver = { by: "A. Example", reason: "Rebuilt by script" };

  it("name who and why, for one subject or for all", () => {
    const rows = judgeCoverage(
      posture(mirrored, { waivers: { "user-data:pool02.contoso.com": waiver, "monitoring-qoe": waiver } }),
      moment,
    );
    expect(rowsOf(rows, "user-data").map(({ state }) => state.kind)).toEqual(["uncovered", "waived", "uncovered"]);
    expect(only(rows, "monitoring-qoe").state).toEqual({ kind: "waived", ...waiver, until: null });
  });

  it("expire", () => {
    const rows = judgeCoverage(
      posture(mirrored, { waivers: { topology: { ...waiver, until: "2026-11-20T12:00:00Z" } } }),
      moment,
    );
    expect(only(rows, "topology").state).toEqual({
      kind: "uncovered",
      why: "the waiver by A. Example expired at 2026-11-20T12:00:00Z",
    });
  });

  it("do not hide that something is covered", () => {
    const rows = judgeCoverage(
      posture(mirrored, { schedules: [all(mirrored)], waivers: { topology: waiver } }),
      moment,
    );
    expect(only(rows, "topology").state.kind).toBe("covered");
  });

  it("are for items of the catalogue only", () => {
    expect(waiversSchema.safeParse({ "user-data:pool01.contoso.com": waiver }).success).toBe(true);
    expect(waiversSchema.safeParse({ everything: waiver }).success).toBe(false);
    expect(waiversSchema.safeParse({ topology: { reason: "because" } }).success).toBe(false);
  });
});

describe("names of parts", () => {
  it("are unique, at most 64 characters, and sources of a schedule", () => {
    const long = `${"a".repeat(60)}.${"b".repeat(60)}.contoso.com`;
    const longer = `${"a".repeat(60)}.${"b".repeat(59)}c.contoso.com`;
    const se = mirrored.standardEditionServers["se01.contoso.com"]!;
    const topology = { ...mirrored, standardEditionServers: { [long]: se, [longer]: se } };
    const names = listBackupParts(topology).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/);
  });
});

describe("permissions", () => {
  it("are listed once each, with the parts that need them", () => {
    expect(
      listNeededPermissions(listBackupParts(mirrored)).map(({ permission, parts }) => [permission.id, parts.length]),
    ).toEqual([
      ["file-store-reader", 3],
      ["RTCUniversalServerAdmins", 7],
      ["sql-backup-operator", 3],
      ["CsPersistentChatAdministrator", 1],
    ]);
  });
});

describe("the runbook", () => {
  it("shows coverage, permissions, what others do, both contact scenarios, and how to restore", () => {
    const declared = posture(mirrored, { schedules: [all(mirrored)] });
    const page = renderRunbook(declared, judgeCoverage(declared, moment));
    for (const text of [
      "items are uncovered",
      "| Persistent user data and conference IDs | pool02.contoso.com | covered by everything |",
      "Member of RTCUniversalServerAdmins",
      "must be of the same time",
      "Incorrect Exchange Version",
      "Nothing is to be done",
      "`mirror-primary:pool01.contoso.com`",
      "out of support",
    ])
      expect(page).toContain(text);
  });
});

describe("docs/lync.md", () => {
  it("is what the catalogue says; npm run docs:lync writes it", () => {
    expect(readFileSync(join(__dirname, "../../../docs/lync.md"), "utf8")).toBe(renderCataloguePage());
  });
});
