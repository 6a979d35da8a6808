// Facets with counts, the chips of the filter, and the panel that holds all filters.
import { columnLabel, forgetPages, product, summary } from "./data.js";
import { Histograms, rangeText } from "./histogram.js";
import { CLEAR, change, filtered, page, setRange, toggleValue, toggleVerdict } from "./state.js";
import { Small, html, letGo, number, useState, useValue, words } from "./ui.js";
import { NAMES, verdicts } from "./verdicts.js";

const FIRST = 8;
const nameOf = (value) =>
  value === null || value === "" ? "no value" : value === true ? "yes" : value === false ? "no" : words(value);

/** Whether two values are the same; those of the address are words. */
const same = (one, other) => String(one ?? "") === String(other ?? "");

const ClearAll = () => html`<${Small} onClick=${() => change(CLEAR)}>clear all<//>`;

function Choice({ checked, label, count, share, onChange }) {
  return html`<label class=${"choice" + (count ? "" : " none")}
    ><input type="checkbox" checked=${checked} onClick=${letGo} onChange=${onChange} />
    <span class="name" title=${label}>${label}</span>
    <span class="count">${number(count)}</span>
    <span class="bar" style=${`width:${(share * 100).toFixed(1)}%`}></span>
  </label>`;
}

function Facet({ column, values, chosen }) {
  const [all, setAll] = useState(false);
  const isOn = (value) => chosen.some((one) => same(one, value));
  const list = all ? values : values.filter(({ value }, at) => at < FIRST || isOn(value));
  const most = Math.max(1, ...values.map(({ count }) => count));
  return html`<fieldset class="facet" data-column=${column}>
    <legend>${columnLabel(column)}</legend>
    ${list.map(
      ({ value, count }) =>
        html`<${Choice}
          key=${String(value)}
          checked=${isOn(value)}
          label=${nameOf(value)}
          count=${count}
          share=${count / most}
          onChange=${() => toggleValue(column, chosen.find((one) => same(one, value)) ?? value)}
        />`,
    )}
    ${
      values.length > FIRST
        ? html`<${Small} onClick=${() => setAll(!all)}>${all ? "fewer" : `all ${values.length}`}<//>`
        : null
    }
  </fieldset>`;
}

function VerdictFacet() {
  const { verdicts: chosen } = useValue(page);
  const all = [...useValue(verdicts).values()];
  const rows = [...Object.entries(NAMES), ["none", "not judged"]].map(([verdict, label]) => [
    verdict,
    label,
    verdict === "none" ? product.rows - all.length : all.filter((one) => one.verdict === verdict).length,
  ]);
  const pick = (verdict) => {
    forgetPages();
    toggleVerdict(verdict);
  };
  return html`<fieldset class="facet" data-column="verdict">
    <legend>your verdict</legend>
    ${rows.map(
      ([verdict, label, count]) =>
        html`<${Choice}
          key=${verdict}
          checked=${chosen.includes(verdict)}
          label=${label}
          count=${count}
          share=${count / Math.max(1, product.rows)}
          onChange=${() => pick(verdict)}
        />`,
    )}
  </fieldset>`;
}

/** The panel of filters. */
export function Filters({ values, onClose }) {
  const state = useValue(page);
  const { facets } = useValue(summary);
  return html`<aside
    class="filters"
    id="filters"
    aria-label="Filters"
    onKeyDown=${(event) => {
      if (event.key === "Escape" && innerWidth < 1100) {
        event.stopPropagation();
        onClose();
      }
    }}
  >
    <header>
      <h2>Filters</h2>
      ${filtered(state) ? html`<${ClearAll} />` : null}
      <button type="button" class="plain close" aria-label="Close the filters" onClick=${onClose}>✕</button>
    </header>
    <div class="facets">
      ${product.facets
        .filter((name) => facets[name]?.length)
        .map(
          (name) =>
            html`<${Facet} key=${name} column=${name} values=${facets[name]} chosen=${state.values[name] || []} />`,
        )}
      <${VerdictFacet} />
    </div>
    <${Histograms} values=${values} />
  </aside>`;
}

/** What the filter holds, each with a cross. */
export function Chips() {
  const state = useValue(page);
  const chips = [
    ...Object.entries(state.ranges).map(([name, range]) => [
      `${columnLabel(name)} ${rangeText(range)}`,
      () => setRange(name, null),
    ]),
    ...Object.entries(state.values).flatMap(([name, values]) =>
      values.map((value) => [`${columnLabel(name)}: ${nameOf(value)}`, () => toggleValue(name, value)]),
    ),
    ...state.verdicts.map((verdict) => [`verdict: ${NAMES[verdict] || "not judged"}`, () => toggleVerdict(verdict)]),
    ...(state.search ? [[`id has “${state.search}”`, () => change({ search: "", offset: 0 })]] : []),
    ...(state.keys ? [[`${number(state.keys.length)} chosen rows`, () => change({ keys: null, offset: 0 })]] : []),
  ];
  if (!chips.length) return null;
  return html`<p class="chips" aria-label="Active filters">
    ${chips.map(
      ([label, lift]) =>
        html`<button type="button" key=${label} title="Lift this filter" onClick=${lift}>
          ${label + " "}<span aria-hidden="true">✕</span>
        </button>`,
    )}
    <${ClearAll} />
  </p>`;
}
