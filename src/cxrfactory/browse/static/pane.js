// One image with its masks: wheel, drag and pinch move it; the organs under the pointer are named.
import { colours, hidden, organLabel, shownOrgans } from "./data.js";
import { fit, magnification, paint, paintNodes } from "./draw.js";
import { useLook } from "./grid.js";
import { imageOf, LARGE, rowOf, wholeImageOf } from "./images.js";
import { drawMeasures, drawn, pointed, titleOf, valueOf } from "./measures.js";
import { placing, useMoving, view } from "./moving.js";
import { page } from "./state.js";
import { html, observable, useEffect, useLayoutEffect, useRef, useState, useValue } from "./ui.js";

/** Brightness and contrast in percent, and whether black and white are exchanged. */
export const film = observable({ brightness: 100, contrast: 100, invert: false });

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
  const lines = useRef();
  const size = useRef(null);
  size.current = found?.row || null;
  const extra = useValue(pointed);
  const measured = drawn(found?.row, state.measures, extra);
  const bitmap = sharp?.id === `${id} ${kind}` ? sharp.bitmap : image ? image.bitmap || null : undefined;

  const drawLines = () => {
    if (found && fit(lines.current)) drawMeasures(lines.current, placing(lines.current, found.row), measured);
  };
  const draw = () => {
    if (!found || !fit(back.current) || !fit(front.current)) {
      for (const { current: canvas } of [back, front, lines]) canvas?.getContext("2d").reset?.();
      return;
    }
    drawFilm(back.current, found.row, bitmap);
    drawMasks(front.current, found, drawing);
    drawLines();
    if (main && bitmap !== undefined) stopClock();
  };
  const latest = useRef(draw);
  latest.current = draw;
  useLayoutEffect(draw, [found, bitmap, drawing]);
  useLayoutEffect(drawLines, [found, state.measures, extra]);
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
      ${
        found?.row.measurements
          ? html`<canvas
              class="lines"
              ref=${lines}
              role="img"
              aria-label=${`${label}: ${measured.map((one) => `${titleOf(one.measurement)} ${valueOf(one)}`).join(", ") || "no measurement"}`}
            ></canvas>`
          : null
      }
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
