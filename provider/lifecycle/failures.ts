import { messageOf } from "../platform/errors";

/** Where the engine prints an error's stack beside its message, leaves the message only: it is worded for people. */
export async function quietly<T>(act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    throw quiet(error);
  }
}

/** An error of the same message, without a stack to print. */
export function quiet(error: unknown): Error {
  const failure = new Error(messageOf(error), { cause: error });
  failure.name = "";
  failure.stack = "";
  return failure;
}
