// Several photos, colorized one after the other: a card for each, with its result, and one zip.

import { find, make, show, tell } from "./page.js";
import { ask, form } from "./requests.js";

const count = (number, what = "photo") => `${number} ${what}${number === 1 ? "" : "s"}`;
const firstNames = (names) => names.slice(0, 5).join(", ") + (names.length > 5 ? " and others" : "");

const NO_ROOM = 507; // of HTTP: the results must be saved before there can be more

const stateOf = (view) => (view.passed ? "passed" : "done");

export class Queue {
  constructor() {
    this.lists = new Map(); // by name, those that this page began: Back leads to them, with what still waits
    this.list = { name: "", cards: [] }; // the one that is shown
    find("#stop-queue").onclick = () => this.toggle();
  }

  /** Begin with new files; return the queue's name. */
  async begin(files, { accept, most }) {
    // of a folder by their names; files of their own also without a suffix, and the server looks at their content
    const isPicture = ({ name, place = "" }) =>
      accept.some((suffix) => name.toLowerCase().endsWith(suffix)) || !(name.includes(".") || place.includes("/"));
    const pictures = files.filter(isPicture);
    if (!pictures.length) throw new Error("None of these files is a picture that Rechroma reads.");
    const { name } = await ask("/api/queues", { json: {} });
    this.stop();
    const taken = pictures.slice(0, most);
    const cards = taken.map((file, number) => ({ number, upload: file, title: file.name, state: "waits" }));
    this.list = { name, cards, most, others: files.filter((file) => !isPicture(file)).map(({ name }) => name), left: pictures.length - taken.length };
    this.lists.set(name, this.list);
    this.draw();
    return name;
  }

  /**
   * Show the queue of a name, once a photo that was worked on is `settled`; of one that was loaded again, what is done.
   * By then `isWanted` tells whether it still is.
   */
  async open(name, settled, isWanted) {
    show("queue");
    document.title = "Several photos – Rechroma";
    const photos = await this.upToDate(name, settled);
    if (!isWanted()) return;
    const list = this.lists.get(name) ?? { name, cards: [], reloaded: true };
    if (list.reloaded) list.cards = photos.map((one) => ({ ...one, title: one.file, state: stateOf(one) }));
    else for (const one of photos) this.learn(list, one);
    this.list = list;
    this.draw();
    find("#queue h1").focus();
  }

  /** What the server has done of a card, whoever asked for it and whether or not the answer came. */
  learn(list, one) {
    const card = list.cards.find(({ number }) => number === one.number);
    const isOver = card && (stateOf(one) === "done" || card.state === "waits");
    if (card) Object.assign(card, one, isOver ? { state: stateOf(one), upload: null } : {});
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
    if (this.isRunning) this.running.isStopping = true;
    else this.run();
    this.tell();
  }

  /** Whether the queue that is shown is worked on. */
  get isRunning() {
    return this.running?.list === this.list;
  }

  /** Work on all that wait. A photo that is refused does not stand in the way; what concerns all of them does. */
  async run() {
    this.stop();
    const { list } = this;
    const running = (this.running = Object.assign(new AbortController(), { list, isStopping: false }));
    for (const card of list.cards) {
      if (card.state !== "waits") continue;
      const step = (words) => this.mark(list, card, words);
      step("sending");
      try {
        const sent = form("photo", [card.upload], { number: card.number, place: card.upload.place ?? "" });
        const done = await ask(`/api/queues/${list.name}/photos`, { form: sent, step, signal: running.signal });
        Object.assign(card, done, { state: stateOf(done), upload: null });
      } catch (error) {
        if (running.signal.aborted) card.state = "waits";
        else if (error.lost || error.status === NO_ROOM) {
          card.state = "waits";
          tell([error.message]);
          this.stop();
        } else Object.assign(card, { state: "refused", line: error.message, upload: null });
      }
      this.mark(list, card, card.state);
      if (running.isStopping || this.running !== running) break;
    }
    if (this.running === running) this.running = null;
    this.tell();
  }

  /** Color a photo that was passed over, as it has colors. */
  async colorAnyway(card) {
    const { list } = this;
    const step = (words) => this.mark(list, card, words);
    step("waiting");
    try {
      const done = await ask(`/api/queues/${list.name}/photos/${card.number}`, { json: {}, step });
      Object.assign(card, done, { state: stateOf(done) });
    } catch (error) {
      card.state = "passed";
      tell([error.message]);
    }
    this.mark(list, card, card.state);
  }

  mark(list, card, state) {
    card.state = state;
    if (list !== this.list) return;
    const hadFocus = card.element?.contains(document.activeElement);
    card.element?.replaceWith((card.element = this.card(card)));
    if (hadFocus) (card.element.querySelector("a, button") ?? card.element).focus();
    this.tell();
  }

  draw() {
    const { cards } = this.list;
    for (const card of cards) card.element = this.card(card);
    find("#queued").replaceChildren(...cards.map((card) => card.element));
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
      links.append(make("a", { className: "button", href: `#photo=${name}&queue=${this.list.name}`, text: "Work on it", "aria-label": `Work on it: ${title}` }));
      if (url) links.append(make("a", { className: "button", href: url, download: card.file, text: "Save", "aria-label": `Save ${title}` }));
      parts.push(links);
    } else if (state === "refused") parts.push(make("p", { className: "bad", text: card.line }));
    else parts.push(make("p", { text: state === "waits" ? "Waits" : `${state[0].toUpperCase()}${state.slice(1)} …` }));
    return make("li", { tabIndex: -1 }, ...parts);
  }

  tell() {
    const { name, cards, most, others, left, reloaded } = this.list;
    const [done, passed, refused, waiting] = ["done", "passed", "refused", "waits"].map(
      (state) => cards.filter((card) => card.state === state).length,
    );
    const parts = [`${done} of ${count(cards.length)} done`];
    if (passed) parts.push(`${passed} passed over, as ${passed === 1 ? "it has" : "they have"} colors already`);
    if (refused) parts.push(`${refused} refused`);
    if (others?.length) parts.push(`${count(others.length, "other file")} passed over, of kinds that are not read here: ${firstNames(others)}`);
    if (left) parts.push(`${left} more than the ${most} that are taken at once: drop ${left === 1 ? "it" : "them"} afterwards`);
    if (reloaded) parts.push("the page was loaded again: drop those anew that are not among them");
    find("#queue-told").textContent = `${parts.join("; ")}.`;
    Object.assign(find("#queue-progress"), { max: Math.max(1, cards.length), value: done + passed + refused, hidden: !this.isRunning });
    Object.assign(find("#zip"), { hidden: !done || this.isBehind, href: `/api/queues/${name}/zip` });
    find("#stop-queue").hidden = !(this.isRunning || waiting);
    find("#stop-queue").textContent = this.isRunning ? "Stop" : "Go on";
    find("#stop-queue").disabled = Boolean(this.isRunning && this.running.isStopping);
  }
}
