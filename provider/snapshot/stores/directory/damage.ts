/** Something in the store is not what its digest says, or is not there. Never leaves this folder: callers report it. */
export class DamageError extends Error {
  override readonly name = "DamageError";
}
