import type { Host } from "./host";
import { openLocalHost } from "./local";
import type { HostDeclaration, SshCredential } from "./schema";
import { openSshHost } from "./ssh";

/** The host of a declaration, reached with one of its credentials. */
export function openHost(declaration: HostDeclaration, credential: SshCredential = {}): Host {
  switch (declaration.kind) {
    case "local":
      return openLocalHost();
    case "ssh":
      return openSshHost(declaration, credential);
  }
}
