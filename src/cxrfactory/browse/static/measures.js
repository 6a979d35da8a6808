// The measurements of an image: the list beside it, and their lines on it.
import { product, viewOf } from "./data.js";
import { change, page } from "./state.js";
import { Small, html, letGo, number, observable, tell, useEffect, useValue, words } from "./ui.js";

/** Name of the measurement under the pointer or the focus; it is drawn as well. */
export const pointed = observable(null);

const GOLDEN = 0.618034;
const order = new Map();
/** Colour of a measurement: the same in every image. */
export function colourOf(name) {
  if (!order.size) Object.keys(product.measurements || {}).forEach((each, at) => order.set(each, at));
  if (!order.has(name)) order.set(name, order.size);
  const at = order.get(name);
  return `hsl(${Math.round(360 * ((at * GOLDEN) % 1))} 95% ${[58, 70, 82][at % 3]}%)`;
}

export const titleOf = (name) => product.measurements?.[name]?.title || words(name);
const UNITS = { ratio: "", count: "", degree: "°", px2: " px²", px3: " px³", mm2: " mm²", mm3: " mm³" };
const withUnit = (value, unit) => number(value) + (UNITS[unit] ?? ` ${words(unit)}`);
export const valueOf = ({ value, unit }) => withUnit(value, unit);

/** Measurements of a row that are drawn: the chosen ones and the one that is pointed at. */
export const drawn = (row, chosen, extra) =>
  (row?.measurements || []).filter(
    ({ measurement, value, points }) =>
      value !== null && points.length && (chosen.includes(measurement) || measurement === extra),
  );

/** Lines of a measurement, [[x, y], ...] each: one for each pair of points. */
function linesOf({ points }) {
  if (points.length % 2) return [];
  return points.flatMap((_, at) => (at % 2 ? [] : [[points[at], points[at + 1]]]));
}

/** Draw measurements on a canvas. Points have pixel centres on whole numbers, a pixel of the image begins at them. */
export function drawMeasures(canvas, { scale, left, top }, shown) {
  const context = canvas.getContext("2d");
  const ratio = devicePixelRatio || 1;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const spot = ([x, y]) => [left + (x + 0.5) * scale, top + (y + 0.5) * scale];
  context.lineCap = "round";
  const taken = [];
  for (const one of shown) {
    const colour = colourOf(one.measurement);
    const lines = linesOf(one).map((line) => line.map(spot));
    const dots = one.points.map(spot);
    for (const [style, width] of [
      ["rgb(0 0 0 / .6)", 4.5],
      [colour, 2],
    ]) {
      context.strokeStyle = context.fillStyle = style;
      context.lineWidth = width * ratio;
      context.beginPath();
      for (const [[x0, y0], [x1, y1]] of lines) {
        context.moveTo(x0, y0);
        context.lineTo(x1, y1);
      }
      context.stroke();
      for (const [x, y] of dots) {
        context.beginPath();
        context.arc(x, y, (1.2 + width / 2) * ratio, 0, 2 * Math.PI);
        context.fill();
      }
    }
  }
  for (const one of shown) drawLabel(context, canvas, one, spot, ratio, taken);
}

/** Write name and value beside the first line, where no other label stands. */
function drawLabel(context, canvas, one, spot, ratio, taken) {
  const [[x0, y0], [x1, y1]] = [spot(one.points[0]), spot(one.points[1] || one.points[0])];
  const text = `${titleOf(one.measurement)}  ${valueOf(one)}`;
  context.font = `600 ${12 * ratio}px system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif`;
  const height = 19 * ratio;
  const width = context.measureText(text).width + 14 * ratio;
  const inside = (value, most) => Math.max(0, Math.min(most, value));
  const x = inside((x0 + x1 - width) / 2, canvas.width - width);
  let y = inside((y0 + y1) / 2 - height - 7 * ratio, canvas.height - height);
  const meets = (other) =>
    x < other.x + other.width && other.x < x + width && y < other.y + height && other.y < y + height;
  for (let turn = 0; turn < 40; turn += 1) {
    const other = taken.find(meets);
    if (!other) break;
    y = other.y + height + ratio;
    if (y > canvas.height - height) break;
  }
  taken.push({ x, y, width });
  context.fillStyle = "rgb(10 12 14 / .86)";
  context.fillRect(x, y, width, height);
  context.fillStyle = colourOf(one.measurement);
  context.fillRect(x, y, 3 * ratio, height);
  context.fillStyle = "#fff";
  context.textBaseline = "middle";
  context.fillText(text, x + 8 * ratio, y + height / 2 + ratio * 0.5);
}

