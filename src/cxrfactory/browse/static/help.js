// The help: every key, and what the page does with the product.
import { product } from "./data.js";
import { table } from "./keys.js";
import { Dialog, html } from "./ui.js";

const SHOWN = {
  " ": "space",
  ArrowRight: "→",
  ArrowLeft: "←",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Escape: "Esc",
  "Shift+Arrows": "Shift + arrows",
};

export function Help({ onClose, dialogs }) {
  const rows = table(dialogs);
  const shown = (keys) =>
    keys.length === 9 ? html`<kbd>1</kbd> to <kbd>9</kbd>` : keys.map((key) => html`<kbd>${SHOWN[key] || key}</kbd> `);
  return html`<${Dialog} title="Keys and help" wide onClose=${onClose}>
    <dl class="keys">
      ${rows.map(
        ([keys, what]) =>
          html`<div>
            <dt>${shown(keys)}</dt>
            <dd>${what}</dd>
          </div>`,
      )}
    </dl>
    <p>
      The page opens at the worst image first. A histogram is brushed with the mouse or by its two fields; the faint
      shape is the whole product, the strong one what the other filters leave, each to its own height. The wheel, a
      drag, or two fingers move the image; a double click zooms in and out.
    </p>
    <p>
      Left and right are the patient's. Circles around contour points are two standard deviations wide in each
      direction. The address of the page holds the filter, the order, the image and the organs.
    </p>
    <p class="hint">Nothing is written into ${product.title}, and no other machine is asked for anything.</p>
  <//>`;
}
