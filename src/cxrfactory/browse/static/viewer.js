// One image large, or the two views side by side, with organs, verdict, values and report.
import { columnLabel, neighbours, pairOf, place, product, selection, shownOrgans, viewOf } from "./data.js";
import { focusCard } from "./grid.js";
import { imageOf, readAhead, rowOf } from "./images.js";
import { Organs } from "./organs.js";
import { MeshPane } from "./mesh.js";
import { Measures } from "./measures.js";
import { WHOLE, look, view, zoomBy } from "./moving.js";
import { Pane, film, useLater } from "./pane.js";
import { address, change, page } from "./state.js";
import { Small, cell, html, letGo, number, useEffect, useLayoutEffect, useValue, words } from "./ui.js";
import { Judge, Sign, verdicts } from "./verdicts.js";

/** Leave the large image for the grid, at the card that was open. */
export function leave() {
  const { key } = page.get();
  change({ key: null });
  focusCard(key);
}

const PLAIN = { brightness: 100, contrast: 100, invert: false };

const tap = (run) => (event) => {
  letGo(event);
  run();
};

/** The panes of a row: [{id, kind, label, main}], PA before LL. */
function panesOf(row, pair, state) {
  const own = { id: row.key, kind: "image", label: row.segmented ? "image" : viewOf(row), main: true };
  if (!state.compare) return [own];
  if (product.meshes) return [own, { id: row.key, kind: "mesh", label: "mesh" }];
  if (row.segmented) return [own, { id: row.key, kind: "segmented", label: "segmented image" }];
  const key = pairOf(row);
  if (key === null) return [own];
  const other = { id: key, kind: "image", label: (pair && viewOf(pair)) || "other view" };
  return viewOf(row) === "LL" ? [other, own] : [own, other];
}

const CIRCLES = "Each contour point as an ellipse of two standard deviations (n)";

const SHADES = "The mesh in the colours of its uncertainty (n)";

/** A button that turns one part of the drawing on and off. */
function Switch({ name, label, hint, title }) {
  const on = useValue(page)[name];
  const turn = () => change({ [name]: !page.get()[name] }, { replace: true });
  return html`<button type="button" aria-pressed=${on} title=${title} onClick=${tap(turn)}>
    ${label + " "}<kbd>${hint}</kbd>
  </button>`;
}

function DrawingTools({ row, several }) {
  const state = useValue(page);
  const { zoom } = useValue(view);
  const set = (patch) => change(patch, { replace: true });
  const uncertain = row?.landmarks ? CIRCLES : product.meshes ? SHADES : null;
  return html`<div class="tools" role="toolbar" aria-label="Drawing">
    <button
      type="button"
      aria-pressed=${state.fill}
      title="Fill or outline (o)"
      onClick=${tap(() => set({ fill: !page.get().fill }))}
    >
      ${state.fill ? "Filled" : "Outlines"} <kbd>o</kbd>
    </button>
    <label class="slider">
      Opacity
      <input
        type="range"
        min="0"
        max="100"
        step="5"
        aria-label="Opacity"
        value=${state.opacity}
        onInput=${(event) => set({ opacity: Number(event.target.value) })}
    /></label>
    ${uncertain ? html`<${Switch} name="nodes" label="Uncertainty" hint="n" title=${uncertain} />` : null}
    ${several ? html`<${Switch} name="compare" label="Side by side" hint="s" title="Side by side (s)" />` : null}
    <span class="zoom">
      <button type="button" aria-label="Zoom out" title="Zoom out (-)" onClick=${tap(() => zoomBy(2 / 3))}>−</button>
      <button type="button" aria-label="Zoom in" title="Zoom in (+)" onClick=${tap(() => zoomBy(1.5))}>+</button>
      <button type="button" title="Whole image (0)" disabled=${zoom === 1} onClick=${tap(() => look(WHOLE))}>
        ${zoom === 1 ? "Fit" : number(Math.round(zoom * 100)) + " %"}
      </button></span>
  </div>`;
}

