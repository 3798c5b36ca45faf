import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a tree is, told without any of the code that is under test: a line an entry, in full, by path as bytes (latin1). */
export function lookAt(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const names = new Map<string, string[]>();
  look(Buffer.from(root), "", found, names);
  for (const paths of names.values())
    if (paths.length > 1) for (const path of paths) found.set(path, `${found.get(path)} = ${paths.sort().join(" ")}`);
  return found;
}

function look(root: Buffer, path: string, found: Map<string, string>, names: Map<string, string[]>): void {
  const place = path === "" ? root : Buffer.concat([root, Buffer.from(`/${path}`, "latin1")]);
  const stats = lstatSync(place, { bigint: true });
  const common = `${(stats.mode & 0o7777n).toString(8)} ${stats.uid}:${stats.gid} ${stats.mtimeNs}`;
  if (stats.isSymbolicLink()) found.set(path, `link ${common} ${readlinkSync(place, { encoding: "latin1" })}`);
  else if (stats.isFile()) {
    found.set(path, `file ${common} ${stats.size} ${createHash("sha256").update(readFileSync(place)).digest("hex")}`);
    if (stats.nlink > 1n) names.set(`${stats.ino}`, [...(names.get(`${stats.ino}`) ?? []), path]);
  } else if (stats.isDirectory()) {
    found.set(path, `directory ${common}`);
    for (const name of readdirSync(place, { encoding: "latin1" }))
      look(root, path === "" ? name : `${path}/${name}`, found, names);
  } else found.set(path, "special");
}
