// One image with its masks: wheel, drag and pinch move it; the organs under the pointer are named.
import { colours, hidden, organLabel, shownOrgans } from "./data.js";
import { fit, magnification, paint, paintNodes } from "./draw.js";
import { useLook } from "./grid.js";
import { imageOf, LARGE, rowOf, wholeImageOf } from "./images.js";
import { page } from "./state.js";
import { html, observable, useEffect, useLayoutEffect, useRef, useState, useValue } from "./ui.js";

export const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };
const MOST = 60;

/** Zoom, and the point of the image (0 to 1) at the middle; panes side by side share it. */
export const view = observable(WHOLE);

/** Brightness and contrast in percent, and whether black and white are exchanged. */
export const film = observable({ brightness: 100, contrast: 100, invert: false });

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
export function look(next) {
  const zoom = clamp(next.zoom, 1, MOST);
  const reach = 0.5 - 0.5 / zoom + 0.25;
  const x = zoom === 1 ? 0.5 : clamp(next.x, 0.5 - reach, 0.5 + reach);
  const y = zoom === 1 ? 0.5 : clamp(next.y, 0.5 - reach, 0.5 + reach);
  view.set({ zoom, x, y });
}
export const zoomBy = (factor) => look({ ...view.get(), zoom: view.get().zoom * factor });
export const panBy = (right, down) =>
  look({ ...view.get(), x: view.get().x + right / view.get().zoom, y: view.get().y + down / view.get().zoom });

/** The thing behind a key once it is there: {value, fault}. */
export function useLater(entry) {
  const [, again] = useState(0);
  const [fault, setFault] = useState(null);
  useEffect(() => {
    let gone = false;
    setFault(null);
    if (entry && !entry.value)
      entry.wanted.then(
        () => gone || again((count) => count + 1),
        (error) => gone || error.name === "AbortError" || setFault(error.message),
      );
    return () => {
      gone = true;
    };
  }, [entry]);
  return { value: entry?.value, fault };
}

/** Where the image lies on the canvas, in the canvas's own pixels. */
function placing(canvas, { height, width }) {
  const { zoom, x, y } = view.get();
  const scale = Math.min(canvas.width / width, canvas.height / height) * zoom;
  return { scale, left: canvas.width / 2 - x * width * scale, top: canvas.height / 2 - y * height * scale };
}

function drawFilm(canvas, row, bitmap) {
  const context = canvas.getContext("2d");
  const { scale, left, top } = placing(canvas, row);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale, 0, 0, scale, left, top);
  context.imageSmoothingEnabled = scale < 4;
  context.imageSmoothingQuality = "high";
  if (bitmap) context.drawImage(bitmap, 0, 0, row.width, row.height);
  else if (bitmap === null) {
    context.fillStyle = "#6f7478";
    context.fillRect(0, 0, row.width, row.height);
  }
}

function drawMasks(canvas, { row, shapes }, drawing) {
  const context = canvas.getContext("2d");
  const { scale, left, top } = placing(canvas, row);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  if (drawing.hidden) return;
  context.setTransform(scale, 0, 0, scale, left, top);
  const unit = (devicePixelRatio || 1) / scale;
  const there = drawing.organs.filter((organ) => shapes.has(organ));
  paint(
    context,
    there.map((organ) => [shapes.of(organ).path, colours.get(organ) || "#fff"]),
    drawing,
    unit,
  );
  if (drawing.nodes) paintNodes(context, row, drawing.organs, colours, unit, magnificationOf(canvas, row));
}

/** The same at every zoom: it depends on the size of the whole image in the pane. */
const magnificationOf = (canvas, row) =>
  magnification(row, Math.max(row.height / canvas.clientHeight, row.width / canvas.clientWidth));

function Legend({ row, canvas }) {
  const times = magnificationOf(canvas, row);
  return html`<p class="legend">
    circles: 2 standard deviations${times > 1 ? `, drawn ${times} times as large` : ""}
  </p>`;
}

// ---- from key to paint ---------------------------------------------------------------------------

