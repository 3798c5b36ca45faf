import { windowsZones } from "./windows-zones";

/** The name that Windows has for an IANA time zone, after Unicode's CLDR; null where it has none. */
export function findWindowsZone(timeZone: string): string | null {
  return windowsZones.get(timeZone) ?? null;
}
