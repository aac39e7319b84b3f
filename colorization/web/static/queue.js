// Several photos, colorized one after the other: a card for each, with its result, and one zip.

import { find, make, show, tell } from "./page.js";
import { ask, form } from "./requests.js";

const count = (number, what = "photo") => `${number} ${what}${number === 1 ? "" : "s"}`;

const stateOf = (view) => (view.passed ? "passed" : "done");

export class Queue {
  constructor() {
    this.cards = [];
    find("#stop-queue").onclick = () => this.toggle();
  }

  /** Begin with new files; return the queue's name. */
  async begin(files, { accept, most }) {
    // of a folder by their names; files of their own also without a suffix, and the server looks at their content
    const isPicture = ({ name, place = "" }) =>
      accept.some((suffix) => name.toLowerCase().endsWith(suffix)) || !(name.includes(".") || place.includes("/"));
    const pictures = files.filter(isPicture).slice(0, most);
    if (!pictures.length) throw new Error("None of these files is a picture that Rechroma reads.");
    const { name } = await ask("/api/queues", { json: {} });
    this.name = name;
    this.others = files.length - pictures.length;
    this.cards = pictures.map((file, number) => ({ number, upload: file, title: file.name, state: "waits" }));
    this.draw();
    return name;
  }

  /** Show the queue of a name, once a photo that was worked on is `settled`; of one that was loaded again, what is done. */
  async open(name, settled) {
    show("queue");
    document.title = "Several photos – Rechroma";
    const photos = await this.upToDate(name, settled);
    if (name === this.name) {
      for (const one of photos) Object.assign(this.cards.find((card) => card.number === one.number) ?? {}, one);
    } else {
      this.stop();
      Object.assign(this, { name, others: 0, reloaded: true });
      this.cards = photos.map((one) => ({ ...one, title: one.file, state: stateOf(one) }));
    }
    this.draw();
    find("#queue h1").focus();
  }

  /** What is done. Until then nothing can be saved that lacks the last changes. */
  async upToDate(name, settled) {
    this.isBehind = find("#queued").inert = find("#zip").hidden = true;
    const step = () => (find("#queue-told").textContent = "Writing what was changed …");
    try {
      await settled;
      return await ask(`/api/queues/${name}`, { step });
    } finally {
      this.isBehind = find("#queued").inert = false;
    }
  }

  stop() {
    this.running?.abort();
    this.running = null;
  }

  /** Stop once the photo that is worked on is done, or go on. */
  toggle() {
    this.isStopping = Boolean(this.running);
    if (!this.running) this.run();
    this.tell();
  }

  /** Work on all that wait. A photo that is refused does not stand in the way; a lost connection does. */
  async run() {
    const running = (this.running = new AbortController());
    const { name } = this;
    this.isStopping = false;
    for (const card of this.cards) {
      if (card.state !== "waits") continue;
      const step = (words) => this.mark(card, words);
      step("sending");
      try {
        const sent = form("photo", [card.upload], { number: card.number, place: card.upload.place ?? "" });
        const done = await ask(`/api/queues/${name}/photos`, { form: sent, step, signal: running.signal });
        Object.assign(card, done, { state: stateOf(done), upload: null });
      } catch (error) {
        if (running.signal.aborted) card.state = "waits";
        else if (error.lost) {
          card.state = "waits";
          tell([error.message]);
          this.stop();
        } else Object.assign(card, { state: "refused", line: error.message, upload: null });
      }
      if (this.name !== name) return;
      this.mark(card, card.state);
      if (this.isStopping || this.running !== running) break;
    }
    if (this.running === running) this.running = null;
    this.tell();
  }

  /** Color a photo that was passed over, as it has colors. */
  async colorAnyway(card) {
    const { name } = this;
    const step = (words) => this.mark(card, words);
    step("waiting");
    try {
      const done = await ask(`/api/queues/${name}/photos/${card.number}`, { json: {}, step });
      Object.assign(card, done, { state: stateOf(done) });
    } catch (error) {
      card.state = "passed";
      tell([error.message]);
    }
    if (this.name === name) this.mark(card, card.state);
  }

  mark(card, state) {
    card.state = state;
    card.element?.replaceWith((card.element = this.card(card)));
    this.tell();
  }

  draw() {
    for (const card of this.cards) card.element = this.card(card);
    find("#queued").replaceChildren(...this.cards.map((card) => card.element));
    this.tell();
  }

  card(card) {
    const { title, state, before, after, status, url, name } = card;
    const parts = [make("strong", { text: title })];
    if (state === "passed") {
      parts.unshift(make("div", { className: "pair" }, make("img", { src: before, alt: title, loading: "lazy" })));
      parts.push(...status.map((text) => make("p", { text })));
      parts.push(make("button", { onclick: () => this.colorAnyway(card), text: "Color it anyway", "aria-label": `Color it anyway: ${title}` }));
    } else if (state === "done") {
      const pictures = [["gray", before], ["in color", after]];
      const images = pictures.map(([what, src]) => make("img", { src, alt: `${title}, ${what}`, loading: "lazy" }));
      parts.unshift(make("div", { className: "pair" }, ...images));
      parts.push(...status.map((text) => make("p", { text })));
      const links = make("div", { className: "line" });
      links.append(make("a", { className: "button", href: `#photo=${name}&queue=${this.name}`, text: "Work on it", "aria-label": `Work on it: ${title}` }));
      if (url) links.append(make("a", { className: "button", href: url, download: card.file, text: "Save", "aria-label": `Save ${title}` }));
      parts.push(links);
    } else if (state === "refused") parts.push(make("p", { className: "bad", text: card.line }));
    else parts.push(make("p", { text: state === "waits" ? "Waits" : `${state[0].toUpperCase()}${state.slice(1)} …` }));
    return make("li", {}, ...parts);
  }

  tell() {
    const [done, passed, refused, waiting] = ["done", "passed", "refused", "waits"].map(
      (state) => this.cards.filter((card) => card.state === state).length,
    );
    const parts = [`${done} of ${count(this.cards.length)} done`];
    if (passed) parts.push(`${passed} passed over, as ${passed === 1 ? "it has" : "they have"} colors already`);
    if (refused) parts.push(`${refused} refused`);
    if (this.others) parts.push(`${count(this.others, "other file")} passed over`);
    if (this.reloaded) parts.push("the page was loaded again: drop those anew that are not among them");
    find("#queue-told").textContent = `${parts.join("; ")}.`;
    Object.assign(find("#queue-progress"), { max: Math.max(1, this.cards.length), value: done + passed + refused, hidden: !this.running });
    Object.assign(find("#zip"), { hidden: !done || this.isBehind, href: `/api/queues/${this.name}/zip` });
    find("#stop-queue").hidden = !(this.running || waiting);
    find("#stop-queue").textContent = this.running ? "Stop" : "Go on";
    find("#stop-queue").disabled = Boolean(this.running && this.isStopping);
  }
}
