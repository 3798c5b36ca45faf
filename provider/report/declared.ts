import { textAt } from "../guard/controls/properties";
import type { Job } from "../runner/job";

/** What controls read of each kind; docs/controls.md lists the same. */
const readByControls: Readonly<Record<Job["kind"], readonly string[]>> = {
  schedule: ["when", "keep", "rpo", "grace", "expectedDuration", "paused", "sources", "store", "copies"],
  drill: ["from", "drill", "maxRestoreTime"],
  snapshot: ["share", "verify", "store"],
};

/** What controls read of a job's declaration, with its id. */
export function declaredForControls({ id, kind, declaration }: Job): Record<string, unknown> {
  const read = Object.entries(declaration).filter(([key]) => readByControls[kind].includes(key));
  return { id, ...Object.fromEntries(read) };
}

/** The name of the resource that a URN is of; the id where there is none. */
export function nameOf(owner: string | null, id: string): string {
  const colons = owner?.lastIndexOf("::") ?? -1;
  return owner === null || colons === -1 ? id : owner.slice(colons + 2);
}

/** Where a store is, in a few words, without what a repository's address may hold of a password. */
export function placeOf(store: unknown): string {
  const place = textAt(store, "path") ?? textAt(store, "repository") ?? textAt(store, "share");
  return place?.replace(/\/\/[^/@\s]*@/, "//") ?? textAt(store, "kind") ?? "unknown";
}
