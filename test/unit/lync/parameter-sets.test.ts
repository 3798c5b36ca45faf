import { findBindingFault, readParameterSets } from "./parameter-sets";
import { parsePowerShell } from "./powershell-grammar";

const known = readParameterSets();

async function bind(line: string, product: "lync2013" | "sfb2015" = "sfb2015"): Promise<string | null> {
  const [command] = await parsePowerShell(line);
  return findBindingFault(command!, product, known);
}

describe("the syntax files", () => {
  it("are understood to the last parameter", () => {
    const names = new Map<string, string[]>();
    for (const set of known.sets)
      names.set(set.cmdlet, [
        ...(names.get(set.cmdlet) ?? []),
        set.parameters
          .map(({ name, mandatory, type }) => `${name}${mandatory ? "!" : ""}${type === null ? "" : "="}`)
          .join(" "),
      ]);
    expect(names.size).toBe(38);
    expect(names.get("Export-CsLisConfiguration")).toEqual(["FileName!=", "AsBytes!"]);
    expect(names.get("Export-CsRgsConfiguration")).toEqual([
      "FileName!= Source!= Force Owner= RemoveExportedConfiguration",
    ]);
    expect(names.get("Publish-CsTopology")?.map((set) => set.split(" ")[0])).toEqual([
      "FileName!=",
      "Document!=",
      "FinalizeUninstall!",
    ]);
    expect(names.get("Install-CsDatabase")).toHaveLength(4);
    expect(names.get("Install-CsDatabase")?.[3]).toContain("LocalDatabases");
    expect(names.get("Install-CsDatabase")?.[3]).toContain("Confirm");
    expect(names.get("Get-CsService")).toHaveLength(32);
    expect([...known.later].sort()).toEqual([
      "Export-CsUserData DbName",
      "Export-CsUserData SqlInstanceName",
      "Export-CsUserData UserFileFilter",
      "Update-CsUserData TargetPoolFqdn",
      "Update-CsUserData TestMode",
      "Update-CsUserData ThreadCount",
      "Update-CsUserData UserFileFilter",
    ]);
  });
});

describe("binding", () => {
  it.each([
    "Export-CsConfiguration -FileName 'a' -ErrorAction Stop",
    "Export-CsUserData -PoolFqdn 'pool01.contoso.com' -FileName 'a'",
    "Enable-CsTopology -Confirm:$false",
    "Get-CsService -FileStore",
    "Get-CsBackupServiceStatus -PoolFqdn 'a.b' -Category CMS",
    "Install-CsDatabase -CentralManagementDatabase -Clean -SqlServerFqdn 'a.b'",
  ])("takes %s", async (line) => {
    expect(await bind(line)).toBeNull();
  });

  it.each([
    ["Export-CsConfiguration -FileName 'a' -Confirm:$false", "binds to 0 sets"],
    ["Export-CsConfiguration -FileName 'a' -AsBytes", "binds to 0 sets"],
    ["Export-CsConfiguration", "binds to 0 sets"],
    ["Export-CsConfiguration 'a'", "belongs to no parameter"],
    ["Export-CsConfiguration -FileName 'a' -FileName 'b'", "given twice"],
    ["Export-CsConfiguration -FileName 'a' 'b'", "binds to 0 sets"],
    ["Export-CsUserData -PoolFqdn 'a.b' -Identity 'u' -FileName 'a'", "binds to 0 sets"],
    ["Export-CsUserData -PoolFqdn 'pool' -FileName 'a'", "binds to 0 sets"],
    ["Get-CsService -FileStore -UserServer", "binds to 0 sets"],
    ["Get-CsBackupServiceStatus -PoolFqdn 'a.b' -Category All", "binds to 0 sets"],
    ["Export-CsEverything -FileName 'a'", "not a cmdlet"],
    ["Install-CsDatabase -SqlServerFqdn 'a.b' -Confirm:$false -Clean", "binds to 0 sets"],
  ])("refuses %s", async (line, fault) => {
    expect(await bind(line)).toContain(fault);
  });

  it("knows what Lync Server 2013 lacks", async () => {
    const line = "Update-CsUserData -FileName 'a' -TestMode -Confirm:$false";
    expect(await bind(line, "lync2013")).toContain("not in Lync Server 2013");
    expect(await bind(line, "sfb2015")).toBeNull();
  });
});
