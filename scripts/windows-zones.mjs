import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/**
 * What CLDR says: the name that Windows has for each IANA zone, under each of the zone's own names, in the order of the names.
 *
 * @returns {{version: string, zones: readonly (readonly [string, string])[]}}
 */
export function readWindowsZones() {
  const { version, windowsZones } = readData("cldr-core/supplemental/windowsZones.json").supplemental;
  const { tz } = readData("cldr-bcp47/bcp47/timezone.json").keyword.u;
  /** @type {Map<string, string>} */
  const mapped = new Map();
  for (const { mapZone } of windowsZones.mapTimezones)
    for (const zone of mapZone._type.split(" ")) mapped.set(zone, mapZone._other);
  const found = new Map(mapped);
  for (const { _alias } of Object.values(tz)) {
    /** @type {string[]} */
    const names = _alias === undefined ? [] : _alias.split(" ");
    const windows = names.map((name) => mapped.get(name)).find((name) => name !== undefined);
    for (const name of names) if (windows !== undefined && !found.has(name)) found.set(name, windows);
  }
  const zones = [...found].sort(([one], [other]) => (one < other ? -1 : 1));
  return { version: version._cldrVersion, zones };
}

/** @param {string} path */
function readData(path) {
  return JSON.parse(readFileSync(require.resolve(path), "utf8"));
}
