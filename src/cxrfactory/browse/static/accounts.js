// Every row of a release is kept, excluded or rejected; each number leads to its rows and their reasons.
import { getJson } from "./api.js";
import { product } from "./data.js";
import { CLEAR, change } from "./state.js";
import { Dialog, html, number, useEffect, useState, words } from "./ui.js";

const PARTS = ["kept", "excluded", "rejected"];
const total = (part) => product.accounts.reduce((sum, one) => sum + (one[part] || 0), 0);

const leave = (part, open) => (part === "kept" ? change({ ...CLEAR, key: null }) : open({ part }));

/** "81 rows = 56 kept + 22 excluded + 3 rejected", each number a button. */
export function Accounts({ open }) {
  if (!product.accounts?.length) return html`<p class="accounts"><b>${number(product.rows)}</b> rows</p>`;
  return html`<p class="accounts" aria-label="Accounts">
    <button type="button" onClick=${() => open({ part: "all" })}><b>${number(total("rows"))}</b> ${product.counted}</button>
    ${PARTS.map(
      (part, at) =>
        html`<span aria-hidden="true">${at ? "+" : "="}</span>
          <button type="button" class=${part} onClick=${() => leave(part, open)}>
            <b>${number(total(part))}</b>${" " + part}
          </button>`,
    )}
  </p>`;
}

function Table({ onPick }) {
  const cellOf = (one, part) =>
    part === "kept" || !one[part]
      ? number(one[part])
      : html`<button type="button" class="link" onClick=${() => onPick({ part, release: one.release })}>
          ${number(one[part])}
        </button>`;
  return html`<table class="figures">
    <thead>
      <tr>
        <th>release</th>
        <th>${product.counted}</th>
        ${PARTS.map((part) => html`<th>${part}</th>`)}
      </tr>
    </thead>
    <tbody>
      ${product.accounts.map(
        (one) =>
          html`<tr key=${one.release}>
            <th scope="row">${one.release}</th>
            <td>${number(one.rows)}</td>
            ${PARTS.map((part) => html`<td>${cellOf(one, part)}</td>`)}
          </tr>`,
      )}
      ${
        product.accounts.length > 1
          ? html`<tr class="sum">
              <th scope="row">all</th>
              <td>${number(total("rows"))}</td>
              ${PARTS.map((part) => html`<td>${number(total(part))}</td>`)}
            </tr>`
          : null
      }
    </tbody>
  </table>`;
}

const LIMIT = 50;

function useRows({ part, release, reason, offset }) {
  const [answer, setAnswer] = useState({});
  useEffect(() => {
    if (part === "all") return undefined;
    const stop = new AbortController();
    getJson("accounts", { part, release, reason, offset, limit: LIMIT }, stop.signal).then(
      (found) => setAnswer(found),
      (fault) => fault.name === "AbortError" || setAnswer({ fault: fault.message }),
    );
    return () => stop.abort();
  }, [part, release, reason, offset]);
  return answer;
}

/** The dialog behind the numbers: by release, then reasons, then the rows themselves. */
export function AccountsDialog({ first, onClose }) {
  const [view, setView] = useState({ release: null, reason: null, offset: 0, ...first });
  const pick = (patch) => setView({ ...view, reason: null, offset: 0, ...patch });
  const { fault, reasons = [], rows = [], total: many = 0 } = useRows(view);
  const title =
    view.part === "all"
      ? "Accounts"
      : `${view.part === "excluded" ? "Excluded" : "Rejected"} rows${view.release ? " of " + view.release : ""}`;
  return html`<${Dialog} title=${title} wide onClose=${onClose}>
    <p class="hint">
      Every row of a release is kept, excluded by the selection rule, or rejected because it failed on the way.
    </p>
    <${Table} onPick=${pick} />
    ${
      view.part === "all"
        ? null
        : fault
          ? html`<p class="fault">${fault}</p>`
          : html` <nav class="tabs">
                ${["excluded", "rejected"].map(
                  (part) =>
                    html`<button type="button" aria-pressed=${view.part === part} onClick=${() => pick({ part })}>
                      ${`${part} (${number(total(part))})`}
                    </button>`,
                )}
                ${
                  view.release
                    ? html`<button type="button" class="plain" onClick=${() => pick({ release: null })}>
                        all releases
                      </button>`
                    : null
                }
              </nav>
              <h3>Reasons</h3>
              <ul class="reasons">
                ${reasons.map(
                  ({ reason, count }) =>
                    html`<li>
                      <button
                        type="button"
                        class="link"
                        aria-pressed=${view.reason === reason}
                        onClick=${() => pick({ reason: view.reason === reason ? null : reason })}
                      >
                        <span>${words(reason) || "no reason is given"}</span><b>${number(count)}</b>
                      </button>
                    </li>`,
                )}
              </ul>
              <${Rows}
                rows=${rows}
                many=${many}
                offset=${view.offset}
                move=${(offset) => setView({ ...view, offset })}
              />`
    }
  <//>`;
}

function Rows({ rows, many, offset, move }) {
  if (!rows.length) return html`<p class="hint">No row.</p>`;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return html`<h3>Rows ${number(offset + 1)} to ${number(offset + rows.length)} of ${number(many)}</h3>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            ${columns.map((name) => html`<th>${name.replaceAll("_", " ")}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            (row, at) =>
              html`<tr key=${offset + at}>
                ${columns.map((name) => html`<td>${words(row[name])}</td>`)}
              </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${
      many > LIMIT
        ? html`<p class="actions">
            <button type="button" disabled=${!offset} onClick=${() => move(offset - LIMIT)}>Previous</button>
            <button type="button" disabled=${offset + LIMIT >= many} onClick=${() => move(offset + LIMIT)}>Next</button>
          </p>`
        : null
    }`;
}
