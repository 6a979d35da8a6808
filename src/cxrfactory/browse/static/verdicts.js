// The user's verdicts: good, bad or flag, with a note and undo. The server appends them to the user's file.
import { getJson, post, url } from "./api.js";
import { forgetPages, product } from "./data.js";
import { address, page } from "./state.js";
import {
  Dialog,
  html,
  letGo,
  number,
  observable,
  plural,
  tell,
  useEffect,
  useRef,
  useState,
  useValue,
  words,
} from "./ui.js";

export const NAMES = { good: "good", bad: "bad", flag: "flagged" };
const SIGNS = { good: "✓", bad: "✕", flag: "⚑" };
const WORDS = { good: "Good", bad: "Bad", flag: "Flag" };
const KEYS = { good: "g", bad: "b", flag: "f" };

/** Map from a row's key to {verdict, note, image_id, dataset, when}. */
export const verdicts = observable(new Map());

export async function readVerdicts() {
  const list = await getJson("verdicts");
  verdicts.set(new Map(list.filter(({ verdict }) => verdict !== "none").map((one) => [one.key, one])));
}

/** Judge a row; the same verdict again takes it back. */
export async function judge(key, verdict, note) {
  const before = verdicts.get().get(key);
  const text = note ?? before?.note ?? "";
  const taken = note === undefined && before?.verdict === verdict ? "none" : verdict;
  try {
    await post("verdicts", { key, verdict: taken, note: taken === "none" ? "" : text });
    await afterwards();
    tell(taken === "none" ? "Verdict taken back." : `Judged ${NAMES[taken]}. Press u to undo.`);
    return true;
  } catch (fault) {
    tell(`The verdict was not kept: ${fault.message}`, true);
    return false;
  }
}

export async function undo() {
  try {
    const undone = await (await post("verdicts/undo")).json();
    await afterwards();
    tell(
      undone
        ? `Undone: the image is ${NAMES[undone.verdict] || "not judged"} again.`
        : "There is no verdict to undo.",
    );
  } catch (fault) {
    tell(`Nothing was undone: ${fault.message}`, true);
  }
}

async function afterwards() {
  await readVerdicts();
  if (page.get().verdicts.length) forgetPages();
}

export function Sign({ verdict }) {
  return verdict
    ? html`<span class=${"sign " + verdict} title=${NAMES[verdict]}
        ><span aria-hidden="true">${SIGNS[verdict]}</span><span class="unseen">${NAMES[verdict]}</span></span>`
    : null;
}

/** Buttons and note for one image. */
export function Judge({ id }) {
  const now = useValue(verdicts).get(id);
  const [note, setNote] = useState(now?.note || "");
  const shown = useRef(null);
  useEffect(() => {
    if (shown.current !== `${id} ${now?.note}`) setNote(now?.note || "");
    shown.current = `${id} ${now?.note}`;
  }, [id, now?.note]);
  const save = (event) => {
    event.preventDefault();
    judge(id, now?.verdict || "flag", note);
  };
  return html`<section class="judge" aria-label="Verdict">
    <div class="buttons">
      ${Object.keys(NAMES).map(
        (verdict) =>
          html`<button
            type="button"
            class=${"verdict " + verdict}
            aria-pressed=${now?.verdict === verdict}
            onClick=${(event) => {
              letGo(event);
              judge(id, verdict);
            }}
          >
            <span aria-hidden="true">${SIGNS[verdict]}</span>${` ${WORDS[verdict]} `}<kbd>${KEYS[verdict]}</kbd>
          </button>`,
      )}
      <button
        type="button"
        class="plain"
        onClick=${(event) => {
          letGo(event);
          undo();
        }}
      >
        Undo <kbd>u</kbd>
      </button>
    </div>
    <form class="note" onSubmit=${save}>
      <input
        id="note"
        type="text"
        maxlength="500"
        autocomplete="off"
        aria-label="Note"
        placeholder=${now ? "Note" : "Note (flags the image)"}
        value=${note}
        onInput=${(event) => setNote(event.target.value)}
      /><button type="submit" disabled=${note === (now?.note || "")}>Save</button>
    </form>
  </section>`;
}

/** All verdicts, with the ways out. */
export function VerdictList({ onClose }) {
  const all = [...useValue(verdicts).values()].reverse();
  const many = (verdict) => number(all.filter((one) => one.verdict === verdict).length);
  return html`<${Dialog} title="Verdicts" wide onClose=${onClose}>
    <p>
      ${plural(all.length, "image")} judged: ${many("good")} good, ${many("bad")} bad, ${many("flag")} flagged.
    </p>
    <p class="actions">
      <a class="button" download="verdicts.csv" href=${url("verdicts.csv")}>Export as CSV</a>
      ${
        product.tasks === false
          ? null
          : html`<a class="button" download="label-studio-tasks.json" href=${url("verdicts/tasks.json")}>
              Label Studio tasks of the bad ones
            </a>`
      }
    </p>
    <p class="hint">
      Put the path of the CSV file into <code>${product.section || "datasets"}.<i>name</i>.exclude</code> of the config: the next
      run leaves the images judged bad
      out.${product.verdicts_file ? html` Verdicts are kept in <code>${product.verdicts_file}</code>.` : null}
    </p>
    ${
      all.length
        ? html`<div class="scroll">
            <table>
              <thead>
                <tr>
                  <th>verdict</th>
                  <th>image</th>
                  <th>release</th>
                  <th>note</th>
                  <th>when</th>
                </tr>
              </thead>
              <tbody>
                ${all.slice(0, 500).map(
                  (one) =>
                    html`<tr key=${one.key}>
                      <td><${Sign} verdict=${one.verdict} /> ${NAMES[one.verdict]}</td>
                      <td><a href=${address({ key: one.key })} onClick=${onClose}>${words(one.image_id)}</a></td>
                      <td>${words(one.dataset)}</td>
                      <td>${words(one.note)}</td>
                      <td>${(one.when || "").replace("T", " ").slice(0, 16)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>
          </div>`
        : html`<p class="hint">Press <kbd>g</kbd>, <kbd>b</kbd> or <kbd>f</kbd> on an image to judge it.</p>`
    }
  <//>`;
}
