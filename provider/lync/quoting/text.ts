const unquotable = /[\p{Control}\p{Surrogate}\u2028\u2029]/u;

/** Control characters, line breaks of every kind, and halves of surrogate pairs: never part of a name or a path. */
export function holdsUnquotable(value: string): boolean {
  return unquotable.test(value);
}

/** @throws RangeError for text that no quoting makes safe. The message names no value. */
export function refuseUnquotable(value: string, language: string): void {
  if (holdsUnquotable(value))
    throw new RangeError(`text with control characters or line breaks cannot be put into ${language}`);
}
