import { isDeepStrictEqual } from "node:util";
import { findUnmetRpo } from "../guard/warnings";
import { scheduleSchema } from "./schema";

const copiedSchema = scheduleSchema.pick({ store: true, copies: true }).strip();
const timedSchema = scheduleSchema.pick({ when: true, expectedDuration: true, copies: true }).strip();

/** What cannot come true of copies, one sentence each, with its property; values that are not known yet are passed over. */
export function foreseeCopies(inputs: Readonly<Record<string, unknown>>): readonly string[] {
  return [...findUnmetRpos(inputs), ...findUnfitStores(inputs)];
}

function findUnmetRpos(inputs: Readonly<Record<string, unknown>>): readonly string[] {
  const { data } = timedSchema.safeParse(inputs);
  if (data === undefined) return [];
  return Object.entries(data.copies ?? {}).flatMap(([name, { rpo }]) =>
    findUnmetRpo({ ...data, rpo }).map(({ property, sentence }) => `copies.${name}.${property}: ${sentence}`),
  );
}

/** Two places of one schedule in one store are one place; and what holds snapshots of one share alone can take nothing else. */
function findUnfitStores(inputs: Readonly<Record<string, unknown>>): readonly string[] {
  const { data } = copiedSchema.safeParse(inputs);
  if (data === undefined) return [];
  const known: { readonly what: string; readonly store: unknown }[] = [
    { what: "the schedule itself", store: data.store },
  ];
  return Object.entries(data.copies ?? {}).flatMap(([name, { store }]) => {
    const other = known.find((each) => isDeepStrictEqual(each.store, store));
    known.push({ what: `its copy ${name}`, store });
    if (other !== undefined)
      return [`copies.${name}.store: is that of ${other.what}: a copy must lie in a store of its own`];
    return store.kind === "azure-files"
      ? [`copies.${name}.store: holds snapshots of its own share and no copies of anything else: declare another store`]
      : [];
  });
}
