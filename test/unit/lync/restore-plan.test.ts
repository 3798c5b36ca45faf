import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listBackupParts } from "../../../provider/lync/backup-parts";
import {
  describeFailure,
  type Failure,
  findFailure,
  formatFailure,
  listFailures,
  planRestore,
  type RestorePlanOptions,
} from "../../../provider/lync/restore-plan";
import { parseTopology, type Topology } from "../../../provider/lync/topology";
import { digestOf, type RestorePlan, restorePlanSchema } from "../../../provider/restore/plan";
import { renderPlan } from "../../../provider/restore/plan-markdown";

const example = (name: string): Topology =>
  parseTopology(
    JSON.parse(readFileSync(join(__dirname, `../../../examples/lync-enterprise-pool/topologies/${name}.json`), "utf8")),
  );
const mirrored = example("two-pools-mirrored");
const enterprise = example("enterprise-pool");
const standard = example("standard-edition");
const startedAt = new Date("2026-11-19T01:00:00Z");

function plan(
  topology: Topology,
  failure: Failure,
  options: RestorePlanOptions = {},
  lacks: readonly string[] = [],
): RestorePlan {
  const parts = listBackupParts(topology, options.persistentChat)
    .map(({ name }) => ({ name, schedule: "lync", point: `point-${name}`, startedAt }))
    .filter(({ name }) => !lacks.includes(name));
  return planRestore(topology, failure, { id: "set-1", startedAt, folder: "D:\\restore", parts }, options);
}

const ids = ({ steps }: RestorePlan): readonly string[] => steps.map(({ id }) => id);
const typed = ({ steps }: RestorePlan, id: string): readonly string[] =>
  steps.find((step) => step.id === id)?.commands.map(({ display }) => display) ?? [];

describe("the order of a plan", () => {
  it("of a whole deployment is that of the restoration table", () => {
    const order = ids(plan(enterprise, { kind: "everything" }));
    expect(order).toEqual([
      "bring-back-files",
      "build-sql01.contoso.com",
      "build-sql02.contoso.com",
      "build-fe01.contoso.com",
      "build-fe02.contoso.com",
      "build-fe03.contoso.com",
      "build-med01.contoso.com",
      "build-dir01.contoso.com",
      "build-edge01.contoso.com",
      "build-edge02.contoso.com",
      "file-store-main",
      "create-central-management-store",
      "set-store-location",
      "import-configuration",
      "enable-topology",
      "create-databases-sql01.contoso.com\\RTC",
      "create-databases-sql02.contoso.com\\ARCHIVE",
      "reinstall-fe01.contoso.com",
      "reinstall-fe02.contoso.com",
      "reinstall-fe03.contoso.com",
      "reinstall-med01.contoso.com",
      "reinstall-dir01.contoso.com",
      "reinstall-edge01.contoso.com",
      "reinstall-edge02.contoso.com",
      "import-location-information",
      "stop-pool01.contoso.com",
      "import-user-data-pool01.contoso.com",
      "start-pool01.contoso.com",
      "import-response-groups-pool01.contoso.com",
      "restore-database-LcsLog",
      "restore-database-LcsCDR",
      "restore-database-QoEMetrics",
    ]);
  });

  it("of a Standard Edition server with the Central Management store builds, creates, reinstalls, imports", () => {
    expect(ids(plan(standard, { kind: "standard-edition-server", server: "se01.contoso.com" }))).toEqual([
      "bring-back-files",
      "build-se01.contoso.com",
      "file-store-main",
      "create-central-management-store",
      "set-store-location",
      "import-configuration",
      "enable-topology",
      "reinstall-se01.contoso.com",
      "stop-se01.contoso.com",
      "import-user-data-se01.contoso.com",
      "start-se01.contoso.com",
      "import-response-groups-se01.contoso.com",
      "roll-back-contacts",
    ]);
  });

  it("of a Standard Edition server without it leaves the store alone", () => {
    const order = ids(plan(mirrored, { kind: "standard-edition-server", server: "SE01.contoso.com" }));
    expect(order).not.toContain("create-central-management-store");
    expect(order).toContain("import-user-data-se01.contoso.com");
  });

  it("of a pool begins with its Back End, then each Front End Server", () => {
    const order = ids(plan(mirrored, { kind: "pool", pool: "pool02.contoso.com" }));
    expect(order.indexOf("build-sql11.contoso.com")).toBeLessThan(order.indexOf("build-fe11.contoso.com"));
    expect(order.indexOf("create-databases-sql11.contoso.com\\RTC")).toBeLessThan(
      order.indexOf("reinstall-fe11.contoso.com"),
    );
    expect(order.indexOf("reinstall-fe12.contoso.com")).toBeLessThan(
      order.indexOf("import-user-data-pool02.contoso.com"),
    );
    expect(order).not.toContain("create-central-management-store");
  });

  it("of a lost primary fails over, unmirrors, points at the survivor, restarts, and mirrors anew", () => {
    const found = plan(mirrored, { kind: "mirror-primary", pool: "pool01.contoso.com" });
    expect(ids(found)).toEqual([
      "fail-over-pool01.contoso.com",
      "set-store-location",
      "unmirror-pool01.contoso.com",
      "repoint-pool01.contoso.com",
      "restart-pool01.contoso.com",
      "uninstall-mirror-pool01.contoso.com",
      "build-sql01.contoso.com",
      "install-mirror-pool01.contoso.com",
    ]);
    expect(typed(found, "fail-over-pool01.contoso.com")).toEqual([
      "Invoke-CsDatabaseFailover -PoolFqdn 'pool01.contoso.com' -DatabaseType 'User' -NewPrincipal 'Mirror' -Force -ErrorAction Stop",
    ]);
    expect(typed(found, "set-store-location")[0]).toContain(
      "-SqlServerFqdn 'sql02.contoso.com' -SqlInstanceName 'RTC' -Confirm:$false",
    );
  });

  it("of a lost mirror never stops the pool", () => {
    const order = ids(plan(mirrored, { kind: "mirror", pool: "pool02.contoso.com" }));
    expect(order).toEqual([
      "uninstall-mirror-pool02.contoso.com",
      "build-sql12.contoso.com",
      "install-mirror-pool02.contoso.com",
    ]);
  });

  it.each(["fe01.contoso.com", "med01.contoso.com", "dir01.contoso.com", "edge01.contoso.com", "chat01.contoso.com"])(
    "of server %s is the machine and the wizard only",
    (server) => {
      expect(ids(plan(mirrored, { kind: "server", server }))).toEqual([`build-${server}`, `reinstall-${server}`]);
    },
  );
});

