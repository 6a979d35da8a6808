// Requests to the server beside this page; no other address is ever asked.
import { observable } from "./ui.js";

const root = new URL("api/", document.baseURI.replace(/[?#].*$/, ""));

/** False while the server does not answer. */
export const online = observable(true);

class ApiError extends Error {}

export function url(path, parameters = {}) {
  const address = new URL(path, root);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined && value !== null)
      address.searchParams.set(name, typeof value === "object" ? JSON.stringify(value) : value);
  }
  return address.href;
}

async function ask(address, options) {
  let answer;
  try {
    answer = await fetch(address, options);
  } catch (fault) {
    if (fault.name !== "AbortError") online.set(false);
    throw fault;
  }
  if (!online.get()) online.set(true);
  if (answer.ok) return answer;
  let reason = `The server answered ${answer.status}.`;
  try {
    reason = (await answer.json()).reason || reason;
  } catch {
    /* no JSON: the status says it */
  }
  throw new ApiError(reason);
}

export const getJson = async (path, parameters, signal) => (await ask(url(path, parameters), { signal })).json();
export const getBlob = async (path, parameters, signal) => (await ask(url(path, parameters), { signal })).blob();

export function post(path, body = {}) {
  const headers = { "Content-Type": "application/json", "X-Requested-With": "browse" };
  return ask(url(path), { method: "POST", headers, body: JSON.stringify(body) });
}

/** Run `work` for the newest wish only: one at a time, wishes that come meanwhile are merged into one. */
export function newest(work) {
  let busy = false;
  let waiting = null;
  return async function run(...wish) {
    waiting = wish;
    if (busy) return;
    busy = true;
    try {
      while (waiting) {
        const next = waiting;
        waiting = null;
        await work(...next);
      }
    } finally {
      busy = false;
    }
  };
}

/** At most `limit` of the given tasks run at once; a task whose signal is aborted never starts. */
export function pool(limit) {
  const queue = [];
  let running = 0;
  function next() {
    while (running < limit && queue.length) {
      const { task, signal, done, failed } = queue.shift();
      if (signal?.aborted) {
        failed(new DOMException("aborted", "AbortError"));
        continue;
      }
      running += 1;
      task()
        .then(done, failed)
        .finally(() => {
          running -= 1;
          next();
        });
    }
  }
  return (task, signal) =>
    new Promise((done, failed) => {
      queue.push({ task, signal, done, failed });
      next();
    });
}
