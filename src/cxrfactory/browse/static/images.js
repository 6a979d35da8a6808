// Rows with their masks and decoded images, kept for as long as they are likely to be wanted again.
import { getBlob, getJson, pool } from "./api.js";
import { pairOf } from "./data.js";
import { Shapes } from "./draw.js";

/** A cache of things that come later: `get` gives the entry {wanted, value} at once, the oldest is dropped. */
class Later {
  constructor(limit, drop = () => {}) {
    this.limit = limit;
    this.drop = drop;
    this.entries = new Map();
  }

  get(id, make) {
    let entry = this.entries.get(id);
    if (entry) this.entries.delete(id);
    else {
      entry = { value: null };
      entry.wanted = make().then((value) => {
        entry.value = value;
        return value;
      });
      entry.wanted.catch(() => this.entries.delete(id));
    }
    this.entries.set(id, entry);
    if (this.entries.size > this.limit) {
      const [oldest, old] = this.entries.entries().next().value;
      this.entries.delete(oldest);
      if (old.value) this.drop(old.value);
    }
    return entry;
  }
}

const rows = new Later(40);
const meshes = new Later(12);
const close = ({ bitmap }) => bitmap?.close();
const large = new Later(16, close);
const whole = new Later(3, close);
const small = new Later(240, close);

/** The row and its shapes. */
export function rowOf(key) {
  return rows.get(key, async () => {
    const row = await getJson(`row/${key}`);
    return { row, shapes: new Shapes(row) };
  });
}

/** Nodes of a row's mesh, and where its picture lies. */
export const meshOf = (key) => meshes.get(key, () => getJson(`mesh/${key}`));

/** {bitmap} of an image file, or {reason} why there is none. */
async function read(key, size, kind, signal) {
  let blob;
  try {
    blob = await getBlob(`image/${key}`, { size, kind }, signal);
  } catch (fault) {
    if (fault.name === "AbortError" || fault instanceof TypeError) throw fault;
    return { reason: fault.message };
  }
  try {
    return { bitmap: await createImageBitmap(blob) };
  } catch {
    return { reason: "The server's image could not be decoded." };
  }
}

export const LARGE = 1024;
export const imageOf = (key, kind = "image") => large.get(`${key} ${kind}`, () => read(key, LARGE, kind));
export const wholeImageOf = (key, kind = "image") => whole.get(`${key} ${kind}`, () => read(key, 0, kind));

// The server decodes a whole film for each thumbnail; a few at a time leave room for everything else.
const few = pool(3);
export const thumbnailOf = (key, signal) => small.get(key, () => few(() => read(key, 256, "image", signal), signal));

/** Read rows, images and meshes that will probably be asked for next, the likeliest first. */
export async function readAhead(keys, kinds) {
  for (const key of keys) {
    try {
      const wanted = kinds.map((kind) => (kind === "mesh" ? meshOf(key) : imageOf(key, kind)).wanted);
      const [{ row }] = await Promise.all([rowOf(key).wanted, ...wanted]);
      const pair = pairOf(row);
      if (pair !== null) await Promise.all([rowOf(pair).wanted, imageOf(pair).wanted]);
    } catch {
      return;
    }
  }
}
