// The pane of a row's mesh: drag or arrows turn it, the wheel or two fingers bring it nearer, a double click puts it back.
import { getJson } from "./api.js";
import { colours, hidden, organLabel, shownOrgans } from "./data.js";
import { useLook } from "./grid.js";
import { imageOf, meshOf } from "./images.js";
import { useLater } from "./pane.js";
import { page } from "./state.js";
import { html, number, useEffect, useLayoutEffect, useRef, useState, useValue } from "./ui.js";

const RADIANS = 0.01; // a pixel of a drag
const STEP = Math.PI / 24; // an arrow
const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };

// The library for three dimensions and the surfaces are fetched when a mesh is first looked at.
let wanted = null;
const prepared = () => {
  wanted ||= Promise.all([import("./mesh_scene.js"), getJson("surfaces")]).catch((fault) => {
    wanted = null;
    throw fault;
  });
  return wanted;
};

/** {kit, scene} once they are there, or why not. */
function useScene(canvas) {
  const [made, set] = useState({});
  useEffect(() => {
    let gone = false;
    let scene = null;
    prepared().then(
      ([kit, surfaces]) => {
        if (gone) return;
        try {
          scene = new kit.MeshScene(canvas.current, surfaces, colours);
          set({ kit, scene });
        } catch {
          set({ fault: "This browser shows nothing in three dimensions (WebGL is off)." });
        }
      },
      (fault) => gone || set({ fault: fault.message }),
    );
    return () => {
      gone = true;
      scene?.dispose();
    };
  }, []);
  return made;
}

/** Let pointers, the wheel and keys turn the mesh; `again` draws it. */
function useTurning(stage, kit, again) {
  useEffect(() => {
    if (!kit) return undefined;
    const box = stage.current;
    const pointers = new Map();
    const spread = () => {
      const [one, two] = [...pointers.values()];
      return two ? Math.hypot(one[0] - two[0], one[1] - two[1]) : null;
    };
    const on = {
      pointerdown(event) {
        if (event.button) return;
        box.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, [event.clientX, event.clientY]);
      },
      pointermove(event) {
        const old = pointers.get(event.pointerId);
        if (!old) return;
        const before = spread();
        pointers.set(event.pointerId, [event.clientX, event.clientY]);
        if (before === null) kit.turnBy(RADIANS * (event.clientX - old[0]), RADIANS * (event.clientY - old[1]));
        else if (before && spread()) kit.nearer(spread() / before);
        again();
      },
      pointerup: (event) => pointers.delete(event.pointerId),
      pointercancel: (event) => pointers.delete(event.pointerId),
      dblclick() {
        kit.fromFront();
        again();
      },
      wheel(event) {
        event.preventDefault();
        kit.nearer(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : event.deltaMode ? 0.05 : 0.0016)));
        again();
      },
      keydown(event) {
        if (!ARROWS[event.key] || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        kit.turnBy(...ARROWS[event.key]);
        again();
      },
    };
    for (const [name, run] of Object.entries(on)) box.addEventListener(name, run, { passive: false });
    return () => {
      for (const [name, run] of Object.entries(on)) box.removeEventListener(name, run);
    };
  }, [kit]);
}

const Letter = ({ letter, x, y }) =>
  html`<span class="side-letter" style=${`left:${50 + 46 * x}%;top:${50 - 46 * y}%`}>${letter}</span>`;

function Tip({ tip }) {
  if (!tip) return null;
  return html`<div class=${"tip" + (tip.right ? " left" : "")} style=${`left:${tip.left}px;top:${tip.top}px`}>
    <div><i style=${`background:${colours.get(tip.organ)}`} />${organLabel(tip.organ)}</div>
    <div class="where">± ${number(tip.mm)} mm</div>
  </div>`;
}

export function MeshPane({ id, label }) {
  const state = useValue(page);
  const off = useValue(hidden);
  const drawing = useLook(shownOrgans(state), state, off);
  const { value: mesh, fault } = useLater(meshOf(id));
  const { value: image } = useLater(imageOf(id));
  const stage = useRef();
  const canvas = useRef();
  const { kit, scene, fault: broken } = useScene(canvas);
  const [tip, setTip] = useState(null);
  const [letters, setLetters] = useState([]);

  const draw = () => {
    if (!scene || !mesh) return;
    scene.draw({ ...drawing, off });
    setLetters(kit.sides());
  };
  const latest = useRef(draw);
  latest.current = draw;
  const frame = useRef(0);
  const again = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => latest.current());
  };
  useLayoutEffect(() => {
    if (scene && mesh) scene.show(mesh, image?.bitmap);
  }, [scene, mesh, image]);
  useLayoutEffect(draw, [scene, mesh, image, drawing, off]);
  useEffect(() => {
    const watch = new ResizeObserver(again);
    watch.observe(stage.current);
    return () => {
      watch.disconnect();
      cancelAnimationFrame(frame.current);
    };
  }, []);
  useTurning(stage, kit, again);

  const hover = (event) => {
    if (!scene || !mesh || event.buttons) {
      setTip(null);
      return;
    }
    const box = stage.current.getBoundingClientRect();
    const [left, top] = [event.clientX - box.left, event.clientY - box.top];
    const found = scene.under(left / box.width, top / box.height);
    setTip(found && { ...found, left, top, right: left > box.width / 2 && left > box.width - 150 });
  };
  const reason = fault || broken;
  const shown = drawing.organs.slice(0, 12).map(organLabel).join(", ");
  const legend = drawing.nodes && kit && !off;
  return html`<figure class="pane" aria-label=${label}>
    <div
      class="stage turns"
      ref=${stage}
      tabindex="0"
      role="group"
      aria-label="Mesh: arrows turn it"
      onPointerMove=${hover}
      onPointerLeave=${() => setTip(null)}
    >
      <canvas class="mesh" ref=${canvas} role="img" aria-label=${`${label} of ${shown}, over the slice`}></canvas>
      ${reason ? null : letters.map(([letter, x, y]) => html`<${Letter} letter=${letter} x=${x} y=${y} />`)}
      ${
        legend
          ? html`<p class="legend">uncertainty: blue 0 mm, yellow ${number(kit.FULL_MM)} mm and more</p>`
          : html`<p class="legend hint">drag or arrows turn it</p>`
      }
      <${Tip} tip=${tip} />
      ${(mesh && scene) || reason ? null : html`<p class="wait">reading …</p>`}
    </div>
    <figcaption>${label}</figcaption>
    ${reason ? html`<p class="reason" role="note">${reason}</p>` : null}
  </figure>`;
}
