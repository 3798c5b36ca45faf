import * as pulumi from "@pulumi/pulumi";
import { refusedSecret } from "../declaration/secrets";
import type { HostDeclaration } from "../hosts/schema";
import type { DeepInput } from "./inputs";

/** The kinds of resources, as in their type tokens and as the entry module exports them. */
export type ResourceKind = "BackupSchedule" | "FileShareSnapshot" | "RestoreTarget";

/** The type token of a kind, fixed for good: it stands in every user's state. */
export function typeToken(kind: ResourceKind): string {
  return `pulumi-nodejs:dynamic/backup-posture:${kind}`;
}

/**
 * The code that the engine stores with every resource and evaluates to find its provider. One constant line a kind, the
 * same in every release: whatever changes, changes behind the entry module.
 */
export function providerSource(kind: ResourceKind): string {
  return `exports.handler=()=>require("pulumi-backup-posture/entry").${kind}`;
}

/** Where an existing resource is looked up. */
export interface Where {
  /** Absolute path of the posture home that holds it; default: `posture:home`, else the platform's. */
  readonly home?: pulumi.Input<string>;
  /** Default: this machine. */
  readonly host?: DeepInput<HostDeclaration>;
}

/** In place of arguments: the resource is only looked up, by `get`. Nothing but an instance fits, so that no argument can be forgotten. */
export class LookUp {
  readonly #where: Where;

  constructor(where: Where) {
    this.#where = where;
  }

  /** What the engine is told beside the id. */
  toInputs(): pulumi.Inputs {
    return { home: this.#where.home, host: this.#where.host };
  }
}

/** What our resources have in common: what they send to the engine, where they live, and whose they are. */
export abstract class PostureResource extends pulumi.CustomResource {
  /** Absolute path of the posture home that holds its job, journal, evidence and locks. */
  declare public readonly home: pulumi.Output<string>;
  /** The URN that its job and its entry name as theirs. */
  declare public readonly owner: pulumi.Output<string>;

  /**
   * @param args the declaration; or what is only looked up, see `get`.
   * @param outputs the outputs beyond `health`, `home` and `owner`: only those that are named are resolved.
   */
  protected constructor(
    kind: ResourceKind,
    name: string,
    args: LookUp | object,
    outputs: readonly string[],
    options: pulumi.CustomResourceOptions | undefined,
  ) {
    const all = ["health", "home", "owner", ...outputs];
    super(typeToken(kind), name, toInputs(kind, name, args, all, options), options);
    warnWhenBlind(this);
  }
}

/**
 * What the stub sends to the engine: the arguments, the URN as the owner (methods of a provider see none), and a place for
 * every output, since only those that are named here are resolved. The SDK drops an argument named `id`: it travels by another name.
 */
function toInputs(
  kind: ResourceKind,
  name: string,
  args: LookUp | object,
  outputs: readonly string[],
  options: pulumi.CustomResourceOptions | undefined,
): pulumi.Inputs {
  const named = Object.fromEntries(outputs.map((output) => [output, undefined]));
  const __provider = providerSource(kind);
  if (args instanceof LookUp) return { ...named, ...args.toInputs(), __provider };
  const { id: requestedId, ...others }: Readonly<Record<string, unknown>> = withoutSecrets({ ...args });
  const owner = withoutDependencies(pulumi.createUrn(name, typeToken(kind), options?.parent));
  return { ...named, ...others, requestedId, owner, __provider };
}

/**
 * A URN that is no reason to wait: it comes from the parent's, and to depend on a component is to depend on all its children, of which each
 * would then wait for the others, for ever.
 */
function withoutDependencies(urn: pulumi.Output<string>): Promise<string> {
  return new Promise((resolve) => {
    urn.apply(resolve);
  });
}

/** Secrets would reach the provider in plain, and the job from there: `check` refuses what is put in their place. */
function withoutSecrets(args: Readonly<Record<string, unknown>>): pulumi.Inputs {
  return Object.fromEntries(Object.entries(args).map(([key, value]) => [key, withoutSecret(value)]));
}

function withoutSecret(value: unknown): pulumi.Input<unknown> {
  if (pulumi.Output.isInstance(value) || value instanceof Promise) {
    const output: pulumi.Output<unknown> = pulumi.output(value);
    return pulumi.output(pulumi.isSecret(output).then((secret) => (secret ? refusedSecret : output)));
  }
  if (Array.isArray(value)) return value.map(withoutSecret);
  return isPlainObject(value) ? withoutSecrets(value) : value;
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

/** Says at the resource's own row that a blind preview did not look at it. */
function warnWhenBlind(resource: pulumi.Resource): void {
  if (new pulumi.Config("posture").get("observe") !== "state") return;
  void pulumi.log.warn(
    "not observed: posture:observe is state, so drift and staleness are not known in this preview",
    resource,
  );
}
