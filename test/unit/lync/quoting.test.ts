import fc from "fast-check";
import { quotePowerShell } from "../../../provider/lync/quoting/powershell";
import { quoteRobocopyFolder } from "../../../provider/lync/quoting/robocopy";
import { quoteSqlIdentifier, quoteSqlText } from "../../../provider/lync/quoting/transact-sql";
import { parsePowerShell, readVerbatimString } from "./powershell-grammar";

/** Pieces that end, open, escape or expand something in PowerShell, Transact-SQL, sqlcmd or a command line. */
const hostilePieces = [
  ...Array.from("'\"`$()[]{};&|<>#@,-/\\%!*?= "),
  ...Array.from("\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u2013\u2014\u2015\u00a0\u{1f600}é"),
  "$(calc)",
  "''",
  "']",
  "]]",
  "--",
  "/*",
  "; Remove-Item C:\\ -Recurse #",
  "'; DROP DATABASE [xds]; --",
  "@'",
  "'@",
  "-Purge",
  "GO",
  "a",
];
const hostileText = fc.string({ unit: fc.constantFrom(...hostilePieces), maxLength: 12 });
const unquotable = ["\0", "\n", "\r", "\t", "\u001b", "\u007f", "\u0085", "\u2028", "\u2029", "\ud800"];

describe("quotePowerShell", () => {
  it("is read back as one string of the same value, and nothing after it changes", async () => {
    await fc.assert(
      fc.asyncProperty(hostileText, async (value) => {
        const commands = await parsePowerShell(`Test-It -Before 'b' -Value ${quotePowerShell(value)} -After 'a'`);
        expect(commands).toEqual([
          {
            name: "Test-It",
            elements: [
              { kind: "parameter", name: "Before" },
              { kind: "text", value: "b" },
              { kind: "parameter", name: "Value" },
              { kind: "text", value },
              { kind: "parameter", name: "After" },
              { kind: "text", value: "a" },
            ],
          },
        ]);
      }),
      { numRuns: 800 },
    );
  });

  it.each(["'", "\u2018", "\u2019", "\u201a", "\u201b"])("doubles %s", (quote) => {
    expect(quotePowerShell(`a${quote}b`)).toBe(`'a${quote}${quote}b'`);
    expect(() => readVerbatimString(`'a${quote}b'`)).toThrow("ends early");
  });
});

describe("quoteSqlText", () => {
  it("is read back as one literal of the same value", () => {
    fc.assert(
      fc.property(hostileText, (value) => {
        expect(readSql(quoteSqlText(value), "N'", "'")).toBe(value);
      }),
      { numRuns: 800 },
    );
  });
});

describe("quoteSqlIdentifier", () => {
  it("is read back as one identifier of the same value", () => {
    fc.assert(
      fc.property(
        hostileText.filter((value) => value.length > 0 && value.length <= 128),
        (value) => {
          expect(readSql(quoteSqlIdentifier(value), "[", "]")).toBe(value);
        },
      ),
      { numRuns: 800 },
    );
  });

  it.each(["", "x".repeat(129)])("refuses names of 0 and of 129 characters", (name) => {
    expect(() => quoteSqlIdentifier(name)).toThrow("1 to 128");
  });
});

describe.each([
  ["quotePowerShell", quotePowerShell],
  ["quoteSqlText", quoteSqlText],
  ["quoteSqlIdentifier", quoteSqlIdentifier],
  ["quoteRobocopyFolder", (value: string) => quoteRobocopyFolder(`D:\\${value}`)],
])("%s", (_, quote) => {
  it.each(unquotable)("refuses %j, without showing the value", (character) => {
    const attempt = () => quote(`hidden${character}`);
    expect(attempt).toThrow(RangeError);
    expect(attempt).not.toThrow(/hidden/);
  });
});

describe("quoteRobocopyFolder", () => {
  it.each([
    ["D:\\run\\filestore", "D:\\run\\filestore"],
    ["D:\\run\\", "D:\\run"],
    ["D:\\run\\\\\\", "D:\\run"],
    ["D:\\", "D:\\."],
    ["D:/run/new", "D:\\run\\new"],
    ["\\\\fs01.contoso.com\\lync share\\", "\\\\fs01.contoso.com\\lync share"],
    ["\\\\fs01\\lync$\\1-WebServices-1", "\\\\fs01\\lync$\\1-WebServices-1"],
  ])("%j is %j", (path, folder) => {
    expect(quoteRobocopyFolder(path)).toBe(folder);
  });

  it.each([
    "",
    "relative",
    "/MIR",
    "-x",
    "\\",
    "\\\\server",
    "\\\\server\\",
    "D:run",
    "D:\\a\\..\\b",
    'D:\\a" /MIR "',
    "D:\\*",
    "D:\\a?",
    "D:\\a:stream",
    "\\\\?\\D:\\a",
    "D:\\a|b",
  ])("refuses %j", (path) => {
    expect(() => quoteRobocopyFolder(path)).toThrow(RangeError);
  });

  it("never ends in a backslash, never begins with a slash or hyphen, never holds a quote", () => {
    fc.assert(
      fc.property(fc.constantFrom("D:\\", "\\\\fs\\share\\", ""), hostileText, (root, rest) => {
        let folder: string;
        try {
          folder = quoteRobocopyFolder(root + rest);
        } catch {
          return;
        }
        expect(folder).toMatch(/^([A-Za-z]:\\|\\\\[^\\])[^"*?]*[^\\"]$/);
      }),
      { numRuns: 800 },
    );
  });
});

/** Reads one quoted thing as SQL Server does: a doubled closing character stands for itself; nothing may follow. */
function readSql(source: string, opening: string, closing: string): string {
  if (!source.startsWith(opening)) throw new Error("does not open");
  let value = "";
  for (let at = opening.length; at < source.length; at += 1) {
    if (source[at] === closing) {
      if (source[at + 1] !== closing) {
        if (at !== source.length - 1) throw new Error("ends early");
        return value;
      }
      at += 1;
    }
    value += source[at] ?? "";
  }
  throw new Error("does not end");
}
