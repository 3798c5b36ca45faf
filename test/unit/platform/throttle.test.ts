import { awaitTurn, blockForTurn, makeThrottle } from "../../../provider/platform/throttle";

const { signal } = new AbortController();

it("lets through so many bytes a second, together", async () => {
  const throttle = makeThrottle(100_000);
  const began = performance.now();
  await Promise.all([1, 2, 3].map(() => awaitTurn(throttle, 10_000, signal)));
  blockForTurn(throttle, 10_000);
  expect(performance.now() - began).toBeGreaterThan(395);
});

it("does not make up for time in which nothing was moved", async () => {
  const throttle = makeThrottle(100_000);
  await awaitTurn(throttle, 1, signal);
  const idleUntil = performance.now() + 100;
  while (performance.now() < idleUntil) await new Promise(setImmediate);
  const began = performance.now();
  await awaitTurn(throttle, 10_000, signal);
  expect(performance.now() - began).toBeGreaterThan(95);
});

it("stops waiting when told so", async () => {
  const stop = new AbortController();
  const waiting = awaitTurn(makeThrottle(1), 1_000_000, stop.signal);
  stop.abort();
  await expect(waiting).rejects.toThrow();
});
