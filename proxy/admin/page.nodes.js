// Making and changing nodes. What the daemon says becomes text, never markup.

export function make(tag, name = "", ...inside) {
  const node = document.createElement(tag);
  if (name) node.className = name;
  node.append(...inside);
  return node;
}

// The setters touch the document only where something changed, so that selections and readers are left in peace.
export function say(node, text) { if (node.textContent !== text) node.textContent = text; }
export function look(node, name) { if (node.className !== name) node.className = name; }
export function hint(node, text) { if (node.title !== text) node.title = text; }
export function measure(node, name, value) { if (node.style.getPropertyValue(name) !== value) node.style.setProperty(name, value); }

export function head(text, name = "", scope = "col") {
  const node = make("th", name, text);
  node.scope = scope;
  return node;
}

export function headRow(...cells) { return make("thead", "", make("tr", "", ...cells)); }

// A parent whose children follow a list of unknown length. `create` returns {node, set(item)}.
export function follow(parent, create) {
  const rows = [];
  return (items, ...more) => {
    while (rows.length < items.length) { rows.push(create()); parent.append(rows.at(-1).node); }
    while (rows.length > items.length) rows.pop().node.remove();
    items.forEach((item, i) => rows[i].set(item, ...more));
  };
}
