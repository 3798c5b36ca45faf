import { isDeepStrictEqual } from "node:util";
import { openHost } from "../../hosts";
import type { Host } from "../../hosts/host";
import type { SshCredential, SshHostDeclaration } from "../../hosts/schema";
import { RemoteView } from "./view";

/** The remote hosts of one process of the engine: each is connected to once with each of its credentials. */
export class RemoteHosts {
  readonly #hosts = new Map<string, Host>();
  readonly #views: { readonly declaration: SshHostDeclaration; readonly view: RemoteView }[] = [];

  /** @param report tells the person who runs the engine. */
  constructor(readonly report: (line: string) => void) {}

  /** The one look at a home of a host. */
  view(declaration: SshHostDeclaration, home: string): RemoteView {
    const known = this.#views.find(
      (candidate) => candidate.view.home.root === home && isDeepStrictEqual(candidate.declaration, declaration),
    );
    if (known !== undefined) return known.view;
    const view = new RemoteView(declaration, home, {
      report: this.report,
      open: (credential) => this.#open(declaration, credential),
    });
    this.#views.push({ declaration, view });
    return view;
  }

  /** Ends all connections. */
  async close(): Promise<void> {
    for (const { view } of this.#views) await view.close();
    for (const host of this.#hosts.values()) await host.close();
  }

  #open(declaration: SshHostDeclaration, credential: SshCredential): Host {
    const { address, port, knownHostsFile } = declaration;
    const key = JSON.stringify([address, port, knownHostsFile, credential.user, credential.identityFile]);
    const known = this.#hosts.get(key);
    if (known !== undefined) return known;
    const host = openHost(declaration, credential);
    this.#hosts.set(key, host);
    return host;
  }
}
