// Histograms that are brushed: the faint shape is the product, the strong one what the other filters leave.
import { columnLabel, numbers, summary } from "./data.js";
import { page, setRange } from "./state.js";
import { Small, html, number, useRef, useState, useValue } from "./ui.js";

const HIGH = 40;

/** An outline of steps over the bins, each shape to its own height. */
function steps(counts) {
  const most = Math.max(1, ...counts);
  const heights = counts.map((count) => (count ? Math.max(1, (count / most) * HIGH) : 0));
  return (
    `M0 ${HIGH}` +
    heights.map((height, at) => `L${at} ${HIGH - height}L${at + 1} ${HIGH - height}`).join("") +
    `L${counts.length} ${HIGH}Z`
  );
}

/** A brush's end, rounded to a tenth of a bin so that the address stays short; whole where the bins are wide. */
function tidy(value, width) {
  const digits = Math.max(0, Math.min(12, 1 - Math.floor(Math.log10(width || 1))));
  return Number(value.toFixed(digits));
}

function useBrush(name, edges) {
  const box = useRef();
  const drag = useRef(null);
  const low = edges[0];
  const high = edges[edges.length - 1];
  const width = edges[1] - low;
  const at = (event) => {
    const { left, width: wide } = box.current.getBoundingClientRect();
    return low + Math.min(1, Math.max(0, (event.clientX - left) / wide)) * (high - low);
  };
  function down(event) {
    if (event.button) return;
    const [from, to] = page.get().ranges[name] || [];
    const reach = ((high - low) * 7) / box.current.getBoundingClientRect().width;
    const here = at(event);
    let anchor = here;
    if (from !== undefined && from !== null && Math.abs(here - from) < reach) anchor = to ?? high;
    else if (to !== undefined && to !== null && Math.abs(here - to) < reach) anchor = from ?? low;
    const within = anchor === here && from !== undefined && here > (from ?? low) && here < (to ?? high);
    drag.current = {
      anchor,
      start: here,
      range: within ? [from ?? low, to ?? high] : null,
      x: event.clientX,
      moved: false,
    };
    box.current.setPointerCapture(event.pointerId);
  }
  function move(event) {
    const now = drag.current;
    if (!now || (!now.moved && Math.abs(event.clientX - now.x) < 4)) return;
    const here = at(event);
    let ends = [Math.min(now.anchor, here), Math.max(now.anchor, here)];
    if (now.range) {
      const shift = Math.min(high - now.range[1], Math.max(low - now.range[0], here - now.start));
      ends = now.range.map((end) => end + shift);
    }
    ends = [ends[0] <= low ? null : tidy(ends[0], width), ends[1] >= high ? null : tidy(ends[1], width)];
    setRange(name, ends, { replace: now.moved });
    now.moved = true;
  }
  function up() {
    const now = drag.current;
    drag.current = null;
    if (now && !now.moved && page.get().ranges[name]) setRange(name, null);
  }
  return { box, down, move, up };
}

function Ends({ name, range, low, high }) {
  const put = (side) => (event) => {
    const text = event.target.value.trim().replace(",", ".");
    const value = text === "" ? null : Number(text);
    if (value !== null && !Number.isFinite(value)) {
      event.target.value = range?.[side] ?? "";
      return;
    }
    const next = [range?.[0] ?? null, range?.[1] ?? null];
    if (next[side] === value) return;
    next[side] = value;
    setRange(name, next);
  };
  const enter = (event) => event.key === "Enter" && event.target.blur();
  const field = (side, placeholder, word) =>
    html`<input
      type="text"
      inputmode="decimal"
      autocomplete="off"
      aria-label=${`${columnLabel(name)}, ${word}`}
      placeholder=${number(placeholder)}
      value=${range?.[side] ?? ""}
      onChange=${put(side)}
      onKeyDown=${enter}
    />`;
  return html`<div class="ends">
    ${field(0, low, "from")}<span aria-hidden="true">to</span>${field(1, high, "to")}
  </div>`;
}

function Histogram({ column, found, range, mark }) {
  const { edges, counts, all, empty } = found;
  const low = edges[0];
  const high = edges[edges.length - 1];
  const { box, down, move, up } = useBrush(column.name, edges);
  const part = (value) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const [tip, setTip] = useState(null);
  const hover = (event) => {
    move(event);
    const { left, width } = box.current.getBoundingClientRect();
    const bin = Math.min(counts.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * counts.length)));
    setTip(`${number(edges[bin])} to ${number(edges[bin + 1])}: ${number(counts[bin])} of ${number(all[bin])}`);
  };
  const clear = () => setRange(column.name, null);
  const sum = counts.reduce((so, count) => so + count, 0);
  const from = part(range?.[0] ?? low);
  const to = part(range?.[1] ?? high);
  return html`<section class=${"histogram" + (range ? " chosen" : "")} data-column=${column.name}>
    <h3>
      <span>${column.label || column.name}</span>
      ${range ? html`<${Small} label=${`Clear ${column.label}`} onClick=${clear}>clear<//>` : null}
    </h3>
    <div
      class="brush"
      ref=${box}
      title=${tip || ""}
      onPointerDown=${down}
      onPointerMove=${hover}
      onPointerUp=${up}
      onPointerCancel=${up}
      onPointerLeave=${() => setTip(null)}
    >
      <svg
        viewBox="0 0 ${counts.length} ${HIGH}"
        preserveAspectRatio="none"
        role="img"
        aria-label=${`Histogram of ${column.label}: ${number(sum)} images from ${number(low)} to ${number(high)}`}
      >
        <path class="all" d=${steps(all)} />
        <path class="now" d=${steps(counts)} />
      </svg>
      ${range ? html`<div class="chosen-range" style=${`left:${100 * from}%;width:${100 * (to - from)}%`} />` : null}
      ${typeof mark === "number" ? html`<div class="mark" style=${`left:${part(mark) * 100}%`}></div>` : null}
    </div>
    <${Ends} name=${column.name} range=${range} low=${low} high=${high} />
    ${empty ? html`<p class="empty">${number(empty)} without a value</p>` : null}
  </section>`;
}

/** One histogram for each number of the product; `values` of the open image are marked on them. */
export function Histograms({ values }) {
  const { histograms } = useValue(summary);
  const { ranges } = useValue(page);
  const there = numbers().filter(
    ({ name, lowest, highest }) => lowest < highest && histograms[name]?.edges?.length > 1,
  );
  return html`<div class="histograms">
    ${there.map(
      (column) =>
        html`<${Histogram}
          key=${column.name}
          column=${column}
          found=${histograms[column.name]}
          range=${ranges[column.name]}
          mark=${values?.[column.name]}
        />`,
    )}
  </div>`;
}

export const rangeText = ([low, high]) =>
  low === null ? `up to ${number(high)}` : high === null ? `from ${number(low)}` : `${number(low)} to ${number(high)}`;
