import { z } from "zod";
import { type Fault, notInstalledFault } from "../../declaration/health";
import { isAtLeast } from "../../declaration/release";
import { readRelease } from "../../platform/release";
import { textAt, without } from "../bag";
import type { Bag, Kind } from "../kind";
import { RemoteFailure, type RunnerConnection } from "./connection";
import { reviveFailure } from "./failure";
import {
  createdSchema,
  lookedSchema,
  type Request,
  type RunnerStamp,
  runnerStampSchema,
  updatedSchema,
} from "./protocol";
import { readCarriedRunner } from "./runner-file";
import { isIntact, type RemoteView } from "./view";

type JobKind = Kind<never>["jobKind"];

/** What concerns the way to the host, and is not told there. */
const ofTheWay = ["__provider", "host", "runner", "runnerSeen"] as const;

/** Creates an object through the runner on its host. */
export async function createRemotely(view: RemoteView, kind: JobKind, inputs: Bag): Promise<{ id: string; outs: Bag }> {
  const connection = await view.apply(textAt(inputs, "runner") ?? readRelease(), null);
  const request: Request = { method: "create", kind, inputs: without(inputs, ofTheWay), others: view.others };
  const { id, outs } = await ask(connection, request, createdSchema, inputs);
  return { id, outs: { ...outs, ...ownOutputs(connection, inputs) } };
}

/** Reads an object through the runner on its host, whose own state is part of the object's. */
export async function readRemotely(
  view: RemoteView,
  kind: JobKind,
  id: string,
  props: Bag,
): Promise<{ id: string; props: Bag; inputs?: Bag }> {
  const connection = await view.observe();
  const { release } = connection.hello;
  const intact = isIntact(connection.hello, (await readCarriedRunner()).stamp, knownStamp(props));
  const beside = intact ? [] : [alteredFault()];
  const request: Request = { method: "read", kind, id, props: without(props, ofTheWay), beside: [...beside] };
  const looked = await ask(connection, request, lookedSchema, props);
  if (looked.id === "") return { id: "", props: {} };
  const declared = textAt(props, "runner");
  const runner = declared === undefined || isAtLeast(release, declared) ? declared : release;
  const inputs = without({ ...looked.inputs, host: props.host, runner }, []);
  const seen = intact ? stampOf(connection) : props.runnerSeen;
  return { ...looked, inputs, props: without({ ...looked.props, ...inputs, runnerSeen: seen }, []) };
}

/** Updates an object through the runner on its host. */
export async function updateRemotely(
  view: RemoteView,
  kind: JobKind,
  id: string,
  olds: Bag,
  news: Bag,
): Promise<{ outs: Bag }> {
  view.noteKnownObject();
  const connection = await view.apply(textAt(news, "runner") ?? readRelease(), knownStamp(olds));
  const request: Request = {
    method: "update",
    kind,
    id,
    olds: without(olds, ofTheWay),
    news: without(news, ofTheWay),
  };
  const { outs } = await ask(connection, request, updatedSchema, news);
  return { outs: { ...outs, ...ownOutputs(connection, news) } };
}

/** Deletes an object through the runner on its host. */
export async function deleteRemotely(view: RemoteView, kind: JobKind, id: string, props: Bag): Promise<void> {
  view.noteKnownObject();
  const connection = await view.apply(textAt(props, "runner") ?? "0.0.0", knownStamp(props));
  await ask(connection, { method: "delete", kind, id, props: without(props, ofTheWay) }, z.unknown(), props);
}

/** Asks; a failure in spite of which something was done gets back what did not travel. */
async function ask<R>(connection: RunnerConnection, request: Request, result: z.ZodType<R>, bag: Bag): Promise<R> {
  try {
    return await connection.request(request, result);
  } catch (error) {
    if (!(error instanceof RemoteFailure)) throw error;
    throw reviveFailure(error.failure, (partial) => ({
      ...partial,
      properties: { ...partial?.properties, ...ownOutputs(connection, bag), __provider: bag.__provider },
    }));
  }
}

function ownOutputs(connection: RunnerConnection, { host, runner }: Bag): Bag {
  return without({ host, runner, runnerSeen: stampOf(connection) }, []);
}

function stampOf({ hello: { release, sha256 } }: RunnerConnection): RunnerStamp | undefined {
  return sha256 === null ? undefined : { release, sha256 };
}

function knownStamp({ runnerSeen }: Bag): RunnerStamp | null {
  return runnerStampSchema.safeParse(runnerSeen).data ?? null;
}

function alteredFault(): Fault {
  return notInstalledFault("the runner on the host is not what was put there");
}
