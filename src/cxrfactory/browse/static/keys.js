// The keys: one table, which the help shows and the listener obeys.
import { hidden, product, selection, step } from "./data.js";
import { current, focusCard } from "./grid.js";
import { stepMeasure } from "./measures.js";
import { numbered, toggle } from "./organs.js";
import { WHOLE, look, panBy, zoomBy } from "./moving.js";
import { startClock } from "./pane.js";
import { change, link, page } from "./state.js";
import { tell, useEffect } from "./ui.js";
import { judge, undo } from "./verdicts.js";
import { leave } from "./viewer.js";

const small = { replace: true };
const open = () => page.get().key !== null;
const target = () => (open() ? page.get().key : (current.get() ?? selection.get().rows[0]?.key ?? null));

/** Go so many images on; the large image and the grid both follow. */
export async function go(by) {
  const from = target();
  if (from === null) return;
  try {
    const next = await step(from, by);
    if (!next) {
      tell(by > 0 ? "This is the last image." : "This is the first image.");
      return;
    }
    if (open()) change({ key: next.key, offset: next.offset }, small);
    else if (next.offset !== page.get().offset) {
      change({ offset: next.offset });
      current.set(next.key);
      waitFor(next.key);
    } else focusCard(next.key);
  } catch (fault) {
    tell(fault.message, true);
  }
}

function waitFor(key) {
  const stop = selection.listen(({ busy, rows }) => {
    if (!busy && rows.some((row) => row.key === key)) {
      stop();
      setTimeout(() => focusCard(key), 0);
    }
  });
}

/** Cards in one row of the grid. */
function across() {
  const cards = [...document.querySelectorAll(".grid > li")];
  return Math.max(1, cards.filter((card) => card.offsetTop === cards[0].offsetTop).length);
}

export async function copyLink() {
  try {
    await navigator.clipboard.writeText(link());
    tell("The link is copied. It works while this server runs.");
  } catch {
    window.prompt("Copy this link:", link());
  }
}

const opacity = (by) => {
  const next = Math.min(100, Math.max(0, page.get().opacity + by));
  change({ opacity: next }, small);
  tell(`Opacity ${next} %`);
};
const verdict = (name) => () => {
  const key = target();
  if (key !== null) judge(key, name);
};
const searchField = () => (open() && document.getElementById("organ-search")) || document.getElementById("search");

/** [keys, what they do, run, whether they act only on the open image or only in the grid] */
export function table(dialogs) {
  return [
    [
      ["j", "ArrowRight"],
      "next image",
      (event) => {
        startClock(event);
        go(1);
      },
    ],
    [
      ["k", "ArrowLeft"],
      "previous image",
      (event) => {
        startClock(event);
        go(-1);
      },
    ],
    [["ArrowDown"], "grid: one row down", () => go(across()), "grid"],
    [["ArrowUp"], "grid: one row up", () => go(-across()), "grid"],
    [
      ["Enter"],
      "grid: open the image",
      () => {
        const key = target();
        if (key !== null) change({ key });
      },
      "grid",
    ],
    [["Escape"], "back to the grid", leave, "open"],
    [
      [" "],
      "masks off and on",
      () => {
        hidden.set(!hidden.get());
        tell(hidden.get() ? "Masks are off." : "Masks are on.");
      },
    ],
    [
      ["1", "2", "3", "4", "5", "6", "7", "8", "9"],
      product.tree ? "one group of organs off and on" : "one organ off and on",
      (event) => {
        const one = numbered()[Number(event.key) - 1];
        if (one) {
          toggle(one.names);
          tell(one.label);
        }
      },
    ],
    [["o"], "fill or outline", () => change({ fill: !page.get().fill }, small)],
    [["["], "less opacity", () => opacity(-10)],
    [["]"], "more opacity", () => opacity(10)],
    [["n"], "uncertainty of the contour points, or of the mesh", () => change({ nodes: !page.get().nodes }, small), "open"],
    [["m"], "draw the next measurement", () => stepMeasure(1), "open"],
    [["M"], "draw the measurement before", () => stepMeasure(-1), "open"],
    [["s"], "side by side off and on", () => change({ compare: !page.get().compare }, small), "open"],
    [["+", "="], "zoom in", () => zoomBy(1.5), "open"],
    [["-"], "zoom out", () => zoomBy(1 / 1.5), "open"],
    [["0"], "whole image", () => look(WHOLE), "open"],
    [["Shift+Arrows"], "move a zoomed image", null, "open"],
    [["g"], "judge good", verdict("good")],
    [["b"], "judge bad", verdict("bad")],
    [["f"], "flag", verdict("flag")],
    [["t"], "write a note", () => document.getElementById("note")?.focus(), "open"],
    [["u"], "undo the last verdict", undo],
    [
      ["/"],
      "search",
      () => {
        const field = searchField();
        field?.focus();
        field?.select();
      },
    ],
    [["c"], "copy the link", copyLink],
    [["d"], "download the selection", () => dialogs.show("download")],
    [["v"], "list of verdicts", () => dialogs.show("verdicts")],
    [["?"], "this help", () => dialogs.show("help")],
  ];
}

const ARROWS = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] };
const WRITING = "textarea, select, input:not([type=checkbox]):not([type=radio]):not([type=range])";
/** Keys that a focused control needs for itself. */
function own(element, key) {
  if (key === " ") return element.matches("button, summary, input");
  if (key === "Enter") return element.matches("button, summary, a");
  return key.startsWith("Arrow") && element.matches("input, .turns");
}

export function useKeys(dialogs) {
  useEffect(() => {
    const rows = table(dialogs);
    const press = (event) => {
      const { target: element, key } = event;
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (element.matches?.(WRITING)) {
        if (key === "Escape") element.blur();
        return;
      }
      if (element.matches && own(element, key)) return;
      if (event.shiftKey && ARROWS[key] && open()) {
        event.preventDefault();
        panBy(...ARROWS[key]);
        return;
      }
      if (event.shiftKey && key.startsWith("Arrow")) return;
      const found = rows.find(
        ([keys, , run, where]) => run && keys.includes(key) && (!where || (where === "open") === open()),
      );
      if (!found) return;
      event.preventDefault();
      found[2](event);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}
