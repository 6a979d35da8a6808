// The vendored libraries and the small things that every component uses.
import { h, render } from "./vendor/preact.js";
import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";

export const html = htm.bind(h);
export { render, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** A value that tells its listeners when it is replaced. */
export function observable(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      value = next;
      for (const listener of [...listeners]) listener(value);
    },
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of an observable inside a component, drawn again when it is replaced. */
export function useValue(source) {
  const [, again] = useReducer((count) => count + 1, 0);
  const seen = useRef(source.get());
  seen.current = source.get();
  useLayoutEffect(() => {
    if (seen.current !== source.get()) again();
    return source.listen(again);
  }, [source]);
  return source.get();
}

/** One line of news for everybody, screen readers included. */
const news = observable({ text: "", bad: false });
let silence = 0;
export function tell(text, bad = false) {
  news.set({ text, bad });
  clearTimeout(silence);
  silence = setTimeout(() => news.set({ text: "", bad: false }), bad ? 8000 : 3000);
}

export function News() {
  const { text, bad } = useValue(news);
  return html`<div class=${"news" + (text ? " on" : "") + (bad ? " bad" : "")} role="status" aria-live="polite">
    ${text}
  </div>`;
}

const whole = new Intl.NumberFormat("en-GB");
/** A number for people: 657,566 and 0.943, never 0.94300000001. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (Number.isInteger(value)) return whole.format(value);
  const size = Math.abs(value);
  if (size >= 1000) return whole.format(Math.round(value));
  if (size !== 0 && size < 1e-4) return value.toExponential(1);
  return value.toPrecision(size >= 1 ? 4 : size >= 0.01 ? 3 : 2);
}

export const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;

// Characters that a person cannot see, or that turn the words after them round.
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
/** Words of a product as they are, with a sign in the place of each unseen character. */
export const words = (text) => String(text ?? "").replace(UNSEEN, "\ufffd");

/** The text of any cell. */
export function cell(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (Array.isArray(value)) return value.length ? value.map(cell).join(", ") : "–";
  if (typeof value === "number") return number(value);
  if (typeof value === "boolean") return value ? "yes" : "no";
  return words(typeof value === "object" ? JSON.stringify(value) : value);
}

/** A modal dialog; Escape, the cross and a click outside close it. */
export function Dialog({ title, onClose, children, wide = false }) {
  const ref = useRef();
  useEffect(() => {
    const before = document.activeElement;
    ref.current.showModal();
    return () => before && before.isConnected && before.focus({ preventScroll: true });
  }, []);
  const outside = (event) => event.target === ref.current && onClose();
  return html`<dialog
    ref=${ref}
    class=${wide ? "wide" : ""}
    aria-label=${title}
    onClose=${onClose}
    onMouseDown=${outside}
  >
    <header>
      <h2 tabindex="-1" autofocus>${title}</h2>
      <button type="button" class="plain" aria-label="Close" onClick=${onClose}>✕</button>
    </header>
    <div class="body">${children}</div>
  </dialog>`;
}

/** A small button without a border. */
export function Small({ label, onClick, children }) {
  return html`<button type="button" class="plain small" aria-label=${label} onClick=${onClick}>${children}</button>`;
}

/** A click with a mouse leaves the focus on the page, so that the space bar stays a key of the page. */
export const letGo = (event) => event.detail > 0 && event.currentTarget.blur();
