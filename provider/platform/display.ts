/**
 * A path or name as it may be shown on a terminal, in a message or a report: UTF-8 where it is UTF-8; control characters,
 * marks that turn the direction of text, and bytes that are not UTF-8 escaped as `\xNN` or `\u{N}`.
 */
export function showPath(path: Buffer | string): string {
  const text = typeof path === "string" ? path : decode(path);
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function decode(bytes: Buffer): string {
  const text = bytes.toString("utf8");
  if (Buffer.from(text, "utf8").equals(bytes)) return text;
  return bytes.toString("latin1").replace(/[\u0080-\u00ff]/g, escapeCharacter);
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code <= 0xff ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u{${code.toString(16)}}`;
}
