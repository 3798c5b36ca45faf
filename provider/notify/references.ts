import type { SecretReference } from "../declaration/primitives";
import type { Notifier } from "./schema";

/** The secrets that a notifier refers to, by the names of its properties. */
export function listReferences(notifier: Notifier): readonly (readonly [string, SecretReference])[] {
  switch (notifier.kind) {
    case "webhook":
      return [["url", notifier.url], ...(notifier.token === undefined ? [] : [["token", notifier.token] as const])];
    case "email":
      return notifier.password === undefined ? [] : [["password", notifier.password]];
    case "ping":
      return [["url", notifier.url]];
  }
}
