// "Download selection": what is downloaded, and as what.
import { post } from "./api.js";
import { filterFor, product, selection } from "./data.js";
import { filtered, page } from "./state.js";
import { Dialog, html, plural, tell, useState, useValue } from "./ui.js";

const FILTERED = "all that the filter leaves";
const WHOLE = "the whole product: no filter is set";
const FORMATS = {
  ids: ["Image ids", "a text file with one id a line"],
  csv: ["CSV rows", "the rows of the product's table"],
  coco: ["COCO", "JSON with the masks as run lengths"],
  "dicom-seg": ["DICOM SEG", "de-identified, with their images in a ZIP archive; for chosen studies"],
};

async function save(answer, fallback) {
  const blob = await answer.blob();
  const named = /filename="?([^";]+)"?/.exec(answer.headers.get("Content-Disposition") || "");
  const anchor = document.createElement("a");
  anchor.href = URL.createObjectURL(blob);
  anchor.download = named ? named[1] : fallback;
  anchor.click();
  setTimeout(() => URL.revokeObjectURL(anchor.href), 60000);
  tell(`Saved ${anchor.download}.`);
}

export function Download({ onClose }) {
  const state = page.get();
  const { total } = useValue(selection);
  const [kind, setKind] = useState(product.formats[0]);
  const [one, setOne] = useState(false);
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState(null);
  async function start(event) {
    event.preventDefault();
    setBusy(true);
    setFault(null);
    try {
      await save(
        await post("download", { format: kind, filter: filterFor(state), keys: one ? [state.key] : null }),
        `selection-${kind}`,
      );
      onClose();
    } catch (problem) {
      setFault(problem.message);
      setBusy(false);
    }
  }
  const radio = (group, value, now, set, label, hint) =>
    html`<label class="radio">
      <input type="radio" name=${group} checked=${now === value} onChange=${() => set(value)} /><span>
        <b>${label}</b>${hint ? html`<small>${hint}</small>` : null}</span></label>`;
  return html`<${Dialog} title="Download selection" onClose=${onClose}
    ><form onSubmit=${start}>
      <fieldset>
        <legend>Which images</legend>
        ${radio("which", false, one, setOne, plural(total ?? 0, "image"), filtered(state) ? FILTERED : WHOLE)}
        ${state.key === null ? null : radio("which", true, one, setOne, "1 image", "the one that is open")}
      </fieldset>
      <fieldset>
        <legend>Format</legend>
        ${product.formats.map((name) => radio("format", name, kind, setKind, ...(FORMATS[name] || [name])))}
      </fieldset>
      ${fault ? html`<p class="fault" role="alert">${fault}</p>` : null}
      <p class="actions">
        <button type="submit" class="strong" disabled=${busy || !total}>${busy ? "Preparing …" : "Download"}</button>
        <button type="button" onClick=${onClose}>Cancel</button>
        ${busy ? html`<span class="hint">${plural(one ? 1 : total, "row")} to write; many take a while.</span>` : null}
      </p>
    </form><//
  >`;
}