describe("user data", () => {
  const found = plan(enterprise, { kind: "user-data", pool: "pool01.contoso.com" });

  it("is imported while all Front End Servers are stopped, and they start together", () => {
    expect(ids(found)).toEqual([
      "bring-back-files",
      "stop-pool01.contoso.com",
      "import-user-data-pool01.contoso.com",
      "start-pool01.contoso.com",
    ]);
    const stopped = typed(found, "stop-pool01.contoso.com").join("\n");
    const started = typed(found, "start-pool01.contoso.com").join("\n");
    for (const frontEnd of ["fe01", "fe02", "fe03"]) {
      expect(stopped).toContain(`Stop-CsWindowsService -ComputerName '${frontEnd}.contoso.com' -Confirm:$false`);
      expect(started).toContain(
        `Start-CsWindowsService -ComputerName '${frontEnd}.contoso.com' -NoWait -Confirm:$false`,
      );
    }
  });

  it("is imported from this very set, by a command without -Confirm", () => {
    expect(typed(found, "import-user-data-pool01.contoso.com")).toEqual([
      "Import-CsUserData -PoolFqdn 'pool01.contoso.com' -FileName 'D:\\restore\\user-data-pool01.contoso.com\\user-data.zip' -ErrorAction Stop",
    ]);
  });

  it("is rehearsed first where the product can", () => {
    expect(found.steps[1]?.before[0]?.command?.display).toContain("Update-CsUserData");
    expect(plan(mirrored, { kind: "user-data", pool: "pool01.contoso.com" }).steps[1]?.before).toEqual([]);
  });

  it("names the users whose contacts were rolled back, or says how to find them", () => {
    const named = plan(
      mirrored,
      { kind: "user-data", pool: "pool01.contoso.com" },
      { rolledBackUsers: ["sip:o'neil@contoso.com"] },
    );
    expect(typed(named, "roll-back-contacts")).toEqual([
      "Invoke-CsUcsRollback -Identity 'sip:o''neil@contoso.com' -Confirm:$false -ErrorAction Stop",
    ]);
    const unnamed = plan(mirrored, { kind: "user-data", pool: "pool01.contoso.com" }).steps.at(-1);
    expect(unnamed?.kind).toBe("manual");
    expect(unnamed?.instructions.join(" ")).toContain("Incorrect Exchange Version");
    expect(ids(found)).not.toContain("roll-back-contacts");
  });
});

