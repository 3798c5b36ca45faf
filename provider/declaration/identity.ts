import { createHash } from "node:crypto";

/** The id of a resource that names none: a slug of its name and twelve hex digits of its owner's SHA-256, so that two children of one name differ. */
export function defaultId(owner: string): string {
  const name = owner.slice(owner.lastIndexOf("::") + 2);
  const slug = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 50)
    .replace(/-+$/, "");
  return `${slug || "posture"}-${createHash("sha256").update(owner).digest("hex").slice(0, 12)}`;
}
