/** A reason why set-up cannot go on, in words for its user, and the exit code that says so. */
export class SetUpError extends Error {
  /**
   * @param {string} message What is wrong and what to do next.
   * @param {1 | 2} exitCode 2: the machine lacks something that the user must install; 1: a step failed.
   */
  constructor(message, exitCode) {
    super(message);
    this.name = "SetUpError";
    this.exitCode = exitCode;
  }
}
