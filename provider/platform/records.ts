/**
 * What a record that users name the entries of holds under a name, or undefined. Reading it by `record[name]` would find, for a
 * name such as `constructor`, what every object inherits.
 */
export function entryOf<T>(record: Readonly<Record<string, T>> | undefined, name: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
}
