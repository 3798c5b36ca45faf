import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** What CLDR says: the name that Windows has for each IANA zone, under each of the zone's own names, in the order of the names. */
export function readWindowsZones() {
  const { version, windowsZones } = require("cldr-core/supplemental/windowsZones.json").supplemental;
  const { tz } = require("cldr-bcp47/bcp47/timezone.json").keyword.u;
  const aliases = Object.values(tz).flatMap((zone) => (zone._alias === undefined ? [] : [zone._alias.split(" ")]));
  const mapped = new Map(
    windowsZones.mapTimezones.flatMap(({ mapZone }) => mapZone._type.split(" ").map((zone) => [zone, mapZone._other])),
  );
  const found = new Map(mapped);
  for (const names of aliases) {
    const windows = names.map((name) => mapped.get(name)).find((name) => name !== undefined);
    for (const name of names) if (windows !== undefined && !found.has(name)) found.set(name, windows);
  }
  const zones = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return { version: version._cldrVersion, zones };
}
