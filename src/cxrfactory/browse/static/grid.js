// The grid: one page of thumbnails with outlines.
import { getJson } from "./api.js";
import { columnLabel, colours, hidden, PAGE, product, selection, shownOrgans, sortOf } from "./data.js";
import { fit, paint, pathOf } from "./draw.js";
import { thumbnailOf } from "./images.js";
import { CLEAR, address, change, page } from "./state.js";
import {
  cell,
  html,
  number,
  observable,
  plural,
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  useValue,
  words,
} from "./ui.js";
import { Sign, verdicts } from "./verdicts.js";

/** Key of the card that the keys act on; it stays when an image is opened and closed. */
export const current = observable(null);

const THUMBNAIL = 256;

const AT_ONCE = 10; // rows of outlines in one request: the first cards have theirs while the others wait
const kept = new Map();

async function readOutlines(keys, names, signal) {
  const answer = await getJson("outlines", { keys: keys.join(","), size: THUMBNAIL, organs: names }, signal);
  for (const [key, { height, width, organs }] of Object.entries(answer)) {
    const paths = Object.entries(organs).map(([organ, loops]) => [organ, pathOf(loops.map((loop) => loop.flat()))]);
    kept.set(`${key} ${names}`, { height, width, paths });
  }
  while (kept.size > 600) kept.delete(kept.keys().next().value);
}

/** Outlines of the page's masks by key: {height, width, paths: [[organ, path]]}. */
function useOutlines(rows, organs) {
  const [, again] = useState(0);
  const keys = rows.map(({ key }) => key);
  const names = organs.join(",");
  useEffect(() => {
    const stop = new AbortController();
    (async () => {
      const wanted = names ? keys.filter((key) => !kept.has(`${key} ${names}`)) : [];
      for (let first = 0; first < wanted.length; first += AT_ONCE) {
        await readOutlines(wanted.slice(first, first + AT_ONCE), names, stop.signal);
        if (stop.signal.aborted) return;
        again((count) => count + 1);
      }
    })().catch(() => {});
    return () => stop.abort();
  }, [keys.join(","), names]);
  return (key) => kept.get(`${key} ${names}`);
}

function drawCard(canvas, { bitmap }, outline, look) {
  if (!fit(canvas)) return;
  const context = canvas.getContext("2d");
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  const size = outline || (bitmap && { width: bitmap.width, height: bitmap.height });
  if (!size) return;
  const scale = Math.min(canvas.width / size.width, canvas.height / size.height);
  context.translate((canvas.width - size.width * scale) / 2, (canvas.height - size.height * scale) / 2);
  context.imageSmoothingQuality = "high";
  if (bitmap) context.drawImage(bitmap, 0, 0, size.width * scale, size.height * scale);
  else {
    context.fillStyle = "#6f7478";
    context.fillRect(0, 0, size.width * scale, size.height * scale);
  }
  if (!outline || look.hidden) return;
  context.scale(scale, scale);
  const paths = outline.paths
    .filter(([organ]) => look.organs.includes(organ))
    .map(([organ, path]) => [path, colours.get(organ) || "#fff"]);
  paint(context, paths, look, ((devicePixelRatio || 1) * 0.85) / scale);
}

function Card({ row, outline, look, sort, chosen, verdict }) {
  const canvas = useRef();
  const [image, setImage] = useState({});
  useEffect(() => {
    if (!product.images_known) {
      setImage({ reason: "No folder of images is known." });
      return undefined;
    }
    const stop = new AbortController();
    const entry = thumbnailOf(row.key, stop.signal);
    if (entry.value) setImage(entry.value);
    else
      entry.wanted.then(
        (value) => stop.signal.aborted || setImage(value),
        () => {},
      );
    return () => stop.abort();
  }, [row.key]);
  const draw = () => drawCard(canvas.current, image, outline, look);
  const latest = useRef(draw);
  latest.current = draw;
  useLayoutEffect(draw, [image, outline, look]);
  useEffect(() => {
    const watch = new ResizeObserver(() => latest.current());
    watch.observe(canvas.current);
    return () => watch.disconnect();
  }, []);
  const value = row.values?.[sort];
  const id = words(row.image_id);
  const figure = value === undefined ? words(row.dataset) : `${columnLabel(sort)} ${cell(value)}`;
  const label = [id, figure, verdict && `judged ${verdict}`, image.reason && "the image is missing"]
    .filter(Boolean)
    .join(", ");
  return html`<li>
    <a
      class=${"card" + (chosen ? " current" : "")}
      href=${address({ key: row.key })}
      data-key=${row.key}
      aria-label=${label}
      tabindex=${chosen ? 0 : -1}
      onFocus=${() => current.get() === row.key || current.set(row.key)}
    >
      <span class="film">
        <canvas ref=${canvas}></canvas>
        ${image.reason ? html`<span class="missing" title=${image.reason}>no image</span>` : null}<${Sign}
          verdict=${verdict}
      /></span>
      <span class="id" title=${id}>${id}</span>
      <span class="figure">
        <span>${value === undefined ? words(row.dataset) : columnLabel(sort)}</span>
        ${value === undefined ? null : html`<b>${cell(value)}</b>`}
      </span>
    </a>
  </li>`;
}

