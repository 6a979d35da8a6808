// Pan and zoom: the view that all panes share, where it puts an image on a canvas, and the pointers that move it.
import { observable, useEffect } from "./ui.js";

export const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };
const MOST = 60;

/** Zoom, and the point of the image (0 to 1) at the middle; panes side by side share it. */
export const view = observable(WHOLE);

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

/** Where the image lies on the canvas, in the canvas's own pixels. */
export function placing(canvas, { height, width }) {
  const { zoom, x, y } = view.get();
  const scale = Math.min(canvas.width / width, canvas.height / height) * zoom;
  return { scale, left: canvas.width / 2 - x * width * scale, top: canvas.height / 2 - y * height * scale };
}

/** Let the wheel, a drag, two fingers and a double click on `stage` move the view. */
export function useMoving(stage, canvas, size) {
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
