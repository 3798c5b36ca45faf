import type { Unreachable } from "./host";

/** What OpenSSH's client says, and what that means for people. The first that fits counts. */
const meanings: readonly (readonly [said: RegExp, why: string, remedy: (host: string) => string])[] = [
  [
    /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    "its host key has changed, so it may be another machine",
    (host) =>
      `if it was set up anew, compare its fingerprint with what its administrator tells, then remove the old key by ssh-keygen -R ${host} and record the new one; if it was not, somebody may stand in between`,
  ],
  [
    /host key is known for|Host key verification failed/i,
    "its host key is not known",
    (host) =>
      `compare its fingerprint with what its administrator tells (ssh-keygen -l on the host), and record it in known_hosts, for instance by connecting once by hand: ssh ${host}`,
  ],
  [
    /Permission denied \(|Too many authentication failures/i,
    "permission denied",
    () => "see that the agent or identityFile has the key, and that authorized_keys of that account there lists it",
  ],
  [/Connection refused/i, "connection refused", () => "see that sshd runs there, on that port"],
  [/timed? ?out/i, "timed out", () => "see that the host is on, and that no firewall stands in between"],
  [
    /Could not resolve hostname/i,
    "its name cannot be resolved",
    () => "correct the address, or the name in the DNS or in OpenSSH's configuration",
  ],
  [/No route to host|Network is unreachable/i, "no route to it", () => "see that the network between is up"],
  [
    /identity file|UNPROTECTED PRIVATE KEY|bad permissions/i,
    "its key cannot be used",
    () => "see that identityFile is there and that nobody else may read it",
  ],
  [
    /Bad configuration|Bad owner or permissions|config: line/i,
    "OpenSSH's configuration on this machine is faulty",
    () => "ssh -G, with the host's name, shows what is wrong with it",
  ],
  [
    /ssh: not found/,
    "the OpenSSH client is missing on this machine",
    () => "install it: apt-get install openssh-client",
  ],
];

/** Why the client gave up, in words, from what it said. */
export function describeSshFailure(said: string, host: string): Unreachable {
  const meaning = meanings.find(([pattern]) => pattern.test(said));
  if (meaning === undefined)
    return { why: "the connection was closed", remedy: `see why by connecting by hand: ssh -v ${host}` };
  const [, why, remedy] = meaning;
  return { why, remedy: remedy(host) };
}
