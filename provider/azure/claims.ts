import * as pulumi from "@pulumi/pulumi";
import { limits } from "./limits";

/** Which vault a component registers its account with. */
export interface VaultClaim {
  readonly component: string;
  /** The account's id. */
  readonly account: string;
  /** The vault's id; or, of one that the component makes, what tells it from others. */
  readonly vault: string;
}

/** By URN. One program, one monitor: programs that run one after the other in a process know nothing of each other. */
const programs = new WeakMap<object, Map<string, VaultClaim>>();

/**
 * Notes a component's claim, in place of an earlier one of the same component.
 *
 * @throws Error where another component of the program registers the account with another vault, or the vault protects too many shares.
 */
export function claimVault(urn: string, { component, account, vault }: VaultClaim): void {
  const claims = claimsOfProgram();
  claims.set(urn, { component, account: account.toLowerCase(), vault: vault.toLowerCase() });
  const all = [...claims.values()];
  const other = all.find((each) => isSame(each.account, account) && !isSame(each.vault, vault));
  if (other !== undefined)
    throw new Error(
      `${component}: vault: an account is registered with 1 vault only, and ${other.component} registers this one with another; give both the same vault.id`,
    );
  const shares = all.filter((each) => isSame(each.vault, vault)).length;
  if (shares > limits.sharesOfVault)
    throw new Error(
      `${component}: vault: protects ${shares} shares of this program, and Azure Backup takes at most ${limits.sharesOfVault} shares of a vault a day; use another for some of the accounts`,
    );
}

/** Azure's ids are compared without regard to case. */
function isSame(kept: string, id: string): boolean {
  return kept === id.toLowerCase();
}

function claimsOfProgram(): Map<string, VaultClaim> {
  const program: object = pulumi.runtime.getMonitor() ?? claimVault;
  const claims = programs.get(program) ?? new Map<string, VaultClaim>();
  programs.set(program, claims);
  return claims;
}
