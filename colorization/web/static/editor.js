// The editor: the controls of one photo.

import { SLIDERS, recall, remember } from "./memory.js";
import { find, make, quiet, show, tell } from "./page.js";
import { Photo } from "./photo.js";
import { ask, download, form } from "./requests.js";
import { Stage } from "./stage.js";
import { Spots } from "./spots.js";


const ON_ANOTHER_DAY =
  "You worked on this photo before: its color points and sliders are as you left them. Undo or Start over takes them away.";

export class Editor {
  constructor() {
    this.stage = new Stage({
      place: (x, y) => this.spots.suggest(x, y),
      stroke: (places) => this.spots.put(places, find("#brush-color").value),
      divide: (share) => (find("#divider-range").value = Math.round(100 * share)),
      moved: () => this.spots.clear(), // its colors are of the place that was
    });
    this.spots = new Spots(this);
    this.saving = false;
    for (const input of document.querySelectorAll("#modes input")) {
      input.onchange = () => this.use(input.value);
    }
    find("#divider-range").oninput = (event) => this.stage.divide(event.target.value / 100);
    find("#doubt").onchange = (event) => {
      this.photo.doubt = event.target.checked;
      this.photo.send({});
    };
    for (const name of SLIDERS) {
      find(`#${name}`).oninput = (event) => {
        find(`output[for=${name}]`).value = event.target.value;
        this.photo?.change({ do: "set", name, value: Number(event.target.value) });
      };
    }
    find("#closer").onchange = (event) => this.photo.change({ do: "look closer", closer: event.target.checked });
    find("#own").onchange = (event) => this.bring(taken(event.target));
    find("#palette-file").onchange = (event) => this.takePalette(taken(event.target));
    find("#remove-palette").onclick = () => this.photo.change({ do: "remove palette" });
    find("#show-variants").onclick = () => this.showVariants();
    find("#undo").onclick = () => this.photo.change({ do: "undo" });
    find("#redo").onclick = () => this.photo.change({ do: "redo" });
    find("#restart").onclick = () => this.photo.change({ do: "start over" });
    find("#save").onclick = () => this.save();
    document.addEventListener("keydown", (event) => this.key(event));
  }

  get isOpen() {
    return !find("#editor").hidden;
  }

  /** Show the editor while a photo is read; `request` is what to ask, `file` what can be shown of it already. */
  async open(request, file, queue = "") {
    this.leave();
    const opening = (this.opening = new AbortController());
    this.queue = queue;
    show("editor");
    find("#photo-name").textContent = file?.name ?? "";
    find("#work").inert = true;
    this.stage.preview(file);
    this.stage.wait("sending");
    const step = (name) => this.stage.wait(name);
    const view = await ask(request.path, { ...request, step, signal: opening.signal });
    this.stage.wait(null);
    this.begin(view);
    return view.name;
  }

  begin(view) {
    this.photo = new Photo(view.name, {
      shown: (one, moreComes) => this.render(one, moreComes),
      failed: (error) => this.fail(error),
      step: (name) => (name === null ? this.stage.wait(null) : this.stage.waitSoon(name)),
    });
    find("#work").inert = false;
    find("#doubt").checked = false;
    find("#variants").replaceChildren();
    find("input[name=mode][value=compare]").checked = true;
    this.use("compare");
    this.stage.divide(0.5);
    find("#divider-range").value = 50;
    const wishes = view.can_undo || view.can_redo ? null : recall(view.content);
    this.render(view, Boolean(wishes));
    if (wishes) {
      this.photo.change({ do: "go on", ...wishes });
      tell([ON_ANOTHER_DAY]);
    }
    find("#photo-name").focus({ preventScroll: true });
  }

  /** Leave the photo; return what to wait for until the server has all that was changed. */
  leave() {
    const { photo } = this;
    this.opening?.abort();
    photo?.leave();
    this.photo = null;
    this.stage.wait(null);
    return photo?.settled();
  }

  use(mode) {
    for (const one of ["compare", "spot", "brush"]) find(`#for-${one}`).hidden = one !== mode;
    const help = { compare: "Photo, gray and in color", spot: "Photo, to choose a place of", brush: "Photo, to brush" };
    this.stage.element.setAttribute("aria-label", help[mode]);
    this.stage.use(mode);
    this.spots.clear();
  }