let pressed = null;
/** Start the clock at a key's own time; it stops when the next image with its masks is on the screen. */
export const startClock = (event) => {
  pressed = event.timeStamp;
};
const channel = new MessageChannel();
channel.port1.onmessage = ({ data }) => {
  performance.clearMeasures("key to paint");
  performance.measure("key to paint", { start: data, end: performance.now() });
};
function stopClock() {
  if (pressed === null) return;
  const start = pressed;
  pressed = null;
  requestAnimationFrame(() => channel.port2.postMessage(start));
}

// ---- moving with pointers ---------------------------------------------------------------------------

function useMoving(stage, canvas, size) {
  useEffect(() => {
    const box = stage.current;
    const pointers = new Map();
    const ratio = () => devicePixelRatio || 1;
    const spot = (event) => {
      const { left, top } = box.getBoundingClientRect();
      return [(event.clientX - left) * ratio(), (event.clientY - top) * ratio()];
    };
    function zoomAt([px, py], factor) {
      const { height, width } = size.current;
      const before = placing(canvas.current, size.current);
      const x = (px - before.left) / before.scale / width;
      const y = (py - before.top) / before.scale / height;
      const zoom = clamp(view.get().zoom * factor, 1, MOST);
      const scale = (before.scale / view.get().zoom) * zoom;
      look({
        zoom,
        x: x - (px - canvas.current.width / 2) / scale / width,
        y: y - (py - canvas.current.height / 2) / scale / height,
      });
    }
    function shift(dx, dy) {
      const { scale } = placing(canvas.current, size.current);
      look({
        ...view.get(),
        x: view.get().x - dx / scale / size.current.width,
        y: view.get().y - dy / scale / size.current.height,
      });
    }
    const wheel = (event) => {
      if (!size.current) return;
      event.preventDefault();
      zoomAt(spot(event), Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0016)));
    };
    const down = (event) => {
      if (event.button) return;
      box.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, spot(event));
    };
    const move = (event) => {
      if (!pointers.has(event.pointerId) || !size.current) return;
      const before = [...pointers.values()];
      const old = pointers.get(event.pointerId);
      const now = spot(event);
      pointers.set(event.pointerId, now);
      if (pointers.size === 1) shift(now[0] - old[0], now[1] - old[1]);
      else if (pointers.size === 2) {
        const after = [...pointers.values()];
        const middle = (two) => [(two[0][0] + two[1][0]) / 2, (two[0][1] + two[1][1]) / 2];
        const far = (two) => Math.hypot(two[0][0] - two[1][0], two[0][1] - two[1][1]) || 1;
        const [from, to] = [middle(before), middle(after)];
        zoomAt(to, far(after) / far(before));
        shift(to[0] - from[0], to[1] - from[1]);
      }
    };
    const up = (event) => pointers.delete(event.pointerId);
    const twice = (event) => {
      if (size.current) {
        if (view.get().zoom > 1) look(WHOLE);
        else zoomAt(spot(event), 3);
      }
    };
    const on = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, dblclick: twice };
    box.addEventListener("wheel", wheel, { passive: false });
    for (const [name, run] of Object.entries(on)) box.addEventListener(name, run);
    return () => {
      box.removeEventListener("wheel", wheel);
      for (const [name, run] of Object.entries(on)) box.removeEventListener(name, run);
    };
  }, []);
}

function Names({ tip }) {
  if (!tip) return null;
  return html`<div
    class=${"tip" + (tip.right ? " left" : "") + (tip.low ? " up" : "")}
    style=${`left:${tip.left}px;top:${tip.top}px`}
  >
    ${tip.organs.map(
      (organ) => html`<div><i style=${`background:${colours.get(organ)}`} />${organLabel(organ)}</div>`,
    )}
    <div class="where">x ${tip.x}, y ${tip.y}</div>
  </div>`;
}

