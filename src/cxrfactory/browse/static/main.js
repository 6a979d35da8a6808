// The page of `python -m cxrfactory browse`.
import { Accounts, AccountsDialog } from "./accounts.js";
import { online } from "./api.js";
import { numbers, product, readProduct, refresh, columnLabel, selection, sortOf } from "./data.js";
import { Download } from "./download.js";
import { Chips, Filters } from "./facets.js";
import { current, Grid, Pager, focusCard } from "./grid.js";
import { Help } from "./help.js";
import { rowOf } from "./images.js";
import { copyLink, go, useKeys } from "./keys.js";
import { useLater } from "./pane.js";
import { change, page } from "./state.js";
import { News, html, observable, render, useEffect, useRef, useState, useValue, words } from "./ui.js";
import { readVerdicts, VerdictList, verdicts } from "./verdicts.js";
import { Viewer } from "./viewer.js";

/** Which dialog is open: {name, first} or null. */
const dialog = observable(null);
const dialogs = { show: (name, first) => dialog.set({ name, first }), hide: () => dialog.set(null) };

const THEMES = ["system", "light", "dark"];
function Theme() {
  const [now, set] = useState(document.documentElement.dataset.theme || "system");
  const turn = () => {
    const next = THEMES[(THEMES.indexOf(now) + 1) % 3];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      localStorage.setItem("cxrfactory.theme", next);
    } catch {
      /* storage is closed */
    }
    set(next);
  };
  return html`<button
    type="button"
    class="plain theme"
    title="Light, dark, or as the system says"
    aria-label=${`Theme: ${now}`}
    onClick=${turn}
  >
    <span aria-hidden="true">${now === "light" ? "☀" : now === "dark" ? "☾" : "◐"}</span>
  </button>`;
}

function Search() {
  const { search } = useValue(page);
  const wait = useRef(0);
  const type = (event) => {
    const text = event.target.value.trim();
    clearTimeout(wait.current);
    wait.current = setTimeout(() => text === page.get().search || change({ search: text, offset: 0, key: null }), 200);
  };
  const enter = (event) =>
    event.key === "Enter" &&
    setTimeout(() => {
      const first = selection.get().rows[0];
      if (first && page.get().key === null) focusCard(first.key);
    }, 400);
  return html`<input
    id="search"
    type="search"
    autocomplete="off"
    spellcheck=${false}
    placeholder="Search ids   /"
    aria-label="Search ids"
    value=${search}
    onInput=${type}
    onKeyDown=${enter}
  />`;
}

function Top() {
  const judged = useValue(verdicts).size;
  return html`<header class="top">
    <h1 title=${product.title}>${product.title}</h1>
    <${Accounts} open=${(first) => dialogs.show("accounts", first)} />
    <div class="right">
      <${Search} /><button type="button" onClick=${() => dialogs.show("verdicts")}>Verdicts <b>${judged}</b></button>
      <button type="button" onClick=${() => dialogs.show("download")}>
        Download<span class="wide-only"> selection</span></button><button type="button" onClick=${copyLink}>
        <span class="wide-only">Copy link</span><span class="narrow-only">Link</span></button><${Theme} />
      <button
        type="button"
        class="plain"
        aria-label="Keys and help"
        title="Keys and help (?)"
        onClick=${() => dialogs.show("help")}
      >
        ?
      </button>
    </div>
  </header>`;
}

function Sort() {
  const { column, ascending } = sortOf(useValue(page));
  const order = (next, up) => {
    const first = product.sort;
    const same = next === first.column;
    change({ sort: same ? null : next, ascending: same ? up === first.ascending : up, offset: 0 });
    current.set(null);
  };
  const names = [
    ...new Set([
      product.sort.column,
      ...numbers().map(({ name }) => name),
      ...product.columns.filter(({ type }) => type === "text").map(({ name }) => name),
      column,
    ]),
  ];
  return html`<div class="sort">
    <label>
      Sort
      <select
        value=${column}
        onChange=${(event) => {
          order(event.target.value, ascending);
          if (!event.target.matches(":focus-visible")) event.target.blur();
        }}
      >
        ${names.map(
          (name) =>
            html`<option value=${name} selected=${name === column}>
              ${columnLabel(name) + (name === product.sort.column ? " (worst first)" : "")}
            </option>`,
        )}
      </select></label>
    <button
      type="button"
      aria-label=${ascending ? "Lowest first; turn round" : "Highest first; turn round"}
      title=${ascending ? "lowest first" : "highest first"}
      onClick=${() => order(column, !ascending)}
    >
      ${ascending ? "↑ lowest first" : "↓ highest first"}
    </button>
  </div>`;
}