function Film() {
  const state = useValue(film);
  const slider = (name, label) =>
    html`<label class="slider">
      ${label}
      <input
        type="range"
        min="30"
        max="300"
        step="5"
        value=${state[name]}
        onInput=${(event) => film.set({ ...film.get(), [name]: Number(event.target.value) })}
    /></label>`;
  const plain = state.brightness === 100 && state.contrast === 100 && !state.invert;
  return html`<details class="film-tools">
    <summary>Brightness and contrast</summary>
    ${slider("brightness", "Brightness")}${slider("contrast", "Contrast")}
    <label class="choice">
      <input
        type="checkbox"
        checked=${state.invert}
        onChange=${() => film.set({ ...film.get(), invert: !film.get().invert })}
      />
      <span class="name">Black and white exchanged</span></label>
    ${plain ? null : html`<${Small} onClick=${() => film.set(PLAIN)}>reset<//>`}
  </details>`;
}

function Values({ row }) {
  const known = new Set(product.columns.map(({ name }) => name));
  const names = [
    ...product.columns.map(({ name }) => name),
    ...Object.keys(row.values).filter((name) => !known.has(name)),
  ];
  return html`<section class="values">
    <h3><span>Values</span></h3>
    ${row.flags?.length ? html`<p class="flags">${row.flags.map((flag) => html`<span>${cell(flag)}</span>`)}</p>` : ""}
    <dl>
      ${names
        .filter((name) => row.values[name] !== undefined)
        .map(
          (name) =>
            html`<dt title=${name}>${columnLabel(name)}</dt>
              <dd>${cell(row.values[name])}</dd>`,
        )}
      <dt>size</dt>
      <dd>${row.width} × ${row.height}</dd>
    </dl>
  </section>`;
}

function Texts({ row }) {
  if (!row.text?.length) return null;
  return html`<section class="texts" aria-label="Report">
    <h3><span>Report</span></h3>
    ${row.text.map(
      ({ title, body }) =>
        html`<h4>${words(title)}</h4>
          <p>${words(body)}</p>`,
    )}
  </section>`;
}

function Related({ row }) {
  const list = row.related || [];
  if (!list.length) return null;
  return html`<section class="related">
    <h3><span>Related images</span></h3>
    <ul>
      ${list.map(({ key, label }) => html`<li><a href=${address({ key })}>${words(label)}</a></li>`)}
    </ul>
  </section>`;
}

/** Names of organs that are in the image and those of the views beside it. */
function Side({ found, all }) {
  const { row } = found;
  return html`<aside class="side" aria-label="Image">
    <${Judge} key=${row.key} id=${row.key} /><${Texts} row=${row} /><${Organs}
      found=${found}
      all=${all}
    /><${Measures} all=${all} /><${Film} /><${Values} row=${row} /><${Related} row=${row} />
  </aside>`;
}

function Heading({ row, state, go, verdict, filters }) {
  const { total } = useValue(selection);
  const at = place(state.key);
  return html`<div class="heading">
    ${filters}
    <button type="button" class="back-to-grid" title="Back to the grid (Esc)" onClick=${leave}>← Grid</button>
    <button
      type="button"
      aria-label="Previous image"
      title="Previous image (k)"
      disabled=${at === 0}
      onClick=${tap(() => go(-1))}
    >
      ‹ <kbd>k</kbd>
    </button>
    <button
      type="button"
      aria-label="Next image"
      title="Next image (j)"
      disabled=${at >= 0 && at === total - 1}
      onClick=${tap(() => go(1))}
    >
      › <kbd>j</kbd>
    </button>
    <span class="place">${at >= 0 ? html`<b>${number(at + 1)}</b> of ${number(total)}` : "outside the filter"}</span>
    <h2 title=${words(row?.image_id)}>${words(row?.image_id) || "…"}</h2>
    <span class="dataset">${words(row?.dataset)}</span><${Sign} verdict=${verdict} />
  </div>`;
}

/** The open image. `go` moves through the selection. */
export function Viewer({ go, filters }) {
  const state = useValue(page);
  const entry = rowOf(state.key);
  const { value: found, fault } = useLater(entry);
  useValue(selection);
  const pairKey = found ? pairOf(found.row) : null;
  const { value: pair } = useLater(pairKey === null ? null : rowOf(pairKey));
  const verdict = useValue(verdicts).get(state.key)?.verdict;
  useLayoutEffect(() => {
    look(WHOLE);
  }, [state.key]);
  useReadAhead(state, found);
  const row = found?.row;
  const panes = row ? panesOf(row, pair?.row, state) : [{ id: state.key, kind: "image", label: "", main: true }];
  const seen = pair && state.compare ? [found, pair] : [found];
  const several = row && (product.meshes || row.segmented || pairKey !== null);
  return html`<div class="viewer">
    <${Heading} row=${row} state=${state} go=${go} verdict=${verdict} filters=${filters} />
    <${DrawingTools} row=${row} several=${several} />
    <div class=${"panes of-" + panes.length} data-key=${state.key}>
      ${
        fault
          ? html`<p class="fault">${fault}</p>`
          : panes.map(
              (pane) =>
                html`<${pane.kind === "mesh" ? MeshPane : Pane} key=${pane.main ? "main" : "beside"} ...${pane} />`,
            )
      }
    </div>
    ${found ? html`<${Side} found=${found} all=${seen} />` : html`<aside class="side"></aside>`}
  </div>`;
}

/** After the image is there, read the next and the previous one, masks' outlines included. */
function useReadAhead(state, found) {
  const { rows } = useValue(selection);
  useEffect(() => {
    if (!found) return undefined;
    const wait = setTimeout(async () => {
      await imageOf(state.key).wanted.catch(() => {});
      const beside = product.meshes ? "mesh" : found.row.segmented ? "segmented" : null;
      const kinds = beside && state.compare ? ["image", beside] : ["image"];
      const keys = neighbours(state.key);
      await readAhead(keys, kinds);
      for (const key of keys) {
        const other = rowOf(key).value;
        if (other) for (const organ of shownOrgans(state)) other.shapes.of(organ);
      }
    }, 0);
    return () => clearTimeout(wait);
  }, [state.key, found, rows]);
}
