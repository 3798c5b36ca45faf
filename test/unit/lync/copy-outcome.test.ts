import { readCopyOutcome } from "../../../provider/lync/commands";

describe("robocopy's exit code", () => {
  it.each([
    [0, "nothing had to be copied"],
    [1, "files were copied"],
    [3, "files were copied; the destination holds files that the source does not"],
    [4, "some files and folders of one name differ in kind"],
    [
      7,
      "files were copied; the destination holds files that the source does not; some files and folders of one name differ in kind",
    ],
  ])("%i is a success: %s", (exitCode, message) => {
    expect(readCopyOutcome(exitCode)).toEqual({ succeeded: true, message });
  });

  it.each([8, 9, 15, 16, 24, 31, 32, 255, -1, 1.5, Number.NaN])("%d is a failure", (exitCode) => {
    expect(readCopyOutcome(exitCode).succeeded).toBe(false);
  });
});
