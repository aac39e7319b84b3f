// What all parts of the page share: finding elements, making them, and telling what went wrong.

export const find = (selector) => document.querySelector(selector);

/** An element with attributes, properties and children; text is always set as text. */
export function make(tag, { text, ...more } = {}, ...children) {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  for (const [name, value] of Object.entries(more)) {
    if (name in element) element[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** Show lines for a person at the top of the page, until they are closed or something succeeds. */
export function tell(lines) {
  const close = make("button", { text: "Close", onclick: () => find("#alert").replaceChildren() });
  find("#alert").replaceChildren(make("div", {}, ...lines.map((text) => make("p", { text }))), close);
  find("#alert").scrollIntoView({ block: "nearest" });
}

export const quiet = () => find("#alert").replaceChildren();

/** Show one of the page's parts: start, editor or queue. */
export function show(part) {
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== part;
}