  /** Show what the server says; controls only once nothing waits, so that none jumps back. */
  render(view, moreComes) {
    this.view = view;
    if (view.told?.length) tell(view.told);
    find("#photo-name").textContent = view.file;
    document.title = `${view.file} – Rechroma`;
    this.stage.show(view);
    find("#status").replaceChildren(...view.status.map((text) => make("p", { text })));
    if (moreComes) return;
    remember(view);
    for (const name of SLIDERS) {
      find(`#${name}`).value = view[name];
      find(`output[for=${name}]`).value = Number(view[name]).toFixed(2);
    }
    find("#closer").checked = view.closer;
    find("#closer-part").hidden = !view.can_look_closer;
    const overruled = Boolean(view.palette);
    find("#overruled").hidden = !overruled;
    find("#cards").classList.toggle("idle", overruled);
    const unreferenced = overruled || !view.references.some((one) => one.used);
    find("#faithfulness-part").hidden = unreferenced;
    find("#doubt-part").hidden = unreferenced && !find("#doubt").checked; // else nobody could switch it off
    find("#undo").disabled = !view.can_undo;
    find("#redo").disabled = !view.can_redo;
    find("#remove-palette").hidden = !view.palette;
    find("#remove-palette").textContent = `Remove ${view.palette}`;
    this.renderReferences(view.references);
    this.spots.refresh();
  }

  renderReferences(references) {
    const cards = find("#cards");
    const known = references.map((one) => `${one.number} ${one.picture}`).join();
    if (cards.dataset.known !== known || cards.dataset.photo !== this.photo.name) {
      Object.assign(cards.dataset, { known, photo: this.photo.name });
      cards.replaceChildren(...references.map((one) => this.card(one)));
    }
    for (const one of references) cards.querySelector(`[data-number="${one.number}"]`).checked = one.used;
  }

  /** The thumbnail of a reference is its checkbox. */
  card({ number, file, picture, match, score }) {
    const tick = make("input", { type: "checkbox", "data-number": number });
    tick.onchange = () => this.photo.change({ do: "pick", reference: number, used: tick.checked });
    const image = make("img", { src: picture, alt: "" });
    const words = make("span", { text: match ? `${match} match ` : "yours " });
    if (score) words.append(make("small", { text: `(${score}) ` }));
    words.append(make("small", { className: "file", text: file }));
    return make("label", { title: file }, tick, image, words);
  }

  bring(files) {
    if (files.length) this.photo?.send({ path: "references", form: form("reference", files) });
  }

  takePalette(files) {
    if (files.length) this.photo?.send({ path: "palette", form: form("palette", files.slice(0, 1)) });
  }

  async showVariants() {
    const photo = this.photo;
    this.stage.waitSoon("coloring");
    try {
      const found = await photo.ask("variants", {});
      if (photo !== this.photo) return;
      const buttons = found.map(({ caption, picture, picks, saturation, vividness }) =>
        make(
          "button",
          { onclick: () => photo.change({ do: "take variant", picks, saturation, vividness }) },
          make("img", { src: picture, alt: "" }),
          make("span", { text: caption }),
        ),
      );
      find("#variants").replaceChildren(...buttons);
    } catch (error) {
      if (photo === this.photo) this.fail(error);
    } finally {
      if (photo === this.photo) this.stage.wait(null);
    }
  }

  /** Write the file at full size and hand it over; the photo stays as it is, whatever happens. */
  async save() {
    const photo = this.photo;
    if (!photo || this.saving) return;
    quiet();
    this.saving = find("#save").disabled = true;
    find("#save").textContent = "Saving …";
    try {
      await photo.settled();
      if (photo !== this.photo) return;
      this.stage.wait("reading");
      const step = (name) => photo === this.photo && this.stage.wait(name);
      const made = await ask(photo.path(`file?queue=${this.queue}`), { json: {}, step });
      await download(made.url, made.file);
    } catch (error) {
      this.fail(error);
    } finally {
      this.saving = find("#save").disabled = false;
      find("#save").textContent = "Save";
      if (photo === this.photo) this.stage.wait(null);
    }
  }

  fail(error) {
    if (this.photo) this.render({ ...this.view, told: [] }, false); // controls show again what holds
    tell([error.message]);
  }

  key(event) {
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !this.isOpen || !this.photo) return;
    const key = event.key.toLowerCase();
    if (key === "s") this.save();
    else if (key === "y" || (key === "z" && event.shiftKey)) this.photo.change({ do: "redo" });
    else if (key === "z") this.photo.change({ do: "undo" });
    else return;
    event.preventDefault();
  }
}

/** The files of an input, which is then ready for the same file again. */
export function taken(input) {
  const files = [...input.files];
  input.value = "";
  return files;
}
