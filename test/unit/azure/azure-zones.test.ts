import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { findWindowsZone } from "../../../provider/azure/windows-zone";
import { windowsZones } from "../../../provider/azure/windows-zones";
import { isTimeZone } from "../../../provider/schedule/calendar";

const modules = resolve(__dirname, "../../../node_modules");

interface WindowsZones {
  readonly supplemental: {
    readonly windowsZones: {
      readonly mapTimezones: readonly { readonly mapZone: { readonly _type: string; readonly _other: string } }[];
    };
  };
}

interface Aliases {
  readonly keyword: { readonly u: { readonly tz: Readonly<Record<string, string | { readonly _alias?: string }>> } };
}

describe("Windows' names for time zones", () => {
  it("are those of every zone that CLDR maps", async () => {
    const { supplemental } = await read<WindowsZones>("cldr-core/supplemental/windowsZones.json");
    const pairs = supplemental.windowsZones.mapTimezones.flatMap(({ mapZone }) =>
      mapZone._type.split(" ").map((zone) => [zone, mapZone._other] as const),
    );
    expect(pairs.length).toBeGreaterThan(500);
    for (const [zone, windows] of pairs) expect([zone, findWindowsZone(zone)]).toEqual([zone, windows]);
  });

  it("are the same under every name that a zone has", async () => {
    const { keyword } = await read<Aliases>("cldr-bcp47/bcp47/timezone.json");
    const names = Object.values(keyword.u.tz).flatMap((zone) =>
      typeof zone === "string" || zone._alias === undefined ? [] : [zone._alias.split(" ")],
    );
    const different = names.filter((all) => new Set(all.map(findWindowsZone)).size > 1);
    expect(different).toEqual([]);
    expect(windowsZones.size).toBe(new Set(windowsZones.keys()).size);
  });

  it("are those of every zone that this platform knows, but for one that Windows has none for", () => {
    const missing = Intl.supportedValuesOf("timeZone").filter(
      (zone) => isTimeZone(zone) && findWindowsZone(zone) === null,
    );
    expect(missing).toEqual(["Antarctica/Troll"]);
    expect(findWindowsZone("UTC")).toBe("UTC");
    expect(findWindowsZone("Asia/Kolkata")).toBe("India Standard Time");
  });
});

async function read<Data>(path: string): Promise<Data> {
  return JSON.parse(await readFile(join(modules, path), "utf8")) as Data;
}
