import { refuseUnquotable } from "./text";

/**
 * A value as a Unicode literal of Transact-SQL: `it's` is `N'it''s'`.
 *
 * @throws RangeError for control characters and line breaks.
 */
export function quoteSqlText(value: string): string {
  refuseUnquotable(value, "Transact-SQL");
  return `N'${value.replaceAll("'", "''")}'`;
}

/**
 * A value as an identifier of Transact-SQL: `a]b` is `[a]]b]`.
 *
 * @throws RangeError for control characters, line breaks, the empty name and names longer than 128 characters.
 */
export function quoteSqlIdentifier(value: string): string {
  refuseUnquotable(value, "Transact-SQL");
  if (value.length === 0 || value.length > 128) throw new RangeError("a name in Transact-SQL has 1 to 128 characters");
  return `[${value.replaceAll("]", "]]")}]`;
}