function FilterButton({ shown, toggle }) {
  const state = useValue(page);
  const many =
    Object.keys(state.ranges).length +
    Object.values(state.values).flat().length +
    state.verdicts.length +
    (state.search ? 1 : 0) +
    (state.keys ? 1 : 0);
  return html`<button
    type="button"
    class="filter-button"
    aria-expanded=${shown}
    aria-controls="filters"
    onClick=${toggle}
  >
    Filters${many ? html` <b>${many}</b>` : null}
  </button>`;
}

function NoImages() {
  if (product.images_known) return null;
  const why = product.images_reason || "the folder of the release's images is not known";
  return html`<p class="notice">${`Masks are drawn on grey: ${why}.`}</p>`;
}

function Open() {
  const { name, first } = useValue(dialog) || {};
  const close = dialogs.hide;
  if (name === "accounts") return html`<${AccountsDialog} first=${first} onClose=${close} />`;
  if (name === "verdicts") return html`<${VerdictList} onClose=${close} />`;
  if (name === "download") return html`<${Download} onClose=${close} />`;
  if (name === "help") return html`<${Help} onClose=${close} dialogs=${dialogs} />`;
  return null;
}

function Offline() {
  if (useValue(online)) return null;
  return html`<div class="offline" role="alert">
    The server does not answer. Start <code>python -m cxrfactory browse</code> again and open the address that it
    prints. <button type="button" onClick=${() => location.reload()}>Try again</button>
  </div>`;
}

const roomy = matchMedia("(min-width: 1100px)");

function App() {
  const state = useValue(page);
  const [shown, setShown] = useState(roomy.matches);
  useKeys(dialogs);
  useEffect(() => {
    const fit = () => setShown(roomy.matches);
    roomy.addEventListener("change", fit);
    return () => roomy.removeEventListener("change", fit);
  }, []);
  useEffect(() => refresh(state), [state]);
  useEffect(() => {
    if (state.key !== null) current.set(state.key);
  }, [state.key]);
  const large = state.key !== null;
  const { value: found } = useLater(large ? rowOf(state.key) : null);
  const title = `${large && found ? words(found.row.image_id) + " – " : ""}${product.title} – cxrfactory`;
  useEffect(() => {
    document.title = title;
  }, [title]);
  return html`<${Top} /><${Offline} />
    <div class=${"body" + (shown ? " with-filters" : "") + (large ? " large" : "")}>
      ${shown ? html`<${Filters} values=${large ? found?.row.values : null} onClose=${() => setShown(false)} />` : null}
      <main class="main">
        ${
          large
            ? html`<${Viewer}
                go=${go}
                filters=${html`<${FilterButton} shown=${shown} toggle=${() => setShown(!shown)} />`}
              />`
            : html` <div class="bar">
                  <${FilterButton} shown=${shown} toggle=${() => setShown(!shown)} /><${Sort} /><${Pager} />
                </div>
                <${Chips} /><${NoImages} /><${Grid} />
                ${selection.get().rows.length > 12 ? html`<div class="bar foot"><${Pager} /></div>` : null}`
        }
      </main>
    </div>
    <${Open} /><${News} />`;
}

async function start() {
  const root = document.getElementById("app");
  try {
    await readProduct();
    await Promise.all([readVerdicts()]);
  } catch (fault) {
    root.textContent = "";
    const line = document.createElement("p");
    line.className = "boot fault";
    line.textContent = `The product could not be read: ${fault.message}`;
    root.append(line);
    return;
  }
  root.textContent = "";
  render(html`<${App} />`, root);
}
start();