describe("the Central Management store", () => {
  it("is created clean, pointed at, filled and enabled, by exact commands", () => {
    const found = plan(enterprise, { kind: "central-management-store" });
    expect(typed(found, "bring-back-files")).toEqual([
      "backup-posture restore lync --point point-configuration --to D:\\restore\\configuration --overwrite",
      "backup-posture restore lync --point point-location-information --to D:\\restore\\location-information --overwrite",
    ]);
    expect(found.steps.slice(1).flatMap(({ commands }) => commands.map(({ display }) => display))).toEqual([
      "Install-CsDatabase -CentralManagementDatabase -Clean -SqlServerFqdn 'sql01.contoso.com' -SqlInstanceName 'RTC' -Confirm:$false -ErrorAction Stop",
      "Set-CsConfigurationStoreLocation -SqlServerFqdn 'sql01.contoso.com' -SqlInstanceName 'RTC' -Confirm:$false -ErrorAction Stop",
      "Import-CsConfiguration -FileName 'D:\\restore\\configuration\\configuration.zip' -ErrorAction Stop",
      "Enable-CsTopology -Confirm:$false -ErrorAction Stop",
      "Import-CsLisConfiguration -FileName 'D:\\restore\\location-information\\location-information.zip' -ErrorAction Stop",
    ]);
    expect(found.steps.find(({ id }) => id === "create-central-management-store")?.destroys).toContain("xds and lis");
  });

  it("is never emptied when the set has nothing to fill it with", () => {
    const found = plan(enterprise, { kind: "central-management-store" }, {}, ["configuration"]);
    expect(ids(found)).toEqual(["bring-back-files", "export-from-replica", "import-location-information"]);
    expect(found.warnings.join("\n")).toContain("has nothing for: Import topology, policies and configuration");
    expect(typed(found, "export-from-replica")[0]).toContain("-LocalStore");
  });
});

describe("other parts", () => {
  it("Response Groups take over their contact objects and their settings", () => {
    expect(
      typed(
        plan(enterprise, { kind: "response-groups", pool: "pool01.contoso.com" }),
        "import-response-groups-pool01.contoso.com",
      ),
    ).toEqual([
      "Import-CsRgsConfiguration -Destination 'service:ApplicationServer:pool01.contoso.com' -FileName 'D:\\restore\\response-groups-pool01.contoso.com\\response-groups.zip' -OverwriteOwner -ReplaceExistingRgsSettings -ErrorAction Stop",
    ]);
  });

  it("a file store goes back to its path, deleting nothing", () => {
    expect(typed(plan(enterprise, { kind: "file-store", name: "main" }), "file-store-main")).toEqual([
      "robocopy D:\\restore\\file-store-main \\\\fs01.contoso.com\\LyncShare /E /COPY:DATS /DCOPY:T /XJ /XF Meeting.Active /R:2 /W:5 /NP /UNILOG:D:\\restore\\restore-file-store-main.log",
    ]);
  });

  it("databases are verified, restored, and looked at for their role", () => {
    const [, step] = plan(enterprise, { kind: "archiving" }).steps;
    expect(step?.before[0]?.command?.display).toContain("RESTORE VERIFYONLY");
    expect(step?.commands[0]?.display).toBe(
      "sqlcmd -S sql02.contoso.com\\ARCHIVE -E -b -x -Q 'RESTORE DATABASE [LcsLog] FROM DISK=N''D:\\restore\\database-LcsLog\\LcsLog.bak'' WITH REPLACE, CHECKSUM, RECOVERY, STATS=10'",
    );
    expect(step?.after[0]?.text).toContain("RTCComponentUniversalServices");
  });

  it("Persistent Chat is restored by the way that it was backed up, between stop and start", () => {
    expect(ids(plan(mirrored, { kind: "persistent-chat" }))).toEqual([
      "bring-back-files",
      "stop-persistent-chat",
      "import-persistent-chat",
      "start-persistent-chat",
    ]);
    expect(ids(plan(mirrored, { kind: "persistent-chat" }, { persistentChat: "sql-server" }))).toContain(
      "restore-database-mgc",
    );
  });
});

