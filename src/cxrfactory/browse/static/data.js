// What the server knows of the product, the current selection, its histograms and facets, and the verdicts.
import { getJson, newest } from "./api.js";
import { change, filterOf, page } from "./state.js";
import { observable, tell } from "./ui.js";

export const PAGE = 60;

/** The product's description, set once before anything is drawn. */
export let product = null;
export const colours = new Map();
const labels = new Map();

export async function readProduct() {
  product = await getJson("product");
  for (const { name, label, color } of product.organs) {
    colours.set(name, `rgb(${color.join(" ")})`);
    labels.set(name, label || name);
  }
  product.tree = product.tree?.map(withWhole) ?? null;
  for (const { name, label } of product.columns) labels.set("column." + name, label || name);
}

/** A class that has parts stands first among them, so that it can be seen without them. */
function withWhole({ name, label, children }) {
  const parts = (children || []).map(withWhole);
  const own = parts.length && colours.has(name) ? [{ name, label: `${label || name}, whole`, children: [] }] : [];
  return { name, label: label || name, children: [...own, ...parts] };
}

export const columnLabel = (name) => labels.get("column." + name) || name.replaceAll("_", " ");
export const organLabel = (name) => labels.get(name) || name;
export const numbers = () => product.columns.filter(({ type }) => type === "number");

/** Key of the other view of the same study, or null. */
export function pairOf(row) {
  if (row.pair !== undefined) return row.pair;
  const views = (product.views || []).map((view) => view.name ?? view);
  return row.related?.find(({ label }) => views.includes(label))?.key ?? null;
}
export const viewOf = (row) => row.view ?? row.values.view ?? "";

/** Organs that are on: the user's choice, else those that the product shows at first. */
export const shownOrgans = (state) => state.organs || product.shown || product.organs.map(({ name }) => name);

/** Masks are hidden for a moment (the space bar); not worth a place in the address. */
export const hidden = observable(false);

// ---- the selection: rows in order, a page at a time -------------------------------------------

export const sortOf = (state) =>
  state.sort
    ? { column: state.sort, ascending: state.ascending }
    : { column: product.sort.column, ascending: state.ascending ? product.sort.ascending : !product.sort.ascending };

/** The filter with the values of flags as true and false; the address holds them as words. */
export function filterFor(state) {
  const filter = filterOf(state);
  for (const { name, type } of product.columns) {
    if (type === "flag" && filter.values?.[name])
      filter.values = {
        ...filter.values,
        [name]: filter.values[name].map((value) => (value === null ? null : String(value) === "true")),
      };
  }
  return filter;
}

const askOf = (state) => ({ filter: filterFor(state), sort: sortOf(state).column, ascending: sortOf(state).ascending });

/** {id, offset, total, rows, busy, fault} of the page of rows that is on. */
export const selection = observable({ id: null, offset: 0, total: null, rows: [], busy: true, fault: null });

const kept = new Map();

function readPage(ask, offset) {
  const id = JSON.stringify(ask) + offset;
  if (!kept.has(id)) {
    const wanted = getJson("rows", { ...ask, offset, limit: PAGE });
    wanted.catch(() => kept.delete(id));
    kept.set(id, wanted);
    if (kept.size > 30) kept.delete(kept.keys().next().value);
  }
  return kept.get(id);
}

/** Forget the pages read so far, since a verdict has changed what a filter by verdict lets through. */
export const forgetPages = () => kept.clear();

const readSelection = newest(async (state) => {
  const ask = askOf(state);
  const id = JSON.stringify(ask);
  if (selection.get().id === id && selection.get().offset === state.offset && !selection.get().fault) return;
  selection.set({ ...selection.get(), busy: true });
  try {
    const { total, rows } = await readPage(ask, state.offset);
    if (state.offset && state.offset >= total && total) {
      change({ offset: Math.floor((total - 1) / PAGE) * PAGE }, { replace: true });
      return;
    }
    selection.set({ id, offset: state.offset, total, rows, busy: false, fault: null });
  } catch (fault) {
    selection.set({ id, offset: state.offset, total: 0, rows: [], busy: false, fault: fault.message });
  }
});

/** {histograms, facets} of the current filter. */
export const summary = observable({ histograms: {}, facets: {} });
let summarised = null;

const readSummary = newest(async (state) => {
  const filter = filterFor(state);
  const id = JSON.stringify(filter);
  if (summarised === id) return;
  try {
    const columns = numbers()
      .map(({ name }) => name)
      .join(",");
    const [histograms, facets] = await Promise.all([
      columns ? getJson("histograms", { filter, columns, bins: 40 }) : {},
      getJson("facets", { filter }),
    ]);
    summarised = id;
    summary.set({ histograms, facets });
  } catch (fault) {
    tell(fault.message, true);
  }
});

export function refresh(state = page.get()) {
  readSelection(state);
  readSummary(state);
}

// ---- steps through the selection ----------------------------------------------------------------

/** Place of a key in the selection, or -1 if the page of rows that is on does not hold it. */
export function place(key) {
  const { rows, offset } = selection.get();
  const index = rows.findIndex((row) => row.key === key);
  return index < 0 ? -1 : offset + index;
}

/** The row so many steps away: {key, offset} or null at either end. */
export async function step(key, by) {
  const { rows, offset, total } = selection.get();
  if (!rows.length) return null;
  const now = place(key);
  const target = now < 0 ? offset : now + by;
  if (target < 0 || target >= total) return null;
  const first = Math.floor(target / PAGE) * PAGE;
  const inside = target >= offset && target < offset + rows.length;
  if (inside) return { key: rows[target - offset].key, offset };
  const { rows: others } = await readPage(askOf(page.get()), first);
  const row = others[target - first];
  return row ? { key: row.key, offset: first } : null;
}

/** Keys of the next and previous images where they are known without waiting; the next page is read ahead. */
export function neighbours(key) {
  const { rows, offset, total } = selection.get();
  const index = rows.findIndex((row) => row.key === key);
  if (index < 0) return [];
  if (index >= rows.length - 3 && offset + PAGE < total) readPage(askOf(page.get()), offset + PAGE);
  if (index < 3 && offset) readPage(askOf(page.get()), Math.max(0, offset - PAGE));
  return [1, -1, 2].map((by) => rows[index + by]?.key).filter((other) => other !== undefined);
}
