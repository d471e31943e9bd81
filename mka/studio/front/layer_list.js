// The layers as a table that is walked by keyboard or mouse, and tells what a person does with its rows.
//
// data.label    what the table is, for those who do not see it; data.hint: which keys do what
// data.headers  one word per column
// data.rows     per layer: cells (one text per column), selected, colour (of its group in the plan, or null)
// data.heard    number of the last gesture that the page has acted on

const STEPS = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
const MOST = 16; // rows that are shown at once; of more, the last one shown is cut in half, as a sign that they go on
const KINDS = { " ": "toggle", Enter: "enter", Delete: "remove", Backspace: "remove", Escape: "drop" };

function element(kind, parent, attributes = {}) {
    const made = document.createElement(kind);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    return parent.appendChild(made);
}

class LayerList {
    constructor(place) {
        const hint = `hint-${Math.random().toString(36).slice(2)}`;
        this.box = element("div", place, { class: "mka-layers-box" });
        this.table = element("table", this.box, { role: "grid", "aria-multiselectable": "true", "aria-describedby": hint });
        this.head = element("tr", element("thead", this.table, { role: "rowgroup" }), { role: "row" });
        this.body = element("tbody", this.table, { role: "rowgroup" });
        this.hint = element("p", place, { id: hint });
        this.waiting = [];
        this.active = 0;
        this.anchor = null;
        new ResizeObserver(() => this.cut()).observe(this.table);
        this.body.addEventListener("keydown", (event) => this.key(event));
        this.body.addEventListener("click", (event) => this.click(event));
        this.body.addEventListener("focusin", (event) => this.turnTo(this.numberOf(event.target)));
    }

    show(data, send) {
        this.send = send;
        this.waiting = this.waiting.filter((gesture) => gesture.number > data.heard);
        this.table.setAttribute("aria-label", data.label);
        this.hint.textContent = data.hint;
        this.fill(this.head, "th", { role: "columnheader", scope: "col" }, data.headers);
        while (this.body.rows.length > data.rows.length) this.body.lastChild.remove();
        while (this.body.rows.length < data.rows.length) element("tr", this.body, { role: "row", tabindex: -1 });
        data.rows.forEach((row, number) => this.draw(this.body.rows[number], row));
        const chosen = data.rows.flatMap((row, number) => (row.selected ? [number] : []));
        const elsewhere = !this.body.contains(document.activeElement) && String(chosen) !== this.chosen;
        this.chosen = String(chosen);
        this.turnTo(elsewhere && chosen.length ? chosen[0] : Math.min(this.active, data.rows.length - 1));
        if (elsewhere && chosen.length) this.reveal(this.body.rows[chosen[0]]);
    }

    cut() {
        const next = this.body.rows[MOST];
        this.box.style.maxHeight = next ? `${next.offsetTop + next.offsetHeight / 2}px` : "none";
    }

    draw(row, { cells, selected, colour }) {
        this.fill(row, "td", { role: "gridcell" }, cells);
        row.setAttribute("aria-selected", selected);
        row.style.setProperty("--group", colour ?? "transparent");
    }

    fill(row, kind, attributes, texts) {
        while (row.cells.length > texts.length) row.lastChild.remove();
        while (row.cells.length < texts.length) element(kind, row, attributes);
        texts.forEach((text, place) => {
            if (row.cells[place].textContent !== text) row.cells[place].textContent = text;
        });
    }

    numberOf(target) {
        return target.closest("tr").sectionRowIndex;
    }

    // One row alone is reached by Tab: the one that was left last.
    turnTo(number) {
        const { rows } = this.body;
        if (rows[this.active]) rows[this.active].tabIndex = -1;
        this.active = number;
        if (rows[number]) rows[number].tabIndex = 0;
    }

    // Scrolls the table alone, not the page, to a row that was selected on another picture.
    reveal(row) {
        const top = row.offsetTop - this.head.offsetHeight, { box } = this;
        if (top < box.scrollTop || row.offsetTop + row.offsetHeight > box.scrollTop + box.clientHeight) box.scrollTop = top;
    }

    key(event) {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (event.key in STEPS) this.move(STEPS[event.key], event.shiftKey);
        else if (event.key in KINDS) this.tell(KINDS[event.key], this.active);
        else return;
        event.preventDefault();
        event.stopPropagation();
    }

    move(step, extend) {
        const from = this.active, to = Math.min(this.body.rows.length - 1, Math.max(0, from + step));
        this.body.rows[to].focus();
        if (!extend) this.anchor = to;
        else if (to !== from) this.extend(this.anchor ?? from, to);
    }

    click(event) {
        const to = this.numberOf(event.target);
        this.body.rows[to].focus();
        if (event.shiftKey) this.extend(this.anchor ?? to, to);
        else this.tell("toggle", to);
    }

    extend(from, to) {
        this.tell("range", to, from);
        this.anchor = from;
    }

    // A second gesture may come before the page has acted on the first: all that it has not heard are sent again.
    tell(kind, layer, from = layer) {
        this.anchor = layer;
        const number = Math.max(performance.timeOrigin + performance.now(), (this.waiting.at(-1)?.number ?? 0) + 0.001);
        this.waiting.push({ kind, layer, from, number });
        this.send("gestures", this.waiting);
    }
}

const lists = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
    const place = parentElement.querySelector(".mka-layers");
    if (!lists.has(place)) lists.set(place, new LayerList(place));
    lists.get(place).show(data, setTriggerValue);
}