// ---- the list -----------------------------------------------------------------------------------

/** Names with a value in the list that is on the page, in its order. */
let listed = [];

/** Draw the next measurement alone; after the last one none. */
export function stepMeasure(by) {
  if (!listed.length) {
    tell("This image has no measurements.");
    return;
  }
  const [now] = page.get().measures.slice(-1);
  const at = listed.findIndex(({ measurement }) => measurement === now);
  const next = at < 0 ? (by > 0 ? 0 : listed.length - 1) : at + by;
  const one = listed[next];
  change({ measures: one ? [one.measurement] : [] }, { replace: true });
  tell(one ? `${titleOf(one.measurement)}: ${valueOf(one)}` : "No measurement is drawn.");
}

const flip = (name) => {
  const { measures } = page.get();
  const next = measures.includes(name) ? measures.filter((other) => other !== name) : [...measures, name];
  change({ measures: next }, { replace: true });
};

function Known({ one, on }) {
  const { measurement: name, low, high, grade, near_cut: near, note, points } = one;
  const facts = [
    low !== null && high !== null ? `${number(low)} to ${withUnit(high, one.unit)}` : "",
    near ? "near a cut-point" : "",
    words(note),
    points.length ? "" : "measured in another frame, not drawn",
  ].filter(Boolean);
  return html`<li>
    <label
      class=${"measure" + (grade ? ` ${grade}` : "")}
      title=${product.measurements?.[name]?.sentence || ""}
      onPointerEnter=${() => pointed.set(name)}
      onPointerLeave=${() => pointed.set(null)}
    >
      <input
        type="checkbox"
        data-measure=${name}
        checked=${on}
        disabled=${!points.length}
        onFocus=${() => pointed.set(name)}
        onBlur=${() => pointed.set(null)}
        onClick=${letGo}
        onChange=${() => flip(name)}
      />
      <i style=${`background:${colourOf(name)}`}></i>
      <span class="name">${titleOf(name)}</span>
      ${grade ? html`<span class="grade">${words(grade)}</span>` : null}
      <b>${valueOf(one)}</b>
      ${facts.length ? html`<small>${facts.join(" · ")}</small>` : null}</label>
  </li>`;
}

function Excluded({ rows }) {
  if (!rows.length) return null;
  return html`<details class="excluded-measures">
    <summary>${`${number(rows.length)} without a value`}</summary>
    <dl>
      ${rows.map(
        ({ measurement, excluded }) =>
          html`<dt>${titleOf(measurement)}</dt>
            <dd>${words(excluded)}</dd>`,
      )}
    </dl>
  </details>`;
}

/** Measurements of the rows that are open: those of the image first, then those of the view beside it. */
export function Measures({ all }) {
  const { measures } = useValue(page);
  const open = all.filter((found) => found?.row.measurements?.length).map(({ row }) => row);
  const faults = all.map((found) => found?.row.measurements_fault).filter(Boolean);
  const known = open.flatMap((row) => row.measurements.filter(({ value }) => value !== null));
  listed = known.filter(({ points }) => points.length);
  useEffect(
    () => () => {
      listed = [];
      pointed.set(null);
    },
    [],
  );
  if (!faults.length && all.every((found) => found?.row.measurements === undefined)) return null;
  if (!open.length)
    return html`<section class="measures" aria-label="Measurements">
      <h3><span>Measurements</span></h3>
      <p class=${faults.length ? "fault" : "hint"}>${faults[0] || "This image was not measured."}</p>
    </section>`;
  return html`<section class="measures" aria-label="Measurements">
    <h3>
      <span>Measurements <kbd>m</kbd></span>
      <span class="count">${`${number(known.length)} with a value`}</span>
      ${
        measures.length
          ? html`<${Small} onClick=${() => change({ measures: [] }, { replace: true })}>none<//>`
          : null
      }
    </h3>
    ${open.map(
      (row) =>
        html`${open.length > 1 ? html`<h4>${words(viewOf(row))}</h4>` : null}
          <ul>
            ${row.measurements
              .filter(({ value }) => value !== null)
              .map(
                (one) =>
                  html`<${Known}
                    key=${one.measurement}
                    one=${one}
                    on=${measures.includes(one.measurement)}
                  />`,
              )}
          </ul>
          <${Excluded} rows=${row.measurements.filter(({ value }) => value === null)} />`,
    )}
  </section>`;
}