/** Put the focus on a card, once the page that holds it is drawn. */
export function focusCard(key) {
  current.set(key);
  requestAnimationFrame(() => document.querySelector(`.card[data-key="${Number(key)}"]`)?.focus());
}

function Nothing({ fault }) {
  return html`<div class="nothing">
    ${
      fault
        ? html`<p class="fault">${fault}</p>`
        : html`<p>No image matches the filter.</p>
            <button type="button" onClick=${() => change(CLEAR)}>Clear the filter</button>`
    }
  </div>`;
}

/** "1 to 60 of 657,566" and the ways to other pages. */
export function Pager() {
  const { total, offset, rows } = useValue(selection);
  if (!total) return null;
  const go = (to) => {
    change({ offset: Math.max(0, Math.min(Math.floor((total - 1) / PAGE) * PAGE, to)) });
    current.set(null);
    document.querySelector(".main")?.scrollTo(0, 0);
  };
  const many = Math.ceil(total / PAGE);
  const turn = (event) => {
    const wish = Math.trunc(Number(event.target.value));
    if (wish >= 1) go((Math.min(wish, many) - 1) * PAGE);
    event.target.value = Math.floor(page.get().offset / PAGE) + 1;
  };
  return html`<nav class="pager" aria-label="Pages">
    <span class="range">${number(offset + 1)}–${number(offset + rows.length)} of <b>${number(total)}</b></span> ${
      many > 1
        ? html`<button type="button" aria-label="First page" disabled=${!offset} onClick=${() => go(0)}>«</button>
            <button type="button" aria-label="Previous page" disabled=${!offset} onClick=${() => go(offset - PAGE)}>
              ‹
            </button>
            <label>
              page
              <input
                type="text"
                inputmode="numeric"
                aria-label="Page"
                value=${Math.floor(offset / PAGE) + 1}
                onChange=${turn}
              />
              of ${number(many)}</label>
            <button
              type="button"
              aria-label="Next page"
              disabled=${offset + PAGE >= total}
              onClick=${() => go(offset + PAGE)}
            >
              ›
            </button>
            <button type="button" aria-label="Last page" disabled=${offset + PAGE >= total} onClick=${() => go(total)}>
              »
            </button>`
        : null
    }
  </nav>`;
}

/** The page of cards that is on. */
export function Grid() {
  const state = useValue(page);
  const { rows, fault, busy, total } = useValue(selection);
  const judged = useValue(verdicts);
  const off = useValue(hidden);
  const chosen = useValue(current);
  const organs = shownOrgans(state);
  const outlineOf = useOutlines(rows, organs);
  const look = useLook(organs, state, off);
  const sort = sortOf(state).column;
  if (fault || total === 0) return html`<${Nothing} fault=${fault} />`;
  const one = rows.some(({ key }) => key === chosen) ? chosen : rows[0]?.key;
  return html`<ul class=${"grid" + (busy ? " busy" : "")} aria-label=${plural(total || 0, "image")}>
    ${rows.map(
      (row) =>
        html`<${Card}
          key=${row.key}
          row=${row}
          outline=${outlineOf(row.key)}
          look=${look}
          sort=${sort}
          chosen=${row.key === one}
          verdict=${judged.get(row.key)?.verdict}
        />`,
    )}
  </ul>`;
}

/** How masks are drawn; the same object until something of it changes. */
export function useLook(organs, { fill, opacity, nodes }, off) {
  const kept = useRef({});
  const id = JSON.stringify([organs, fill, opacity, nodes, off]);
  if (kept.current.id !== id) kept.current = { id, look: { organs, fill, opacity, nodes, hidden: off } };
  return kept.current.look;
}
