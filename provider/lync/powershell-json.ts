import { z } from "zod";

/** An object as ConvertTo-Json leaves it; what is in it is looked at piece by piece. */
export type JsonObject = Readonly<Record<string, unknown>>;

const objectSchema = z.record(z.string(), z.unknown());

/**
 * A list, in the shapes that ConvertTo-Json gives it: an array; one element alone, without its array; `{value, Count}`, as Windows
 * PowerShell writes arrays that carry extended type data; or nothing at all.
 */
export function readList(value: unknown): readonly unknown[] {
  if (value === null || value === undefined || value === "") return [];
  if (Array.isArray(value)) return value.flatMap(readList);
  const object = readObject(value);
  if (object !== null && "value" in object && "Count" in object) return readList(object.value);
  return [value];
}

/** An object, or null for anything else. */
export function readObject(value: unknown): JsonObject | null {
  const parsed = objectSchema.safeParse(value);
  return parsed.success && !Array.isArray(value) ? parsed.data : null;
}

/** Text of a property: itself, or, of an identity that was written as an object, the text in it. Null where there is none. */
export function readText(object: JsonObject, ...names: readonly string[]): string | null {
  for (const name of names) {
    const text = asText(object[name]);
    if (text !== null) return text;
  }
  return null;
}

/** Texts of a list of texts, or of objects that name something. */
export function readTexts(object: JsonObject, name: string): readonly string[] {
  return readList(object[name]).flatMap((element) => asText(element) ?? []);
}

function asText(value: unknown): string | null {
  if (typeof value === "string") return value.trim() === "" ? null : value.trim();
  const object = readObject(value);
  return object === null ? null : readText(object, "Identity", "Fqdn", "ServiceId", "Value");
}
