// What the page shows: filter, sort, image, organs and drawing, kept in the address behind the "#".
// It stands there because a browser never sends that part, so no id lands in a log.
import { observable } from "./ui.js";

const BLANK = {
  ranges: {},
  values: {},
  search: "",
  verdicts: [],
  keys: null,
  sort: null,
  ascending: true,
  offset: 0,
  key: null,
  organs: null,
  fill: false,
  opacity: 45,
  nodes: false,
  compare: true,
  measures: [],
};

/** Read the state from the part of an address behind its "#". */
function parse(fragment) {
  const state = { ...BLANK, ranges: {}, values: {}, verdicts: [], measures: [] };
  for (const [name, value] of new URLSearchParams(fragment.replace(/^#/, ""))) {
    if (name.startsWith("range.")) readRange(state, name.slice(6), value);
    else if (name.startsWith("in.")) (state.values[name.slice(3)] ||= []).push(value === "" ? null : value);
    else readOne(state, name, value);
  }
  return state;
}

function readRange(state, column, value) {
  const [lowest, highest] = value.split("..").map((end) => (end === undefined || end === "" ? null : Number(end)));
  const fine = (end) => end === null || end === undefined || Number.isFinite(end);
  if (fine(lowest) && fine(highest)) state.ranges[column] = [lowest, highest ?? null];
}

const count = (value) => Math.max(0, Math.trunc(Number(value)) || 0);
const READERS = {
  q: (state, value) => {
    state.search = value;
  },
  verdict: (state, value) => {
    state.verdicts.push(value);
  },
  keys: (state, value) => {
    state.keys = value.split(",").filter(Boolean).map(count);
  },
  sort: (state, value) => {
    state.sort = value;
  },
  order: (state, value) => {
    state.ascending = value !== "down";
  },
  from: (state, value) => {
    state.offset = count(value);
  },
  image: (state, value) => {
    state.key = count(value);
  },
  organs: (state, value) => {
    state.organs = value === "-" ? [] : value.split(",").map(decodeURIComponent);
  },
  draw: (state, value) => {
    state.fill = value === "fill";
  },
  opacity: (state, value) => {
    state.opacity = Math.min(100, count(value));
  },
  nodes: (state, value) => {
    state.nodes = value === "1";
  },
  compare: (state, value) => {
    state.compare = value !== "0";
  },
  measures: (state, value) => {
    state.measures = value.split(",").filter(Boolean);
  },
};
function readOne(state, name, value) {
  try {
    READERS[name]?.(state, value);
  } catch {
    /* a damaged link: that part keeps its default */
  }
}

/** Write a state as the part of an address behind its "#"; what is as at first is left out. */
export function format(state) {
  const out = new URLSearchParams();
  for (const [column, [low, high]] of Object.entries(state.ranges))
    out.append("range." + column, `${low ?? ""}..${high ?? ""}`);
  for (const [column, values] of Object.entries(state.values))
    for (const value of values) out.append("in." + column, value ?? "");
  if (state.search) out.append("q", state.search);
  for (const verdict of state.verdicts) out.append("verdict", verdict);
  if (state.keys) out.append("keys", state.keys.join(","));
  if (state.sort) out.append("sort", state.sort);
  if (!state.ascending) out.append("order", "down");
  if (state.offset) out.append("from", state.offset);
  if (state.key !== null) out.append("image", state.key);
  if (state.organs) out.append("organs", state.organs.map(encodeURIComponent).join(",") || "-");
  if (state.fill) out.append("draw", "fill");
  if (state.opacity !== BLANK.opacity) out.append("opacity", state.opacity);
  if (state.nodes) out.append("nodes", "1");
  if (!state.compare) out.append("compare", "0");
  if (state.measures.length) out.append("measures", state.measures.join(","));
  return "#" + out;
}

export const page = observable(parse(location.hash));

let late = 0;
function write(replace) {
  clearTimeout(late);
  const address = format(page.get());
  if (replace) history.replaceState(null, "", address);
  else if (address !== (location.hash || "#")) history.pushState(null, "", address);
}

/** Change the state. A step that "back" should undo is pushed; a small one (`replace`) overwrites the address. */
export function change(patch, { replace = false } = {}) {
  if (!replace) {
    clearTimeout(late);
    history.replaceState(null, "", format(page.get()));
  }
  page.set({ ...page.get(), ...patch });
  if (!replace) return write(false);
  clearTimeout(late);
  late = setTimeout(() => write(true), 120);
}

/** The address of the state with some parts changed; also what "copy link" copies. */
export const address = (patch = {}) => format({ ...page.get(), ...patch });
export const link = () => location.origin + location.pathname + format(page.get());

addEventListener("popstate", () => {
  clearTimeout(late);
  page.set(parse(location.hash));
});

/** The filter as the server takes it. */
export function filterOf({ ranges, values, search, verdicts, keys }) {
  const filter = {};
  if (Object.keys(ranges).length) filter.ranges = ranges;
  if (Object.keys(values).length) filter.values = values;
  if (search) filter.search = search;
  if (verdicts.length) filter.verdicts = verdicts;
  if (keys) filter.keys = keys;
  return filter;
}

export const CLEAR = { ranges: {}, values: {}, search: "", verdicts: [], keys: null, offset: 0 };
export const filtered = (state) => Object.keys(filterOf(state)).length > 0;

/** Set or lift one range; `replace` while a brush is being drawn. */
export function setRange(column, range, options) {
  const ranges = { ...page.get().ranges };
  if (range && (range[0] !== null || range[1] !== null)) ranges[column] = range;
  else delete ranges[column];
  change({ ranges, offset: 0 }, options);
}

export function toggleValue(column, value) {
  const values = { ...page.get().values };
  const old = values[column] || [];
  const next = old.includes(value) ? old.filter((other) => other !== value) : [...old, value];
  if (next.length) values[column] = next;
  else delete values[column];
  change({ values, offset: 0 });
}

export function toggleVerdict(verdict) {
  const old = page.get().verdicts;
  change({ verdicts: old.includes(verdict) ? old.filter((other) => other !== verdict) : [...old, verdict], offset: 0 });
}
