import { randomBytes } from "node:crypto";
import { formatInstant, now } from "../platform/clock";

/** The id of a new run or drill. Begins with the time, so that names sort by it; the rest tells apart those of one second. */
export function makeRunId(): string {
  return `${formatInstant(now()).replace(/[-:]/g, "")}-${randomBytes(4).toString("hex")}`;
}