/** One pane; `main` is the one that the address names. */
export function Pane({ id, kind = "image", label, main }) {
  const state = useValue(page);
  const off = useValue(hidden);
  const drawing = useLook(shownOrgans(state), state, off);
  const { brightness, contrast, invert } = useValue(film);
  const { value: found, fault } = useLater(rowOf(id));
  const { value: image } = useLater(imageOf(id, kind));
  const [sharp, setSharp] = useState(null);
  const [tip, setTip] = useState(null);
  const stage = useRef();
  const back = useRef();
  const front = useRef();
  const size = useRef(null);
  size.current = found?.row || null;
  const bitmap = sharp?.id === `${id} ${kind}` ? sharp.bitmap : image ? image.bitmap || null : undefined;

  const draw = () => {
    if (!found || !fit(back.current) || !fit(front.current)) {
      for (const { current: canvas } of [back, front]) canvas?.getContext("2d").reset?.();
      return;
    }
    drawFilm(back.current, found.row, bitmap);
    drawMasks(front.current, found, drawing);
    if (main && bitmap !== undefined) stopClock();
  };
  const latest = useRef(draw);
  latest.current = draw;
  useLayoutEffect(draw, [found, bitmap, drawing]);
  useEffect(() => {
    let frame = 0;
    const soon = () => {
      if (!stage.current) return;
      // One finger scrolls the page until the image is zoomed; then it moves the image.
      stage.current.style.touchAction = view.get().zoom > 1 ? "none" : "pan-y";
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(() => latest.current());
    };
    const watch = new ResizeObserver(soon);
    watch.observe(stage.current);
    const stop = view.listen(soon);
    return () => {
      watch.disconnect();
      stop();
      cancelAnimationFrame(frame);
    };
  }, []);
  useSharper({ id, kind, row: found?.row, image, back, setSharp });
  useMoving(stage, back, size);

  const hover = (event) => {
    if (!found) return;
    const box = stage.current.getBoundingClientRect();
    const { scale, left, top } = placing(back.current, found.row);
    const ratio = devicePixelRatio || 1;
    const x = Math.floor(((event.clientX - box.left) * ratio - left) / scale);
    const y = Math.floor(((event.clientY - box.top) * ratio - top) / scale);
    const organs = off ? [] : found.shapes.under(x, y, drawing.organs);
    if (!organs.length) {
      setTip(null);
      return;
    }
    setTip({
      organs,
      x,
      y,
      left: event.clientX - box.left,
      top: event.clientY - box.top,
      right: event.clientX - box.left > box.width - 170,
      low: event.clientY - box.top > box.height - 30 - 18 * organs.length,
    });
  };
  const reason = fault || image?.reason;
  const circles = found?.row.landmarks && drawing.nodes && !off && front.current?.clientWidth;
  const filter = `brightness(${brightness}%) contrast(${contrast}%)${invert ? " invert(1)" : ""}`;
  return html`<figure class=${"pane" + (main ? " main-pane" : "")} aria-label=${label}>
    <div class="stage" ref=${stage} onPointerMove=${hover} onPointerDown=${hover} onPointerLeave=${() => setTip(null)}>
      <canvas class="back" ref=${back} style=${{ filter }}></canvas><canvas
        class="front"
        ref=${front}
        role="img"
        aria-label=${`${label}: masks of ${drawing.organs.slice(0, 12).map(organLabel).join(", ")}`}
      ></canvas>
      ${circles ? html`<${Legend} row=${found.row} canvas=${front.current} />` : null}
      <${Names} tip=${tip} />
      ${found || fault ? null : html`<p class="wait">reading …</p>`}
    </div>
    ${label ? html`<figcaption>${label}</figcaption>` : null}
    ${reason ? html`<p class="reason" role="note">${fault ? fault : html`<b>Masks on grey.</b> ${reason}`}</p>` : null}
  </figure>`;
}

/** Fetch the image at its full size once it is looked at more closely than the first one allows. */
function useSharper({ id, kind, row, image, back, setSharp }) {
  useEffect(() => {
    if (!row || !image?.bitmap || Math.max(row.height, row.width) <= LARGE) return undefined;
    let gone = false;
    let wait = 0;
    const check = () => {
      clearTimeout(wait);
      wait = setTimeout(async () => {
        if (gone || !back.current) return;
        const { scale } = placing(back.current, row);
        if (scale * Math.max(row.height, row.width) < 1.2 * LARGE) return;
        const { bitmap } = await wholeImageOf(id, kind).wanted.catch(() => ({}));
        if (bitmap && !gone) setSharp({ id: `${id} ${kind}`, bitmap });
      }, 200);
    };
    const stop = view.listen(check);
    check();
    return () => {
      gone = true;
      clearTimeout(wait);
      stop();
    };
  }, [id, kind, row, image]);
}