describe("every plan", () => {
  const all = [standard, enterprise, mirrored].flatMap((topology) =>
    listFailures(topology).map((failure) => [describeFailure(failure), plan(topology, failure)] as const),
  );

  it.each(all)("of %s is valid, says who and where, and asks before it destroys", (_, found) => {
    expect(restorePlanSchema.safeParse(found).success).toBe(true);
    expect(restorePlanSchema.parse(JSON.parse(JSON.stringify(found)))).toEqual(found);
    for (const step of found.steps) {
      expect(step.permissions).not.toHaveLength(0);
      for (const { display } of step.commands)
        if (/-Clean|RESTORE DATABASE|Import-CsUserData|Import-CsConfiguration|-DropExisting/.test(display))
          expect(step.destroys).not.toBeNull();
    }
  });

  it.each(all)("of %s has a Markdown page with every command and title in it", (_, found) => {
    const page = renderPlan(found);
    for (const step of found.steps) {
      expect(page).toContain(step.title);
      for (const { display } of step.commands) expect(page).toContain(display);
      if (step.destroys !== null) expect(page).toContain(step.destroys);
    }
    expect(page.split("\n").filter((line) => line.startsWith("- [ ]"))).toHaveLength(found.steps.length);
  });

  it("covers every kind of failure, and refuses one that cannot be", () => {
    expect(new Set(listFailures(mirrored).map(({ kind }) => kind)).size).toBe(15);
    expect(() => plan(standard, { kind: "archiving" })).toThrow("cannot lose the Archiving database");
    expect(() => plan(standard, { kind: "pool", pool: "se01.contoso.com" })).toThrow(RangeError);
    expect(() => plan(enterprise, { kind: "mirror", pool: "pool01.contoso.com" })).toThrow(RangeError);
  });

  it("names what the set lacks, and has no step for it", () => {
    const found = plan(enterprise, { kind: "everything" }, {}, ["database-LcsCDR", "file-store-main"]);
    expect(found.warnings.filter((warning) => warning.includes("has nothing for"))).toEqual([
      expect.stringContaining("Restore file store main"),
      expect.stringContaining("Restore LcsCDR"),
    ]);
    expect(ids(found)).not.toContain("restore-database-LcsCDR");
  });

  it("warns of an Active Directory that was backed up at another time, or nobody knows when", () => {
    const at = (hour: number) => new Date(startedAt.getTime() + hour * 3_600_000);
    const warnings = (options: RestorePlanOptions) =>
      plan(enterprise, { kind: "user-data", pool: "pool01.contoso.com" }, options).warnings;
    expect(warnings({})[0]).toContain("not known when Active Directory");
    expect(warnings({ activeDirectoryBackedUpAt: at(-5), maxSkewMilliseconds: 3_600_000 })).toEqual([
      expect.stringContaining("5h before the recovery set, more than the 1h allowed"),
    ]);
    expect(warnings({ activeDirectoryBackedUpAt: at(1), maxSkewMilliseconds: 3_600_000 })).toEqual([]);
  });

  it("warns of parts that were taken at different times", () => {
    const late = {
      name: "configuration",
      schedule: "settings",
      point: "p",
      startedAt: new Date("2026-11-18T01:00:00Z"),
    };
    const early = { name: "user-data-pool01.contoso.com", schedule: "users", point: "q", startedAt };
    const set = { id: "set-1", startedAt, folder: "D:\\restore", parts: [late, early] };
    const options = { activeDirectoryBackedUpAt: startedAt, maxSkewMilliseconds: 3_600_000 };
    const { warnings } = planRestore(enterprise, { kind: "user-data", pool: "pool01.contoso.com" }, set, options);
    expect(warnings).toEqual([expect.stringContaining("taken 1d apart")]);
  });

  it("is found by what is typed", () => {
    for (const failure of listFailures(mirrored))
      expect(findFailure(mirrored, formatFailure(failure).toUpperCase())).toEqual(failure);
    expect(findFailure(standard, "archiving")).toBeUndefined();
  });

  it("has a digest that any change changes", () => {
    const found = plan(enterprise, { kind: "archiving" });
    expect(digestOf(found)).toBe(digestOf(structuredClone(found)));
    expect(digestOf({ ...found, title: "Another" })).not.toBe(digestOf(found));
  });
});
