// Organs on and off: a short list, or the tree of a product with many classes and a search in it.
import { colours, organLabel, product, shownOrgans } from "./data.js";
import { change, page } from "./state.js";
import { Small, html, letGo, number, useEffect, useMemo, useRef, useState, useValue } from "./ui.js";

const put = (organs) => {
  const first = shownOrgans({ organs: null });
  const same = organs.length === first.length && first.every((organ) => organs.includes(organ));
  change({ organs: same ? null : organs }, { replace: true });
};

/** Put the given organs on if any of them is off, else off. */
export function toggle(names) {
  const on = new Set(shownOrgans(page.get()));
  const all = names.every((name) => on.has(name));
  for (const name of names) {
    if (all) on.delete(name);
    else on.add(name);
  }
  put(product.organs.map(({ name }) => name).filter((name) => on.has(name)));
}

const only = (names) => put(product.organs.map(({ name }) => name).filter((name) => names.includes(name)));

const leaves = (node) => (node.children?.length ? node.children.flatMap(leaves) : [node.name]);

/** What the keys 1 to 9 stand for: the first organs, or the first groups of the tree. */
export const numbered = () =>
  (product.tree
    ? product.tree.map((node) => ({ label: node.label || node.name, names: leaves(node) }))
    : product.organs.map(({ name }) => ({ label: organLabel(name), names: [name] }))
  ).slice(0, 9);

function Box({ names, on, label, there, hint, swatch, extra }) {
  const ref = useRef();
  const many = names.filter((name) => on.has(name)).length;
  useEffect(() => {
    ref.current.indeterminate = many > 0 && many < names.length;
  });
  return html`<label class=${"organ" + (there ? "" : " absent")} title=${there ? "" : "not in this image"}>
      <input
        type="checkbox"
        ref=${ref}
        checked=${many === names.length && many > 0}
        onClick=${letGo}
        onChange=${() => toggle(names)}
      />
      ${swatch ? html`<i style=${`background:${swatch}`}></i>` : null}
      <span class="name">${label}</span>
      ${extra}${hint ? html`<kbd>${hint}</kbd>` : null}</label>
    <button type="button" class="plain small only" aria-label=${`Only ${label}`} onClick=${() => only(names)}>
      only
    </button>`;
}

function Leaf({ node, on, there, found, hint }) {
  const shape = there.has(node.name) && found && product.organs.length <= 12 ? found.shapes.of(node.name) : null;
  const extra = shape
    ? html`<span class="count" title=${`${number(shape.area)} pixels`}
        >${((100 * shape.area) / (found.row.height * found.row.width)).toFixed(1)} %</span>`
    : null;
  return html`<li class="leaf">
    <${Box}
      names=${[node.name]}
      on=${on}
      label=${node.label || organLabel(node.name)}
      there=${there.has(node.name)}
      swatch=${colours.get(node.name)}
      hint=${hint}
      extra=${extra}
    />
  </li>`;
}

function Branch({ node, on, there, found, open, hint }) {
  const [unfolded, setUnfolded] = useState(false);
  const names = useMemo(() => leaves(node), [node]);
  const shown = open || unfolded;
  const inside = names.filter((name) => there.has(name)).length;
  return html`<li class="branch">
    <div class="row">
      <button
        type="button"
        class="plain fold"
        aria-expanded=${shown}
        aria-label=${`${shown ? "Fold" : "Unfold"} ${node.label || node.name}`}
        onClick=${() => setUnfolded(!shown)}
      >
        ${shown ? "▾" : "▸"}
      </button>
      <${Box}
        names=${names}
        on=${on}
        label=${node.label || node.name}
        there=${inside > 0}
        hint=${hint}
        extra=${html`<span class="count">${inside}/${names.length}</span>`}
      />
    </div>
    ${shown ? html`<${Nodes} nodes=${node.children} on=${on} there=${there} found=${found} open=${open} />` : null}
  </li>`;
}

function Nodes({ nodes, on, there, found, open, numberFrom = false }) {
  return html`<ul>
    ${nodes.map((node, at) =>
      node.children?.length
        ? html`<${Branch}
            key=${node.name}
            node=${node}
            on=${on}
            there=${there}
            found=${found}
            open=${open}
            hint=${numberFrom && at < 9 ? at + 1 : null}
          />`
        : html`<${Leaf}
            key=${node.name}
            node=${node}
            on=${on}
            there=${there}
            found=${found}
            hint=${numberFrom && at < 9 ? at + 1 : null}
          />`,
    )}
  </ul>`;
}

/** The part of the tree whose names hold the words. */
function search(nodes, words) {
  return nodes.flatMap((node) => {
    const text = `${node.label || ""} ${node.name}`.toLowerCase();
    if (words.every((word) => text.includes(word))) return [node];
    const children = node.children?.length ? search(node.children, words) : [];
    return children.length ? [{ ...node, children }] : [];
  });
}

/** The panel of organs for the rows that are open. */
export function Organs({ found, all }) {
  const state = useValue(page);
  const [wish, setWish] = useState("");
  const on = new Set(shownOrgans(state));
  const there = new Set(all.flatMap(({ row }) => Object.keys(row.masks)));
  const nodes = product.tree || product.organs;
  const words = wish.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = words.length ? search(nodes, words) : nodes;
  const names = product.organs.map(({ name }) => name);
  const many = names.filter((name) => on.has(name)).length;
  return html`<section class="organs" aria-label="Organs">
    <h3>
      <span>Organs</span>
      <span class="count">${`${number(many)} of ${number(names.length)} on`}</span>
      <${Small} onClick=${() => put(names)}>all<//><${Small} onClick=${() => put([])}>none<//>
      ${state.organs ? html`<${Small} onClick=${() => change({ organs: null }, { replace: true })}>reset<//>` : null}
    </h3>
    ${
      product.tree
        ? html`<input
            id="organ-search"
            type="search"
            autocomplete="off"
            placeholder=${`Search ${number(names.length)} classes`}
            aria-label="Search organs"
            value=${wish}
            onInput=${(event) => setWish(event.target.value)}
          />`
        : null
    }
    <div class="tree">
      <${Nodes}
        nodes=${shown}
        on=${on}
        there=${there}
        found=${found}
        open=${words.length > 0}
        numberFrom=${!words.length}
      />${shown.length ? null : html`<p class="hint">No class has this name.</p>`}
    </div>
  </section>`;
}
