import { z } from "zod";

/** A resource as a policy or an engine event shows it: plain properties, or what stands for those not known yet. */
export interface PlainResource {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** What stands for a value that is not known before `up`, whatever its type. */
export const unknownProperty: unique symbol = Symbol("not known before up");

/** How the engine spells values that are not known, one for each type. */
const spellings = new Set([
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
  "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
  "030794c1-ac77-496b-92df-f27374a8bd58",
  "e48ece36-62e2-4504-bad9-02848725956a",
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
]);

/** A copy of properties in which whatever is not known yet, or throws when it is looked at, is {@link unknownProperty}. */
export function reveal(properties: unknown): Readonly<Record<string, unknown>> {
  const revealed = revealValue(properties);
  const parsed = z.record(z.string(), z.unknown()).safeParse(revealed);
  return parsed.success ? parsed.data : {};
}

function revealValue(value: unknown): unknown {
  if (typeof value === "string" && spellings.has(value)) return unknownProperty;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, index) => revealAt(value, index));
  return Object.fromEntries(Object.keys(value).map((key) => [key, revealAt(value, key)]));
}

/** Policies are shown properties that throw where they are not known. */
function revealAt(object: object, key: PropertyKey): unknown {
  let value: unknown;
  try {
    value = Reflect.get(object, key);
  } catch {
    return unknownProperty;
  }
  return revealValue(value);
}

/** The value at a path such as `properties.securitySettings`; {@link unknownProperty} where it, or what holds it, is not known. */
export function valueAt(properties: unknown, path: string): unknown {
  let value = properties;
  for (const step of path.split(".")) {
    if (value === unknownProperty || typeof value !== "object" || value === null) break;
    value = Reflect.get(value, step);
  }
  return value;
}

/** The text at a path; undefined where there is none, or none is known. */
export function textAt(properties: unknown, path: string): string | undefined {
  const value = valueAt(properties, path);
  return typeof value === "string" ? value : undefined;
}

/** The number at a path; undefined where there is none, or none is known. */
export function numberAt(properties: unknown, path: string): number | undefined {
  const value = valueAt(properties, path);
  return typeof value === "number" ? value : undefined;
}

/** Whether anything within is not known. */
export function holdsUnknown(value: unknown): boolean {
  if (value === unknownProperty) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsUnknown);
}
