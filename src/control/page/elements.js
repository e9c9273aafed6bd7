// @ts-check

/**
 * An element with text in it. Text from a daemon only goes into the page through here and `setText`, as text: much of
 * it comes from the checked servers.
 *
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {string} [className]
 * @param {string} [text]
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function element(name, className, text) {
  const made = document.createElement(name);
  if (className !== undefined) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

/**
 * Touches the page only for a change.
 *
 * @param {Element} target
 * @param {string} text
 */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * One of the shapes at the end of index.html.
 *
 * @param {string} name
 */
export function shape(name) {
  const made = svg("svg", "shape");
  made.setAttribute("aria-hidden", "true");
  const use = svg("use");
  use.setAttribute("href", `#shape-${name}`);
  made.append(use);
  return made;
}

/**
 * @template {keyof SVGElementTagNameMap} Name
 * @param {Name} name
 * @param {string} [className]
 * @returns {SVGElementTagNameMap[Name]}
 */
export function svg(name, className) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  if (className !== undefined) made.setAttribute("class", className);
  return made;
}

/**
 * A value with its name, which a table has in its head and says to those alone who hear it.
 *
 * @param {string} className
 * @param {string} label
 */
export function labelled(className, label) {
  const made = element("span", `figure ${className}`);
  const value = element("span", "value");
  made.append(element("span", "label", `${label} `), value);
  return { element: made, value };
}

/**
 * With what parts them for those who hear it.
 *
 * @param {readonly Element[]} elements
 */
export function spaced(elements) {
  return elements.flatMap((one) => [one, " "]);
}

/**
 * Puts elements into a list in this order. Those that are in place already are not touched.
 *
 * @param {Element} list
 * @param {readonly Element[]} elements
 */
export function arrange(list, elements) {
  let next = list.firstElementChild;
  for (const element of elements) {
    if (element === next) next = next.nextElementSibling;
    else list.insertBefore(element, next);
  }
  while (next !== null) {
    const gone = next;
    next = next.nextElementSibling;
    gone.remove();
  }
}

/**
 * An element of index.html.
 *
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}
